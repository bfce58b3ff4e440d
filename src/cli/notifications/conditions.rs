//! The conditions that a pass found, as data: refusals, waits, missing approvals, problems. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::engine::{PassReport, Problem, ProblemCondition, RepositoryPolicy, Target, UnhealthyVersion};
use crate::model::{Class, EventKind, Printable, Timestamp};
use crate::notify::{Event, Phase};
use crate::policy::{
    Answer, ApprovalReason, Decision, GateEvaluation, GateName, Reason, ReviewReason, VerificationStatus,
};

use super::target;

/// How long a condition that often ends by itself must last before it is notified.
const PATIENCE: Duration = Duration::from_mins(5);

/// A condition that holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// Identifies it from pass to pass.
    pub(super) key: Key,
    /// What is notified: when this changes, it is notified again.
    pub(super) state: String,
    /// How long it must last before it is notified.
    pub(super) notify_after: Duration,
    /// Its start, if known. Otherwise the pass that first found it counts.
    pub(super) since: Option<Timestamp>,
    /// The event of its beginning.
    pub(super) event: Event,
}

/// The identity of a condition: its kind, the limit of a wait, and its subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) kind: EventKind,
    /// The minimum wait of a promotion, for `blocked`.
    pub(super) limit_s: Option<u64>,
    pub(super) subject: String,
}

impl Key {
    pub(super) fn new(kind: EventKind, subject: impl Into<String>) -> Self {
        Self { kind, limit_s: None, subject: subject.into() }
    }

    /// The key as it is stored.
    pub(super) fn to_text(&self) -> String {
        let limit = self.limit_s.map(|limit| format!(":{limit}")).unwrap_or_default();
        format!("{}{limit} {}", self.kind, self.subject)
    }

    /// Reads a stored key.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let (kind, subject) = text.split_once(' ')?;
        let (kind, limit) = kind.split_once(':').map_or((kind, None), |(kind, limit)| (kind, Some(limit)));
        let kind = EventKind::CHOICES.into_iter().find(|known| known.as_str() == kind)?;
        let limit_s = match limit {
            Some(limit) => Some(limit.parse().ok()?),
            None => None,
        };
        Some(Self { kind, limit_s, subject: subject.to_owned() })
    }
}

/// The conditions found, and the subjects that could not be checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// The kinds that were checked. Conditions of other kinds stay as they are.
    pub(super) kinds: BTreeSet<EventKind>,
    pub(super) conditions: Vec<Condition>,
    /// Subjects whose state is unknown in this pass. Their conditions continue.
    pub(super) unknown: BTreeSet<String>,
}

/// The findings of a pass. `limits` are the waits after which some channel wants a `blocked` notification.
pub(super) fn of_pass(
    policy: &RepositoryPolicy,
    report: &PassReport,
    limits: &BTreeSet<Duration>,
) -> Findings {
    let now = report.evaluation.now;
    let mut findings = Findings { kinds: EventKind::CHOICES.into(), ..Findings::default() };
    findings.kinds.remove(&EventKind::CredentialEnds);
    let moved: BTreeSet<String> = report
        .promoted
        .iter()
        .map(|one| format!("{} {} {}", one.environment, one.service, one.image))
        .collect();
    let pages: BTreeMap<String, &str> = report
        .requests
        .iter()
        .filter_map(|request| Some((request, request.url.as_deref()?)))
        .flat_map(|(request, url)| {
            request
                .moves
                .iter()
                .map(move |one| (format!("{} {} {}", request.environment, one.service, one.image), url))
        })
        .collect();
    let targets = report.evaluation.state.deployed.targets.iter().zip(&report.evaluation.decisions);
    for (target, verification) in report.evaluation.verifications() {
        if matches!(verification.status, VerificationStatus::Unknown(_)) {
            let target = &report.evaluation.state.deployed.targets[target];
            findings.unknown.insert(target::subject(policy, target));
        }
    }
    // Most targets are up to date: allocate nothing for those.
    for (target, decision) in targets {
        let subject = || target::subject(policy, target);
        match decision {
            None => {
                findings.unknown.insert(subject());
            }
            Some(Decision::Wait(evaluation)) => {
                let subject = subject();
                if moved.contains(&subject) {
                    continue;
                }
                let page = pages.get(&subject).copied();
                let waiting = Waiting { policy, target, evaluation, now, page, subject };
                findings.conditions.extend(waiting.conditions(limits));
            }
            Some(_) => {}
        }
    }
    findings.conditions.extend(report.problems.iter().filter_map(|problem| of_problem(problem, now)));
    findings
}

/// A target whose candidate waits.
struct Waiting<'a> {
    policy: &'a RepositoryPolicy,
    target: &'a Target,
    evaluation: &'a GateEvaluation,
    now: Timestamp,
    /// The pull request that proposes it.
    page: Option<&'a str>,
    subject: String,
}

