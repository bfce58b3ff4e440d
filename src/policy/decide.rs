//! The decision: what happens to one target now. A pure function of the policy, the facts and the time.

use crate::model::{EnvironmentName, Timestamp};

use super::approve::{Approved, approve};
use super::evaluate::{GateEvaluation, evaluate};
use super::facts::{Facts, TargetPolicy, TrainHold};
use super::gate_name::GateName;
use super::gates::{Answer, GateReport, Reason};
use super::nominate::{NoCandidate, find_candidate};

/// What happens to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// No candidate: the target stays.
    Current { why: NoCandidate },
    /// The candidate is promoted.
    Promote(Box<Approved>),
    /// There is a candidate, but a gate is closed.
    Wait(Box<GateEvaluation>),
}

/// The decision for a target before its group, if any, is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UngroupedDecision {
    Current(NoCandidate),
    Candidate(Box<GateEvaluation>),
}

/// Decides what happens to a target at `now`.
///
/// ```
/// use std::time::Duration;
/// use tidegate::model::{Digest, EnvironmentName, Tag, Timestamp};
/// use tidegate::policy::*;
///
/// let environment = EnvironmentPolicy {
///     name: "non-prod".parse()?,
///     after: None,
///     freezes: Vec::new(),
///     windows: Vec::new(),
///     zone: chrono_tz::Tz::UTC,
///     approval: ApprovalPolicy::NotRequired,
/// };
/// let rules = SelectionRules::new("^1.2".parse()?, None);
/// let tags: Vec<Tag> = vec!["v1.2.0".parse()?, "v1.2.1".parse()?, "v2.0.0".parse()?];
/// let running = [rules.candidate(&tags[0]).expect("a version in the range")];
/// let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse()?;
/// let policy = TargetPolicy {
///     environment: &environment,
///     rules: &rules,
///     soak: Duration::ZERO,
///     soak_mode: SoakMode::Continuous,
///     clock_tolerance: Duration::from_secs(600),
///     minimum_age: Duration::ZERO,
/// };
/// let facts = Facts {
///     running: &running,
///     selection: &rules.select(&tags),
///     rolled_back: &[],
///     refused: None,
///     before: None,
///     observations: &Observations::default(),
///     digest_now: DigestNow::Is { tag: &tags[1], digest: &digest },
///     controls: Controls::NONE,
///     reviewing: ReviewState::NotProposed,
///     train_hold: None,
/// };
/// let now: Timestamp = "2026-03-02T09:00:00Z".parse()?;
/// match decide(&policy, &facts, now) {
///     Decision::Promote(approved) => assert_eq!(approved.candidate().tag.as_str(), "v1.2.1"),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decide(policy: &TargetPolicy<'_>, facts: &Facts<'_>, now: Timestamp) -> Decision {
    decide_ungrouped(policy, facts, now).decide()
}

/// Finds a candidate and asks every gate except `group` about it.
pub fn decide_ungrouped(policy: &TargetPolicy<'_>, facts: &Facts<'_>, now: Timestamp) -> UngroupedDecision {
    match find_candidate(policy, facts, now) {
        Ok(candidate) => UngroupedDecision::Candidate(Box::new(evaluate(policy, facts, candidate, now))),
        Err(why) => UngroupedDecision::Current(why),
    }
}

impl UngroupedDecision {
    /// As [`Self::decide`], but promotes nothing whose digest was not fetched in this pass.
    pub fn decide_fresh(self, is_digest_fresh: bool) -> Decision {
        match self {
            Self::Candidate(evaluation) if !is_digest_fresh => Decision::Wait(evaluation),
            other => other.decide(),
        }
    }

    /// The decision of a target without a group.
    pub fn decide(self) -> Decision {
        match self {
            Self::Current(why) => Decision::Current { why },
            Self::Candidate(evaluation) => match approve(&evaluation) {
                Some(approved) => Decision::Promote(Box::new(approved)),
                None => Decision::Wait(evaluation),
            },
        }
    }
}

/// What the previous environment must keep for the sake of `to`, from the decision there: with `soakMode: train`, a
/// version stays where it soaks until it has moved on, so that frequent releases cannot starve what comes after.
///
/// `None` when nothing waits, when it moves in this pass, or when only a person could let it move: a version that was
/// rolled back or quarantined, or whose digest moved, holds nothing up. Nor does one that failed: what comes next may
/// be its remedy.
pub fn train_hold(to: &EnvironmentName, decision: &Decision) -> Option<TrainHold> {
    let Decision::Wait(evaluation) = decision else { return None };
    let has_failed =
        |report: &GateReport| matches!(&report.reason, Reason::Health(reason) if reason.has_failed());
    let is_lost = evaluation.closed().any(|report| {
        report.answer == Answer::Refused
            || has_failed(report)
            || (report.answer == Answer::Closed
                && matches!(report.gate, GateName::Order | GateName::Quarantine))
    });
    let tag = evaluation.candidate().tag.clone();
    (!is_lost).then(|| TrainHold { to: to.clone(), tag, leaves_at: evaluation.earliest() })
}

#[cfg(test)]
mod tests;
