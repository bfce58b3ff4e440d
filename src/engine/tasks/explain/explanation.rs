//! An explanation: everything known about one image of one service in one environment, as data. A pure function of an
//! evaluation; rendering makes text of it.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use chrono_tz::Tz;

use crate::model::{
    Class, EnvironmentId, EnvironmentName, ImageName, InactiveReason, RepoPath, ServiceName, Tag, TargetId,
    Timestamp, Version,
};
use crate::policy::{
    self, Answer, Approved, Candidate, Control, Controls, Decision, GateEvaluation, GateReport, NoCandidate,
    Offer, Remedy, RolledBack, Soaked, Starvation, VersionReport,
};

use crate::engine::base::problem::Problem;
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::decide::facts::FactContext;
use crate::engine::decide::verification::Verification;
use crate::engine::history::moves::{Move, arrival};
use crate::engine::proposals::pull_requests::Unmerged;
use crate::engine::state::control_files::unsigned_problems;
use crate::engine::state::deployed::Target;
use crate::engine::state::flux_policies::PolicyPlace;
use crate::engine::state::repository_state::RepositoryState;

/// The state of one image of one service in one environment, with the reasons.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The service.
    pub service: ServiceName,
    /// The image; none if unreadable.
    pub image: Option<ImageName>,
    /// The environment.
    pub environment: EnvironmentName,
    /// The environment before it.
    pub after: Option<EnvironmentName>,
    /// The zone of its times.
    pub zone: Tz,
    /// The distinct running versions, ascending.
    pub running: Vec<Candidate>,
    /// Why it runs nothing, although the files hold a version.
    pub inactive: Option<InactiveReason>,
    /// The move that brought the running version.
    pub arrival: Option<Move>,
    /// Whether it became healthy in time, where the environment asks for that.
    pub verification: Option<Verification>,
    /// The requested version, if any.
    pub asked: Option<Tag>,
    /// Its status.
    pub outlook: TargetStatus,
    /// The Flux ImagePolicy that its rules are from, if they are not from the configuration.
    pub image_policy: Option<Arc<PolicyPlace>>,
    /// What the registry offers; none if it did not answer.
    pub offer: Option<Offer>,
    /// Whether promotions go by pull request.
    pub is_proposed: bool,
    /// The promotion that waits in a pull request.
    pub unmerged: Option<Unmerged>,
    /// Each version above the running one, ascending.
    pub versions: Vec<VersionReport>,
    /// Versions that people rolled back from, here or in an environment before.
    pub rolled_back: Vec<RolledBack>,
    /// The control files that cover it.
    pub controls: Vec<Control>,
    /// The problems of this target.
    pub problems: Vec<Problem>,
}

/// The status of a target.
#[derive(Clone, Debug)]
pub enum TargetStatus {
    /// The requested version runs.
    Runs,
    /// There is no candidate.
    Current(NoCandidate),
    /// The requested tag is no image to run, for this reason.
    NoImage(String),
    /// The rules read no version from the requested tag.
    NoVersion,
    /// Every gate is open.
    Open(Box<CandidateStatus>),
    /// Every gate is open except for the review of the pull request.
    InReview(Box<CandidateStatus>),
    /// Every gate is open, but the files cannot be written.
    Stuck(Box<CandidateStatus>),
    /// A gate is closed.
    Waits(Box<CandidateStatus>),
    /// The registry did not answer.
    Unknown,
    /// Something of the service is unreadable there, so nothing of it moves.
    Unreadable,
}

/// Every gate is evaluated for a version.
#[derive(Clone, Debug)]
pub struct CandidateStatus {
    /// The tag.
    pub tag: Tag,
    /// Its version.
    pub version: Version,
    /// How many releases the move includes.
    pub releases_count: usize,
    /// Every gate, in order.
    pub gates: Vec<ToldGate>,
    /// When time alone opens all of them at once, if it does.
    pub earliest: Option<Timestamp>,
    /// How long it has soaked.
    pub soaked: Option<Soaked>,
    /// Set if releases come faster than they can soak.
    pub starvation: Option<Starvation>,
    /// Whether time alone will never promote it.
    pub is_lost: bool,
}

