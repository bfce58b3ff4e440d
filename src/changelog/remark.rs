//! Remarks about a range: what a label lacks, what Git does not have, what was assumed. One sentence each; none of them
//! stops a promotion.

use std::fmt;

/// A remark. Its texts are printable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// Neither image names its source, and neither does the configuration.
    NoSource,
    /// A source label that names no repository.
    BadSource {
        /// The image's tag.
        tag: String,
        /// The label.
        label: String,
    },
    /// The label names a repository that the configuration does not allow.
    SourceNotAllowed {
        /// The image's tag.
        tag: String,
        /// The repository.
        source: String,
    },
    /// The label names another repository than the configuration, which is used.
    SourceDiffers {
        /// The image's tag.
        tag: String,
        /// The label's repository.
        label: String,
        /// The configured repository.
        used: String,
    },
    /// The two images name different repositories; the new one is used.
    SourceMoved {
        /// The running image's repository.
        before: String,
        /// The new image's repository.
        after: String,
    },
    /// An image has no revision label, and the source repository has no tag for it.
    NoRevision {
        /// The image's tag.
        tag: String,
        /// The repository.
        source: String,
    },
    /// A revision label that is no commit id.
    BadRevision {
        /// The image's tag.
        tag: String,
        /// The label.
        label: String,
    },
    /// An image was built with uncommitted changes.
    Dirty {
        /// The image's tag.
        tag: String,
    },
    /// The source repository lacks the commit in the revision label.
    UnknownRevision {
        /// The image's tag.
        tag: String,
        /// The commit.
        revision: String,
        /// The repository.
        source: String,
    },
    /// No usable revision label; a tag of the source repository was used.
    ByTag {
        /// The image's tag.
        tag: String,
        /// The source repository's tag.
        name: String,
    },
    /// The source repository lacks the commit and has no tag for the image either.
    NoSuchTag {
        /// The image's tag.
        tag: String,
        /// The repository.
        source: String,
    },
    /// Both tags have the same digest.
    SameImage,
    /// Both images were built from the same commit.
    SameRevision {
        /// The abbreviated commit.
        revision: String,
    },
    /// The new image is older than the running one.
    Downgrade,
    /// The running image has commits that the new one lacks, as after a force-push or from another branch.
    Diverged {
        /// Number of such commits.
        lost: usize,
    },
    /// The two commits have no common history.
    Unrelated,
    /// The range is longer than the limit.
    Cut {
        /// Number of commits read.
        read: usize,
    },
    /// No commit of the range touches the service's folders.
    NothingInPaths {
        /// Number of commits outside them.
        elsewhere: usize,
    },
    /// The commits could not be read.
    Unavailable {
        /// The error.
        reason: String,
    },
    /// Reading the commits took longer than a promotion waits for them.
    TimedOut {
        /// The limit.
        seconds: u64,
    },
}

impl Remark {
    /// A stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSource => "noSource",
            Self::BadSource { .. } => "badSource",
            Self::SourceNotAllowed { .. } => "sourceNotAllowed",
            Self::SourceDiffers { .. } => "sourceDiffers",
            Self::SourceMoved { .. } => "sourceMoved",
            Self::NoRevision { .. } => "noRevision",
            Self::BadRevision { .. } => "badRevision",
            Self::Dirty { .. } => "dirty",
            Self::UnknownRevision { .. } => "unknownRevision",
            Self::ByTag { .. } => "byTag",
            Self::NoSuchTag { .. } => "noSuchTag",
            Self::SameImage => "sameImage",
            Self::SameRevision { .. } => "sameRevision",
            Self::Downgrade => "downgrade",
            Self::Diverged { .. } => "diverged",
            Self::Unrelated => "unrelated",
            Self::Cut { .. } => "cut",
            Self::NothingInPaths { .. } => "nothingInPaths",
            Self::Unavailable { .. } => "unavailable",
            Self::TimedOut { .. } => "timedOut",
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSource => formatter.write_str(
                "neither image names its source repository (label org.opencontainers.image.source)",
            ),
            Self::BadSource { tag, label } => {
                write!(formatter, "the source label of {tag} names no repository: `{label}`")
            }
            Self::SourceNotAllowed { tag, source } => {
                write!(
                    formatter,
                    "{tag} names {source} as its source, which changelog.sources does not allow"
                )
            }
            Self::SourceDiffers { tag, label, used } => write!(
                formatter,
                "{tag} names {label} as its source, perhaps inherited from its base image; {used} is used, as configured"
            ),
            Self::SourceMoved { before, after } => {
                write!(formatter, "the source moved from {before} to {after}; only {after} is read")
            }
            Self::NoRevision { tag, source } => write!(
                formatter,
                "{tag} does not say which commit it was built from (label org.opencontainers.image.revision), and {source} has no tag for it"
            ),
            Self::BadRevision { tag, label } => {
                write!(formatter, "the revision label of {tag} is no commit: `{label}`")
            }
            Self::Dirty { tag } => write!(formatter, "{tag} was built with uncommitted changes"),
            Self::UnknownRevision { tag, revision, source } => {
                write!(formatter, "{source} does not have commit {revision}, which {tag} names")
            }
            Self::ByTag { tag, name } => {
                write!(
                    formatter,
                    "no label names the commit of {tag}; the source's tag {name} is used instead"
                )
            }
            Self::NoSuchTag { tag, source } => write!(formatter, "{source} has no tag for {tag} either"),
            Self::SameImage => formatter.write_str("both tags are the same image"),
            Self::SameRevision { revision } => {
                write!(formatter, "rebuilt from the same commit {revision}; the source did not change")
            }
            Self::Downgrade => formatter.write_str("this is a downgrade: the changes listed are removed"),
            Self::Diverged { lost: 1 } => formatter
                .write_str("the histories diverged: 1 commit of the running version is not in the new one"),
            Self::Diverged { lost } => write!(
                formatter,
                "the histories diverged: {lost} commits of the running version are not in the new one"
            ),
            Self::Unrelated => formatter.write_str("the two versions have no common history"),
            Self::Cut { read } => {
                write!(formatter, "only the newest {read} commits were read; there are more")
            }
            Self::NothingInPaths { elsewhere: 1 } => formatter.write_str(
                "nothing changed in the service's folders; 1 commit is elsewhere in the repository",
            ),
            Self::NothingInPaths { elsewhere } => write!(
                formatter,
                "nothing changed in the service's folders; {elsewhere} commits are elsewhere in the repository"
            ),
            Self::Unavailable { reason } => write!(formatter, "the commits could not be read: {reason}"),
            Self::TimedOut { seconds } => {
                write!(
                    formatter,
                    "the commits could not be read within {seconds}s; the promotion did not wait"
                )
            }
        }
    }
}
