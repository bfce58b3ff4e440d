//! The events of the repository and the registries, as observed.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;

use crate::model::{
    EnvironmentName, FetchEvidence, HealthObservation, HealthSubject, ImageName, Observation, RepoPath,
    ServiceName, Tag, TagChange, Timestamp,
};
use crate::policy::SelectionRules;

/// The events of a period, and the earlier ones that affect it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// Start of the period.
    pub from: Timestamp,
    /// End of the period.
    pub to: Timestamp,
    /// The folders that were searched for tag changes.
    pub folders: Vec<RepoPath>,
    /// Observations of the registries.
    pub images: BTreeMap<ImageName, ImageTimeline>,
    /// Tag changes up to the end, oldest first.
    pub tag_changes: Vec<TagChange>,
    /// Changes of control files up to the end, oldest first.
    pub controls: Vec<ControlFileChange>,
    /// Selection rules in the repository at the end.
    pub followed: Vec<Followed>,
    /// Changes of health that clusters reported, oldest first.
    pub health: BTreeMap<HealthSubject, Vec<HealthObservation>>,
}

/// Observations of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageTimeline {
    /// When it was first polled; `None` if only the repository mentions it.
    pub watched_since: Option<Timestamp>,
    /// Its tags.
    pub tags: BTreeMap<Tag, TagTimeline>,
}

/// Observations of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagTimeline {
    /// Since when it exists.
    pub seen: Seen,
    /// Its digests, each with the time of its first observation, oldest first.
    pub digests: Vec<Observation>,
}

/// Since when something exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It appeared then.
    At(Timestamp),
    /// It was there by then; it may be older.
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

/// A control file added, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlFileChange {
    /// Time.
    pub at: Timestamp,
    /// The file.
    pub file: RepoPath,
    /// Its new text; `None` if it was removed.
    pub text: Option<String>,
}

/// Selection rules from the repository, for one image of a service in an environment.
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
    /// A timeline without events.
    pub fn empty(from: Timestamp, to: Timestamp) -> Self {
        Self {
            from,
            to,
            folders: Vec::new(),
            images: BTreeMap::new(),
            tag_changes: Vec::new(),
            controls: Vec::new(),
            followed: Vec::new(),
            health: BTreeMap::new(),
        }
    }

    /// When the last of the images was first polled; before that, the age of tags comes from images and commits.
    pub fn watched_since(&self) -> Option<Timestamp> {
        self.images.values().filter_map(|image| image.watched_since).max()
    }

    /// The timeline of a shorter period.
    #[must_use]
    pub fn between(mut self, from: Timestamp, to: Timestamp) -> Self {
        self.from = from.max(self.from);
        self.to = to.min(self.to);
        self
    }
}

/// When a tag change reached the branch: the time of its commit, as far as fetches confirm it.
pub(super) fn came_at(tag_change: &TagChange, tolerance: Duration) -> Timestamp {
    let FetchEvidence { absent_at, fetched_at } = tag_change.commit.fetched;
    let claimed = tag_change.commit.committed_at.min(fetched_at);
    let latest =
        TimeDelta::from_std(tolerance).ok().and_then(|tolerance| claimed.checked_add_signed(tolerance));
    absent_at.filter(|absent_at| latest.is_some_and(|latest| latest < *absent_at)).unwrap_or(claimed)
}
