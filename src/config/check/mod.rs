//! The raw shape to checked settings. Everything that is wrong is found in one go; nothing is taken that would be
//! ignored later.

mod chain;
mod changelog;
mod environment;
mod file;
mod forge;
mod git;
mod git_auth;
mod git_signing;
mod group;
mod override_order;
mod pull_request;
mod registry;
mod service;
mod store;

use std::time::Duration;

use super::compile;
use super::environment_variables::EnvLookup;
use super::location::{Located, Location};
use super::problem::Findings;
use super::raw;
use super::settings::Config;
use crate::policy::SoakMode;

/// How far a commit's time may lie before a fetch that did not have it, unless configured.
const DEFAULT_CLOCK_TOLERANCE: Duration = Duration::from_mins(10);

/// The schedule unless configured: every minute.
const DEFAULT_SCHEDULE: &str = "* * * * *";

/// Checks the whole file. Nothing comes back when, and only when, an error was noted.
pub(super) fn config(file: &raw::File, variables: &dyn EnvLookup, findings: &mut Findings) -> Option<Config> {
    refuse_what_is_not_possible_yet(file, findings);
    let timezone = match &file.timezone {
        Some(text) => findings.take(text.at, compile::time_zone(&text.value)),
        None => Some(chrono_tz::UTC),
    };
    let zone = timezone.unwrap_or_default();
    let schedule = match &file.schedule {
        Some(text) => compile::schedule(text, zone, findings),
        None => compile::schedule(&unwritten(DEFAULT_SCHEDULE), zone, findings),
    };
    let git = git::git(&file.git, variables, findings);
    let forge = forge::forge(file, git.as_ref(), findings);
    let registries = registry::registries(&file.registries, findings);
    let environments = environment::environments(&file.environments, findings);
    let freezes = environment::freezes(file, findings);
    let services = service::services(file, findings);
    let groups = group::groups(&file.groups, findings);
    let changelog = changelog::changelog(file, findings);
    let clock_tolerance = match &file.clock_tolerance {
        Some(text) => findings.take(text.at, compile::length_of_time(&text.value.0)),
        None => Some(DEFAULT_CLOCK_TOLERANCE),
    };
    let store = store::store(&file.store, file.git.url.at, variables, findings);
    warn_of_unnamed_zone(file, findings);
    if !findings.errors.is_empty() {
        return None;
    }
    Some(Config {
        schedule: schedule?,
        timezone: timezone?,
        git: git?,
        forge,
        registries,
        environments: environments?,
        freezes,
        services: services?,
        groups,
        soak_mode: match file.soak_mode {
            None | Some(raw::SoakMode::Continuous) => SoakMode::Continuous,
            Some(raw::SoakMode::Elapsed) => SoakMode::Elapsed,
            Some(raw::SoakMode::Train) => SoakMode::Train,
        },
        sweeps_control_files: file.control_files.sweep_expired.unwrap_or(false),
        changelog: changelog?,
        clock_tolerance: clock_tolerance?,
        store: store?,
    })
}

fn refuse_what_is_not_possible_yet(file: &raw::File, findings: &mut Findings) {
    if let Some(server) = &file.server {
        findings.refuse(
            server.at.start(),
            "`server`",
            "leave `server` out; `tidegate status` shows the board",
        );
    }
}

/// Hours without a zone are most likely not meant in UTC.
fn warn_of_unnamed_zone(file: &raw::File, findings: &mut Findings) {
    if file.timezone.is_some() {
        return;
    }
    let window =
        file.environments.value.iter().flat_map(|environment| &environment.windows).map(|window| window.at);
    let freeze = file.freezes.iter().map(|freeze| freeze.from.at);
    if let Some(at) = window.chain(freeze).min() {
        findings.warning(
            at.start(),
            "this time is read in UTC, since no `timezone` is configured",
            "write `timezone`, such as `timezone: America/Santiago`, or `timezone: UTC` if that is meant",
        );
    }
}

/// A default, as if it were written at the beginning of the file.
fn unwritten(text: &str) -> Located<String> {
    Located { value: text.to_owned(), at: Location { line: 1, column: 1, length_chars: 1 } }
}
