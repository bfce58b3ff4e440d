//! What has to be said about a range beside its commits: what a label lacks, what Git doesn't know, what was assumed.
//! One sentence each. None of them stops anything.

use std::fmt;

/// One thing that the reader has to know. The texts in it are fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// Neither image names its source, and neither does the configuration.
    NoSource,
    /// A label names no repository.
    BadSource {
        /// The image's tag.
        tag: String,
        /// What the label says.
        said: String,
    },
    /// The label names a repository that the configuration doesn't allow.
    SourceNotAllowed {
        /// The image's tag.
        tag: String,
        /// What it names.
        source: String,
    },
    /// The label names another repository than the configuration.
    SourceDiffers {
        /// The image's tag.
        tag: String,
        /// What the label names.
        said: String,
        /// What the configuration names, and is used.
        used: String,
    },
    /// The two images name different repositories.
    SourceMoved {
        /// What the running image names.
        before: String,
        /// What the new one names, and is used.
        after: String,
    },
    /// An image doesn't say which commit it was built from, and the source repository has no tag for it.
    NoRevision {
        /// The image's tag.
        tag: String,
        /// The repository.
        source: String,
    },
    /// An image's revision is no commit.
    BadRevision {
        /// The image's tag.
        tag: String,
        /// What the label says.
        said: String,
    },
    /// An image was built from a commit with something on top that was never committed.
    Dirty {
        /// The image's tag.
        tag: String,
    },
    /// The source repository doesn't have the commit that an image names.
    UnknownRevision {
        /// The image's tag.
        tag: String,
        /// The commit.
        revision: String,
        /// The repository.
        source: String,
    },
    /// The commit was taken from a tag of the source repository, since no label gave one that can be used.
    ByTag {
        /// The image's tag.
        tag: String,
        /// The source repository's tag.
        name: String,
    },
    /// The source repository has no tag for an image whose revision is unknown.
    NoSuchTag {
        /// The image's tag.
        tag: String,
        /// The repository.
        source: String,
    },
    /// Both tags are one image.
    SameImage,
    /// Both images were built from one commit.
    SameRevision {
        /// The commit, shortened.
        revision: String,
    },
    /// The new image is older than the running one.
    Downgrade,
    /// The running image has commits that the new one lacks, as after a force-push or from another branch.
    Diverged {
        /// How many.
        lost: usize,
    },
    /// The two commits have no history in common.
    Unrelated,
    /// The range is longer than what is read.
    Cut {
        /// How many commits were read.
        read: usize,
    },
    /// No commit of the range touches the service's folders.
    NothingInPaths {
        /// How many commits there are elsewhere.
        elsewhere: usize,
    },
    /// The commits could not be had.
    Unavailable {
        /// Why not.
        reason: String,
    },
    /// It took longer than a promotion waits for it.
    TimedOut {
        /// The limit.
        seconds: u64,
    },
}

impl Remark {
    /// A name that programs can tell remarks by.
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
            Self::NoSource => formatter
                .write_str("neither image says where its source is (label org.opencontainers.image.source)"),
            Self::BadSource { tag, said } => {
                write!(formatter, "{tag} names no source repository: its label says `{said}`")
            }
            Self::SourceNotAllowed { tag, source } => {
                write!(
                    formatter,
                    "{tag} names {source} as its source, which changelog.sources does not allow"
                )
            }
            Self::SourceDiffers { tag, said, used } => write!(
                formatter,
                "{tag} names {said} as its source, perhaps inherited from its base image; {used} is used, as configured"
            ),
            Self::SourceMoved { before, after } => {
                write!(formatter, "the source moved from {before} to {after}; only {after} is looked into")
            }
            Self::NoRevision { tag, source } => write!(
                formatter,
                "{tag} does not say which commit it was built from (label org.opencontainers.image.revision), and {source} has no tag for it"
            ),
            Self::BadRevision { tag, said } => {
                write!(formatter, "{tag} names no commit: its revision is `{said}`")
            }
            Self::Dirty { tag } => write!(formatter, "{tag} was built with changes that were not committed"),
            Self::UnknownRevision { tag, revision, source } => {
                write!(formatter, "{source} does not have commit {revision}, which {tag} names")
            }
            Self::ByTag { tag, name } => {
                write!(
                    formatter,
                    "{tag} is taken to be the source's tag {name}, since no label says its commit"
                )
            }
            Self::NoSuchTag { tag, source } => write!(formatter, "{source} has no tag for {tag} either"),
            Self::SameImage => formatter.write_str("both tags are the same image; nothing changes"),
            Self::SameRevision { revision } => {
                write!(formatter, "rebuilt from the same commit {revision}; the source did not change")
            }
            Self::Downgrade => {
                formatter.write_str("this goes back to an older version: what follows is taken away")
            }
            Self::Diverged { lost: 1 } => formatter
                .write_str("the histories diverged: 1 commit of the running version is not in the new one"),
            Self::Diverged { lost } => write!(
                formatter,
                "the histories diverged: {lost} commits of the running version are not in the new one"
            ),
            Self::Unrelated => formatter.write_str("the two versions have no history in common"),
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
