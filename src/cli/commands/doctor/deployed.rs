//! What the branch holds: environments and their services, names that match nothing, what is not promoted.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cli::wiring::Session;
use crate::config::rules_of;
use crate::control;
use crate::engine::{PassOptions, Problem, RepositoryState, Target};
use crate::init::{Shape, ShapeCount, UnmanagedVersions, unmanaged_in};
use crate::model::{Class, Content, Fault, ImageName, Printable, RepoPath};
use crate::port::Repository as _;

use super::finding::{Finding, counted};

/// The most notes about the repository that are listed; more are counted.
const MOST_NOTES: usize = 20;

/// The environments, and the images that their services run.
pub(super) async fn check(session: &mut Session) -> (Vec<Finding>, BTreeSet<ImageName>) {
    let state = match session.engine.refresh().await {
        Ok(state) => state,
        Err(fault) => return (vec![Finding::of("environments", &fault)], BTreeSet::new()),
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
        let what = format!("environment {}", environment.policy.name);
        let detail = format!("{} under {}", counted(services.len(), "service"), paths.join(", "));
        if services.is_empty() {
            return Finding::doubtful(what, detail)
                .with_hint("no managed image found there; check `paths` and `images`");
        }
        Finding::good(what, detail)
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
        let detail = format!("{} cannot be read or matched", counted(errors, "place"));
        findings.push(
            Finding::doubtful("manifests", detail)
                .with_hint("`tidegate plan` lists them with file, line and column"),
        );
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
        with_hint_of(problem, Finding::doubtful(what, &problem.message))
    };
    let mut findings: Vec<Finding> = problems.iter().take(MOST_NOTES).map(finding).collect();
    if let Some(more) = problems.len().checked_sub(MOST_NOTES).filter(|more| *more > 0) {
        let detail = format!("{} of these kinds", counted(more, "more warning"));
        findings.push(Finding::doubtful("repository", detail));
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
    with_hint_of(problem, Finding::bad("configuration", &problem.message))
}

/// Versions in the environments' folders that are not promoted, by shape.
async fn unmanaged(session: &Session, state: &RepositoryState) -> Vec<Finding> {
    let (mirror, commit) = (Arc::clone(&session.mirror), state.commit());
    let policy = session.engine.repository_policy();
    let (scope, exclude) = (policy.scope(), policy.exclude.clone());
    let (fields, resolver) = (Arc::clone(&policy.fields), state.resolver.clone());
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
        let shapes = mirror.read_each(&blobs, |at, content| match content {
            Content::Bytes(text) => {
                let path = &files[at].path;
                unmanaged_in(path, text, &rules_of(&fields, path), resolver.layout())
            }
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
    let counts = versions.counts().filter(|found| is_counted(found.shape));
    let finding = |found: ShapeCount<'_>| {
        let place = Printable::bounded(found.first.as_str(), 120);
        let others = match found.describe_others() {
            others if others.is_empty() => others,
            others => format!(", {others}"),
        };
        let detail = format!("{} not promoted, in {place}{others}", found.shape.describe(found.count));
        Finding::doubtful("unmanaged versions", detail)
    };
    counts.map(finding).collect()
}

fn is_of_control(problem: &Problem) -> bool {
    problem.place.as_ref().is_some_and(|place| control::is_control_file(&place.path))
}

/// A control file that cannot be read or does not count.
fn control_file(problem: &Problem) -> Finding {
    let place = problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
    let what = format!("control file {}", Printable::new(&place));
    with_hint_of(problem, Finding::bad(what, &problem.message))
}

fn with_hint_of(problem: &Problem, finding: Finding) -> Finding {
    match &problem.hint {
        Some(hint) => finding.with_hint(hint),
        None => finding,
    }
}
