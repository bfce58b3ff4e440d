//! The JSON form of a recording.

use serde::{Deserialize, Serialize};

use super::words::{self, bounded_text, pinned, time};
use crate::model::{
    CommitId, Digest, EnvironmentName, ImageName, PinnedTag, PromotionId, RepoPath, ServiceName, Tag,
    Timestamp,
};
use crate::policy::{Range, TagOrder};

/// Read first, so that a later version is reported as such.
#[derive(Deserialize)]
pub(super) struct Versioned {
    #[serde(rename = "kind")]
    _kind: Kind,
    pub(super) version: u32,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
pub(super) enum Kind {
    Recording,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Recording {
    pub(super) kind: Kind,
    pub(super) version: u32,
    #[serde(with = "time")]
    pub(super) from: Timestamp,
    #[serde(with = "time")]
    pub(super) to: Timestamp,
    #[serde(with = "words::list")]
    pub(super) folders: Vec<RepoPath>,
    pub(super) images: Vec<Image>,
    pub(super) commits: Vec<Commit>,
    pub(super) controls: Vec<Control>,
    pub(super) rules: Vec<Rules>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) health: Vec<TargetHealth>,
}

/// Changes of the health of a target.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TargetHealth {
    #[serde(with = "words")]
    pub(super) environment: EnvironmentName,
    #[serde(with = "words")]
    pub(super) service: ServiceName,
    #[serde(with = "words")]
    pub(super) image: ImageName,
    pub(super) changes: Vec<HealthChange>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HealthChange {
    /// The commit that brought what ran.
    #[serde(with = "words")]
    pub(super) commit: CommitId,
    /// Since when it was ready; `null` where it was not healthy any more.
    #[serde(with = "time::maybe")]
    pub(super) ready_since: Option<Timestamp>,
    #[serde(with = "time")]
    pub(super) at: Timestamp,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Image {
    #[serde(with = "words", rename = "image")]
    pub(super) name: ImageName,
    #[serde(with = "time::maybe")]
    pub(super) watched_since: Option<Timestamp>,
    pub(super) tags: Vec<Tagged>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Tagged {
    #[serde(with = "words")]
    pub(super) tag: Tag,
    pub(super) seen: SeenAs,
    #[serde(with = "time")]
    pub(super) at: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) digests: Vec<Meant>,
}

/// Whether a tag appeared at a time, or was there by then.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum SeenAs {
    At,
    By,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Meant {
    #[serde(with = "words")]
    pub(super) digest: Digest,
    #[serde(with = "time")]
    pub(super) at: Timestamp,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Commit {
    #[serde(with = "words", rename = "commit")]
    pub(super) id: CommitId,
    #[serde(with = "time")]
    pub(super) at: Timestamp,
    #[serde(with = "time::maybe")]
    pub(super) parent_at: Option<Timestamp>,
    #[serde(deserialize_with = "bounded_text")]
    pub(super) author: String,
    #[serde(with = "time::maybe")]
    pub(super) absent_at: Option<Timestamp>,
    #[serde(with = "time")]
    pub(super) fetched_at: Timestamp,
    pub(super) moved: Vec<Moved>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Moved {
    #[serde(with = "words")]
    pub(super) file: RepoPath,
    #[serde(with = "words")]
    pub(super) service: ServiceName,
    #[serde(with = "words")]
    pub(super) image: ImageName,
    #[serde(with = "pinned")]
    pub(super) before: Vec<PinnedTag>,
    #[serde(with = "pinned")]
    pub(super) after: Vec<PinnedTag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) promotion: Option<Promotion>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Promotion {
    #[serde(with = "words")]
    pub(super) id: PromotionId,
    #[serde(deserialize_with = "bounded_text")]
    pub(super) requested_by: String,
    #[serde(with = "words::maybe")]
    pub(super) digest: Option<Digest>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Control {
    #[serde(with = "time")]
    pub(super) at: Timestamp,
    #[serde(with = "words")]
    pub(super) file: RepoPath,
    #[serde(deserialize_with = "words::bounded_file")]
    pub(super) text: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rules {
    #[serde(with = "words")]
    pub(super) environment: EnvironmentName,
    #[serde(with = "words")]
    pub(super) service: ServiceName,
    #[serde(with = "words")]
    pub(super) image: ImageName,
    #[serde(with = "words")]
    pub(super) versions: Range,
    pub(super) tag_pattern: Option<String>,
    pub(super) extract: Option<String>,
    #[serde(default, skip_serializing_if = "TagOrderForm::is_semver")]
    pub(super) order: TagOrderForm,
    /// Regular expressions of ignored tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) exclusions: Vec<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum TagOrderForm {
    #[default]
    Semver,
    Numeric,
    NumericDescending,
    Alphabetical,
    AlphabeticalDescending,
}

impl TagOrderForm {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_semver(&self) -> bool {
        *self == Self::Semver
    }

    pub(super) fn of(order: TagOrder) -> Self {
        match order {
            TagOrder::Semver => Self::Semver,
            TagOrder::Numeric { is_descending: false } => Self::Numeric,
            TagOrder::Numeric { is_descending: true } => Self::NumericDescending,
            TagOrder::Alphabetical { is_descending: false } => Self::Alphabetical,
            TagOrder::Alphabetical { is_descending: true } => Self::AlphabeticalDescending,
        }
    }

    pub(super) fn order(self) -> TagOrder {
        match self {
            Self::Semver => TagOrder::Semver,
            Self::Numeric => TagOrder::Numeric { is_descending: false },
            Self::NumericDescending => TagOrder::Numeric { is_descending: true },
            Self::Alphabetical => TagOrder::Alphabetical { is_descending: false },
            Self::AlphabeticalDescending => TagOrder::Alphabetical { is_descending: true },
        }
    }
}