/// A gate's answer, and what would open it.
#[derive(Clone, Debug)]
pub struct ToldGate {
    /// Its answer.
    pub report: GateReport,
    /// What opens it; empty if it is open.
    pub remedies: Vec<Remedy>,
}

/// The summary of an explanation; the worst is last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing is to be done.
    Nothing,
    /// Every gate is open.
    Open,
    /// A gate is closed, or something newer cannot be a candidate.
    Closed,
    /// A gate refuses, or the files cannot be read or written.
    Refused,
    /// Unknown in this pass.
    Unknown,
}

impl Verdict {
    /// The class that drives the exit code; none if all is well.
    pub fn class(self) -> Option<Class> {
        match self {
            Self::Nothing | Self::Open => None,
            Self::Closed => Some(Class::GateClosed),
            Self::Refused => Some(Class::Refused),
            Self::Unknown => Some(Class::TryAgain),
        }
    }
}

impl Explanation {
    /// Its summary.
    pub fn verdict(&self) -> Verdict {
        let errors = self.problems.iter().filter(|problem| problem.is_error);
        match &self.outlook {
            TargetStatus::Runs => Verdict::Nothing,
            TargetStatus::Current(why) if why.is_up_to_date() => Verdict::Nothing,
            TargetStatus::Open(_) => Verdict::Open,
            TargetStatus::Waits(candidate_status) if candidate_status.is_refused() => Verdict::Refused,
            TargetStatus::Waits(candidate_status) if candidate_status.could_not_be_asked() => {
                Verdict::Unknown
            }
            TargetStatus::Current(_)
            | TargetStatus::NoVersion
            | TargetStatus::InReview(_)
            | TargetStatus::Waits(_) => Verdict::Closed,
            TargetStatus::Stuck(_) | TargetStatus::Unreadable => {
                match Class::worst(errors.map(|problem| problem.class)) {
                    Some(Class::TryAgain) => Verdict::Unknown,
                    _ => Verdict::Refused,
                }
            }
            TargetStatus::NoImage(_) => Verdict::Refused,
            TargetStatus::Unknown => Verdict::Unknown,
        }
    }

    /// The candidate's gates, if there is a candidate.
    pub fn candidate_status(&self) -> Option<&CandidateStatus> {
        match &self.outlook {
            TargetStatus::Open(candidate_status)
            | TargetStatus::InReview(candidate_status)
            | TargetStatus::Stuck(candidate_status)
            | TargetStatus::Waits(candidate_status) => Some(candidate_status),
            _ => None,
        }
    }

    /// When every gate is open at once, if known.
    pub fn opens_at(&self) -> Option<Timestamp> {
        self.candidate_status().and_then(|candidate_status| candidate_status.earliest)
    }
}

impl CandidateStatus {
    fn is_refused(&self) -> bool {
        self.gates.iter().any(|gate| gate.report.answer == Answer::Refused)
    }

    /// Whether only missing answers close its gates.
    fn could_not_be_asked(&self) -> bool {
        let mut closed = self.closed().peekable();
        closed.peek().is_some()
            && closed.all(|gate| {
                matches!(
                    &gate.report.reason,
                    policy::Reason::Digest(policy::DigestReason::NotAsked { .. })
                        | policy::Reason::Approval(policy::ApprovalReason::NotAsked { .. })
                )
            })
    }

    /// The gates that are not open.
    pub fn closed(&self) -> impl Iterator<Item = &ToldGate> {
        self.gates.iter().filter(|gate| !gate.report.is_open())
    }
}

/// A requested tag and its decision.
pub(super) struct Asked {
    pub(super) tag: Tag,
    /// None if the rules read no version from it, or the registry did not answer.
    pub(super) decision: Option<Decision>,
}

pub(super) struct Explaining<'a> {
    pub(super) facts: FactContext<'a>,
    pub(super) evaluation: &'a Evaluation,
    pub(super) problems: &'a [Problem],
    /// A version whose gates are open but whose edit fails.
    pub(super) refused: &'a [Problem],
}

