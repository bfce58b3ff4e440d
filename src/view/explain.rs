//! An explanation as a document.

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::{CandidateStatus, Explained, Explanation, Mover, TargetStatus, ToldGate, Verdict};
use crate::model::Timestamp;
use crate::policy::{
    Control, LeftOut, LeftOutTags, Remedy, RolledBack, Starvation, VersionReport, VersionStatus, ending,
};

use super::common::{Gate, OpenPullRequest, ProblemBody, gate, open_pull_request, problem};
use super::control::ReleaseScope;
use super::verification::{VerificationBody, verification};
use super::{control, remedy, time};

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explain {
    pub(crate) commit: String,
    pub(crate) at: Timestamp,
    pub(crate) result: &'static str,
    pub(crate) next_opening: Option<Timestamp>,
    pub(crate) waited: Option<Waited>,
    pub(crate) explanations: Vec<ExplanationBody>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExplanationBody {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) image: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) running: Vec<String>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) commit: Option<String>,
    pub(crate) promotion: Option<String>,
    pub(crate) requested_by: Option<String>,
    pub(crate) author: Option<String>,
    /// Only where the environment has `verifyWithin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verification: Option<VerificationBody>,
    pub(crate) tag: Option<String>,
    pub(crate) result: &'static str,
    pub(crate) status: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) next: Option<String>,
    pub(crate) releases: Option<usize>,
    pub(crate) earliest: Option<Timestamp>,
    pub(crate) is_permanent: bool,
    pub(crate) gates: Vec<ExplainedGate>,
    pub(crate) override_command: Option<String>,
    pub(crate) starvation: Option<StarvationBody>,
    pub(crate) registry: Option<RegistryBody>,
    pub(crate) image_policy: Option<ImagePolicyBody>,
    pub(crate) pull_request: Option<OpenPullRequest>,
    pub(crate) versions: Vec<VersionBody>,
    pub(crate) rolled_back: Vec<RollbackBody>,
    pub(crate) controls: Vec<ControlBody>,
    pub(crate) problems: Vec<ProblemBody>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ExplainedGate {
    #[serde(flatten)]
    pub(crate) gate: Gate,
    pub(crate) remedies: Vec<RemedyBody>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct RemedyBody {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    pub(crate) command: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StarvationBody {
    pub(crate) environment: String,
    pub(crate) superseded: usize,
    pub(crate) since: Timestamp,
    pub(crate) needed_seconds: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegistryBody {
    pub(crate) tags: usize,
    pub(crate) admitted: usize,
    pub(crate) highest: Option<String>,
    pub(crate) highest_admitted: Option<String>,
    pub(crate) versions: String,
    pub(crate) tag_pattern: Option<String>,
    pub(crate) tag_without_version: Option<String>,
    pub(crate) left_out: Vec<LeftOutBody>,
}

/// Tags that are not admitted, for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct LeftOutBody {
    pub(crate) reason: &'static str,
    pub(crate) count: usize,
    pub(crate) example: String,
}

/// The Flux ImagePolicy that the rules are from.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ImagePolicyBody {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct VersionBody {
    pub(crate) tag: String,
    pub(crate) status: &'static str,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct RollbackBody {
    pub(crate) environment: String,
    pub(crate) version: String,
    pub(crate) at: Timestamp,
    pub(crate) commit: String,
    pub(crate) author: String,
}

/// A control file.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ControlBody {
    pub(crate) kind: &'static str,
    pub(crate) description: String,
    pub(crate) file: String,
    pub(crate) by: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) at: Option<Timestamp>,
    pub(crate) expires: Option<Timestamp>,
    /// The environments that it covers; all if empty.
    pub(crate) environments: Vec<String>,
    /// When a freeze begins.
    pub(crate) from: Option<Timestamp>,
    /// When it ends by itself.
    pub(crate) until: Option<Timestamp>,
    pub(crate) release_command: Option<String>,
    /// The same for a form.
    #[serde(skip)]
    pub(crate) release: Option<ReleaseScope>,
}

/// How `explain --wait` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Waited {
    /// `reached`, `lost` or `timeout`.
    pub(crate) outcome: &'static str,
    pub(crate) seconds: u64,
}

/// An explanation as a document.
pub(crate) fn explain(explained: &Explained, waited: Option<Waited>) -> Explain {
    Explain {
        commit: explained.commit.to_string(),
        at: explained.now,
        result: result(explained.verdict()),
        next_opening: explained.next_opening,
        waited,
        explanations: explained.explanations.iter().map(explanation).collect(),
    }
}

