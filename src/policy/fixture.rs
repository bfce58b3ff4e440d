//! A target that a test changes one thing of: `prod` runs v1.0.0, `non-prod` has run v1.0.2 since Monday
//! 2026-03-02 09:00 UTC, and 24 hours are asked for.

use std::time::Duration;

use chrono_tz::Tz;

use super::{
    ApprovalPolicy, Candidate, Control, Controls, Decision, DigestNow, EnvironmentPolicy, Facts,
    GateEvaluation, GateName, GateReport, NoCandidate, Note, Observations, Observed, PastRun,
    PreviousEnvironment, PreviousHealth, PreviousRunning, RefusedPullRequest, ReviewState,
    ReviewedPullRequest, RolledBack, RolloutCommit, SelectionRules, SoakMode, TargetPolicy, TrainHold,
    UnsignedCommits, decide, evaluate, find_candidate,
};
use crate::model::{
    CommitId, Digest, EnvironmentName, Health, HealthObservation, InactiveReason, Tag, Timestamp,
};

/// Everything that a policy and facts borrow.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) environment: EnvironmentPolicy,
    pub(super) versions: &'static str,
    pub(super) soak: Duration,
    pub(super) minimum_age: Duration,
    pub(super) running: Vec<Candidate>,
    pub(super) tags: Vec<Tag>,
    pub(super) rolled_back: Vec<RolledBack>,
    pub(super) refused: Option<RefusedPullRequest>,
    pub(super) before: Option<Vec<Candidate>>,
    pub(super) rollout_commit: RolloutCommit,
    pub(super) past: Vec<PastRun>,
    pub(super) unsigned: UnsignedCommits,
    pub(super) inactive: Option<InactiveReason>,
    /// What the clusters of the previous environment say, and what was observed of them.
    pub(super) health: Option<(Health, Vec<HealthObservation>)>,
    /// What was seen of the digest of what runs, or ran, in the previous environment.
    pub(super) observed: Vec<Observed>,
    pub(super) digest_now: Option<Digest>,
    pub(super) soak_mode: SoakMode,
    pub(super) controls: Vec<Control>,
    pub(super) train_hold: Option<TrainHold>,
    pub(super) reviewed: Option<ReviewedPullRequest>,
}

/// That Ana said something on Sunday, for a reason, until then if that is known.
pub(super) fn note(reason: &str, expires: Option<&str>) -> Note {
    Note {
        file: ".tidegate/x.yaml".parse().unwrap(),
        by: "Ana".into(),
        at: at("2026-03-01T10:00:00Z"),
        reason: reason.into(),
        expires: expires.map(at),
    }
}

/// A version that a promotion brought to the previous environment, and another replaced.
pub(super) fn past_run(tag: &str, from: &str, to: &str) -> PastRun {
    let rollout_commit = RolloutCommit { committed_at: at(from), ..Target::prod().rollout_commit };
    PastRun { candidate: candidate(tag), rollout_commit, left_at: at(to) }
}

pub(super) const HOUR: Duration = Duration::from_hours(1);

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn environment(name: &str) -> EnvironmentName {
    name.parse().unwrap()
}

pub(super) fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

pub(super) fn candidate(tag: &str) -> Candidate {
    Candidate { tag: tag.parse().unwrap(), version: tag.parse().unwrap() }
}

pub(super) fn candidates(tags: &str) -> Vec<Candidate> {
    tags.split_whitespace().map(candidate).collect()
}

pub(super) fn tags(tags: &str) -> Vec<Tag> {
    tags.split_whitespace().map(|tag| tag.parse().unwrap()).collect()
}

/// That Ana left `tag` in `prod` on a day of February.
pub(super) fn rolled_back(tag: &str, day: u8) -> RolledBack {
    RolledBack {
        environment: environment("prod"),
        version: tag.parse().unwrap(),
        commit: CommitId::from_bytes([day; 20]),
        author: "Ana".into(),
        at: at(&format!("2026-02-{day:02}T10:00:00Z")),
    }
}

