//! The soak clock: since when a version has run in an environment without a break, with one digest.
//!
//! Combines commit times, fetches and observed digests into one start. Knows neither the required soak nor what
//! follows from it. Where two readings are possible, the later start counts.

use std::time::Duration;

use crate::model::{CommitId, Digest, Timestamp};

use super::facts::{Observed, PastRun, PreviousEnvironment, RolloutCommit, TargetPolicy};
use super::health_clock::{HealthClock, health_clock};
use super::local_time::later;

/// The state of the soak clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SoakClock<'a> {
    /// It runs.
    Running {
        /// Its start.
        since: Timestamp,
        /// What it counts from.
        began: Began,
        /// The digest that soaks.
        digest: &'a Digest,
        /// How long it stood still since its start.
        interrupted: Duration,
        /// Since when it stands still, because the version is not healthy.
        stopped_at: Option<Timestamp>,
    },
    /// The version is not healthy, so that its soak has not begun, or begins anew.
    NotHealthy,
    /// The tag moved away from the digest that soaked.
    Moved {
        /// The digest that soaked.
        soaked: &'a Digest,
        /// The current digest of the tag.
        now: &'a Digest,
    },
    /// No digest of the tag has been observed there yet.
    NotObserved,
}

impl SoakClock<'_> {
    /// When a soak ends; `None` if the clock does not run, or stands still before that, or beyond the end of the calendar.
    pub(super) fn ends_at(&self, soak: Duration) -> Option<Timestamp> {
        let Self::Running { since, interrupted, stopped_at, .. } = self else { return None };
        let ends_at = later(*since, soak.checked_add(*interrupted)?)?;
        stopped_at.is_none_or(|stopped_at| ends_at <= stopped_at).then_some(ends_at)
    }
}

/// What the soak clock counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Began {
    /// The rollout commit: its time, or that of its parent if later.
    Landed,
    /// A fetch: the commit claims to be older than a fetch without it, by more than the clock tolerance.
    Backdated {
        /// The time that the commit claims.
        claimed: Timestamp,
    },
    /// A fetch: the commit claims to be made after it was fetched.
    Postdated {
        /// The time that the commit claims.
        claimed: Timestamp,
    },
    /// The first observation of the digest.
    Observed,
    /// The tag's return to the digest, after it had moved to another.
    CameBack,
    /// The first look that found it healthy.
    Healthy,
}

/// Reads the clock of the running version.
pub(super) fn soak_clock<'a>(
    rollout_commit: &'a RolloutCommit,
    observed: &'a [Observed],
    digest_now: Option<&'a Digest>,
    tolerance: Duration,
) -> SoakClock<'a> {
    let (landed_at, began) = landed(rollout_commit, tolerance);
    let Some((since, began, soaking)) = soaking_digest(rollout_commit, observed, landed_at, began) else {
        return SoakClock::NotObserved;
    };
    let last_observed = observed.last().map(|last| &last.digest);
    if let Some(now) = [digest_now, last_observed].into_iter().flatten().find(|digest| *digest != soaking) {
        return SoakClock::Moved { soaked: soaking, now };
    }
    let (since, began) = match last_return(observed, since, soaking) {
        Some(returned_at) => (returned_at, Began::CameBack),
        None => (since, began),
    };
    SoakClock::Running { since, began, digest: soaking, interrupted: Duration::ZERO, stopped_at: None }
}

/// The clock of a rollout in an environment with a cluster: it runs only while the version is healthy. Without a soak, health
/// is left to its gate.
pub(super) fn while_healthy<'a>(
    clock: SoakClock<'a>,
    policy: &TargetPolicy<'_>,
    before: &PreviousEnvironment<'_>,
    commit: CommitId,
) -> SoakClock<'a> {
    let (Some(health), SoakClock::Running { since, began, digest, .. }) = (before.health, &clock) else {
        return clock;
    };
    if policy.soak.is_zero() {
        return clock;
    }
    let Some(HealthClock { since: healthy_since, interrupted, stopped_at }) =
        health_clock(health.observed, commit, policy.soak_mode)
    else {
        return SoakClock::NotHealthy;
    };
    let (since, began) =
        if healthy_since > *since { (healthy_since, Began::Healthy) } else { (*since, *began) };
    SoakClock::Running { since, began, digest, interrupted, stopped_at }
}

/// Reads the clock of a version that was replaced, as if it still ran. Digests first observed after that do not count.
pub(super) fn past_clock<'a>(
    run: &'a PastRun,
    observed: &'a [Observed],
    digest_now: Option<&'a Digest>,
    tolerance: Duration,
) -> SoakClock<'a> {
    match soak_clock(&run.rollout_commit, observed, digest_now, tolerance) {
        SoakClock::Running { since, .. } if since >= run.left_at => SoakClock::NotObserved,
        clock => clock,
    }
}

/// The time of the rollout, by the commits' own times as far as the fetches confirm them.
fn landed(rollout_commit: &RolloutCommit, tolerance: Duration) -> (Timestamp, Began) {
    let parent = rollout_commit.parent_committed_at.unwrap_or(rollout_commit.committed_at);
    let claimed = rollout_commit.committed_at.max(parent);
    let Some(fetched) = rollout_commit.fetched else {
        return (claimed, Began::Landed);
    };
    if claimed > fetched.fetched_at {
        return (fetched.fetched_at, Began::Postdated { claimed });
    }
    match fetched.absent_at {
        Some(absent_at) if later(claimed, tolerance).is_some_and(|latest| latest < absent_at) => {
            (absent_at, Began::Backdated { claimed })
        }
        _ => (claimed, Began::Landed),
    }
}

/// The digest that soaks, and from when: the one in the rollout commit; else the one observed by then; else the first
/// one observed afterwards, from that time.
fn soaking_digest<'a>(
    rollout_commit: &'a RolloutCommit,
    observed: &'a [Observed],
    landed_at: Timestamp,
    began: Began,
) -> Option<(Timestamp, Began, &'a Digest)> {
    if let Some(digest) = &rollout_commit.digest {
        return Some((landed_at, began, digest));
    }
    let (until_then, afterwards) = split_at(observed, landed_at);
    if let Some(in_force) = until_then.last() {
        return Some((landed_at, began, &in_force.digest));
    }
    afterwards.first().map(|first| (first.at, Began::Observed, &first.digest))
}

/// When the tag last returned to the soaking digest.
fn last_return(observed: &[Observed], since: Timestamp, soaking: &Digest) -> Option<Timestamp> {
    let (until_then, afterwards) = split_at(observed, since);
    let mut was_away = until_then.last().is_some_and(|in_force| in_force.digest != *soaking);
    let mut returned_at = None;
    for change in afterwards {
        let is_away = change.digest != *soaking;
        if was_away && !is_away {
            returned_at = Some(change.at);
        }
        was_away = is_away;
    }
    returned_at
}

/// Observations until `at`, and after it.
fn split_at(observed: &[Observed], at: Timestamp) -> (&[Observed], &[Observed]) {
    observed.split_at(observed.partition_point(|change| change.at <= at))
}

#[cfg(test)]
mod tests;
