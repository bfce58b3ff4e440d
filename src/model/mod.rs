//! Domain types: tag, digest, image, version, service, environment, commit.
//!
//! Every value is validated when it is made, so no other room validates again. Knows no IO, no clock and no async, and
//! stands alone.

mod cluster;
mod commit;
mod elapsed;
mod environment;
mod fault;
mod field_path;
mod health;
mod id;
mod image;
mod link;
mod network_url;
mod notification;
mod platform;
mod printable;
mod promotion;
mod pull_request;
mod record;
mod repository;
mod secrets;
mod service;
mod service_pattern;
mod source;
mod token;
mod variant;
mod version;
mod webhook;

pub use cluster::{
    ClusterObjects, ClusterReport, GitReference, GitSource, LiveKustomization, LiveObject, LiveVersion,
    ObjectKind, ObjectName,
};
pub use commit::{
    BlobId, BranchName, CommitChanges, CommitDraft, CommitId, CommitInfo, FileChange, FileEdit, FileEditKind,
    ObjectIdError, ReplacedHead, RepoPath, RepoPathError, TreeFile,
};
pub use elapsed::Elapsed;
pub use environment::{EnvironmentName, EnvironmentNameError};
pub use fault::{Class, Fault, IntoFault};
pub use field_path::{FieldPath, FieldPathError, FieldPathSegment, FieldRule};
pub use health::{Health, HealthObservation, HealthSubject, Unhealthy, UnhealthyCause};
pub use id::{ByEnvironment, ByTarget, EnvironmentId, Id, IdVec, TargetId};
pub use image::{Artifact, Digest, HelmChart, ImageError, ImageName, ImageRef, Tag};
pub use link::next_link;
pub use network_url::{NetworkUrl, NetworkUrlError, Protocol};
pub use notification::{
    ConditionRecord, Delivery, EventKind, NewMessage, NotificationChange, NotificationState, OutboxBacklog,
    OutboxMessage,
};
pub use platform::{Platform, PlatformError};
pub use printable::Printable;
pub use promotion::{BRANCH_TRAILER, BY_SCHEDULE, BY_VERIFICATION, PromotionId};
pub use pull_request::{
    AutoMerge, ClosedBy, ClosedPage, ClosedPullRequest, MergeMethod, OpenPullRequest, Opinion, Proposed,
    PullRequestBranch, PullRequestDraft, PullRequestOptions, PullRequestReview,
};
pub use record::{
    FetchEvidence, HistoryRest, IndexEnd, Intent, Observation, Outcome, PinnedTag, PromotionMark, TagChange,
    TagChangeCommit, TagChangePart, TagChangeQuery, TagList, TagsSeen,
};
pub use repository::{
    CONTROL_FOLDER, Content, Fetched, Held, LeftAlone, LeftAloneKind, Line, Listing, Publication,
    SignatureCheck, TreeChanges, is_control_path,
};
pub use secrets::Secrets;
pub use service::{InactiveReason, ServiceName, ServiceNameError};
pub use service_pattern::{ServicePattern, ServicePatternError};
pub use source::{MOST_MESSAGE_BYTES, MOST_NAME_BYTES, Person, Relation, SourceCommit, SourceRange};
pub use token::{AccessToken, AuditEntry, ShownToken, TokenError, TokenId, TokenName, TokenScope};
pub use version::{Version, VersionError};
pub use webhook::WebhookSender;

/// A point in time, always in UTC; zones are for reading and writing.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// A service's image, wherever it runs.
pub type Subject = (ServiceName, ImageName);
