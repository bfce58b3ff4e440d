//! The decision: what happens to one track now. A pure function of the policy, the facts and the time.

use crate::model::Timestamp;

use super::approve::{Approved, approve};
use super::evaluate::{Evaluation, evaluate};
use super::facts::{Facts, TrackPolicy};
use super::nominate::{NoCandidate, Nomination, nominate};

/// What happens to a track now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It stays as it is, since there is no candidate.
    Current {
        /// Why there is none.
        why: NoCandidate,
    },
    /// The candidate moves.
    Promote(Box<Approved>),
    /// There is a candidate, but a gate is closed.
    Wait(Box<Evaluation>),
}

/// Decides what happens to a track at `now`.
pub fn decide(policy: &TrackPolicy<'_>, facts: &Facts<'_>, now: Timestamp) -> Decision {
    let candidate = match nominate(policy, facts) {
        Nomination::Candidate(candidate) => candidate,
        Nomination::Nothing(why) => return Decision::Current { why },
    };
    let evaluation = evaluate(policy, facts, candidate, now);
    match approve(&evaluation) {
        Some(approved) => Decision::Promote(Box::new(approved)),
        None => Decision::Wait(Box::new(evaluation)),
    }
}

#[cfg(test)]
mod tests;
