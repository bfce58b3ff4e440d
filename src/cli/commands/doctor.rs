//! `tidegate doctor`: reach and permission of everything that the configuration names.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use serde::Serialize;

use crate::cli::args::Global;
use crate::cli::output::{CYAN, GREEN, Output, RED, YELLOW};
use crate::cli::wiring::{Session, config_file, tokens};
use crate::config::{Config, Environment};
use crate::control;
use crate::engine::{Place, Problem, RepositoryState, Target};
use crate::forge::GitHub;
use crate::git::PushAccess;
use crate::init::{Shape, UnmanagedVersions, unmanaged_in};
use crate::model::{Class, Content, Fault, ImageName, Printable, RepoPath, Timestamp};

/// From so long before its end on, a token's end is a matter of doubt.
const SOON: TimeDelta = TimeDelta::days(14);

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    detail: String,
    hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum State {
    Good,
    Doubtful,
    Bad,
}

#[derive(Serialize)]
struct Body<'a> {
    findings: &'a [Finding],
}

pub(super) async fn run(global: &Global, output: &Output) -> Result<ExitCode, Fault> {
    let mut session = Session::open(global, output).await?;
    let mut findings = vec![
        good("configuration", config_file(global).display().to_string()),
        good("data folder", session.folder().display().to_string()),
    ];
    findings.push(repository(&session).await);
    findings.extend(ends_of_tokens(&session.config).await);
    if let Some(releases) = &session.releases {
        let what = format!("releases of {}", releases.repository);
        findings.push(match releases.check().await {
            Ok(()) => good(what, "may be made".to_owned()),
            Err(fault) => bad(what, &fault),
        });
    }
    if let Some(forge) = &session.forge {
        findings.push(pull_requests(&session.config, forge).await);
    }
    let (mut found, images) = releases(&mut session).await;
    findings.append(&mut found);
    let hosts: BTreeSet<String> = images.iter().map(|image| image.host().to_owned()).collect();
    for host in hosts {
        findings.push(registry(&session, &host, &images).await);
    }
    output.result("Doctor", || Body { findings: &findings }, || render(&findings))?;
    let is_bad = findings.iter().any(|finding| finding.state == State::Bad);
    Ok(if is_bad { ExitCode::from(Class::Failed.exit_code()) } else { ExitCode::SUCCESS })
}

async fn repository(session: &Session) -> Finding {
    let what = format!("repository {}", session.config.git.remote);
    let mirror = Arc::clone(&session.mirror);
    let access = match tokio::task::spawn_blocking(move || mirror.check()).await {
        Ok(Ok(access)) => access,
        Ok(Err(error)) => return bad(what, &Fault::from(error)),
        Err(error) => return bad(what, &Fault::new(Class::Failed, error.to_string())),
    };
    let mut detail = format!("branch {} at {}", session.config.git.branch, access.head.short());
    if let Some(ends) = access.login_ends {
        let _ =
            write!(detail, ", by a token that ends at {} and is renewed before", ends.format("%F %T UTC"));
    }
    match access.push {
        PushAccess::Likely => good(
            what,
            format!("{detail}, may push as far as a dry run shows; hooks and branch rules are not tried"),
        ),
        PushAccess::Denied { reason } => Finding {
            state: State::Bad,
            hint: Some("give this user write access to the repository".to_owned()),
            ..good(what, format!("{detail}, but can't push: {reason}"))
        },
    }
}

/// When the tokens of people end, as far as GitHub says so.
async fn ends_of_tokens(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for token in tokens(config) {
        match token.ends().await {
            Ok(None) => {}
            Ok(Some(ends)) => findings.push(end_of_token(token.key, ends, Utc::now())),
            Err(fault) => findings.push(bad(token.key.to_owned(), &fault)),
        }
    }
    findings
}

fn end_of_token(key: &str, ends: Timestamp, now: Timestamp) -> Finding {
    let finding = good(key, format!("ends at {}", ends.format("%F %T UTC")));
    if ends - now > SOON {
        return finding;
    }
    let hint = "put another one in its place in time: nothing is pushed or proposed with one that has ended";
    Finding { state: State::Doubtful, hint: Some(hint.to_owned()), ..finding }
}

