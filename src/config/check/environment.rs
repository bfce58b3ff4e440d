//! The `environments` and `freezes` sections.

use std::collections::HashMap;
use std::time::Duration;

use super::{chain, pull_request};
use crate::config::compile;
use crate::config::location::{Located, Location};
use crate::config::problem::Findings;
use crate::config::raw;
use crate::config::settings::Environment;
use crate::config::suggest;
use crate::model::{EnvironmentName, Printable, RepoPath};
use crate::policy::{Approving, Freeze};

pub(super) fn environments(
    raw: &Located<Vec<raw::Environment>>,
    findings: &mut Findings,
) -> Option<Vec<Environment>> {
    if raw.value.is_empty() {
        findings.error(
            raw.at.start(),
            "there is no environment",
            "write at least one: `environments: [{name: non-prod, paths: [clusters/non-prod]}]`",
        );
    }
    refuse_repeated_names(&raw.value, findings);
    refuse_overlaps(&raw.value, findings);
    let checked: Vec<Environment> = raw
        .value
        .iter()
        .filter_map(|environment| findings.unless_wrong(|findings| one(environment, &raw.value, findings)))
        .collect();
    let order = chain::order(&raw.value, findings)?;
    if checked.len() < raw.value.len() {
        return None;
    }
    Some(order.into_iter().filter_map(|place| checked.get(place).cloned()).collect())
}

fn refuse_repeated_names(raw: &[raw::Environment], findings: &mut Findings) {
    let mut seen: HashMap<&str, Location> = HashMap::new();
    for name in raw.iter().map(|environment| &environment.name) {
        if let Some(first) = seen.insert(&name.value, name.at) {
            findings.error(
                name.at,
                format!(
                    "two environments are named `{}`; the other is in line {}",
                    Printable::bounded(&name.value, 63),
                    first.line
                ),
                "give each environment a name of its own",
            );
        }
    }
}

fn one(raw: &raw::Environment, all: &[raw::Environment], findings: &mut Findings) -> Option<Environment> {
    let name = name(&raw.name, findings);
    let paths = paths(&raw.paths, findings);
    let before = raw.after.as_ref().and_then(|text| known(text, all, findings));
    let soak = match &raw.soak {
        Some(text) => findings.take(text.at, compile::length_of_time(&text.value.0)),
        None => Some(Duration::ZERO),
    };
    if let (Some(soak), None) = (&raw.soak, &raw.after) {
        refuse_soak_of_first(soak.at, &raw.name.value, findings);
    }
    let pull_requests = pull_request::pull_requests(raw, findings);
    let approval = approval(raw, pull_requests.is_some(), findings);
    let windows = raw.windows.iter().filter_map(|window| compile::window(window, findings)).collect();
    Some(Environment {
        name: name?,
        paths: paths?,
        after: before.and_then(|before| before.name.value.parse().ok()),
        soak: soak?,
        approval,
        windows,
        pull_requests,
    })
}

fn approval(raw: &raw::Environment, is_proposed: bool, findings: &mut Findings) -> Approving {
    let Some(asked) = &raw.approval else { return Approving::NotRequired };
    if asked.value == raw::Approval::Review && !is_proposed {
        findings.error(
            asked.at,
            "`approval: review` asks for a review of pull requests, and promotions are pushed here",
            "write `delivery: pullRequest` too, or `approval: required`",
        );
    }
    match asked.value {
        raw::Approval::None => Approving::NotRequired,
        raw::Approval::Required => Approving::ByFile,
        raw::Approval::Review => Approving::ByReview,
    }
}

fn name(raw: &Located<String>, findings: &mut Findings) -> Option<EnvironmentName> {
    let result = raw.value.parse().map_err(|error: crate::model::EnvironmentNameError| {
        let shown = Printable::bounded(&raw.value, 63);
        (format!("`{shown}` is not the name of an environment"), format!("{error}"))
    });
    findings.take(raw.at, result)
}

fn paths(raw: &Located<Vec<Located<String>>>, findings: &mut Findings) -> Option<Vec<RepoPath>> {
    if raw.value.is_empty() {
        findings.error(
            raw.at.start(),
            "the environment has no folder",
            "write at least one: `paths: [clusters/prod]`",
        );
        return None;
    }
    let checked: Vec<RepoPath> = raw.value.iter().filter_map(|path| repo_path(path, findings)).collect();
    (checked.len() == raw.value.len()).then_some(checked)
}

fn repo_path(raw: &Located<String>, findings: &mut Findings) -> Option<RepoPath> {
    let result = raw.value.parse().map_err(|error: crate::model::RepoPathError| {
        let trimmed = raw.value.trim_start_matches("./").trim_matches('/');
        let hint = match trimmed.parse::<RepoPath>() {
            Ok(path) => format!("write `{}`", Printable::bounded(path.as_str(), 80)),
            Err(_) => error.to_string(),
        };
        (format!("`{}` is not a folder in the repository", Printable::bounded(&raw.value, 80)), hint)
    });
    findings.take(raw.at, result)
}