impl Target {
    pub(super) fn prod() -> Self {
        Self {
            environment: EnvironmentPolicy {
                name: environment("prod"),
                after: Some(environment("non-prod")),
                freezes: Vec::new(),
                windows: Vec::new(),
                zone: Tz::UTC,
                approval: ApprovalPolicy::NotRequired,
            },
            versions: ">=1.0.0",
            soak: 24 * HOUR,
            minimum_age: Duration::ZERO,
            running: candidates("v1.0.0"),
            tags: tags("v1.0.0 v1.0.1 v1.0.2 v1.0.3"),
            rolled_back: Vec::new(),
            refused: None,
            before: Some(candidates("v1.0.2")),
            rollout_commit: RolloutCommit {
                commit: CommitId::from_bytes([1; 20]),
                committed_at: at("2026-03-02T09:00:00Z"),
                parent_committed_at: None,
                fetched: None,
                digest: Some(digest('a')),
                by_tidegate: true,
                author: "tidegate".into(),
            },
            past: Vec::new(),
            unsigned: UnsignedCommits::new(),
            inactive: None,
            health: None,
            observed: Vec::new(),
            digest_now: Some(digest('a')),
            soak_mode: SoakMode::Continuous,
            controls: Vec::new(),
            train_hold: None,
            reviewed: None,
        }
    }

    /// The first environment of the chain, which runs v1.0.2.
    pub(super) fn non_prod() -> Self {
        let mut target = Self::prod();
        target.environment.name = environment("non-prod");
        target.environment.after = None;
        target.running = candidates("v1.0.2");
        target.before = None;
        target
    }

    /// Asks about the target; the digest of now is that of `tag`.
    pub(super) fn with<Answer>(
        &self,
        tag: &str,
        ask: impl FnOnce(&TargetPolicy<'_>, &Facts<'_>) -> Answer,
    ) -> Answer {
        let rules = SelectionRules::new(self.versions.parse().unwrap(), None);
        let selection = rules.select(&self.tags);
        let policy = TargetPolicy {
            environment: &self.environment,
            rules: &rules,
            soak: self.soak,
            soak_mode: self.soak_mode,
            clock_tolerance: Duration::from_mins(10),
            minimum_age: self.minimum_age,
        };
        let before_name = environment("non-prod");
        let running = self.before.as_deref().map(|running| match running {
            [] => PreviousRunning::Missing,
            [candidate] => PreviousRunning::One { candidate, rollout_commit: Some(&self.rollout_commit) },
            several => PreviousRunning::Several(several),
        });
        let mut observations = Observations::default();
        let ran = self.past.iter().map(|run| &run.candidate.tag);
        for tag in self.before.iter().flatten().map(|candidate| &candidate.tag).chain(ran) {
            observations.recall(tag.clone(), self.observed.clone());
        }
        let controls: Controls = self.controls.iter().cloned().collect();
        let tag: Option<Tag> = tag.parse().ok();
        let digest_now = tag.as_ref().zip(self.digest_now.as_ref());
        let facts = Facts {
            running: &self.running,
            selection: &selection,
            rolled_back: &self.rolled_back,
            refused: self.refused.as_ref(),
            before: running.map(|running| PreviousEnvironment {
                environment: &before_name,
                running,
                past: &self.past,
                unsigned: &self.unsigned,
                inactive: self.inactive.as_ref(),
                health: self.health.as_ref().map(|(now, observed)| PreviousHealth { now, observed }),
            }),
            observations: &observations,
            digest_now: digest_now.map_or(DigestNow::Unknown, |(tag, digest)| DigestNow::Is { tag, digest }),
            controls: &controls,
            train_hold: self.train_hold.as_ref(),
            reviewing: self.reviewed.as_ref().map_or(ReviewState::NotProposed, ReviewState::Proposed),
        };
        ask(&policy, &facts)
    }

    pub(super) fn nominate(&self) -> Result<Candidate, NoCandidate> {
        self.nominate_at("2026-03-03T12:00:00Z")
    }

    pub(super) fn nominate_at(&self, now: &str) -> Result<Candidate, NoCandidate> {
        self.with("", |policy, facts| find_candidate(policy, facts, at(now)).cloned())
    }

    pub(super) fn evaluate(&self, tag: &str, now: &str) -> GateEvaluation {
        self.with(tag, |policy, facts| evaluate(policy, facts, &candidate(tag), at(now)))
    }

    pub(super) fn decide(&self, now: &str) -> Decision {
        let nominated = self.nominate_at(now).map(|candidate| candidate.tag.to_string());
        self.with(&nominated.unwrap_or_default(), |policy, facts| decide(policy, facts, at(now)))
    }

    /// What one gate answers about `tag`.
    pub(super) fn gate(&self, gate: GateName, tag: &str, now: &str) -> GateReport {
        let evaluation = self.evaluate(tag, now);
        evaluation.reports().iter().find(|report| report.gate == gate).unwrap().clone()
    }
}
