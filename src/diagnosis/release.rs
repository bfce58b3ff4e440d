//! HelmReleases and their charts: what keeps Helm from starting, and how it ended.

use super::kustomization::dependency;
use super::source::{command_name, suspended};
use super::{
    Cause, Condition, Facts, Finding, FluxObject, events_of, evidence_of, evidence_of_event, has_any, quoted,
};

/// What keeps Helm from making anything.
pub(super) fn before_pods(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts.releases.iter().filter_map(early).collect();
    if facts.releases.is_empty() && facts.workloads.is_empty() {
        findings.extend(missing(facts));
    }
    findings
}

fn missing(facts: &Facts) -> Option<Finding> {
    let service = facts.service.as_ref()?.to_string();
    let service = quoted(&service);
    Some(Finding {
        cause: Cause::Missing,
        sentence: format!("cluster {} has no HelmRelease and no workload {service}", quoted(&facts.cluster)),
        evidence: vec![format!("nothing is called {service}, and no Kustomization has made anything for it")],
        advice: vec![
            "check that a kustomization.yaml lists its files: `tidegate check` finds those that none includes".to_owned(),
        ],
    })
}

fn early(release: &FluxObject) -> Option<Finding> {
    if release.is_suspended {
        return Some(suspended(release, "helmrelease"));
    }
    let title = release.title();
    let failure = release.failure()?;
    let message = quoted(&failure.message);
    let shown = quoted(&title);
    let text = failure.message.as_str();
    let (cause, sentence, advice) = if failure.reason == "DependencyNotReady" {
        return Some(dependency(&title, failure));
    } else if is_chart_not_found(failure) {
        (
            Cause::ChartNotFound,
            format!("the chart of {shown} does not exist: {message}"),
            "check `spec.chart.spec.chart`, its `version`, and that the HelmRepository has it",
        )
    } else if has_any(text, &["don't meet the specifications of the schema"]) {
        (
            Cause::InvalidValues,
            format!("the values of {shown} do not fit the chart's schema: {message}"),
            "correct the keys that the message names; `helm show values` of the chart lists what it takes",
        )
    } else if has_any(text, &["could not resolve", "values reference"]) || failure.reason == "ValuesError" {
        (
            Cause::ValuesNotFound,
            format!("a ConfigMap or Secret that {shown} takes values from cannot be used: {message}"),
            "check `spec.valuesFrom`: the name, the key, and that a kustomization.yaml lists the file",
        )
    } else if has_any(
        text,
        &[
            "execution error at",
            "template:",
            "parse error",
            "error converting yaml",
            "unable to build kubernetes objects",
        ],
    ) {
        (
            Cause::ChartNotRendered,
            format!("the chart of {shown} cannot be rendered with these values: {message}"),
            "the message names the template and its line; `helm template` with the same values shows the same",
        )
    } else {
        return None;
    };
    Some(Finding {
        cause,
        sentence,
        evidence: vec![evidence_of(&title, failure)],
        advice: vec![advice.to_owned()],
    })
}

fn is_chart_not_found(failure: &Condition) -> bool {
    let is_of_chart =
        matches!(failure.reason.as_str(), "ChartPullError" | "ArtifactFailed" | "SourceNotReady")
            || has_any(&failure.message, &["chart pull error", "chart"]);
    is_of_chart
        && has_any(
            &failure.message,
            &[
                "chart with version matching",
                "no chart name found",
                "no chart version found",
                "failed to locate chart",
                "failed to get chart version",
                "failed to download chart",
                "invalid chart reference",
            ],
        )
}

/// How Helm ended, where nothing below explains it.
pub(super) fn after_pods(facts: &Facts) -> Vec<Finding> {
    let late = facts.releases.iter().filter(|release| early(release).is_none());
    late.flat_map(|release| ended(release).into_iter().chain(drift(facts, release)).chain(outdated(release)))
        .collect()
}

fn ended(release: &FluxObject) -> Option<Finding> {
    let title = release.title();
    let failure = release.failure()?;
    let message = quoted(&failure.message);
    let shown = quoted(&title);
    let mut evidence = vec![evidence_of(&title, failure)];
    let others = ["Released", "Remediated", "Stalled"].into_iter().filter_map(|kind| release.condition(kind));
    evidence.extend(others.map(|condition| evidence_of(&title, condition)));
    let texts: Vec<&str> = release.conditions.iter().map(|condition| condition.message.as_str()).collect();
    let is_timeout = texts.iter().any(|text| {
        has_any(
            text,
            &["context deadline exceeded", "timed out waiting", "timeout waiting", "rate limiter wait"],
        )
    });
    let is_remediated = release.condition("Remediated").is_some_and(|condition| condition.status == "True");
    let gave_up = release.condition("Stalled").is_some_and(|condition| condition.status == "True");
    if !is_timeout {
        return Some(Finding {
            cause: Cause::Other,
            sentence: format!("{shown} is not ready: {message}"),
            evidence,
            advice: vec![format!(
                "`flux events --for {}/{}` shows more",
                release.kind,
                command_name(release)
            )],
        });
    }
    let after = if is_remediated { ", and Flux undid it" } else { "" };
    let more = if gave_up { "; it does not try again" } else { "" };
    let mut advice = vec![
        "find out what did not become ready in time: the pods above, or a hook job".to_owned(),
        "raise `spec.timeout` if it only needs longer".to_owned(),
    ];
    if gave_up {
        advice.push(format!(
            "after a correction, `flux reconcile helmrelease {} --reset`",
            command_name(release)
        ));
    }
    Some(Finding {
        cause: Cause::Timeout,
        sentence: format!("Helm waited too long for {shown}{after}{more}: {message}"),
        evidence,
        advice,
    })
}

fn drift(facts: &Facts, release: &FluxObject) -> Option<Finding> {
    let title = release.title();
    let event = events_of(facts, &title, &["DriftDetected"]).next()?;
    let shown = quoted(&title);
    Some(Finding {
        cause: Cause::Drift,
        sentence: format!("somebody changed in the cluster what {shown} released: {}", quoted(&event.message)),
        evidence: vec![evidence_of_event(event)],
        advice: vec![
            "make the change in Git, and never with kubectl".to_owned(),
            "`spec.driftDetection.mode: enabled` lets Flux undo it; `ignore` spares fields that others manage".to_owned(),
        ],
    })
}

/// Flux has not come to the newest values.
fn outdated(release: &FluxObject) -> Option<Finding> {
    let ready = release.condition("Ready")?;
    let is_outdated = ready.observed_generation.is_some() && ready.observed_generation < release.generation;
    if !is_outdated || ready.status == "Unknown" {
        return None;
    }
    let title = release.title();
    let shown = quoted(&title);
    Some(Finding {
        cause: Cause::NotApplied,
        sentence: format!("Flux has not come to the newest values of {shown}"),
        evidence: vec![evidence_of(&title, ready)],
        advice: vec![
            format!("wait, or `flux reconcile helmrelease {}`", command_name(release)),
            "if it stays so, helm-controller does not run".to_owned(),
        ],
    })
}