/// Whether pull requests can be opened, as far as GitHub tells.
async fn pull_requests(config: &Config, forge: &GitHub) -> Finding {
    let what = format!("pull requests of {}", forge.repository());
    let rights = match forge.rights().await {
        Ok(rights) => rights,
        Err(fault) => return bad(what, &fault),
    };
    let open = match forge.open_requests().await {
        Ok(open) => open.len(),
        Err(fault) => return bad(what, &fault),
    };
    let told = |state, detail: String, hint: &str| Finding {
        state,
        hint: Some(hint.to_owned()),
        ..good(what.clone(), detail)
    };
    if rights.is_archived {
        return told(State::Bad, "the repository is archived".to_owned(), "open it again, or name another");
    }
    if !rights.may_push {
        let hint = "give the token `contents: write` and `pull requests: write`";
        return told(State::Bad, "the token may not push branches".to_owned(), hint);
    }
    let wants_auto_merge = |environment: &Environment| {
        environment.pull_requests.as_ref().is_some_and(|asked| asked.auto_merge.is_some())
    };
    if rights.allows_auto_merge == Some(false) && config.environments().iter().any(wants_auto_merge) {
        let hint = "allow auto-merge in the repository's settings, or leave `autoMerge` out";
        return told(State::Doubtful, "auto-merge is asked for and not allowed".to_owned(), hint);
    }
    good(what, format!("may be opened, {open} of Tidegate's open"))
}

/// What the environments hold, and the images that their services run.
async fn releases(session: &mut Session) -> (Vec<Finding>, BTreeSet<ImageName>) {
    let state = match session.engine.refresh().await {
        Ok(state) => state,
        Err(fault) => return (vec![bad("environments".to_owned(), &fault)], BTreeSet::new()),
    };
    let repository_policy = session.engine.repository_policy();
    let findings = repository_policy.environments.entries().map(|(at, environment)| {
        let services: BTreeSet<_> = state
            .deployed
            .targets
            .iter()
            .filter(|target| target.environment == at)
            .map(Target::service)
            .collect();
        let paths: Vec<&str> = environment.paths.iter().map(RepoPath::as_str).collect();
        let finding = good(
            format!("environment {}", environment.policy.name),
            format!("{} services under {}", services.len(), paths.join(", ")),
        );
        if services.is_empty() {
            let hint = "no HelmRelease with a managed image is there: check `paths` and `images`".to_owned();
            return Finding { state: State::Doubtful, hint: Some(hint), ..finding };
        }
        finding
    });
    let mut findings: Vec<Finding> = findings.collect();
    findings.extend(
        state.deployed.problems.iter().filter(|problem| is_of_configuration(problem)).map(misconfigured),
    );
    findings.extend(unmanaged(session, &state).await);
    findings
        .extend(state.deployed.problems.iter().filter(|problem| is_of_control(problem)).map(control_file));
    let errors = state.deployed.problems.iter().filter(|problem| is_of_manifest(problem)).count();
    if errors > 0 {
        let hint = "`tidegate plan` names each with file, line and column".to_owned();
        let finding = good("manifests".to_owned(), format!("{errors} places can't be read or matched"));
        findings.push(Finding { state: State::Doubtful, hint: Some(hint), ..finding });
    }
    (findings, state.deployed.targets.iter().map(|target| target.image().clone()).collect())
}

fn is_of_manifest(problem: &Problem) -> bool {
    problem.is_error && !is_of_control(problem) && !is_of_configuration(problem)
}

/// Whether a problem is about the configuration: it matches nothing in the repository.
fn is_of_configuration(problem: &Problem) -> bool {
    problem.is_error && problem.class == Class::Usage && problem.place.is_none()
}

fn misconfigured(problem: &Problem) -> Finding {
    Finding {
        what: "configuration".to_owned(),
        state: State::Bad,
        detail: problem.message.clone(),
        hint: problem.hint.clone(),
    }
}

