//! An explanation as programs read it.

use chrono_tz::Tz;
use serde::Serialize;

use crate::cli::render::{Waited, control, remedy};
use crate::engine::{CandidateStatus, Explained, Explanation, Mover, TargetStatus, ToldGate, Verdict};
use crate::model::Timestamp;
use crate::policy::{Control, Remedy, RolledBack, Starvation, VersionReport, VersionStatus};

use super::{Gate, InRequest, Told, gate, in_request, told};

/// Where a service stands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explain {
    commit: String,
    at: Timestamp,
    verdict: &'static str,
    next_opening: Option<Timestamp>,
    /// Nothing when nobody waited.
    waited: Option<Waited>,
    explanations: Vec<One>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One {
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
    asked: Option<String>,
    verdict: &'static str,
    outlook: &'static str,
    why: Option<String>,
    next: Option<String>,
    releases: Option<usize>,
    earliest: Option<Timestamp>,
    is_lost: bool,
    gates: Vec<ExplainedGate>,
    override_command: Option<String>,
    starvation: Option<Starving>,
    registry: Option<Offered>,
    request: Option<InRequest>,
    versions: Vec<Version>,
    rolled_back: Vec<Left>,
    controls: Vec<Said>,
    problems: Vec<Told>,
}

#[derive(Serialize)]
struct ExplainedGate {
    #[serde(flatten)]
    gate: Gate,
    remedies: Vec<Way>,
}

#[derive(Serialize)]
struct Way {
    remedy: &'static str,
    text: String,
    command: Option<String>,
}

/// Releases that come faster than they can soak.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Starving {
    environment: String,
    superseded: usize,
    since: Timestamp,
    needed_seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Offered {
    tags: usize,
    admitted: usize,
    highest: Option<String>,
    highest_admitted: Option<String>,
    versions: String,
    tag_pattern: Option<String>,
    without_version: Option<String>,
}

#[derive(Serialize)]
struct Version {
    tag: String,
    fate: &'static str,
    reason: String,
}

#[derive(Serialize)]
struct Left {
    environment: String,
    version: String,
    at: Timestamp,
    commit: String,
    author: String,
}

/// What somebody says by a control file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Said {
    kind: &'static str,
    what: String,
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
        verdict: verdict(explained.verdict()),
        next_opening: explained.next_opening,
        waited,
        explanations: explained.explanations.iter().map(one).collect(),
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Nothing => "nothing",
        Verdict::Open => "open",
        Verdict::Closed => "closed",
        Verdict::Refused => "refused",
        Verdict::Unknown => "unknown",
    }
}

fn one(explanation: &Explanation) -> One {
    let candidate_status = explanation.candidate_status();
    let arrival = explanation.arrival.as_ref();
    let (promotion, requested_by, author) = match arrival.map(|arrival| &arrival.by) {
        Some(Mover::Tidegate { promotion, requested_by }) => {
            (Some(promotion.clone()), Some(requested_by.clone()), None)
        }
        Some(Mover::Person { author }) => (None, None, Some(author.clone())),
        None => (None, None, None),
    };
    let (outlook, why) = outlook(&explanation.outlook);
    One {
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
        asked: explanation.asked.as_ref().map(ToString::to_string),
        verdict: verdict(explanation.verdict()),
        outlook,
        why,
        next: candidate_status.map(|candidate_status| candidate_status.tag.to_string()),
        releases: candidate_status.map(|candidate_status| candidate_status.releases_count),
        earliest: explanation.opens_at(),
        is_lost: candidate_status.is_some_and(|candidate_status| candidate_status.is_lost),
        gates: candidate_status
            .map(|candidate_status| gates(explanation, candidate_status))
            .unwrap_or_default(),
        override_command: candidate_status
            .and_then(|candidate_status| remedy::override_all(explanation, candidate_status)),
        starvation: candidate_status
            .and_then(|candidate_status| candidate_status.starvation.as_ref())
            .map(starving),
        registry: explanation.offer.as_ref().map(|offer| Offered {
            tags: offer.tag_count,
            admitted: offer.admitted_count,
            highest: offer.highest.as_ref().map(ToString::to_string),
            highest_admitted: offer.highest_admitted.as_ref().map(ToString::to_string),
            versions: offer.versions.clone(),
            tag_pattern: offer.tag_pattern.clone(),
            without_version: offer.without_version.as_ref().map(ToString::to_string),
        }),
        request: explanation.unmerged.as_ref().map(in_request),
        versions: explanation.versions.iter().map(version).collect(),
        rolled_back: explanation.rolled_back.iter().map(left).collect(),
        controls: explanation.controls.iter().map(|one| said(one, explanation.zone)).collect(),
        problems: explanation.problems.iter().map(told).collect(),
    }
}

