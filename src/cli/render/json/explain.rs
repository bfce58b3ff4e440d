//! An explanation as JSON.

use chrono_tz::Tz;
use serde::Serialize;

use crate::cli::render::{Waited, control, remedy};
use crate::engine::{CandidateStatus, Explained, Explanation, Mover, TargetStatus, ToldGate, Verdict};
use crate::model::Timestamp;
use crate::policy::{Control, Remedy, RolledBack, Starvation, VersionReport, VersionStatus};

use super::{Gate, OpenPullRequest, ProblemBody, gate, open_pull_request, problem};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explain {
    commit: String,
    at: Timestamp,
    result: &'static str,
    next_opening: Option<Timestamp>,
    waited: Option<Waited>,
    explanations: Vec<ExplanationBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplanationBody {
    service: String,
    environment: String,
    image: Option<String>,
    after: Option<String>,
    running: Vec<String>,
    since: Option<Timestamp>,
    commit: Option<String>,
    promotion: Option<String>,
    requested_by: Option<String>,
    author: Option<String>,
    tag: Option<String>,
    result: &'static str,
    status: &'static str,
    reason: Option<String>,
    next: Option<String>,
    releases: Option<usize>,
    earliest: Option<Timestamp>,
    is_permanent: bool,
    gates: Vec<ExplainedGate>,
    override_command: Option<String>,
    starvation: Option<StarvationBody>,
    registry: Option<RegistryBody>,
    pull_request: Option<OpenPullRequest>,
    versions: Vec<VersionBody>,
    rolled_back: Vec<RollbackBody>,
    controls: Vec<ControlBody>,
    problems: Vec<ProblemBody>,
}

#[derive(Serialize)]
struct ExplainedGate {
    #[serde(flatten)]
    gate: Gate,
    remedies: Vec<RemedyBody>,
}

#[derive(Serialize)]
struct RemedyBody {
    kind: &'static str,
    text: String,
    command: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StarvationBody {
    environment: String,
    superseded: usize,
    since: Timestamp,
    needed_seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegistryBody {
    tags: usize,
    admitted: usize,
    highest: Option<String>,
    highest_admitted: Option<String>,
    versions: String,
    tag_pattern: Option<String>,
    tag_without_version: Option<String>,
}

#[derive(Serialize)]
struct VersionBody {
    tag: String,
    status: &'static str,
    reason: String,
}

#[derive(Serialize)]
struct RollbackBody {
    environment: String,
    version: String,
    at: Timestamp,
    commit: String,
    author: String,
}

/// A control file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ControlBody {
    kind: &'static str,
    description: String,
    file: String,
    by: Option<String>,
    reason: Option<String>,
    at: Option<Timestamp>,
    expires: Option<Timestamp>,
    release_command: Option<String>,
}

/// An explanation as JSON.
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

pub(super) fn starvation_body(starvation: &Starvation) -> StarvationBody {
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

pub(super) fn control_body(one: &Control, zone: Tz) -> ControlBody {
    let note = one.note();
    ControlBody {
        kind: control::kind(one),
        description: control::plain(one, zone),
        file: one.file().to_string(),
        by: note.map(|note| note.by.clone()),
        reason: note.map(|note| note.reason.clone()),
        at: note.map(|note| note.at),
        expires: note.and_then(|note| note.expires),
        release_command: control::release(one),
    }
}