impl Explaining<'_> {
    pub(super) fn target(&self, at: TargetId, asked: Option<&Asked>) -> Explanation {
        let FactContext { repository_policy, state, .. } = self.facts;
        let target = &state.deployed.targets[at];
        let environment = &repository_policy.environments[target.environment].policy;
        let tags = self.evaluation.lists[at].as_deref().map(|list| list.tags.as_slice());
        let selection = self.evaluation.selections[at].as_deref();
        let problems = self.problems(&environment.name, target.service());
        Explanation {
            service: target.service().clone(),
            image: Some(target.image().clone()),
            environment: environment.name.clone(),
            after: environment.after.clone(),
            zone: environment.zone,
            running: target.running.clone(),
            inactive: target.inactive.clone(),
            arrival: arrival(state, repository_policy, at),
            verification: self.evaluation.verification_of(at).cloned(),
            asked: asked.map(|asked| asked.tag.clone()),
            outlook: self.outlook(at, asked),
            image_policy: target.image_policy.clone(),
            offer: tags.zip(selection).map(|(tags, selection)| {
                let running = target.running.iter().map(|running| &running.version);
                policy::offer(&target.rules, selection, tags, running)
            }),
            is_proposed: repository_policy.requests.contains_key(&target.environment),
            unmerged: self.evaluation.pull_requests.moving(
                &environment.name,
                target.service(),
                target.image(),
            ),
            versions: self.versions(at, tags.unwrap_or_default()),
            rolled_back: state.rolled_back(at).to_vec(),
            controls: state.covering(repository_policy, at).standing(environment.zone, self.evaluation.now),
            problems,
        }
    }

    /// For an environment where something of a service is unreadable.
    pub(super) fn unclear(&self, at: EnvironmentId, service: &ServiceName) -> Explanation {
        let environment = &self.facts.repository_policy.environments[at].policy;
        let controls = self.facts.state.controls.covering(service, &environment.name);
        Explanation {
            service: service.clone(),
            image: None,
            environment: environment.name.clone(),
            after: environment.after.clone(),
            zone: environment.zone,
            running: Vec::new(),
            inactive: None,
            arrival: None,
            verification: None,
            asked: None,
            outlook: TargetStatus::Unreadable,
            image_policy: None,
            offer: None,
            is_proposed: self.facts.repository_policy.requests.contains_key(&at),
            unmerged: None,
            versions: Vec::new(),
            rolled_back: Vec::new(),
            controls: controls.standing(environment.zone, self.evaluation.now),
            problems: self.problems(&environment.name, service),
        }
    }

    fn outlook(&self, at: TargetId, asked: Option<&Asked>) -> TargetStatus {
        let target = &self.facts.state.deployed.targets[at];
        let Some(asked) = asked else {
            return match &self.evaluation.decisions[at] {
                None => TargetStatus::Unknown,
                Some(decision) => self.decided(at, decision),
            };
        };
        if runs(target, &asked.tag) {
            return TargetStatus::Runs;
        }
        let selection = self.evaluation.selections[at].as_deref();
        if let Some(reason) = selection.and_then(|selection| selection.rejection(&asked.tag)) {
            return TargetStatus::NoImage(reason.to_string());
        }
        match &asked.decision {
            Some(decision) => self.decided(at, decision),
            None if target.rules.version_of(&asked.tag).is_none() => TargetStatus::NoVersion,
            None => TargetStatus::Unknown,
        }
    }

    fn decided(&self, at: TargetId, decision: &Decision) -> TargetStatus {
        let tags = self.evaluation.lists[at].as_deref().map(|list| list.tags.as_slice()).unwrap_or_default();
        match decision {
            Decision::Current { why } => TargetStatus::Current(why.clone()),
            Decision::Wait(evaluation) => TargetStatus::Waits(Box::new(waiting(evaluation, tags))),
            Decision::Promote(approved) => {
                let candidate_status = Box::new(open(approved, tags, self.evaluation.now));
                match (self.can_be_written(at), approved.awaits_review()) {
                    (false, _) => TargetStatus::Stuck(candidate_status),
                    (true, true) => TargetStatus::InReview(candidate_status),
                    (true, false) => TargetStatus::Open(candidate_status),
                }
            }
        }
    }

    fn can_be_written(&self, at: TargetId) -> bool {
        let target = &self.facts.state.deployed.targets[at];
        let environment = &self.facts.repository_policy.environments[target.environment].policy.name;
        let is_of_target = |problem: &Problem| {
            problem.service.as_ref() == Some(target.service())
                && problem.environment.as_ref() == Some(environment)
        };
        !self.refused.iter().any(is_of_target)
    }

    /// Each version above the running one.
    fn versions(&self, at: TargetId, tags: &[Tag]) -> Vec<VersionReport> {
        let FactContext { repository_policy, state, .. } = self.facts;
        let Some(mut facts) = self.facts.facts(at, None) else { return Vec::new() };
        let target = &state.deployed.targets[at];
        let there = repository_policy.environments[target.environment]
            .before
            .and_then(|before| state.deployed.place(before, &target.subject));
        // The facts include past runs only where a decision depends on them; explain always shows them.
        if let (Some(before), Some(there)) = (&mut facts.before, there) {
            before.past = state.past(there);
        }
        let candidate = match &self.evaluation.decisions[at] {
            Some(Decision::Wait(evaluation)) => Some(evaluation.candidate()),
            Some(Decision::Promote(approved)) => Some(approved.candidate()),
            Some(Decision::Current { .. }) | None => None,
        };
        policy::version_reports(&self.facts.policy(at), &facts, tags, candidate, self.evaluation.now)
    }

    /// The problems of a service in an environment, and of its registries.
    fn problems(&self, environment: &EnvironmentName, service: &ServiceName) -> Vec<Problem> {
        let is_meant = |problem: &&Problem| match (&problem.service, &problem.environment) {
            (Some(of), Some(place)) => of == service && place == environment,
            (Some(of), None) => of == service,
            // A problem without service, environment and file is about a registry.
            (None, None) => problem.place.is_none(),
            (None, Some(_)) => false,
        };
        let seen = self.problems.iter().chain(self.refused).filter(is_meant).cloned();
        let mut listed = BTreeSet::new();
        seen.chain(unsigned_controls(self.facts.state, service, environment))
            .filter(|problem| listed.insert(problem.to_string()))
            .collect()
    }
}

