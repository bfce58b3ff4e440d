//! The input of a decision: the policy of a target and the facts about it.
//!
//! A target is one image of one service in one environment. This file only defines the types; others collect the
//! values.

use std::collections::HashMap;
use std::time::Duration;

use chrono_tz::Tz;

use crate::model::{
    ClosedBy, CommitId, Digest, EnvironmentName, Health, HealthObservation, InactiveReason, Tag, Timestamp,
    Version,
};

use super::calendar::{Freeze, Window};
use super::controls::Controls;
use super::review::ReviewedPullRequest;
use super::select::{Candidate, Selection, SelectionRules};

/// The policy of an environment.
#[derive(Clone, Debug)]
pub struct EnvironmentPolicy {
    /// Its name.
    pub name: EnvironmentName,
    /// The previous environment, where a version must soak; `None` for the first of a chain.
    pub after: Option<EnvironmentName>,
    /// All freezes; each knows which environments it covers.
    pub freezes: Vec<Freeze>,
    /// The windows for promotions; empty for always.
    pub windows: Vec<Window>,
    /// The time zone of windows, freezes and displayed times.
    pub zone: Tz,
    /// Whether promotions need an approval, and of which kind.
    pub approval: ApprovalPolicy,
}

/// Which approval promotions need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApprovalPolicy {
    /// None.
    #[default]
    NotRequired,
    /// A control file.
    ByFile,
    /// A review of the pull request, or a control file.
    ByReview,
}

/// The policy of a target.
#[derive(Clone, Copy, Debug)]
pub struct TargetPolicy<'a> {
    /// The policy of its environment.
    pub environment: &'a EnvironmentPolicy,
    /// The selection rules.
    pub rules: &'a SelectionRules,
    /// The required soak in the previous environment.
    pub soak: Duration,
    /// How the soak is counted.
    pub soak_mode: SoakMode,
    /// Tolerated error of committers' clocks.
    pub clock_tolerance: Duration,
    /// Minimum age of the digest since Tidegate first saw it; zero for none.
    pub minimum_age: Duration,
}

/// How the soak is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SoakMode {
    /// Only an unbroken run counts, up to now.
    #[default]
    Continuous,
    /// Keeps counting after a newer version replaced it, unless it was rolled back.
    Elapsed,
    /// As continuous, but the previous environment takes no newer version until the soaking one has moved on.
    Train,
}

impl SoakMode {
    /// The mode of a service. A group always soaks continuously: a version that was replaced no longer runs together
    /// with the others.
    #[must_use]
    pub fn of_service(self, is_in_group: bool) -> Self {
        match self {
            Self::Elapsed if is_in_group => Self::Continuous,
            mode => mode,
        }
    }
}

/// The facts about a target.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The distinct running versions, ascending; never empty.
    pub running: &'a [Candidate],
    /// The admitted tags of the registry.
    pub selection: &'a Selection,
    /// Versions that people rolled back from, here or in an earlier environment; in any order.
    pub rolled_back: &'a [RolledBack],
    /// The highest version whose pull request somebody closed without merging.
    pub refused: Option<&'a RefusedPullRequest>,
    /// The previous environment; `None` for the first of a chain.
    pub before: Option<PreviousEnvironment<'a>>,
    /// Observed digests of the image's tags.
    pub observations: &'a Observations,
    /// The current digest of the candidate's tag.
    pub digest_now: DigestNow<'a>,
    /// The control files that cover the target.
    pub controls: &'a Controls,
    /// The review of the candidate's pull request, if a review may be the approval.
    pub reviewing: ReviewState<'a>,
    /// The version that a train keeps here until it has moved on.
    pub train_hold: Option<&'a TrainHold>,
}

/// The current digest of a tag.
#[derive(Clone, Copy, Debug)]
pub enum DigestNow<'a> {
    /// The registry's answer.
    Is {
        /// The tag.
        tag: &'a Tag,
        /// The digest.
        digest: &'a Digest,
    },
    /// The request failed.
    Unknown,
    /// Not requested, since another gate is closed anyway.
    NotAsked,
}

impl<'a> DigestNow<'a> {
    /// The digest, if it is known and belongs to this tag.
    pub fn of(self, wanted: &Tag) -> Option<&'a Digest> {
        match self {
            Self::Is { tag, digest } if tag == wanted => Some(digest),
            _ => None,
        }
    }
}

/// Observed digests of an image's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observations(HashMap<Tag, Vec<Observed>>);

