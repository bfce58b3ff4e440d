//! Sets: services that ship together go in the exact combination that soaked together, or not at all.
//!
//! Owns what the members make of one another's answers. Each member was considered as if it were alone; here they hear
//! of each other, and each that would go alone is told to wait.

use crate::model::{Elapsed, EnvironmentName, ServiceName, Timestamp};

use super::approve::Overrides;
use super::clock::{SoakClock, soak_clock};
use super::decide::{UngroupedDecision, decide_ungrouped};
use super::evaluate::GateEvaluation;
use super::facts::{Facts, PreviousRunning, TargetPolicy};
use super::gate_name::GateName;
use super::gates::{Answer, GateReport, GroupReason, Reason};
use super::local_time::{LocalTime, later};
use super::nominate::NoCandidate;
use super::select::Candidate;

/// One image of one service of a set, in one environment.
#[derive(Debug)]
pub struct Member<'a> {
    /// The service.
    pub service: &'a ServiceName,
    /// Its policy and its facts; nothing when its registry cannot be reached.
    pub known: Option<(TargetPolicy<'a>, Facts<'a>)>,
    /// What would happen if it were alone; nothing when its registry cannot be reached.
    pub alone: Option<UngroupedDecision>,
}

/// Lets the members of a set hear of one another, in one environment that comes after another.
///
/// When every member that is behind could go, and the combination that the environment before runs has run there for the
/// longest soak of them all, they all may. Else none may.
///
/// `unclear` is what can't be read and may be a member. A gate that a person passes by an override is as good as open, for the others too.
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
        return members.iter_mut().for_each(|member| member.hear(report(reason(), Answer::Closed)));
    }
    let standings: Vec<Standing> = members.iter().map(|member| standing(member, overrides)).collect();
    let soak_is_passed = overrides.overrides.iter().any(|one| one.gate() == GateName::Soak);
    for at in 0..members.len() {
        let others = standings.iter().zip(members.iter()).enumerate().filter(|(other, _)| *other != at);
        let blocked = others.map(|(_, pair)| pair).find_map(|(standing, member)| match standing {
            Standing::Blocked(answer, why) => Some((*answer, member.service.clone(), why.clone())),
            Standing::With { .. } => None,
        });
        let told = match blocked {
            Some((answer, service, why)) => {
                report(GroupReason::Member { group: group.into(), service, why }, answer)
            }
            None => match together(group, &standings, members[at].known.as_ref(), now) {
                Some(report) if soak_is_passed => GateReport { answer: Answer::Open, ..report },
                Some(report) => report,
                None => continue,
            },
        };
        members[at].hear(told);
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

    /// Adds what the set says to what the gates say of the candidate, if there is one.
    fn hear(&mut self, told: GateReport) {
        if let (Some((policy, facts)), Some(UngroupedDecision::Candidate(evaluation))) =
            (&self.known, &mut self.alone)
        {
            evaluation.hear(policy, facts, told);
        }
    }
}

/// Where a member stands.
enum Standing {
    /// It can go or is there already, as the image that has run since then in the environment before.
    With { since: Timestamp, soak: std::time::Duration, before: EnvironmentName },
    /// It can't.
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

/// The first gate that is closed, and when it opens.
fn closed(evaluation: &GateEvaluation, overrides: &Overrides) -> Option<(Answer, String)> {
    let is_passed = |report: &GateReport| report.is_left_to_request() || overrides.passing(report).is_some();
    let first = evaluation.closed().find(|report| !is_passed(report))?;
    let opens_at = evaluation.earliest().map_or(Answer::Closed, Answer::ClosedUntil);
    Some((opens_at, first.to_string()))
}

/// Whether the environment runs what the one before runs.
fn is_the_same(facts: &Facts<'_>) -> bool {
    let before = facts.before.map(|before| before.running);
    match (facts.running, before) {
        ([here], Some(PreviousRunning::One { candidate, .. })) => is_equal(here, candidate),
        _ => false,
    }
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
    match soak_clock(rollout_commit, observed, digest_now, policy.clock_tolerance) {
        SoakClock::Running { since, .. } => {
            Standing::With { since, soak: policy.soak, before: before.environment.clone() }
        }
        SoakClock::Moved { now, .. } if overrides.accept_digest.as_ref() == Some(now) => {
            let since = rollout_commit.committed_at;
            Standing::With { since, soak: policy.soak, before: before.environment.clone() }
        }
        SoakClock::Moved { .. } => unclear("its tag no longer points to the image that soaked"),
        SoakClock::NotObserved => unclear("the digest of its tag has not been observed yet"),
    }
}

/// What the group gate says when no member is blocked; nothing when the members don't share an environment before.
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
