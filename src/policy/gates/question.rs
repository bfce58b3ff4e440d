//! The input and the answer of a gate.

use crate::model::{Digest, Timestamp};
use crate::policy::facts::{Facts, TargetPolicy};
use crate::policy::select::Candidate;

/// One candidate, with the policy and the facts about its target.
#[derive(Clone, Copy)]
pub(in crate::policy) struct Question<'a> {
    pub(in crate::policy) policy: &'a TargetPolicy<'a>,
    pub(in crate::policy) facts: &'a Facts<'a>,
    pub(in crate::policy) candidate: &'a Candidate,
    pub(in crate::policy) now: Timestamp,
}

impl<'a> Question<'a> {
    /// The registry's digest for the candidate's tag.
    pub(super) fn digest_now(&self) -> Option<&'a Digest> {
        self.facts.digest_now.of(&self.candidate.tag)
    }
}

/// Whether a gate lets a promotion pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Open,
    /// Opens at this time if nothing else changes.
    ClosedUntil(Timestamp),
    /// Closed, with no known end.
    Closed,
    /// Closed because the image is not the one that was checked; no reason alone overrides it.
    Refused,
}
