//! Starvation: releases that come faster than they can soak, so that none ever goes on.

use std::time::Duration;

use crate::model::{EnvironmentName, Timestamp};

use super::facts::{BeforeRunning, Facts, SoakMode, TargetPolicy};
use super::select::Candidate;
use super::shown::elapsed;

/// How many versions in a row must have been replaced before their soak was over, to be called starvation.
const FEWEST: usize = 2;

/// Versions that were replaced in the environment before, one after the other, before their soak was over, for longer
/// than a soak: had the first been left alone, it would be here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starvation {
    /// The environment before.
    pub environment: EnvironmentName,
    /// How many versions.
    pub superseded_count: usize,
    /// When the first of them came there.
    pub since: Timestamp,
    /// How long each would have had to run.
    pub needed: Duration,
}

/// Whether a candidate that soaks is one of a row that never gets to its end.
pub(super) fn starvation(
    policy: &TargetPolicy<'_>,
    facts: &Facts<'_>,
    candidate: &Candidate,
) -> Option<Starvation> {
    let before = facts.before.filter(|_| policy.soak_mode == SoakMode::Continuous)?;
    let BeforeRunning::One { candidate: soaking, rollout_commit: Some(rollout_commit) } = before.running
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
