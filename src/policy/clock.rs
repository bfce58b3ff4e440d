//! The soak clock: since when a version has run in an environment in one piece, as the same image.
//!
//! Owns how commit times, fetches and observed digests make one starting point. Must not know how long a soak is, nor
//! what is done about it. When two readings are possible the later start is taken.

use std::time::Duration;

use crate::model::{Digest, Timestamp};

use super::facts::{Observed, PastRun, RolloutCommit};
use super::local_time::later;

/// What the soak clock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SoakClock<'a> {
    /// It runs.
    Running {
        /// Since when.
        since: Timestamp,
        /// What began then.
        began: Began,
        /// The digest that soaks.
        digest: &'a Digest,
    },
    /// The tag no longer means the digest that soaked.
    Moved {
        /// The digest that soaked.
        soaked: &'a Digest,
        /// What the tag means now.
        now: &'a Digest,
    },
    /// Nobody has seen yet which digest the tag means there.
    NotObserved,
}

/// Why the soak clock counts from where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Began {
    /// The version landed: the time of its commit, or of the commit before it if that is later.
    Landed,
    /// The commit claims to be older than a fetch that did not have it yet, by more than the clock tolerance; that fetch
    /// counts.
    Backdated {
        /// When it claims to have been made.
        claimed: Timestamp,
    },
    /// The commit claims to be made after it was fetched; that fetch counts.
    Postdated {
        /// When it claims to have been made.
        claimed: Timestamp,
    },
    /// The digest was first observed.
    Observed,
    /// The tag had meant another digest in between, and came back.
    CameBack,
}

/// Reads the clock of a version that landed so, whose tag was observed so and means `digest_now`.
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
    match last_return(observed, since, soaking) {
        Some(returned_at) => {
            SoakClock::Running { since: returned_at, began: Began::CameBack, digest: soaking }
        }
        None => SoakClock::Running { since, began, digest: soaking },
    }
}

/// Reads the clock of a version that ran so and was replaced, as if it ran still. What its tag was first seen to mean
/// after that, or came back to, is not what ran.
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

/// When the version landed, by the commits' own claims as far as the fetches bear them out.
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

/// The digest that soaks and since when it may: the one that the rollout commit speaks of; else the one that the tag was known
/// to mean when it landed; else the first that was observed afterwards, from then on.
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

/// When the tag last came back to the soaking digest after meaning another, since the start.
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

/// What was observed until `at`, and what afterwards.
fn split_at(observed: &[Observed], at: Timestamp) -> (&[Observed], &[Observed]) {
    observed.split_at(observed.partition_point(|change| change.at <= at))
}

#[cfg(test)]
mod tests;
