//! Evaluation: asks every gate about one candidate, and finds when all of them can be open at once.

use std::time::Duration;

use crate::model::{Digest, EnvironmentName, Timestamp};

use super::calendar::first_open;
use super::facts::{Facts, PreviousRunning, SoakMode, TargetPolicy};
use super::gate_name::GateName;
use super::gates::{AgeReason, Answer, GateReport, Question, Reason, ask};
use super::local_time::elapsed;
use super::select::Candidate;

/// The reports of all gates about a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateEvaluation {
    pub(super) environment: EnvironmentName,
    pub(super) candidate: Candidate,
    pub(super) from: Option<Candidate>,
    pub(super) releases_count: usize,
    /// The tag's digest, if the digest gate is open.
    pub(super) digest: Option<Digest>,
    /// The tag's digest, whatever the digest gate says.
    pub(super) digest_now: Option<Digest>,
    pub(super) soaked: Option<Soaked>,
    pub(super) reports: Vec<GateReport>,
    starvation: Option<Starvation>,
    earliest: Option<Timestamp>,
    now: Timestamp,
}

/// How long a candidate has soaked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soaked {
    /// The environment.
    pub environment: EnvironmentName,
    /// The duration.
    pub lasted: Duration,
    /// Its start.
    pub since: Timestamp,
}

/// Number of versions replaced in a row before their soak ended that counts as starvation.
const FEWEST: usize = 2;

/// Releases so frequent that none ends its soak: several versions in a row were replaced in the previous environment,
/// over a time longer than a soak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starvation {
    /// The previous environment.
    pub environment: EnvironmentName,
    /// Number of versions.
    pub superseded_count: usize,
    /// When the first of them arrived there.
    pub since: Timestamp,
    /// The required soak.
    pub needed: Duration,
}

/// Asks every gate about `candidate`.
pub fn evaluate(
    policy: &TargetPolicy<'_>,
    facts: &Facts<'_>,
    candidate: &Candidate,
    now: Timestamp,
) -> GateEvaluation {
    let answers = ask(Question { policy, facts, candidate, now });
    let soaked = answers.soak_time.map(|time| Soaked {
        environment: time.environment,
        lasted: time.lasted,
        since: time.since.at,
    });
    let from = facts.running.first();
    GateEvaluation {
        environment: policy.environment.name.clone(),
        candidate: candidate.clone(),
        from: from.cloned(),
        releases_count: from.map_or(0, |from| releases_between(facts, from, candidate)),
        digest: answers.digest.cloned(),
        digest_now: facts.digest_now.of(&candidate.tag).cloned(),
        soaked,
        starvation: starvation(policy, facts, candidate),
        earliest: earliest(policy, facts, &answers.reports, now),
        reports: answers.reports,
        now,
    }
}

/// Number of versions above `from`, up to `to`.
fn releases_between(facts: &Facts<'_>, from: &Candidate, to: &Candidate) -> usize {
    let above = facts.selection.above(&from.version).take_while(|candidate| candidate.version <= to.version);
    let mut last = None;
    above.filter(|candidate| last.replace(&candidate.version) != Some(&candidate.version)).count()
}

/// When every gate is open, if time alone opens them: the soak is over, no freeze is in effect, and a window is open.
fn earliest(
    policy: &TargetPolicy<'_>,
    facts: &Facts<'_>,
    reports: &[GateReport],
    now: Timestamp,
) -> Option<Timestamp> {
    let mut earliest = now;
    let mut is_calendar_closed = false;
    for report in reports {
        match (report.gate, report.answer) {
            (_, Answer::Open) => {}
            // It is proposed at that time, and reviewed then.
            _ if report.is_left_to_request() => {}
            // Freezes and windows open and close again, so their next opening may not be the one that counts.
            (GateName::Freeze | GateName::Window, Answer::ClosedUntil(_)) => is_calendar_closed = true,
            (_, Answer::ClosedUntil(opens_at)) => earliest = earliest.max(opens_at),
            (_, Answer::Closed | Answer::Refused) => return None,
        }
    }
    if earliest == now && !is_calendar_closed {
        return Some(now);
    }
    let environment = policy.environment;
    let freezes = environment.freezes.iter().chain(facts.controls.freezes());
    first_open(&environment.windows, &freezes, &environment.name, environment.zone, earliest)
}

