//! Flux Kustomizations: what they cannot build or apply, and what they have not come to.

use super::source::{command_name, suspended};
use super::{Cause, Condition, Facts, Finding, FluxObject, evidence_of, has_any, quoted};
use crate::model::CommitId;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    facts.kustomizations.iter().filter_map(finding).collect()
}

fn finding(kustomization: &FluxObject) -> Option<Finding> {
    if kustomization.is_suspended {
        return Some(suspended(kustomization, "kustomization"));
    }
    let title = kustomization.title();
    let failure = kustomization.failure()?;
    let message = quoted(&failure.message);
    let shown = quoted(&title);
    let (cause, sentence, advice) = match failure.reason.as_str() {
        "DependencyNotReady" => return Some(dependency(&title, failure)),
        // The pods and releases that it waits for say why.
        "HealthCheckFailed" => (
            Cause::Other,
            format!("{shown} applied everything, and something of it does not become healthy: {message}"),
            "the object that it names says why",
        ),
        "ArtifactFailed" => (
            Cause::SourceUnreachable,
            format!("{shown} has nothing to apply: {message}"),
            "check its source and `spec.path`",
        ),
        "BuildFailed" => build_failed(&shown, &message),
        _ if has_any(
            &failure.message,
            &["kustomize build failed", "no such file or directory", "path not found"],
        ) =>
        {
            build_failed(&shown, &message)
        }
        _ => (
            Cause::ApplyFailed,
            format!("the API server refuses what {shown} applies: {message}"),
            "correct the object that the message names; for an immutable field, remove the object or use another name",
        ),
    };
    Some(Finding {
        cause,
        sentence,
        evidence: vec![evidence_of(&title, failure)],
        advice: vec![advice.to_owned()],
    })
}

fn build_failed(shown: &str, message: &str) -> (Cause, String, &'static str) {
    (
        Cause::BuildFailed,
        format!("{shown} cannot build its folder: {message}"),
        "`kustomize build` of that folder shows the same; `tidegate check` finds entries that do not exist",
    )
}

/// What something waits for.
pub(super) fn dependency(title: &str, failure: &Condition) -> Finding {
    Finding {
        cause: Cause::DependencyNotReady,
        sentence: format!(
            "{} waits for something that it depends on: {}",
            quoted(title),
            quoted(&failure.message)
        ),
        evidence: vec![evidence_of(title, failure)],
        advice: vec![
            "diagnose the dependency that the message names".to_owned(),
            "or correct `spec.dependsOn` if it names nothing".to_owned(),
        ],
    }
}

/// Kustomizations that follow well and have not come to the head of the branch.
pub(super) fn behind(facts: &Facts) -> Vec<Finding> {
    let Some(head) = facts.head else { return Vec::new() };
    let is_behind = |one: &&FluxObject| {
        one.failure().is_none() && !one.is_suspended && one.applied.is_some_and(|applied| applied != head)
    };
    facts.kustomizations.iter().filter(is_behind).map(|one| not_applied(one, head)).collect()
}

fn not_applied(kustomization: &FluxObject, head: CommitId) -> Finding {
    let title = quoted(&kustomization.title());
    let applied = kustomization.applied.map(|applied| applied.short()).unwrap_or_default();
    Finding {
        cause: Cause::NotApplied,
        sentence: format!(
            "{title} has not applied the newest commit: it is at {applied}, and the branch at {}",
            head.short()
        ),
        evidence: vec![format!("{title}: status.lastAppliedRevision is {applied}")],
        advice: vec![format!(
            "wait for its interval, or `flux reconcile kustomization {} --with-source`",
            command_name(kustomization)
        )],
    }
}
