//! Diagnosis: from what a cluster reports of a service to the cause in one sentence, the evidence, and what to do. Pure.
//!
//! `facts` is what was read; each other file knows the causes of one layer. The layers are asked from the source down to the pods,
//! since what fails above explains what is missing below; but pods explain why a release times out, so they come before that.

mod facts;
mod kustomization;
mod network;
mod pods;
mod release;
mod source;
#[cfg(test)]
mod tests;

use crate::model::Printable;

pub use facts::{Condition, Container, Ended, Event, Facts, FluxObject, Pod, Workload};

/// Longest text of the cluster in a sentence, in characters.
const MOST_QUOTED: usize = 300;

/// What is wrong with a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// It in one sentence, printable.
    pub sentence: String,
    /// What shows it: printable lines.
    pub evidence: Vec<String>,
    /// What to do, the likeliest first: printable sentences.
    pub advice: Vec<String>,
}

/// Why a service does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Flux may not read a source.
    SourceAuthentication,
    /// The branch, tag or commit of a source does not exist.
    SourceReference,
    /// A source cannot be fetched for another reason.
    SourceUnreachable,
    /// A source, a Kustomization or a release is suspended.
    Suspended,
    /// kustomize cannot build the folder.
    BuildFailed,
    /// The API server refuses what the Kustomization applies.
    ApplyFailed,
    /// Something that it depends on is not ready.
    DependencyNotReady,
    /// The chart or its version does not exist.
    ChartNotFound,
    /// The values do not fit the chart's schema.
    InvalidValues,
    /// The ConfigMap or Secret of values does not exist.
    ValuesNotFound,
    /// The chart cannot be rendered with these values.
    ChartNotRendered,
    /// The image, or its tag, does not exist.
    ImageNotFound,
    /// The registry does not let the cluster pull the image.
    ImageCredentials,
    /// The image is not built for the platform of the node.
    ImagePlatform,
    /// The registry cannot be reached from the node.
    ImageUnreachable,
    /// A ConfigMap or Secret that a container needs does not exist.
    ConfigMissing,
    /// A container needs more memory than its limit.
    OutOfMemory,
    /// A probe fails.
    ProbeFails,
    /// A container ends again and again.
    CrashLoop,
    /// No node has room for a pod.
    Unschedulable,
    /// A quota of the namespace is used up.
    QuotaExceeded,
    /// A node evicted a pod.
    Evicted,
    /// A LoadBalancer gets no address.
    LoadBalancerPending,
    /// Helm waited for too long.
    Timeout,
    /// The cluster differs from what was released.
    Drift,
    /// Flux has not come to the newest commit or values.
    NotApplied,
    /// The service has no object in the cluster.
    Missing,
    /// Flux says that it is not ready, for a reason that is not known here.
    Other,
}

impl Cause {
    /// As JSON writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SourceAuthentication => "sourceAuthentication",
            Self::SourceReference => "sourceReference",
            Self::SourceUnreachable => "sourceUnreachable",
            Self::Suspended => "suspended",
            Self::BuildFailed => "buildFailed",
            Self::ApplyFailed => "applyFailed",
            Self::DependencyNotReady => "dependencyNotReady",
            Self::ChartNotFound => "chartNotFound",
            Self::InvalidValues => "invalidValues",
            Self::ValuesNotFound => "valuesNotFound",
            Self::ChartNotRendered => "chartNotRendered",
            Self::ImageNotFound => "imageNotFound",
            Self::ImageCredentials => "imageCredentials",
            Self::ImagePlatform => "imagePlatform",
            Self::ImageUnreachable => "imageUnreachable",
            Self::ConfigMissing => "configMissing",
            Self::OutOfMemory => "outOfMemory",
            Self::ProbeFails => "probeFails",
            Self::CrashLoop => "crashLoop",
            Self::Unschedulable => "unschedulable",
            Self::QuotaExceeded => "quotaExceeded",
            Self::Evicted => "evicted",
            Self::LoadBalancerPending => "loadBalancerPending",
            Self::Timeout => "timeout",
            Self::Drift => "drift",
            Self::NotApplied => "notApplied",
            Self::Missing => "missing",
            Self::Other => "other",
        }
    }
}

/// What is wrong, the cause that explains the others first; empty if nothing is.
pub fn diagnose(facts: &Facts) -> Vec<Finding> {
    let mut findings = source::findings(facts);
    findings.extend(kustomization::findings(facts));
    findings.extend(release::before_pods(facts));
    findings.extend(pods::findings(facts));
    findings.extend(network::findings(facts));
    findings.extend(release::after_pods(facts));
    findings.extend(kustomization::behind(facts));
    let mut known = std::collections::BTreeSet::new();
    findings.retain(|finding| known.insert((finding.cause, finding.sentence.clone())));
    // A general complaint adds nothing to a known cause.
    if findings.iter().any(|finding| finding.cause != Cause::Other) {
        findings.retain(|finding| finding.cause != Cause::Other);
    }
    findings
}

/// Text of the cluster within a sentence.
fn quoted(text: &str) -> String {
    Printable::bounded(text.trim(), MOST_QUOTED).to_string()
}

/// Whether a text has one of these, in any case.
fn has_any(text: &str, parts: &[&str]) -> bool {
    let text = text.to_lowercase();
    parts.iter().any(|part| text.contains(part))
}

/// A condition as evidence.
fn evidence_of(title: &str, condition: &Condition) -> String {
    let Condition { kind, status, reason, message, .. } = condition;
    format!(
        "{}: {}={} ({}): {}",
        quoted(title),
        quoted(kind),
        quoted(status),
        quoted(reason),
        quoted(message)
    )
}

/// The events of an object with one of these reasons, as evidence.
fn events_of<'a>(facts: &'a Facts, object: &'a str, reasons: &'a [&str]) -> impl Iterator<Item = &'a Event> {
    let is_meant = move |event: &&Event| event.object == object && reasons.contains(&event.reason.as_str());
    facts.events.iter().filter(is_meant)
}

fn evidence_of_event(event: &Event) -> String {
    format!("event {} of {}: {}", quoted(&event.reason), quoted(&event.object), quoted(&event.message))
}
