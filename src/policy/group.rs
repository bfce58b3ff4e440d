//! Groups: services that are promoted in the exact combination that soaked together, or not at all.
//!
//! Each member was decided alone. This file compares the members and closes the group gate of each that would otherwise be
//! promoted without the others.

use crate::model::{Elapsed, EnvironmentName, ServiceName, Timestamp};

use super::approve::Overrides;
use super::clock::{SoakClock, soak_clock, while_healthy};
use super::decide::{UngroupedDecision, decide_ungrouped};
use super::evaluate::GateEvaluation;
use super::facts::{Facts, PreviousRunning, TargetPolicy};
use super::gate_name::GateName;
use super::gates::{Answer, GateReport, GroupReason, Reason};
use super::local_time::{LocalTime, later};
use super::nominate::NoCandidate;
use super::select::Candidate;

/// One image of one service of a group, in one environment.
#[derive(Debug)]
pub struct Member<'a> {
    /// The service.
    pub service: &'a ServiceName,
    /// Its policy and facts. None if its registry cannot be reached.
    pub known: Option<(TargetPolicy<'a>, Facts<'a>)>,
    /// The decision without the group. None if its registry cannot be reached.
    pub alone: Option<UngroupedDecision>,
}

/// Settles the group gate of the members of a set in one environment, which must have a previous environment.
///
/// The members are promoted together once every member that is behind could be promoted alone, and the combination in the
/// previous environment has run there for the longest soak of any member.
///
/// `unclear` names a file that cannot be read and may be a member. An overridden gate counts as open, for the other members
/// too.
pub fn settle_together(
    group: &str,
    members: &mut [&mut Member<'_>],
    overrides: &Overrides,
    unclear: Option<&str>,
    now: Timestamp,
) {
    if !members.iter().any(|member| member.has_candidate()) {
        return;
    }
    if let Some(why) = unclear {
        let reason = || GroupReason::Unclear { group: group.into(), why: why.to_owned() };
        return members.iter_mut().for_each(|member| member.add_report(report(reason(), Answer::Closed)));
    }
    let standings: Vec<Standing> = members.iter().map(|member| standing(member, overrides)).collect();
    let soak_is_passed = has_passed(overrides, GateName::Soak);
    for at in 0..members.len() {
        let others = standings.iter().zip(members.iter()).enumerate().filter(|(other, _)| *other != at);
        let blocked = others.map(|(_, pair)| pair).find_map(|(standing, member)| match standing {
            Standing::Blocked(answer, why) => Some((*answer, member.service.clone(), why.clone())),
            Standing::With { .. } => None,
        });
        let group_report = match blocked {
            Some((answer, service, why)) => {
                report(GroupReason::Member { group: group.into(), service, why }, answer)
            }
            None => match together(group, &standings, members[at].known.as_ref(), now) {
                Some(report) if soak_is_passed => GateReport { answer: Answer::Open, ..report },
                Some(report) => report,
                None => continue,
            },
        };
        members[at].add_report(group_report);
    }
}

impl<'a> Member<'a> {
    /// A member, decided without its group. `known` is none if its registry cannot be reached.
    pub fn new(
        service: &'a ServiceName,
        known: Option<(TargetPolicy<'a>, Facts<'a>)>,
        now: Timestamp,
    ) -> Self {
        let alone = known.as_ref().map(|(policy, facts)| decide_ungrouped(policy, facts, now));
        Self { service, known, alone }
    }

    fn has_candidate(&self) -> bool {
        matches!(self.alone, Some(UngroupedDecision::Candidate(_)))
    }

    /// Adds the report of the group gate to those of the candidate, if there is one.
    fn add_report(&mut self, group_report: GateReport) {
        if let (Some((policy, facts)), Some(UngroupedDecision::Candidate(evaluation))) =
            (&self.known, &mut self.alone)
        {
            evaluation.add_report(policy, facts, group_report);
        }
    }
}

/// The state of a member.
enum Standing {
    /// It can be promoted or has been, as the image that runs in the previous environment since `since`.
    With { since: Timestamp, soak: std::time::Duration, before: EnvironmentName },
    /// It cannot be promoted.
    Blocked(Answer, String),
}

fn standing(member: &Member<'_>, overrides: &Overrides) -> Standing {
    let (Some((policy, facts)), Some(alone)) = (&member.known, &member.alone) else {
        return Standing::Blocked(Answer::Closed, "its registry cannot be reached".to_owned());
    };
    match alone {
        UngroupedDecision::Candidate(evaluation) => match closed(evaluation, overrides) {
            Some((answer, why)) => Standing::Blocked(answer, why),
            None => with(policy, facts, overrides),
        },
        UngroupedDecision::Current(NoCandidate::AsBefore { .. }) if is_the_same(facts) => {
            with(policy, facts, overrides)
        }
        UngroupedDecision::Current(why) => Standing::Blocked(Answer::Closed, why.to_string()),
    }
}

/// The first closed gate, and when it opens.
fn closed(evaluation: &GateEvaluation, overrides: &Overrides) -> Option<(Answer, String)> {
    let is_passed = |report: &GateReport| report.is_left_to_request() || overrides.passing(report).is_some();
    let first = evaluation.closed().find(|report| !is_passed(report))?;
    let opens_at = evaluation.earliest().map_or(Answer::Closed, Answer::ClosedUntil);
    Some((opens_at, first.to_string()))
}

/// Whether the environment runs the version of the previous one.
fn is_the_same(facts: &Facts<'_>) -> bool {
    let before = facts.before.map(|before| before.running);
    match (facts.running, before) {
        ([here], Some(PreviousRunning::One { candidate, .. })) => is_equal(here, candidate),
        _ => false,
    }
}

fn has_passed(overrides: &Overrides, gate: GateName) -> bool {
    overrides.overrides.iter().any(|one| one.gate() == gate)
}

fn is_equal(one: &Candidate, other: &Candidate) -> bool {
    one.tag == other.tag
}

fn with(policy: &TargetPolicy<'_>, facts: &Facts<'_>, overrides: &Overrides) -> Standing {
    let unclear = |why: &str| Standing::Blocked(Answer::Closed, why.to_owned());
    let Some(before) = facts.before else { return unclear("no previous environment") };
    let PreviousRunning::One { candidate, rollout_commit: Some(rollout_commit) } = before.running else {
        return unclear("the environment before does not run one version in every path");
    };
    let observed = facts.observations.of(&candidate.tag);
    let digest_now = facts.digest_now.of(&candidate.tag);
    let clock = soak_clock(rollout_commit, observed, digest_now, policy.clock_tolerance);
    match while_healthy(clock, policy, &before, rollout_commit.commit) {
        // A group soaks continuously, so that its clocks never stand still.
        SoakClock::Running { since, .. } => {
            Standing::With { since, soak: policy.soak, before: before.environment.clone() }
        }
        SoakClock::Moved { now, .. } if overrides.accept_digest.as_ref() == Some(now) => {
            let since = rollout_commit.committed_at;
            Standing::With { since, soak: policy.soak, before: before.environment.clone() }
        }
        SoakClock::Moved { .. } => unclear("its tag no longer points to the image that soaked"),
        SoakClock::NotHealthy if has_passed(overrides, GateName::Soak) => Standing::With {
            since: rollout_commit.committed_at,
            soak: policy.soak,
            before: before.environment.clone(),
        },
        SoakClock::NotHealthy => unclear("it is not healthy in the environment before"),
        SoakClock::NotObserved => unclear("the digest of its tag has not been observed yet"),
    }
}

/// The group report when no member is blocked. None if no member has a previous environment.
fn together(
    group: &str,
    standings: &[Standing],
    known: Option<&(TargetPolicy<'_>, Facts<'_>)>,
    now: Timestamp,
) -> Option<GateReport> {
    let zone = known?.0.environment.zone;
    let all = standings.iter().filter_map(|standing| match standing {
        Standing::With { since, soak, before } => Some((*since, *soak, before)),
        Standing::Blocked(..) => None,
    });
    let since = all.clone().map(|(since, ..)| since).max()?;
    let soak = all.clone().map(|(_, soak, _)| soak).max()?;
    let environment = all.clone().map(|(.., before)| before).next()?.clone();
    let shown = |at| LocalTime { at, zone };
    let ends_at = later(since, soak);
    if ends_at.is_some_and(|ends_at| ends_at <= now) {
        return Some(report(
            GroupReason::Together { group: group.into(), since: shown(since) },
            Answer::Open,
        ));
    }
    let reason = GroupReason::Soaking {
        group: group.into(),
        environment,
        since: shown(since),
        needed: Elapsed(soak),
        ends_at: ends_at.map(shown),
    };
    Some(report(reason, ends_at.map_or(Answer::Closed, Answer::ClosedUntil)))
}

fn report(reason: GroupReason, answer: Answer) -> GateReport {
    GateReport { gate: GateName::Group, answer, reason: Reason::Group(reason) }
}