fn result(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Nothing => "nothing",
        Verdict::Open => "open",
        Verdict::Closed => "closed",
        Verdict::Refused => "refused",
        Verdict::Unknown => "unknown",
    }
}

fn explanation(explanation: &Explanation) -> ExplanationBody {
    let candidate_status = explanation.candidate_status();
    let arrival = explanation.arrival.as_ref();
    let (promotion, requested_by, author) = match arrival.map(|arrival| &arrival.by) {
        Some(Mover::Tidegate { promotion, requested_by }) => {
            (Some(promotion.clone()), Some(requested_by.clone()), None)
        }
        Some(Mover::Person { author }) => (None, None, Some(author.clone())),
        None => (None, None, None),
    };
    let (status, reason) = status(&explanation.outlook);
    ExplanationBody {
        service: explanation.service.to_string(),
        environment: explanation.environment.to_string(),
        image: explanation.image.as_ref().map(ToString::to_string),
        after: explanation.after.as_ref().map(ToString::to_string),
        running: explanation.running.iter().map(|running| running.tag.to_string()).collect(),
        since: arrival.map(|arrival| arrival.at),
        commit: arrival.map(|arrival| arrival.commit.to_string()),
        promotion,
        requested_by,
        author,
        verification: explanation.verification.as_ref().map(verification),
        tag: explanation.asked.as_ref().map(ToString::to_string),
        result: result(explanation.verdict()),
        status,
        reason,
        next: candidate_status.map(|candidate_status| candidate_status.tag.to_string()),
        releases: candidate_status.map(|candidate_status| candidate_status.releases_count),
        earliest: explanation.opens_at(),
        is_permanent: candidate_status.is_some_and(|candidate_status| candidate_status.is_lost),
        gates: candidate_status
            .map(|candidate_status| gates(explanation, candidate_status))
            .unwrap_or_default(),
        override_command: candidate_status
            .and_then(|candidate_status| remedy::override_all(explanation, candidate_status)),
        starvation: candidate_status
            .and_then(|candidate_status| candidate_status.starvation.as_ref())
            .map(starvation_body),
        registry: explanation.offer.as_ref().map(|offer| RegistryBody {
            tags: offer.tag_count,
            admitted: offer.admitted_count,
            highest: offer.highest.as_ref().map(ToString::to_string),
            highest_admitted: offer.highest_admitted.as_ref().map(ToString::to_string),
            versions: offer.versions.clone(),
            tag_pattern: offer.tag_pattern.clone(),
            tag_without_version: offer.without_version.as_ref().map(ToString::to_string),
            left_out: offer.left_out.iter().map(left_out).collect(),
        }),
        image_policy: explanation.image_policy.as_ref().map(|policy| ImagePolicyBody {
            name: policy.name.to_string(),
            file: policy.file.to_string(),
            line: policy.line,
        }),
        pull_request: explanation.unmerged.as_ref().map(open_pull_request),
        versions: explanation.versions.iter().map(version).collect(),
        rolled_back: explanation.rolled_back.iter().map(rollback).collect(),
        controls: explanation.controls.iter().map(|one| control_body(one, explanation.zone)).collect(),
        problems: explanation.problems.iter().map(problem).collect(),
    }
}

fn status(status: &TargetStatus) -> (&'static str, Option<String>) {
    match status {
        TargetStatus::Runs => ("runs", None),
        TargetStatus::Current(why) if why.is_up_to_date() => ("upToDate", Some(why.to_string())),
        TargetStatus::Current(why) => ("blocked", Some(why.to_string())),
        TargetStatus::NoImage(reason) => ("noImage", Some(reason.clone())),
        TargetStatus::NoVersion => ("noVersion", Some("the rules find no version in the tag".to_owned())),
        TargetStatus::Open(_) => ("open", None),
        TargetStatus::InReview(_) => ("inReview", None),
        TargetStatus::Stuck(_) => ("unwritable", Some("it cannot be written".to_owned())),
        TargetStatus::Waits(_) => ("waiting", None),
        TargetStatus::Unknown => ("unknown", Some("the registry did not answer".to_owned())),
        TargetStatus::Unreadable => ("unreadable", Some("a file of the service cannot be read".to_owned())),
    }
}

fn gates(explanation: &Explanation, candidate_status: &CandidateStatus) -> Vec<ExplainedGate> {
    let explained = |one: &ToldGate| ExplainedGate {
        gate: gate(&one.report),
        remedies: one.remedies.iter().map(|remedy| remedy_body(remedy, explanation)).collect(),
    };
    candidate_status.gates.iter().map(explained).collect()
}

