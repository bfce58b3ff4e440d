//! What happened to the repository and the registries, as far as somebody saw it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;

use crate::model::{
    EnvironmentName, FetchEvidence, ImageName, Observation, RepoPath, ServiceName, Tag, TagChange, Timestamp,
};
use crate::policy::SelectionRules;

/// What happened between two times, and of what was before, what matters for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// The folders of the repository in which tag changes were looked for.
    pub folders: Vec<RepoPath>,
    /// What was seen of the registries.
    pub images: BTreeMap<ImageName, ImageTimeline>,
    /// Every tag change of a tag up to the end, oldest first.
    pub tag_changes: Vec<TagChange>,
    /// Every coming and going of a control file up to the end, oldest first.
    pub controls: Vec<ControlFileChange>,
    /// The selection rules that stand in the repository itself, as they are at the end.
    pub followed: Vec<Followed>,
}

/// What was seen of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageTimeline {
    /// When it was first asked about; never, when only the repository tells of it.
    pub watched_since: Option<Timestamp>,
    /// Its tags.
    pub tags: BTreeMap<Tag, TagTimeline>,
}

/// What was seen of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagTimeline {
    /// Since when it is there.
    pub seen: Seen,
    /// What it meant, and since when it was seen to, oldest first.
    pub digests: Vec<Observation>,
}

/// Since when something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It came then.
    At(Timestamp),
    /// It was there by then, nobody knows since when.
    By(Timestamp),
}

impl Seen {
    /// The time.
    pub fn time(self) -> Timestamp {
        match self {
            Self::At(at) | Self::By(at) => at,
        }
    }
}

/// A control file that came, changed or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlFileChange {
    /// When.
    pub at: Timestamp,
    /// The file.
    pub file: RepoPath,
    /// What it said from then on; nothing, when it was removed.
    pub text: Option<String>,
}

/// Selection rules that stand in the repository itself, for one image of a service in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The environment.
    pub environment: EnvironmentName,
    /// The service.
    pub service: ServiceName,
    /// The image.
    pub image: ImageName,
    /// The rules.
    pub rules: SelectionRules,
}

impl Timeline {
    /// A timeline in which nothing happened.
    pub fn empty(from: Timestamp, to: Timestamp) -> Self {
        Self {
            from,
            to,
            folders: Vec::new(),
            images: BTreeMap::new(),
            tag_changes: Vec::new(),
            controls: Vec::new(),
            followed: Vec::new(),
        }
    }

    /// When the registries were first asked about an image that was asked about last; before that, tags are dated by what
    /// the images and the commits say.
    pub fn watched_since(&self) -> Option<Timestamp> {
        self.images.values().filter_map(|image| image.watched_since).max()
    }

    /// The same between two times that lie in it.
    #[must_use]
    pub fn between(mut self, from: Timestamp, to: Timestamp) -> Self {
        self.from = from.max(self.from);
        self.to = to.min(self.to);
        self
    }
}

/// When a tag change came to the branch: when its commit claims to have been made, as far as the fetches bear that out.
pub(super) fn came_at(tag_change: &TagChange, tolerance: Duration) -> Timestamp {
    let FetchEvidence { absent_at, fetched_at } = tag_change.commit.fetched;
    let claimed = tag_change.commit.committed_at.min(fetched_at);
    let latest =
        TimeDelta::from_std(tolerance).ok().and_then(|tolerance| claimed.checked_add_signed(tolerance));
    absent_at.filter(|absent_at| latest.is_some_and(|latest| latest < *absent_at)).unwrap_or(claimed)
}
