//! What a decision is made from: the policy of a track and the facts about it.
//!
//! A track is one image of one service in one environment. Everything here is read by somebody else and handed in; this
//! file owns the words only.

use std::time::Duration;

use chrono_tz::Tz;

use crate::model::{CommitId, Digest, EnvironmentName, Timestamp, Version};

use super::calendar::{Freeze, Window};
use super::select::{Candidate, Selection, SelectionRules};

/// What holds for a whole environment.
#[derive(Clone, Debug)]
pub struct EnvironmentPolicy {
    /// The environment.
    pub name: EnvironmentName,
    /// The environment that a version must have run in before; none for the first of a chain.
    pub after: Option<EnvironmentName>,
    /// Every freeze there is; each says itself whom it covers.
    pub freezes: Vec<Freeze>,
    /// When promotions may be made; always, when there is none.
    pub windows: Vec<Window>,
    /// The zone of the windows, of the freezes and of the times that are told.
    pub zone: Tz,
    /// Whether somebody must approve each promotion.
    pub approval_required: bool,
}

/// What holds for one image of one service in one environment.
#[derive(Clone, Copy, Debug)]
pub struct TrackPolicy<'a> {
    /// What holds for the whole environment.
    pub environment: &'a EnvironmentPolicy,
    /// What may be chosen.
    pub rules: &'a SelectionRules,
    /// How long a version must have run in the environment before, in one piece.
    pub soak: Duration,
    /// By how much the clock of somebody who commits may be wrong.
    pub clock_tolerance: Duration,
}

/// What is known about a track now.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The distinct versions that the environment runs of this image, ascending; never empty.
    pub running: &'a [Candidate],
    /// What the registry has and the rules admit.
    pub selection: &'a Selection,
    /// The versions that a person moved this environment back from, in any order.
    pub moved_back: &'a [MovedBack],
    /// What the environment before runs; none for the first of a chain.
    pub before: Option<Before<'a>>,
    /// The registry's digest for the candidate's tag, asked now; none when it could not be asked.
    pub digest_now: Option<&'a Digest>,
}

/// A version that a person left by going to a lower one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedBack {
    /// Where that was.
    pub environment: EnvironmentName,
    /// The version that was left.
    pub version: Version,
    /// The commit that left it.
    pub commit: CommitId,
    /// Who made the commit. Somebody else's text.
    pub author: String,
    /// When the commit was made.
    pub at: Timestamp,
}

/// The environment before, as far as this image of this service goes.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// What it runs.
    pub running: BeforeRunning<'a>,
}

/// What the environment before runs.
#[derive(Clone, Copy, Debug)]
pub enum BeforeRunning<'a> {
    /// It doesn't have the service, or the service doesn't have the image there.
    Missing,
    /// Its paths or fields don't agree; the versions, ascending.
    Several(&'a [Candidate]),
    /// One version, in every path.
    One {
        /// The version.
        candidate: &'a Candidate,
        /// How it came there.
        landing: &'a Landing,
        /// Every change of its tag's digest that was seen, ascending by time.
        observed: &'a [Observed],
    },
}

/// How a version came into every path of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    /// The commit that put it into the last path.
    pub commit: CommitId,
    /// When the commit claims to have been made.
    pub committed_at: Timestamp,
    /// When its first parent claims to have been made; none for a root.
    pub parent_committed_at: Option<Timestamp>,
    /// Between which fetches it came; none when that was not seen, as after the database was lost.
    pub fetched: Option<Fetched>,
    /// The digest that the commit speaks of: of a promotion's trailer, or beside the tag in the file.
    pub digest: Option<Digest>,
    /// Whether it is a promotion, not a person's commit.
    pub by_tidegate: bool,
    /// Who made it. Somebody else's text.
    pub author: String,
}

/// When a commit was seen, by this machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The last fetch that didn't have it yet; none when the first fetch of all had it.
    pub absent_at: Option<Timestamp>,
    /// The first fetch that had it.
    pub fetched_at: Timestamp,
}

/// That a tag was seen to mean a digest, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// What the tag meant.
    pub digest: Digest,
    /// When that was first seen.
    pub at: Timestamp,
}