fn remedy_body(remedy: &Remedy, explanation: &Explanation) -> RemedyBody {
    let kind = match remedy {
        Remedy::Wait { .. } => "wait",
        Remedy::AskAgain => "retry",
        Remedy::NewerVersion { .. } => "newerVersion",
        Remedy::PinBelow { .. } => "pinBelow",
        Remedy::SetTagPattern => "setTagPattern",
        Remedy::Release { .. } => "releaseControl",
        Remedy::Mend { .. } => "fixControlFile",
        Remedy::BecomeHealthy { .. } => "becomeHealthy",
        Remedy::ReachCluster { .. } => "reachCluster",
        Remedy::Unfreeze { .. } => "removeFreeze",
        Remedy::Approve { .. } => "approve",
        Remedy::Review { .. } => "review",
        Remedy::Propose => "nextPullRequest",
        Remedy::Publish { .. } => "pushImage",
        Remedy::Admit { .. } => "widenRange",
        Remedy::RollBack { .. } => "rollback",
        Remedy::BringBefore { .. } => "promoteToPrevious",
        Remedy::Activate { .. } => "activatePrevious",
        Remedy::Unite { .. } => "alignPrevious",
        Remedy::AddBefore { .. } => "addToPrevious",
        Remedy::GoOn { .. } => "promoteToNext",
        Remedy::Sign { .. } => "signCommit",
        Remedy::WriteTag => "writeTag",
        Remedy::Other { .. } => "unblockMember",
        Remedy::MendSet => "fixGroupFiles",
    };
    let remedy::Advice { text, command } = remedy::advice(remedy, explanation);
    RemedyBody { kind, text, command }
}

pub(crate) fn starvation_body(starvation: &Starvation) -> StarvationBody {
    StarvationBody {
        environment: starvation.environment.to_string(),
        superseded: starvation.superseded_count,
        since: starvation.since,
        needed_seconds: starvation.needed.as_secs(),
    }
}

fn version(one: &VersionReport) -> VersionBody {
    let status = match &one.fate {
        VersionStatus::Candidate => "candidate",
        VersionStatus::Superseded { .. } => "superseded",
        VersionStatus::NotAdmitted { .. } => "notAdmitted",
        VersionStatus::NoImage { .. } => "noImage",
        VersionStatus::Quarantined(_) => "quarantined",
        VersionStatus::Pinned { .. } => "pinned",
        VersionStatus::RolledBack { .. } => "rolledBack",
        VersionStatus::Replaced { .. } => "replacedInPrevious",
        VersionStatus::RunsBefore { .. } => "inPrevious",
        VersionStatus::RunsPartly { .. } => "partlyInPrevious",
        VersionStatus::Ahead { .. } => "notInPrevious",
        VersionStatus::Skipped { .. } => "skippedInPrevious",
    };
    VersionBody { tag: one.tag.to_string(), status, reason: one.fate.to_string() }
}

fn rollback(moved: &RolledBack) -> RollbackBody {
    RollbackBody {
        environment: moved.environment.to_string(),
        version: moved.version.to_string(),
        at: moved.at,
        commit: moved.commit.to_string(),
        author: moved.author.clone(),
    }
}

pub(crate) fn control_body(one: &Control, zone: Tz) -> ControlBody {
    let note = one.note();
    let span = match one {
        Control::Freeze(order) => Some(order.freeze.span()),
        _ => None,
    };
    let expires = note.and_then(|note| note.expires);
    ControlBody {
        kind: control::kind(one),
        description: control::plain(one, zone),
        file: one.file().to_string(),
        by: note.map(|note| note.by.clone()),
        reason: note.map(|note| note.reason.clone()),
        at: note.map(|note| note.at),
        expires,
        environments: one.environments().iter().map(ToString::to_string).collect(),
        from: span.and_then(|(from, _)| time::instant(from, zone)),
        until: span.map_or(expires, |(_, to)| Some(ending(to, zone))),
        release_command: control::release(one),
        release: control::release_scope(one),
    }
}

fn left_out((reason, tags): (&LeftOut, &LeftOutTags)) -> LeftOutBody {
    let reason = match reason {
        LeftOut::NoVersion => "noVersion",
        LeftOut::Floating => "floating",
        LeftOut::Excluded => "excluded",
        LeftOut::Prerelease => "prerelease",
        LeftOut::OutOfRange => "outOfRange",
        LeftOut::OtherVariant => "otherVariant",
        LeftOut::NoImage => "noImage",
    };
    LeftOutBody { reason, count: tags.count, example: tags.example.to_string() }
}