impl Waiting<'_> {
    fn conditions(&self, limits: &BTreeSet<Duration>) -> Vec<Condition> {
        let refused = self.evaluation.closed().find(|gate| gate.answer == Answer::Refused);
        let mut conditions: Vec<Condition> = limits
            .iter()
            .map(|limit| {
                let reason = refused.or_else(|| self.evaluation.closed().next());
                let mut event = self.event(EventKind::Blocked);
                event.reason = reason.map(ToString::to_string);
                event.until = self.evaluation.earliest();
                let key =
                    Key { limit_s: Some(limit.as_secs()), ..Key::new(EventKind::Blocked, &*self.subject) };
                Condition { key, state: String::new(), notify_after: *limit, since: None, event }
            })
            .collect();
        if let Some(gate) = refused {
            let mut event = self.event(EventKind::Refused);
            event.reason = Some(gate.to_string());
            event.hint =
                Some(format!("tidegate explain {} shows what opens the gate", self.target.service()));
            let state = format!("{} {}", self.tag(), gate.gate);
            conditions.push(self.condition(EventKind::Refused, state, event));
        } else if let Some(reason) = self.missing_approval() {
            let mut event = self.event(EventKind::ApprovalWanted);
            event.url = self.page.map(str::to_owned);
            event.reason = Some(reason);
            event.hint = Some(match self.page {
                Some(_) => "review the pull request".to_owned(),
                None => format!(
                    "tidegate approve {} --env {} --reason TEXT",
                    self.target.service(),
                    self.evaluation.environment()
                ),
            });
            let state = format!("{} {}", self.tag(), self.page.unwrap_or_default());
            conditions.push(self.condition(EventKind::ApprovalWanted, state, event));
        }
        conditions
    }

    /// Why the approval gate is closed, if only that and the calendar block the candidate.
    fn missing_approval(&self) -> Option<String> {
        let is_of_calendar = |gate: GateName| matches!(gate, GateName::Window | GateName::Freeze);
        let mut closed = self.evaluation.closed().filter(|report| !is_of_calendar(report.gate));
        let approval = closed.next().filter(|report| report.gate == GateName::Approval)?;
        if closed.next().is_some() {
            return None;
        }
        match &approval.reason {
            // The registry or the forge could not be asked.
            Reason::Approval(
                ApprovalReason::NotAsked { .. }
                | ApprovalReason::AskedLater { .. }
                | ApprovalReason::Review(ReviewReason::NotAsked { .. }),
            ) => None,
            reason => Some(reason.to_string()),
        }
    }

    fn event(&self, kind: EventKind) -> Event {
        Event { to: Some(self.tag()), ..target::event(self.policy, self.target, kind, self.now) }
    }

    fn tag(&self) -> String {
        self.evaluation.candidate().tag.to_string()
    }

    fn condition(&self, kind: EventKind, state: String, event: Event) -> Condition {
        let key = Key::new(kind, &*self.subject);
        Condition { key, state, notify_after: Duration::ZERO, since: None, event }
    }
}

/// A problem as a condition; warnings are for the log.
fn of_problem(problem: &Problem, now: Timestamp) -> Option<Condition> {
    if let Some(ProblemCondition::Unhealthy(version)) = &problem.condition {
        let UnhealthyVersion { environment, image, tag, since, .. } = version.as_ref();
        let event = Event {
            environment: Some(environment.to_string()),
            service: problem.service.as_ref().map(ToString::to_string),
            image: Some(image.to_string()),
            to: Some(tag.to_string()),
            reason: Some(problem.message.clone()),
            hint: problem.hint.clone(),
            ..Event::new(EventKind::Unhealthy, Phase::Began, now)
        };
        return Some(Condition {
            key: Key::new(EventKind::Unhealthy, problem.key()),
            state: tag.to_string(),
            notify_after: Duration::ZERO,
            since: Some(*since),
            event,
        });
    }
    let (kind, subject) = match &problem.condition {
        Some(ProblemCondition::SilentRegistry { host }) => (EventKind::RegistrySilent, host.clone()),
        Some(ProblemCondition::UnmatchedName { name }) => (EventKind::NamesUnmatched, name.clone()),
        Some(ProblemCondition::SilentCluster { .. }) => {
            (EventKind::Problem, Printable::bounded(&problem.key(), 300).to_string())
        }
        Some(ProblemCondition::RefusingRegistry { .. }) | None if problem.is_error => {
            (EventKind::Problem, Printable::bounded(&problem.key(), 300).to_string())
        }
        _ => return None,
    };
    let is_passing = problem.class == Class::TryAgain;
    let event = Event {
        environment: problem.environment.as_ref().map(ToString::to_string),
        service: problem.service.as_ref().map(ToString::to_string),
        subject: Some(subject.clone()),
        reason: Some(problem.to_string()),
        hint: problem.hint.clone(),
        ..Event::new(kind, Phase::Began, now)
    };
    Some(Condition {
        key: Key::new(kind, subject),
        state: String::new(),
        notify_after: if is_passing { PATIENCE } else { Duration::ZERO },
        since: None,
        event,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let mut key = Key::new(EventKind::Blocked, "prod common/app ghcr.io/vtr/app");
        key.limit_s = Some(3_600);
        assert_eq!(key.to_text(), "blocked:3600 prod common/app ghcr.io/vtr/app");
        assert_eq!(Key::from_text(&key.to_text()), Some(key));
        let key = Key::new(EventKind::RegistrySilent, "ghcr.io");
        assert_eq!(Key::from_text(&key.to_text()), Some(key));
        for bad in ["", "registrySilent", "nothing x", "blocked:x y"] {
            assert_eq!(Key::from_text(bad), None, "{bad}");
        }
    }
}