/// What holds a version in the folders of environments and is not promoted, by shape.
async fn unmanaged(session: &Session, state: &RepositoryState) -> Vec<Finding> {
    let (mirror, commit) = (Arc::clone(&session.mirror), state.commit());
    let policy = session.engine.repository_policy();
    let (scope, exclude) = (policy.scope(), policy.exclude.clone());
    let scanned = tokio::task::spawn_blocking(move || -> Result<UnmanagedVersions, Fault> {
        let mut files = mirror.files(commit, &scope)?.files;
        files.retain(|file| !exclude.is_match(&file.path));
        let blobs: Vec<_> = files.iter().map(|file| file.blob).collect();
        let shapes = mirror.read_each(&blobs, |_, content| match content {
            Content::Bytes(text) => unmanaged_in(text),
            Content::LfsPointer | Content::TooLarge { .. } => Vec::new(),
        })?;
        let mut versions = UnmanagedVersions::default();
        files.iter().zip(&shapes).for_each(|(file, shapes)| versions.add(&file.path, shapes));
        Ok(versions)
    });
    let Ok(Ok(versions)) = scanned.await else { return Vec::new() };
    let counts = versions.counts().filter(|(shape, ..)| *shape != Shape::ChartRange);
    let finding = |(shape, count, first, files): (Shape, usize, &RepoPath, usize)| {
        let place = Printable::bounded(first.as_str(), 120);
        let others = if files > 1 { format!(" and in {} other files", files - 1) } else { String::new() };
        let detail = format!("{} not promoted, in {place}{others}", shape.describe(count));
        Finding { state: State::Doubtful, ..good("unmanaged versions", detail) }
    };
    counts.map(finding).collect()
}

/// Whether a problem is one of a control file.
fn is_of_control(problem: &Problem) -> bool {
    let is_there = |place: &Place| {
        place.path.as_str().strip_prefix(control::FOLDER).is_some_and(|rest| rest.starts_with('/'))
    };
    problem.place.as_ref().is_some_and(is_there)
}

/// A control file that can't be read or does not count: what it was to keep closed is not as somebody thinks.
fn control_file(problem: &Problem) -> Finding {
    let place = problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
    Finding {
        what: format!("control file {}", Printable::new(&place)),
        state: State::Bad,
        detail: problem.message.clone(),
        hint: problem.hint.clone(),
    }
}

/// Whether a registry answers, and lets one of the images be listed.
async fn registry(session: &Session, host: &str, images: &BTreeSet<ImageName>) -> Finding {
    let what = format!("registry {host}");
    if let Err(error) = session.client.check(host).await {
        return bad(what, &Fault::from(error));
    }
    let of_host: Vec<&ImageName> = images.iter().filter(|image| image.host() == host).collect();
    let Some(first) = of_host.first() else { return good(what, "answers".to_owned()) };
    match session.client.tags(first).await {
        Ok(tags) => {
            let detail = format!("{} has {} tags; {} images in all", first, tags.tags.len(), of_host.len());
            good(what, detail)
        }
        Err(error) => bad(what, &Fault::from(error)),
    }
}

fn good(what: impl Into<String>, detail: String) -> Finding {
    Finding { what: what.into(), state: State::Good, detail, hint: None }
}

fn bad(what: String, fault: &Fault) -> Finding {
    Finding { what, state: State::Bad, detail: fault.in_one_line(), hint: fault.hint().map(str::to_owned) }
}

fn render(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let (mark, style) = match finding.state {
            State::Good => ("ok  ", GREEN),
            State::Doubtful => ("look", YELLOW),
            State::Bad => ("FAIL", RED),
        };
        let hint = finding
            .hint
            .as_ref()
            .map(|hint| format!("      {CYAN}hint{CYAN:#} {hint}\n"))
            .unwrap_or_default();
        format!("{style}{mark}{style:#}  {}: {}\n{hint}", finding.what, finding.detail)
    };
    findings.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_ends_soon_is_a_matter_of_doubt() {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        for (ends, state) in [
            ("2026-12-24T12:00:00Z", State::Good),
            ("2026-12-10T12:00:00Z", State::Doubtful),
            ("2026-11-26T11:00:00Z", State::Doubtful),
        ] {
            assert_eq!(end_of_token("git.auth.token", ends.parse().unwrap(), now).state, state, "{ends}");
        }
    }
}
