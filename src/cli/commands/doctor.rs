//! `tidegate doctor`: checks that everything in the configuration can be reached and used.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use serde::Serialize;

use crate::cli::args::Global;
use crate::cli::output::{CYAN, GREEN, Output, RED, YELLOW};
use crate::cli::wiring::{Session, config_file, sender, tokens};
use crate::config::{Config, Environment};
use crate::control;
use crate::engine::{PassOptions, Problem, RepositoryState, Target};
use crate::forge::GitHub;
use crate::git::PushAccess;
use crate::init::{Shape, UnmanagedVersions, unmanaged_in};
use crate::model::{Class, Content, Fault, ImageName, Printable, RepoPath, Timestamp};
use crate::notify::{Accepted, Undelivered};
use crate::port::{Forge as _, Registry as _, Repository as _};

/// Doctor warns of a token that expires within this time.
const EXPIRY_WARNING: TimeDelta = TimeDelta::days(14);

/// The most notes about the repository that are listed; more are counted.
const MOST_NOTES: usize = 20;

/// The result of one check.
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
    findings.extend(token_expiries(&session.config).await);
    if let Some(releases) = &session.releases {
        let what = format!("releases of {}", releases.repository);
        findings.push(match releases.check().await {
            Ok(()) => good(what, "the token may create them".to_owned()),
            Err(fault) => bad(what, &fault),
        });
    }
    if let Some(forge) = &session.forge {
        findings.push(pull_requests(&session.config, forge).await);
    }
    let (mut found, images) = deployed_state(&mut session).await;
    findings.append(&mut found);
    let hosts: BTreeSet<String> = images.iter().map(|image| image.host().to_owned()).collect();
    for host in hosts {
        findings.push(registry(&session, &host, &images).await);
    }
    findings.extend(channels(&session.config).await);
    for (name, checked) in session.flux.check().await {
        let hint = "Flux reconciles at its own interval while the call fails".to_owned();
        findings.push(reached(format!("Flux Receiver {name}"), checked, hint));
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
        let _ = write!(
            detail,
            ", with a token that is renewed before it expires at {}",
            ends.format("%F %T UTC")
        );
    }
    match access.push {
        PushAccess::Likely => {
            good(what, format!("{detail}; a dry-run push succeeds (hooks and branch rules are not tested)"))
        }
        PushAccess::Denied { reason } => Finding {
            state: State::Bad,
            hint: Some("give this user write access to the repository".to_owned()),
            ..good(what, format!("{detail}; cannot push: {reason}"))
        },
    }
}

/// When personal tokens expire, if GitHub says so.
async fn token_expiries(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for token in tokens(config) {
        match token.ends().await {
            Ok(None) => {}
            Ok(Some(ends)) => findings.push(token_expiry(token.key, ends, Utc::now())),
            Err(fault) => findings.push(bad(token.key.to_owned(), &fault)),
        }
    }
    findings
}

fn token_expiry(key: &str, ends: Timestamp, now: Timestamp) -> Finding {
    if ends <= now {
        let hint = "replace it: nothing can be pushed or proposed with an expired token";
        let finding = good(key, format!("expired at {}", ends.format("%F %T UTC")));
        return Finding { state: State::Bad, hint: Some(hint.to_owned()), ..finding };
    }
    let finding = good(key, format!("expires at {}", ends.format("%F %T UTC")));
    if ends - now > EXPIRY_WARNING {
        return finding;
    }
    let hint = "replace it in time: nothing can be pushed or proposed with an expired token";
    Finding { state: State::Doubtful, hint: Some(hint.to_owned()), ..finding }
}

/// Whether the channels of notifications answer. Sends no message.
async fn channels(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for channel in &config.channels {
        let what = format!("notifications {} ({})", channel.name, channel.target.as_str());
        findings.push(match sender(config, channel) {
            Ok(sender) => {
                let hint = "messages wait in the outbox until it answers".to_owned();
                reached(what, sender.check().await, hint)
            }
            Err(fault) => bad(what, &fault),
        });
    }
    findings
}

