//! Checks the raw shape and builds the settings. Reports every error in one go; a setting without effect is reported too.

mod chain;
mod changelog;
mod cluster;
mod conventions;
mod email;
mod environment;
mod field;
mod file;
mod forge;
mod git;
mod git_auth;
mod git_signing;
mod notifications;
mod override_order;
mod pull_request;
mod registry;
mod server;
mod service;
mod store;
mod verification;

use std::time::Duration;

use super::compile::{self, PathGlobs};
use super::diagnostic::Diagnostics;
use super::duration::duration;
use super::env_lookup::EnvLookup;
use super::location::{Located, Location};
use super::raw;
use super::settings::Config;
use crate::policy::SoakMode;

const DEFAULT_CLOCK_TOLERANCE: Duration = Duration::from_mins(10);

const DEFAULT_HEARTBEAT: Duration = Duration::from_hours(1);

const DEFAULT_SCHEDULE: &str = "* * * * *";

/// Checks the whole file; `None` if and only if an error was reported.
pub(super) fn config(
    file: &raw::File,
    variables: &dyn EnvLookup,
    diagnostics: &mut Diagnostics,
) -> Option<Config> {
    let timezone = match &file.timezone {
        Some(text) => diagnostics.ok_or_report(text.at, compile::time_zone(&text.value)),
        None => Some(chrono_tz::UTC),
    };
    let zone = timezone.unwrap_or_default();
    let schedule = match &file.schedule {
        Some(text) => compile::schedule(text, zone, diagnostics),
        None => compile::schedule(&default_text(DEFAULT_SCHEDULE), zone, diagnostics),
    };
    let git = git::git(&file.git, variables, diagnostics);
    let forge = forge::forge(file, git.as_ref(), diagnostics);
    let registries = registry::registries(&file.registries, diagnostics);
    let environments = environment::environments(&file.environments, diagnostics);
    let freezes = environment::freezes(file, diagnostics);
    let services = service::services(file, diagnostics);
    let groups = service::groups(file, diagnostics);
    let names = service::names(file).into_iter().chain(notifications::names(file)).collect();
    let around = notifications::Surroundings { file, git: git.as_ref(), zone };
    let channels = notifications::channels(&around, diagnostics);
    let flux_receivers = notifications::flux_receivers(file, diagnostics);
    let exclude = match &file.exclude {
        Some(globs) => PathGlobs::compile(globs, diagnostics),
        None => Some(PathGlobs::default()),
    };
    let fields = field::fields(&file.fields, diagnostics);
    let platforms =
        file.platforms.as_ref().map(|texts| registry::platforms(texts, diagnostics)).unwrap_or_default();
    let changelog = changelog::changelog(file, diagnostics);
    let clock_tolerance = duration(file.clock_tolerance.as_ref(), DEFAULT_CLOCK_TOLERANCE, diagnostics);
    let heartbeat = duration(file.heartbeat.as_ref(), DEFAULT_HEARTBEAT, diagnostics);
    let store = store::store(&file.store, file.git.url.at, variables, diagnostics);
    let check = conventions::conventions(&file.check, diagnostics);
    let server = server::server(file.server.as_ref(), diagnostics);
    warn_of_missing_timezone(file, diagnostics);
    if !diagnostics.errors.is_empty() {
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
        exclude: exclude?,
        fields: fields?,
        platforms,
        names,
        groups,
        soak_mode: match file.soak_mode {
            None | Some(raw::SoakMode::Continuous) => SoakMode::Continuous,
            Some(raw::SoakMode::Elapsed) => SoakMode::Elapsed,
            Some(raw::SoakMode::Train) => SoakMode::Train,
        },
        channels,
        flux_receivers,
        sweeps_control_files: file.control_files.sweep_expired.unwrap_or(false),
        changelog: changelog?,
        clock_tolerance: clock_tolerance?,
        heartbeat: heartbeat?,
        store: store?,
        check: check?,
        server,
    })
}

/// Hours without a time zone are most likely not meant as UTC.
fn warn_of_missing_timezone(file: &raw::File, diagnostics: &mut Diagnostics) {
    if file.timezone.is_some() {
        return;
    }
    let window =
        file.environments.value.iter().flat_map(|environment| &environment.windows).map(|window| window.at);
    let freeze = file.freezes.iter().map(|freeze| freeze.from.at);
    if let Some(at) = window.chain(freeze).min() {
        diagnostics.warning(
            at.start(),
            "this time is in UTC, because there is no `timezone`",
            "write `timezone: America/Santiago`, or `timezone: UTC` if you mean UTC",
        );
    }
}

/// A default, positioned at the beginning of the file.
fn default_text(text: &str) -> Located<String> {
    Located { value: text.to_owned(), at: Location::START }
}