/// Problems of the ignored unsigned control files that would cover a target.
fn unsigned_controls(
    state: &RepositoryState,
    service: &ServiceName,
    environment: &EnvironmentName,
) -> Vec<Problem> {
    let covers = |file: &&RepoPath| {
        let control = state.snapshot.controls.get(*file);
        let alone: Option<Controls> = control.map(|control| [control.clone()].into_iter().collect());
        alone.is_some_and(|alone| !alone.covering(service, environment).is_empty())
    };
    let files: HashSet<_> = state.unsigned_controls.keys().filter(covers).collect();
    unsigned_problems(&state.unsigned_controls)
        .filter(|problem| problem.place.as_ref().is_some_and(|place| files.contains(&place.path)))
        .collect()
}

/// Whether a target runs a tag and nothing else.
fn runs(target: &Target, tag: &Tag) -> bool {
    target.running.iter().all(|running| running.tag == *tag)
}

fn waiting(evaluation: &GateEvaluation, tags: &[Tag]) -> CandidateStatus {
    let gates = evaluation.reports().iter();
    CandidateStatus {
        tag: evaluation.candidate().tag.clone(),
        version: evaluation.candidate().version.clone(),
        releases_count: evaluation.releases_count(),
        gates: gates
            .map(|report| ToldGate { report: report.clone(), remedies: policy::remedies(report, tags) })
            .collect(),
        earliest: evaluation.earliest(),
        soaked: evaluation.soaked().cloned(),
        starvation: evaluation.starvation().cloned(),
        is_lost: evaluation.closed().any(|report| policy::is_permanent(report, tags)),
    }
}

fn open(approved: &Approved, tags: &[Tag], now: Timestamp) -> CandidateStatus {
    let gates = approved.gates().iter();
    CandidateStatus {
        tag: approved.candidate().tag.clone(),
        version: approved.candidate().version.clone(),
        releases_count: approved.releases_count(),
        gates: gates
            .map(|report| ToldGate { report: report.clone(), remedies: policy::remedies(report, tags) })
            .collect(),
        earliest: (!approved.awaits_review()).then_some(now),
        soaked: approved.soaked().cloned(),
        starvation: None,
        is_lost: false,
    }
}
