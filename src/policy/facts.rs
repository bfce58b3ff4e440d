//! What a decision is made from: the policy of a target and the facts about it.
//!
//! A target is one image of one service in one environment. Everything here is read by somebody else and handed in; this
//! file owns the words only.

use std::collections::HashMap;
use std::time::Duration;

use chrono_tz::Tz;

use crate::model::{ClosedBy, CommitId, Digest, EnvironmentName, InactiveReason, Tag, Timestamp, Version};

use super::calendar::{Freeze, Window};
use super::controls::Controls;
use super::review::ReviewedPullRequest;
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
    /// Whether and how somebody must approve each promotion.
    pub approval: ApprovalPolicy,
}

/// Whether and how somebody must approve a promotion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApprovalPolicy {
    /// Nobody must.
    #[default]
    NotRequired,
    /// By a control file.
    ByFile,
    /// By a review of the pull request that proposes it, or by a control file.
    ByReview,
}

/// What holds for one image of one service in one environment.
#[derive(Clone, Copy, Debug)]
pub struct TargetPolicy<'a> {
    /// What holds for the whole environment.
    pub environment: &'a EnvironmentPolicy,
    /// What may be chosen.
    pub rules: &'a SelectionRules,
    /// How long a version must have run in the environment before.
    pub soak: Duration,
    /// How that is counted.
    pub soak_mode: SoakMode,
    /// By how much the clock of somebody who commits may be wrong.
    pub clock_tolerance: Duration,
    /// How long ago the digest must have been first seen by us; zero asks for nothing.
    pub minimum_age: Duration,
}

/// How the time is counted that a version runs in the environment before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SoakMode {
    /// Only an unbroken run counts, up to now.
    #[default]
    Continuous,
    /// It goes on counting after a newer version has replaced it, unless somebody moved back from it.
    Elapsed,
    /// As continuous, and the environment before takes no newer version until the one that soaks has gone on.
    Train,
}

impl SoakMode {
    /// The mode of a service. A group soaks in one piece: a version that was replaced did not run together with what came
    /// after it.
    #[must_use]
    pub fn of_service(self, is_in_group: bool) -> Self {
        match self {
            Self::Elapsed if is_in_group => Self::Continuous,
            mode => mode,
        }
    }
}

/// What is known about a target now.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The distinct versions that the environment runs of this image, ascending; never empty.
    pub running: &'a [Candidate],
    /// What the registry has and the rules admit.
    pub selection: &'a Selection,
    /// The versions that a person moved this environment, or one before it, back from; in any order.
    pub rolled_back: &'a [RolledBack],
    /// What people do not want here: the highest version whose pull request somebody closed without merging it.
    pub refused: Option<&'a RefusedPullRequest>,
    /// What the environment before runs; none for the first of a chain.
    pub before: Option<PreviousEnvironment<'a>>,
    /// Every change of a tag's digest that was seen.
    pub observations: &'a Observations,
    /// The registry's digest for the candidate's tag.
    pub digest_now: DigestNow<'a>,
    /// What people said by control files about this service in this environment.
    pub controls: &'a Controls,
    /// The review of the pull request that proposes the candidate, where an approval may be one.
    pub reviewing: ReviewState<'a>,
    /// What this environment runs and must keep until it has gone on, when soaks are counted as a train.
    pub train_hold: Option<&'a TrainHold>,
}

/// What a tag means now, by the registry.
#[derive(Clone, Copy, Debug)]
pub enum DigestNow<'a> {
    /// It said so.
    Is {
        /// The tag that was asked about.
        tag: &'a Tag,
        /// What it means.
        digest: &'a Digest,
    },
    /// It could not be asked.
    Unknown,
    /// It was not asked, since something else is closed all the same.
    NotAsked,
}

impl<'a> DigestNow<'a> {
    /// The digest, if it is known and of this tag.
    pub fn of(self, wanted: &Tag) -> Option<&'a Digest> {
        match self {
            Self::Is { tag, digest } if tag == wanted => Some(digest),
            _ => None,
        }
    }
}

/// Every change of the digests of an image's tags that was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observations(HashMap<Tag, Vec<Observed>>);