fn reached(what: String, checked: Result<Accepted, Undelivered>, hint: String) -> Finding {
    match checked {
        Ok(accepted) => good(what, accepted.answer),
        Err(error) => {
            let finding = good(what, error.reason().to_owned());
            Finding { state: State::Bad, hint: Some(hint), ..finding }
        }
    }
}

/// Whether pull requests can be opened, as far as GitHub reports that.
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
    let finding = |state, detail: String, hint: &str| Finding {
        state,
        hint: Some(hint.to_owned()),
        ..good(what.clone(), detail)
    };
    if rights.is_archived {
        let hint = "unarchive it, or configure another";
        return finding(State::Bad, "the repository is archived".to_owned(), hint);
    }
    if !rights.may_push {
        let hint = "give the token `contents: write` and `pull requests: write`";
        return finding(State::Bad, "the token may not push branches".to_owned(), hint);
    }
    let wants_auto_merge = |environment: &Environment| {
        environment.pull_requests.as_ref().is_some_and(|asked| asked.auto_merge.is_some())
    };
    if rights.allows_auto_merge == Some(false) && config.environments().iter().any(wants_auto_merge) {
        let hint = "allow auto-merge in the repository's settings, or remove `autoMerge`";
        let detail = "`autoMerge` is configured, but the repository does not allow it".to_owned();
        return finding(State::Doubtful, detail, hint);
    }
    good(what, format!("the token may open them; {open} of Tidegate's are open"))
}

/// The environments, and the images that their services run.
async fn deployed_state(session: &mut Session) -> (Vec<Finding>, BTreeSet<ImageName>) {
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
            format!("{} under {}", counted(services.len(), "service"), paths.join(", ")),
        );
        if services.is_empty() {
            let hint = "no managed image found there; check `paths` and `images`".to_owned();
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
        let hint = "`tidegate plan` lists them with file, line and column".to_owned();
        let finding =
            good("manifests".to_owned(), format!("{} cannot be read or matched", counted(errors, "place")));
        findings.push(Finding { state: State::Doubtful, hint: Some(hint), ..finding });
    }
    findings.extend(notes(&state.deployed.notes));
    findings.extend(notes(&warnings(session).await));
    (findings, state.deployed.targets.iter().map(|target| target.image().clone()).collect())
}

/// What a pass would warn about single services.
async fn warnings(session: &mut Session) -> Vec<Problem> {
    // Where a pass fails, the checks of the repository and the registries say why.
    let Ok(report) = Box::pin(session.engine.pass(&PassOptions::plan())).await else { return Vec::new() };
    let mut warnings = report.problems;
    warnings.retain(|problem| !problem.is_error && problem.service.is_some());
    warnings
}

/// Warnings as findings.
fn notes(problems: &[Problem]) -> Vec<Finding> {
    let finding = |problem: &Problem| {
        let what = match (&problem.service, &problem.environment, &problem.place) {
            (Some(service), Some(environment), _) => format!("{service} in {environment}"),
            (_, _, Some(place)) => Printable::new(&place.to_string()).to_string(),
            _ => "repository".to_owned(),
        };
        let finding = good(what, problem.message.clone());
        Finding { state: State::Doubtful, hint: problem.hint.clone(), ..finding }
    };
    let mut findings: Vec<Finding> = problems.iter().take(MOST_NOTES).map(finding).collect();
    if let Some(more) = problems.len().checked_sub(MOST_NOTES).filter(|more| *more > 0) {
        let detail = format!("{} of these kinds", counted(more, "more warning"));
        findings.push(Finding { state: State::Doubtful, ..good("repository", detail) });
    }
    findings
}

fn is_of_manifest(problem: &Problem) -> bool {
    problem.is_error && !is_of_control(problem) && !is_of_configuration(problem)
}

/// Whether a problem is about a name in the configuration that matches nothing in the repository.
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

