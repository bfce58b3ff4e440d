//! The recorded health of a target's rollouts, put onto those of a replay: a version that a replay rolls out at another time is
//! healthy as long after that as it was when it was recorded.

use chrono::TimeDelta;

use crate::model::{
    CommitId, Health, HealthObservation, ServiceName, Tag, TargetId, Timestamp, Unhealthy, UnhealthyCause,
};
use crate::policy::{PastRun, PreviousHealth, PreviousRunning, RolloutCommit};

use super::layout::Layout;
use super::line::Line;
use super::timeline::Timeline;

/// What was recorded of a target.
#[derive(Debug)]
pub(super) struct RecordedHealth {
    service: ServiceName,
    rollouts: Vec<RecordedRollout>,
    /// The first observation; before that, nobody looked.
    watched_since: Timestamp,
}

/// What was recorded of one rollout.
#[derive(Debug)]
struct RecordedRollout {
    tag: Tag,
    commit: CommitId,
    at: Timestamp,
    /// Oldest first; empty if it was never healthy.
    changes: Vec<HealthObservation>,
}

/// The health of what a target runs in a replay, at one moment.
#[derive(Debug)]
pub(super) struct ReplayedHealth {
    now: Health,
    observed: Vec<HealthObservation>,
    /// When it changes next, if nothing else is rolled out.
    pub(super) changes_at: Option<Timestamp>,
}

impl RecordedHealth {
    /// What was recorded of a target; `None` if nobody looked.
    pub(super) fn of(timeline: &Timeline, layout: &Layout<'_>, target: TargetId) -> Option<Self> {
        let place = &layout.targets[target];
        let environment = &layout.policy.environments[place.environment].policy.name;
        let (service, image) = &place.subject;
        let recorded = timeline.health.iter().find(|(subject, _)| {
            subject.environment == *environment && subject.service == *service && subject.image == *image
        });
        let changes = recorded.map(|(_, changes)| changes)?;
        let watched_since = changes.first()?.at;
        let commits = layout.commits.iter().flat_map(|commit| {
            let here = commit.tag_changes.iter().filter(|(at, _)| *at == target);
            here.map(move |(_, tag_change)| (commit.at, *tag_change))
        });
        let rollouts = commits.filter_map(|(at, tag_change)| {
            let commit = tag_change.commit.id;
            let changes = changes.iter().filter(|change| change.commit == commit).cloned().collect();
            Some(RecordedRollout { tag: tag_change.after.first()?.tag.clone(), commit, at, changes })
        });
        Some(Self { service: service.clone(), rollouts: rollouts.collect(), watched_since })
    }

    /// The health of what a line runs now.
    pub(super) fn at(&self, line: &Line<'_>, now: Timestamp) -> Option<ReplayedHealth> {
        let PreviousRunning::One { candidate, rollout_commit: Some(rollout) } = line.as_before() else {
            return None;
        };
        let past = line.past().iter().rev();
        let past = past.map(|PastRun { candidate, rollout_commit, .. }| (&candidate.tag, rollout_commit));
        let mut observed: Vec<HealthObservation> = past
            .flat_map(|(tag, rollout)| self.changes_of(tag, rollout))
            .filter(|change| change.at <= now)
            .collect();
        let current = self.changes_of(&candidate.tag, rollout);
        let changes_at = current.iter().map(|change| change.at).find(|at| *at > now);
        observed.extend(current.into_iter().filter(|change| change.at <= now));
        let last = observed.last().filter(|last| last.commit == rollout.commit);
        let is_healthy = last.is_some_and(HealthObservation::is_healthy);
        let now = if is_healthy { Health::Healthy } else { Health::Unhealthy(self.as_recorded()) };
        Some(ReplayedHealth { now, observed, changes_at })
    }

    /// The changes of a rollout of a tag: its own, or else those of the last recorded one of that tag, moved in time. What was
    /// not looked at counts as healthy at once.
    fn changes_of(&self, tag: &Tag, rollout: &RolloutCommit) -> Vec<HealthObservation> {
        let own = self.rollouts.iter().rev().find(|recorded| recorded.commit == rollout.commit);
        let of_tag = || self.rollouts.iter().rev().find(|recorded| recorded.tag == *tag);
        let was_seen =
            |recorded: &&RecordedRollout| !recorded.changes.is_empty() || recorded.at >= self.watched_since;
        let Some(recorded) = own.or_else(of_tag).filter(was_seen) else {
            let at = rollout.committed_at;
            return vec![HealthObservation { commit: rollout.commit, ready_since: Some(at), at }];
        };
        let later: TimeDelta = rollout.committed_at - recorded.at;
        let moved = |at: Timestamp| at.checked_add_signed(later).unwrap_or(at);
        let change = |change: &HealthObservation| HealthObservation {
            commit: rollout.commit,
            ready_since: change.ready_since.map(moved),
            at: moved(change.at),
        };
        recorded.changes.iter().map(change).collect()
    }

    fn as_recorded(&self) -> Unhealthy {
        let message = "as it was recorded".to_owned();
        Unhealthy {
            cluster: "of the recording".to_owned(),
            object: self.service.to_string(),
            cause: UnhealthyCause::NotReady { reason: "Recorded".to_owned(), message },
        }
    }
}

impl ReplayedHealth {
    /// The facts for the next environment.
    pub(super) fn as_before(&self) -> PreviousHealth<'_> {
        PreviousHealth { now: &self.now, observed: &self.observed }
    }
}