impl Observations {
    /// What was seen of a tag, ascending by time.
    pub fn of(&self, tag: &Tag) -> &[Observed] {
        self.0.get(tag).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether anything was asked or kept about a tag.
    pub fn knows(&self, tag: &Tag) -> bool {
        self.0.contains_key(tag)
    }

    /// When a tag was first seen with a digest, or with the one that it was last seen with.
    pub fn first_seen(&self, tag: &Tag, digest: Option<&Digest>) -> Option<Timestamp> {
        let seen = self.of(tag);
        let digest = digest.or(seen.last().map(|last| &last.digest))?;
        seen.iter().find(|one| one.digest == *digest).map(|one| one.at)
    }

    /// Takes in what was seen of a tag before.
    pub fn recall(&mut self, tag: Tag, seen: Vec<Observed>) {
        self.0.insert(tag, seen);
    }

    /// Takes in what a tag means now. Answers whether that is new.
    pub fn observe(&mut self, tag: &Tag, digest: &Digest, at: Timestamp) -> bool {
        let seen = self.0.entry(tag.clone()).or_default();
        let is_new = seen.last().is_none_or(|last| last.digest != *digest);
        if is_new {
            seen.push(Observed { digest: digest.clone(), at });
        }
        is_new
    }
}

/// A version that an environment keeps for the sake of one after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainHold {
    /// The environment that it goes on to.
    pub to: EnvironmentName,
    /// The version.
    pub tag: Tag,
    /// When it can go on, if that is known.
    pub leaves_at: Option<Timestamp>,
}

/// A version that a person left by going to a lower one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// Where that was.
    pub environment: EnvironmentName,
    /// The version that was left.
    pub version: Version,
    /// The commit that left it.
    pub commit: CommitId,
    /// Who made the commit, or asked for it. Somebody else's text.
    pub author: String,
    /// When the commit was made.
    pub at: Timestamp,
}

/// A version whose pull request somebody closed without merging it, or programs did again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedPullRequest {
    /// The version that was refused.
    pub version: Version,
    /// The number of the pull request.
    pub number: u64,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// How.
    pub closed_by: ClosedBy,
}

/// What is known of the review of the pull request that proposes a candidate.
#[derive(Clone, Copy, Debug)]
pub enum ReviewState<'a> {
    /// No open pull request is of this target.
    NotProposed,
    /// One is.
    Proposed(&'a ReviewedPullRequest),
    /// Nobody can know when people would have reviewed it, as in a replay: it is taken to be reviewed at once.
    TakenAsGiven,
}

/// The environment before, as far as this image of this service goes.
#[derive(Clone, Copy, Debug)]
pub struct PreviousEnvironment<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// What it runs.
    pub running: PreviousRunning<'a>,
    /// What it ran before that, newest first; as far back as anybody asked.
    pub past: &'a [PastRun],
    /// The commits that do not count there, since nobody who is allowed to signed them.
    pub unsigned: &'a UnsignedCommits,
    /// Why Flux applies nothing of it there.
    pub inactive: Option<&'a InactiveReason>,
}

/// Commits that do not count, since nobody who is allowed to signed them, and why, fit to be shown.
pub type UnsignedCommits = HashMap<CommitId, String>;

/// A version that an environment ran in every path, and runs no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    /// The version.
    pub candidate: Candidate,
    /// How it came there.
    pub rollout_commit: RolloutCommit,
    /// When the commit claims to have been made that ended it.
    pub left_at: Timestamp,
}

/// What the environment before runs.
#[derive(Clone, Copy, Debug)]
pub enum PreviousRunning<'a> {
    /// It doesn't have the service, or the service doesn't have the image there.
    Missing,
    /// Its paths or fields don't agree; the versions, ascending.
    Several(&'a [Candidate]),
    /// One version, in every path.
    One {
        /// The version.
        candidate: &'a Candidate,
        /// How it came there; nothing where nobody looked, since it decides nothing.
        rollout_commit: Option<&'a RolloutCommit>,
    },
}

/// How a version came into every path of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutCommit {
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
