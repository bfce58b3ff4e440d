//! The decision: what happens to one target now. A pure function of the policy, the facts and the time.

use crate::model::Timestamp;

use super::approve::{Approved, approve};
use super::evaluate::{GateEvaluation, evaluate};
use super::facts::{Facts, TargetPolicy};
use super::nominate::{NoCandidate, Nomination, nominate};

/// What happens to a target now.
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
    Wait(Box<GateEvaluation>),
}

/// What would happen to a target if it were alone: what is left to do is to look at its set, if it ships in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consideration {
    /// It stays as it is, since there is no candidate.
    Current(NoCandidate),
    /// What every gate says about the candidate.
    Candidate(Box<GateEvaluation>),
}

/// Decides what happens to a target at `now`.
pub fn decide(policy: &TargetPolicy<'_>, facts: &Facts<'_>, now: Timestamp) -> Decision {
    consider(policy, facts, now).decide()
}

/// Nominates a candidate and asks every gate about it.
pub fn consider(policy: &TargetPolicy<'_>, facts: &Facts<'_>, now: Timestamp) -> Consideration {
    match nominate(policy, facts, now) {
        Nomination::Candidate(candidate) => {
            Consideration::Candidate(Box::new(evaluate(policy, facts, candidate, now)))
        }
        Nomination::Nothing(why) => Consideration::Current(why),
    }
}

impl Consideration {
    /// What happens, as things stand.
    pub fn decide(self) -> Decision {
        match self {
            Self::Current(why) => Decision::Current { why },
            Self::Candidate(evaluation) => match approve(&evaluation) {
                Some(approved) => Decision::Promote(Box::new(approved)),
                None => Decision::Wait(evaluation),
            },
        }
    }
}

#[cfg(test)]
mod tests;