fn outlook(outlook: &TargetStatus) -> (&'static str, Option<String>) {
    match outlook {
        TargetStatus::Runs => ("runs", None),
        TargetStatus::Current(why) if why.is_up_to_date() => ("current", Some(why.to_string())),
        TargetStatus::Current(why) => ("kept", Some(why.to_string())),
        TargetStatus::NoVersion => ("noVersion", Some("the rules find no version in the tag".to_owned())),
        TargetStatus::Open(_) => ("open", None),
        TargetStatus::InReview(_) => ("inReview", None),
        TargetStatus::Stuck(_) => ("stuck", Some("it cannot be written".to_owned())),
        TargetStatus::Waits(_) => ("waits", None),
        TargetStatus::Unknown => ("unknown", Some("the registry could not be asked".to_owned())),
        TargetStatus::Unreadable => ("unreadable", Some("something of it cannot be read".to_owned())),
    }
}

fn gates(explanation: &Explanation, candidate_status: &CandidateStatus) -> Vec<ExplainedGate> {
    let explained = |one: &ToldGate| ExplainedGate {
        gate: gate(&one.report),
        remedies: one.remedies.iter().map(|remedy| way(remedy, explanation)).collect(),
    };
    candidate_status.gates.iter().map(explained).collect()
}

fn way(remedy: &Remedy, explanation: &Explanation) -> Way {
    let name = match remedy {
        Remedy::Wait { .. } => "wait",
        Remedy::AskAgain => "askAgain",
        Remedy::NewerVersion { .. } => "newerVersion",
        Remedy::Release { .. } => "release",
        Remedy::Mend { .. } => "mend",
        Remedy::Unfreeze { .. } => "unfreeze",
        Remedy::Approve { .. } => "approve",
        Remedy::Review { .. } => "review",
        Remedy::Propose => "propose",
        Remedy::Publish { .. } => "publish",
        Remedy::Admit { .. } => "admit",
        Remedy::RollBack { .. } => "rollBack",
        Remedy::BringBefore { .. } => "bringBefore",
        Remedy::Unite { .. } => "unite",
        Remedy::AddBefore { .. } => "addBefore",
        Remedy::GoOn { .. } => "goOn",
        Remedy::Sign { .. } => "sign",
        Remedy::WriteTag => "writeTag",
        Remedy::Other { .. } => "other",
        Remedy::MendSet => "mendSet",
    };
    let remedy::Told { text, command } = remedy::tell(remedy, explanation);
    Way { remedy: name, text, command }
}

pub(super) fn starving(starvation: &Starvation) -> Starving {
    Starving {
        environment: starvation.environment.to_string(),
        superseded: starvation.superseded_count,
        since: starvation.since,
        needed_seconds: starvation.needed.as_secs(),
    }
}

fn version(one: &VersionReport) -> Version {
    let fate = match &one.fate {
        VersionStatus::Candidate => "candidate",
        VersionStatus::Superseded { .. } => "superseded",
        VersionStatus::NotAdmitted { .. } => "notAdmitted",
        VersionStatus::Quarantined(_) => "quarantined",
        VersionStatus::Pinned { .. } => "pinned",
        VersionStatus::RolledBack { .. } => "movedBack",
        VersionStatus::Replaced { .. } => "replaced",
        VersionStatus::RunsBefore { .. } => "runsBefore",
        VersionStatus::RunsPartly { .. } => "runsPartly",
        VersionStatus::Ahead { .. } => "ahead",
        VersionStatus::Skipped { .. } => "skipped",
    };
    Version { tag: one.tag.to_string(), fate, reason: one.fate.to_string() }
}

fn left(moved: &RolledBack) -> Left {
    Left {
        environment: moved.environment.to_string(),
        version: moved.version.to_string(),
        at: moved.at,
        commit: moved.commit.to_string(),
        author: moved.author.clone(),
    }
}

pub(super) fn said(one: &Control, zone: Tz) -> Said {
    let note = one.note();
    Said {
        kind: control::kind(one),
        what: control::plain(one, zone),
        file: one.file().to_string(),
        by: note.map(|note| note.by.clone()),
        reason: note.map(|note| note.reason.clone()),
        at: note.map(|note| note.at),
        expires: note.and_then(|note| note.expires),
        release_command: control::release(one),
    }
}