/// Versions in the environments' folders that are not promoted, by shape.
async fn unmanaged(session: &Session, state: &RepositoryState) -> Vec<Finding> {
    let (mirror, commit) = (Arc::clone(&session.mirror), state.commit());
    let policy = session.engine.repository_policy();
    let (scope, exclude) = (policy.scope(), policy.exclude.clone());
    let has_charts = |target: &&Target| policy.services.charts(target.service()).is_some();
    let with_charts: BTreeSet<RepoPath> = state
        .deployed
        .targets
        .iter()
        .filter(has_charts)
        .flat_map(|target| target.held.keys().cloned())
        .collect();
    let scanned = tokio::task::spawn_blocking(move || -> Result<UnmanagedVersions, Fault> {
        let mut files = mirror.files(commit, &scope)?.files;
        files.retain(|file| !exclude.is_match(&file.path));
        let blobs: Vec<_> = files.iter().map(|file| file.blob).collect();
        let shapes = mirror.read_each(&blobs, |_, content| match content {
            Content::Bytes(text) => unmanaged_in(text),
            Content::LfsPointer | Content::TooLarge { .. } => Vec::new(),
        })?;
        let mut versions = UnmanagedVersions::default();
        for (file, mut shapes) in files.into_iter().zip(shapes) {
            if with_charts.contains(&file.path) {
                shapes.retain(|shape| !matches!(shape, Shape::ChartVersion | Shape::OciRepositoryTag));
            }
            versions.add(&file.path, &shapes);
        }
        Ok(versions)
    });
    let Ok(Ok(versions)) = scanned.await else { return Vec::new() };
    // Setter comments are reported one by one.
    let is_counted = |shape: Shape| !matches!(shape, Shape::ChartRange | Shape::SetterComment);
    let counts = versions.counts().filter(|(shape, ..)| is_counted(*shape));
    let finding = |(shape, count, first, files): (Shape, usize, &RepoPath, usize)| {
        let place = Printable::bounded(first.as_str(), 120);
        let others = files.saturating_sub(1);
        let others =
            if others > 0 { format!(" and in {}", counted(others, "other file")) } else { String::new() };
        let detail = format!("{} not promoted, in {place}{others}", shape.describe(count));
        Finding { state: State::Doubtful, ..good("unmanaged versions", detail) }
    };
    counts.map(finding).collect()
}

fn is_of_control(problem: &Problem) -> bool {
    problem.place.as_ref().is_some_and(|place| control::is_control_file(&place.path))
}

/// A control file that cannot be read or does not count.
fn control_file(problem: &Problem) -> Finding {
    let place = problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
    Finding {
        what: format!("control file {}", Printable::new(&place)),
        state: State::Bad,
        detail: problem.message.clone(),
        hint: problem.hint.clone(),
    }
}

/// Whether a registry answers and lists the tags of one of the images.
async fn registry(session: &Session, host: &str, images: &BTreeSet<ImageName>) -> Finding {
    let what = format!("registry {host}");
    if let Err(error) = session.client.check(host).await {
        return bad(what, &Fault::from(error));
    }
    let of_host: Vec<&ImageName> = images.iter().filter(|image| image.host() == host).collect();
    let Some(first) = of_host.first() else { return good(what, "answers".to_owned()) };
    match session.client.tags(first).await {
        Ok(tags) => {
            let tags = counted(tags.tags.len(), "tag");
            good(what, format!("{first} has {tags}; {} in use", counted(of_host.len(), "image")))
        }
        Err(error) => bad(what, &Fault::from(error)),
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
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
            State::Doubtful => ("warn", YELLOW),
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
    fn a_token_that_expires_soon_is_a_warning_and_an_expired_one_an_error() {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        for (ends, state) in [
            ("2026-12-24T12:00:00Z", State::Good),
            ("2026-12-10T12:00:00Z", State::Doubtful),
            ("2026-11-26T11:00:00Z", State::Bad),
        ] {
            assert_eq!(token_expiry("git.auth.token", ends.parse().unwrap(), now).state, state, "{ends}");
        }
    }
}