impl Observations {
    /// Observations of a tag, oldest first.
    pub fn of(&self, tag: &Tag) -> &[Observed] {
        self.0.get(tag).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether anything is known about a tag.
    pub fn knows(&self, tag: &Tag) -> bool {
        self.0.contains_key(tag)
    }

    /// When a tag was first observed with a digest; with `None`, with its last digest.
    pub fn first_seen(&self, tag: &Tag, digest: Option<&Digest>) -> Option<Timestamp> {
        let seen = self.of(tag);
        let digest = digest.or(seen.last().map(|last| &last.digest))?;
        seen.iter().find(|one| one.digest == *digest).map(|one| one.at)
    }

    /// Adds earlier observations of a tag.
    pub fn recall(&mut self, tag: Tag, seen: Vec<Observed>) {
        self.0.insert(tag, seen);
    }

    /// Adds the current digest of a tag. Returns whether it is new.
    pub fn observe(&mut self, tag: &Tag, digest: &Digest, at: Timestamp) -> bool {
        let seen = self.0.entry(tag.clone()).or_default();
        let is_new = seen.last().is_none_or(|last| last.digest != *digest);
        if is_new {
            seen.push(Observed { digest: digest.clone(), at });
        }
        is_new
    }
}

/// A version that a train keeps in an environment for a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainHold {
    /// The later environment.
    pub to: EnvironmentName,
    /// The version.
    pub tag: Tag,
    /// When it can move on, if known.
    pub leaves_at: Option<Timestamp>,
}

/// A rollback: a version that a person left for a lower one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// The environment.
    pub environment: EnvironmentName,
    /// The version that was left.
    pub version: Version,
    /// The commit that left it.
    pub commit: CommitId,
    /// Author or requester; untrusted text.
    pub author: String,
    /// When the commit was made.
    pub at: Timestamp,
}

/// A version whose pull request was closed without merging, by a person or repeatedly by bots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedPullRequest {
    /// The version.
    pub version: Version,
    /// Number of the pull request.
    pub number: u64,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// Who closed it.
    pub closed_by: ClosedBy,
}

/// The review state of the candidate's pull request.
#[derive(Clone, Copy, Debug)]
pub enum ReviewState<'a> {
    /// No open pull request for this target.
    NotProposed,
    /// An open pull request.
    Proposed(&'a ReviewedPullRequest),
    /// Assumed to be reviewed at once, as in a replay, where reviews are unknown.
    TakenAsGiven,
}

/// The previous environment, for one image of one service.
#[derive(Clone, Copy, Debug)]
pub struct PreviousEnvironment<'a> {
    /// Its name.
    pub environment: &'a EnvironmentName,
    /// Its running version.
    pub running: PreviousRunning<'a>,
    /// Earlier runs, newest first, as far back as they were read.
    pub past: &'a [PastRun],
    /// Commits that do not count there, because no allowed key signed them.
    pub unsigned: &'a UnsignedCommits,
    /// Why Flux applies nothing of the service there.
    pub inactive: Option<&'a InactiveReason>,
    /// What its clusters say; `None` where it has none, so that a soak is time in Git.
    pub health: Option<PreviousHealth<'a>>,
}

/// The health of a service's image in the previous environment.
#[derive(Clone, Copy, Debug)]
pub struct PreviousHealth<'a> {
    /// The health of what runs now.
    pub now: &'a Health,
    /// Its changes, of earlier rollouts too, oldest first.
    pub observed: &'a [HealthObservation],
}

/// Commits without an allowed signature, with a printable reason.
pub type UnsignedCommits = HashMap<CommitId, String>;

/// A version that ran in every path of an environment, and was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    /// The version.
    pub candidate: Candidate,
    /// Its rollout commit.
    pub rollout_commit: RolloutCommit,
    /// Time of the commit that replaced it.
    pub left_at: Timestamp,
}

/// The running versions of the previous environment.
#[derive(Clone, Copy, Debug)]
pub enum PreviousRunning<'a> {
    /// The service or the image is missing there.
    Missing,
    /// Its paths or fields differ; the versions, ascending.
    Several(&'a [Candidate]),
    /// One version, in every path.
    One {
        /// The version.
        candidate: &'a Candidate,
        /// Its rollout; `None` where it was not looked up because nothing depends on it.
        rollout_commit: Option<&'a RolloutCommit>,
    },
}

/// The commit that completed a version's rollout in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutCommit {
    /// The commit that put the version into the last path.
    pub commit: CommitId,
    /// Committer date.
    pub committed_at: Timestamp,
    /// Committer date of its first parent; `None` for a root commit.
    pub parent_committed_at: Option<Timestamp>,
    /// The fetches around its arrival; `None` if unobserved, as after the loss of the database.
    pub fetched: Option<Fetched>,
    /// The digest in the promotion's trailer, or next to the tag in the file.
    pub digest: Option<Digest>,
    /// Whether it is a promotion by Tidegate.
    pub by_tidegate: bool,
    /// Author; untrusted text.
    pub author: String,
}

/// When a commit arrived, by this machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The last fetch without it; `None` if the very first fetch had it.
    pub absent_at: Option<Timestamp>,
    /// The first fetch with it.
    pub fetched_at: Timestamp,
}

/// An observation: a tag resolved to a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The digest.
    pub digest: Digest,
    /// Time of the first observation.
    pub at: Timestamp,
}