/// Whether the soaking candidate belongs to a row of versions of which none ends its soak.
fn starvation(policy: &TargetPolicy<'_>, facts: &Facts<'_>, candidate: &Candidate) -> Option<Starvation> {
    let before = facts.before.filter(|_| policy.soak_mode == SoakMode::Continuous)?;
    let PreviousRunning::One { candidate: soaking, rollout_commit: Some(rollout_commit) } = before.running
    else {
        return None;
    };
    if soaking != candidate {
        return None;
    }
    let lowest = facts.running.first()?;
    let superseded = before.past.iter().take_while(|run| {
        run.candidate.version > lowest.version
            && elapsed(run.rollout_commit.committed_at, run.left_at) < policy.soak
    });
    let (superseded_count, first) = superseded.fold((0, None), |(count, _), run| (count + 1, Some(run)));
    let since = first?.rollout_commit.committed_at;
    let is_long = elapsed(since, rollout_commit.committed_at) >= policy.soak;
    (superseded_count >= FEWEST && is_long).then(|| Starvation {
        environment: before.environment.clone(),
        superseded_count,
        since,
        needed: policy.soak,
    })
}

impl GateEvaluation {
    /// The environment to promote to.
    pub fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// The candidate.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// The lowest running version; `None` if unknown.
    pub fn from(&self) -> Option<&Candidate> {
        self.from.as_ref()
    }

    /// Number of releases above the running version, up to the candidate.
    pub fn releases_count(&self) -> usize {
        self.releases_count
    }

    /// The digest of the candidate's tag, if the digest gate is open.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The digest of the candidate's tag, whatever the digest gate says; `None` if unknown.
    pub fn digest_now(&self) -> Option<&Digest> {
        self.digest_now.as_ref()
    }

    /// Starvation, if releases come faster than they can soak.
    pub fn starvation(&self) -> Option<&Starvation> {
        self.starvation.as_ref()
    }

    /// Adds the report of one more gate.
    pub(super) fn add_report(&mut self, policy: &TargetPolicy<'_>, facts: &Facts<'_>, report: GateReport) {
        self.reports.push(report);
        self.earliest = earliest(policy, facts, &self.reports, self.now);
    }

    /// How long the candidate has soaked, if its soak clock runs.
    pub fn soaked(&self) -> Option<&Soaked> {
        self.soaked.as_ref()
    }

    /// The report of each gate, in order.
    pub fn reports(&self) -> &[GateReport] {
        &self.reports
    }

    /// The gates that are not open.
    pub fn closed(&self) -> impl Iterator<Item = &GateReport> {
        self.reports.iter().filter(|report| !report.is_open())
    }

    /// Whether every gate is open, except one that awaits a review of the pull request.
    pub fn may_go(&self) -> bool {
        self.closed().all(GateReport::is_left_to_request)
    }

    /// Whether the digest is worth a request: the version soaks, its age is unknown, or everything else is open.
    pub fn wants_digest(&self) -> bool {
        let closed = || self.closed().filter(|report| !report.is_left_to_request());
        let others = || closed().map(|report| report.gate).filter(|gate| *gate != GateName::Digest);
        let is_closed = |wanted: GateName| others().any(|gate| gate == wanted);
        others().next().is_none()
            || (is_closed(GateName::Soak) && !is_closed(GateName::Order))
            || (self.has_unknown_age() && !is_closed(GateName::Order))
    }

    /// Whether the age counts from the first request of the digest.
    fn has_unknown_age(&self) -> bool {
        self.reports.iter().any(|report| matches!(report.reason, Reason::Age(AgeReason::NotSeen { .. })))
    }

    /// When every gate can be open at once, if nothing else changes; `None` if time alone does not open them.
    pub fn earliest(&self) -> Option<Timestamp> {
        self.earliest
    }
}