/// Notes every folder that is named twice or lies in another one: a file must belong to one environment.
fn refuse_overlaps(raw: &[raw::Environment], findings: &mut Findings) {
    let mut owners: HashMap<&str, (&str, Location)> = HashMap::new();
    let folders = || {
        raw.iter().flat_map(|environment| environment.paths.value.iter().map(move |path| (environment, path)))
    };
    for (environment, path) in folders() {
        let owner = (environment.name.value.as_str(), path.at);
        if let Some((other, at)) = owners.insert(&path.value, owner) {
            overlap(path, "is named twice", other, at, findings);
        }
    }
    for (_, path) in folders() {
        let mut parents = path.value.match_indices('/').map(|(slash, _)| &path.value[..slash]);
        if let Some((other, at)) = parents.find_map(|parent| owners.get(parent)) {
            overlap(path, "lies in another one", other, *at, findings);
        }
    }
}

fn overlap(path: &Located<String>, how: &str, other: &str, other_at: Location, findings: &mut Findings) {
    findings.error(
        path.at,
        format!(
            "the folder `{}` {how}: see line {}, environment `{}`",
            Printable::bounded(&path.value, 80),
            other_at.line,
            Printable::bounded(other, 63)
        ),
        "name folders that do not contain one another, each in one environment",
    );
}

/// The environment of this name; a note when there is none.
pub(super) fn known<'a>(
    name: &Located<String>,
    all: &'a [raw::Environment],
    findings: &mut Findings,
) -> Option<&'a raw::Environment> {
    let found = all.iter().find(|environment| environment.name.value == name.value);
    if found.is_none() {
        findings.error(
            name.at,
            format!("there is no environment named `{}`", Printable::bounded(&name.value, 63)),
            nearest_environment(&name.value, all),
        );
    }
    found
}

fn nearest_environment(written: &str, all: &[raw::Environment]) -> String {
    const MOST_SHOWN: usize = 10;
    let names = || all.iter().map(|environment| environment.name.value.as_str());
    if let Some(meant) = suggest::nearest(written, names()) {
        return format!("did you mean `{}`?", Printable::bounded(meant, 63));
    }
    let shown: Vec<String> =
        names().take(MOST_SHOWN).map(|name| format!("`{}`", Printable::bounded(name, 63))).collect();
    format!("the environments are {}", shown.join(", "))
}

/// A first environment takes its versions from the registry, where nothing runs that could soak.
pub(super) fn refuse_soak_of_first(at: Location, name: &str, findings: &mut Findings) {
    findings.error(
        at,
        format!(
            "`{}` comes after no environment, so there is none in which a version could soak",
            Printable::bounded(name, 63)
        ),
        "write `after`, or leave `soak` out",
    );
}

pub(super) fn freezes(file: &raw::File, findings: &mut Findings) -> Vec<Freeze> {
    file.freezes.iter().filter_map(|raw| freeze(raw, &file.environments.value, findings)).collect()
}

fn freeze(raw: &raw::Freeze, all: &[raw::Environment], findings: &mut Findings) -> Option<Freeze> {
    let name = freeze_name(&raw.name, findings);
    let environments = match &raw.environments {
        Some(names) => frozen(names, all, findings),
        None => Some(Vec::new()),
    };
    let from = findings.take(raw.from.at, compile::local_time(&raw.from.value.0));
    let to = findings.take(raw.to.at, compile::local_time(&raw.to.value.0));
    let freeze = Freeze::new(name?, environments?, from?, to?).map_err(|_| {
        let hint = "write a `to` that is later than `from`";
        ("the freeze ends before it begins".to_owned(), hint.to_owned())
    });
    findings.take(raw.to.at, freeze)
}

fn freeze_name(raw: &Located<String>, findings: &mut Findings) -> Option<String> {
    let good = (1..=100).contains(&raw.value.trim().len()) && !raw.value.chars().any(char::is_control);
    if !good {
        findings.error(
            raw.at,
            "this is not a name for a freeze",
            "write 1 to 100 bytes on one line, such as `christmas`",
        );
        return None;
    }
    Some(raw.value.trim().to_owned())
}

fn frozen(
    raw: &Located<Vec<Located<String>>>,
    all: &[raw::Environment],
    findings: &mut Findings,
) -> Option<Vec<EnvironmentName>> {
    if raw.value.is_empty() {
        findings.error(
            raw.at.start(),
            "the freeze covers no environment",
            "name environments, or leave `environments` out to freeze all",
        );
        return None;
    }
    let known: Vec<_> = raw.value.iter().filter_map(|name| known(name, all, findings)).collect();
    known.into_iter().map(|environment| environment.name.value.parse().ok()).collect()
}
