//! The `environments` and `freezes` sections.

use std::collections::HashMap;
use std::time::Duration;

use super::{chain, cluster, pull_request, verification};
use crate::config::compile;
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::duration::parse_duration;
use crate::config::environment::Environment;
use crate::config::location::{Located, Location};
use crate::config::raw;
use crate::config::suggest;
use crate::model::{EnvironmentName, Printable, RepoPath};
use crate::policy::{ApprovalPolicy, Freeze};

pub(super) fn environments(
    raw: &Located<Vec<raw::Environment>>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Environment>> {
    if raw.value.is_empty() {
        diagnostics.error(
            raw.at.start(),
            "there is no environment",
            "write at least one: `environments: [{name: non-prod, paths: [clusters/non-prod]}]`",
        );
    }
    refuse_repeated_names(&raw.value, diagnostics);
    refuse_overlaps(&raw.value, diagnostics);
    let checked: Vec<Environment> = raw
        .value
        .iter()
        .filter_map(|environment| {
            diagnostics.if_valid(|diagnostics| self::environment(environment, &raw.value, diagnostics))
        })
        .collect();
    let order = chain::order(&raw.value, diagnostics)?;
    if checked.len() < raw.value.len() {
        return None;
    }
    Some(order.into_iter().filter_map(|index| checked.get(index).cloned()).collect())
}

fn refuse_repeated_names(raw: &[raw::Environment], diagnostics: &mut Diagnostics) {
    let mut seen: HashMap<&str, Location> = HashMap::new();
    for name in raw.iter().map(|environment| &environment.name) {
        if let Some(first) = seen.insert(&name.value, name.at) {
            diagnostics.error(
                name.at,
                format!(
                    "duplicate environment `{}`; the other is on line {}",
                    Printable::bounded(&name.value, 63),
                    first.line
                ),
                "give each environment its own name",
            );
        }
    }
}

fn environment(
    raw: &raw::Environment,
    all: &[raw::Environment],
    diagnostics: &mut Diagnostics,
) -> Option<Environment> {
    let name = name(&raw.name, diagnostics);
    let paths = paths(&raw.paths, diagnostics);
    let before = raw.after.as_ref().and_then(|text| known(text, all, diagnostics));
    let soak = match &raw.soak {
        Some(text) => diagnostics.ok_or_report(text.at, parse_duration(&text.value.0)),
        None => Some(Duration::ZERO),
    };
    let minimum_age = optional_duration(raw.minimum_age.as_ref(), diagnostics);
    if let (Some(soak), None) = (&raw.soak, &raw.after) {
        refuse_soak_of_first(soak.at, &raw.name.value, diagnostics);
    }
    let pull_requests = pull_request::pull_requests(raw, diagnostics);
    let clusters = cluster::clusters(raw.cluster.as_ref(), diagnostics);
    let verification = {
        let within = optional_duration(raw.verify_within.as_ref(), diagnostics);
        verification::verification(raw, within, diagnostics)
    };
    let approval = approval(raw, pull_requests.is_some(), diagnostics);
    let windows = raw.windows.iter().filter_map(|window| compile::window(window, diagnostics)).collect();
    Some(Environment {
        name: name?,
        paths: paths?,
        after: before.and_then(|before| before.name.value.parse().ok()),
        soak: soak?,
        minimum_age,
        approval,
        windows,
        pull_requests,
        clusters: clusters?,
        verification,
    })
}

/// A duration that may be left out.
pub(super) fn optional_duration(
    text: Option<&Located<raw::DurationText>>,
    diagnostics: &mut Diagnostics,
) -> Option<Duration> {
    text.and_then(|text| diagnostics.ok_or_report(text.at, parse_duration(&text.value.0)))
}

fn approval(raw: &raw::Environment, is_proposed: bool, diagnostics: &mut Diagnostics) -> ApprovalPolicy {
    let Some(asked) = &raw.approval else { return ApprovalPolicy::NotRequired };
    if asked.value == raw::Approval::Review && !is_proposed {
        diagnostics.error(
            asked.at,
            "`approval: review` needs pull requests, and this environment has `delivery: push`",
            "add `delivery: pullRequest`, or write `approval: required`",
        );
    }
    match asked.value {
        raw::Approval::None => ApprovalPolicy::NotRequired,
        raw::Approval::Required => ApprovalPolicy::ByFile,
        raw::Approval::Review => ApprovalPolicy::ByReview,
    }
}

fn name(raw: &Located<String>, diagnostics: &mut Diagnostics) -> Option<EnvironmentName> {
    let result = raw.value.parse().map_err(|error: crate::model::EnvironmentNameError| {
        let shown = Printable::bounded(&raw.value, 63);
        InvalidValue::new(format!("`{shown}` is not a valid environment name"), error.to_string())
    });
    diagnostics.ok_or_report(raw.at, result)
}

fn paths(raw: &Located<Vec<Located<String>>>, diagnostics: &mut Diagnostics) -> Option<Vec<RepoPath>> {
    if raw.value.is_empty() {
        diagnostics.error(
            raw.at.start(),
            "the environment has no folder",
            "write at least one: `paths: [clusters/prod]`",
        );
        return None;
    }
    let checked: Vec<RepoPath> = raw.value.iter().filter_map(|path| repo_path(path, diagnostics)).collect();
    (checked.len() == raw.value.len()).then_some(checked)
}

fn repo_path(raw: &Located<String>, diagnostics: &mut Diagnostics) -> Option<RepoPath> {
    let result = raw.value.parse().map_err(|error: crate::model::RepoPathError| {
        let trimmed = raw.value.trim_start_matches("./").trim_matches('/');
        let hint = match trimmed.parse::<RepoPath>() {
            Ok(path) => format!("write `{}`", Printable::bounded(path.as_str(), 80)),
            Err(_) => error.to_string(),
        };
        InvalidValue::new(
            format!("`{}` is not a folder of the repository", Printable::bounded(&raw.value, 80)),
            hint,
        )
    });
    diagnostics.ok_or_report(raw.at, result)
}

/// A file belongs to one environment, so no folder may be listed twice or lie in another one.
fn refuse_overlaps(raw: &[raw::Environment], diagnostics: &mut Diagnostics) {
    let mut owners: HashMap<&str, (&str, Location)> = HashMap::new();
    let folders = || {
        raw.iter().flat_map(|environment| environment.paths.value.iter().map(move |path| (environment, path)))
    };
    for (environment, path) in folders() {
        let owner = (environment.name.value.as_str(), path.at);
        if let Some((other, at)) = owners.insert(&path.value, owner) {
            overlap(path, "is listed twice", other, at, diagnostics);
        }
    }
    for (_, path) in folders() {
        let mut parents = path.value.match_indices('/').map(|(slash, _)| &path.value[..slash]);
        if let Some((other, at)) = parents.find_map(|parent| owners.get(parent)) {
            overlap(path, "lies in another one", other, *at, diagnostics);
        }
    }
}

fn overlap(
    path: &Located<String>,
    how: &str,
    other: &str,
    other_at: Location,
    diagnostics: &mut Diagnostics,
) {
    diagnostics.error(
        path.at,
        format!(
            "the folder `{}` {how}: see environment `{2}` on line {1}",
            Printable::bounded(&path.value, 80),
            other_at.line,
            Printable::bounded(other, 63)
        ),
        "list folders that do not contain one another, each in one environment",
    );
}

/// The environment of this name; reports one that does not exist.
pub(super) fn known<'a>(
    name: &Located<String>,
    all: &'a [raw::Environment],
    diagnostics: &mut Diagnostics,
) -> Option<&'a raw::Environment> {
    let found = all.iter().find(|environment| environment.name.value == name.value);
    if found.is_none() {
        diagnostics.error(
            name.at,
            format!("unknown environment `{}`", Printable::bounded(&name.value, 63)),
            nearest_environment(&name.value, all),
        );
    }
    found
}

fn nearest_environment(written: &str, all: &[raw::Environment]) -> String {
    const MAX_SHOWN: usize = 10;
    let names = || all.iter().map(|environment| environment.name.value.as_str());
    if let Some(meant) = suggest::nearest(written, names()) {
        return format!("did you mean `{}`?", Printable::bounded(meant, 63));
    }
    let shown: Vec<String> =
        names().take(MAX_SHOWN).map(|name| format!("`{}`", Printable::bounded(name, 63))).collect();
    format!("the environments are {}", shown.join(", "))
}

/// An environment without `after` takes its versions from the registry, where nothing soaks.
pub(super) fn refuse_soak_of_first(at: Location, name: &str, diagnostics: &mut Diagnostics) {
    diagnostics.error(
        at,
        format!("`{}` has no `after`, so there is no environment to soak in", Printable::bounded(name, 63)),
        "add `after`, or remove `soak`",
    );
}

pub(super) fn freezes(file: &raw::File, diagnostics: &mut Diagnostics) -> Vec<Freeze> {
    file.freezes.iter().filter_map(|raw| freeze(raw, &file.environments.value, diagnostics)).collect()
}

fn freeze(raw: &raw::Freeze, all: &[raw::Environment], diagnostics: &mut Diagnostics) -> Option<Freeze> {
    let name = freeze_name(&raw.name, diagnostics);
    let environments = match &raw.environments {
        Some(names) => frozen(names, all, diagnostics),
        None => Some(Vec::new()),
    };
    let from = diagnostics.ok_or_report(raw.from.at, compile::local_time(&raw.from.value.0));
    let to = diagnostics.ok_or_report(raw.to.at, compile::local_time(&raw.to.value.0));
    let freeze = Freeze::new(name?, environments?, from?, to?).map_err(|_| {
        InvalidValue::new("the freeze ends before it begins", "write a `to` that is later than `from`")
    });
    diagnostics.ok_or_report(raw.to.at, freeze)
}

fn freeze_name(raw: &Located<String>, diagnostics: &mut Diagnostics) -> Option<String> {
    let is_valid = (1..=100).contains(&raw.value.trim().len()) && !raw.value.chars().any(char::is_control);
    if !is_valid {
        diagnostics.error(
            raw.at,
            "this is not a valid freeze name",
            "write 1 to 100 bytes on one line, such as `christmas`",
        );
        return None;
    }
    Some(raw.value.trim().to_owned())
}

fn frozen(
    raw: &Located<Vec<Located<String>>>,
    all: &[raw::Environment],
    diagnostics: &mut Diagnostics,
) -> Option<Vec<EnvironmentName>> {
    if raw.value.is_empty() {
        diagnostics.error(
            raw.at.start(),
            "the freeze covers no environment",
            "list environments, or remove `environments` to freeze all",
        );
        return None;
    }
    let known: Vec<_> = raw.value.iter().filter_map(|name| known(name, all, diagnostics)).collect();
    known.into_iter().map(|environment| environment.name.value.parse().ok()).collect()
}
