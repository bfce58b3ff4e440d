//! Pull requests, without a forge: what one is to say, what one says, and the branches that are Tidegate's own.

use std::fmt;
use std::str::FromStr;

use super::{BranchName, CommitId, EnvironmentName, Printable, RepoPathError, ServiceName, Timestamp};

/// What every branch of Tidegate's own begins with.
const PREFIX: &str = "tidegate/";

/// Maximum characters shown of a login.
const MAX_LOGIN_CHARS: usize = 60;

/// Stands in place of a service. No namespace has such a name, so no service's branch is one of these.
const BACK: &str = "_back";
const SET: &str = "_set";
const WHOLE: &str = "_all";

/// A branch that is Tidegate's own, by its name: `tidegate/ENVIRONMENT/NAMESPACE/NAME`. It is never the branch that Flux
/// follows.
///
/// A branch of any other name is none:
///
/// ```
/// # use tidegate::model::PullRequestBranch;
/// assert!("main".parse::<PullRequestBranch>().is_err());
/// assert!("tidegate/prod/common/app".parse::<PullRequestBranch>().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PullRequestBranch(BranchName);

impl PullRequestBranch {
    /// That of one service.
    ///
    /// # Errors
    /// When Git takes no branch of that name, as with two dots in a row.
    pub fn of_service(environment: &EnvironmentName, service: &ServiceName) -> Result<Self, RepoPathError> {
        format!("{PREFIX}{environment}/{service}").parse()
    }

    /// That of a set of services, whatever people call it.
    ///
    /// # Errors
    /// When Git takes no branch of that name.
    pub fn of_set(environment: &EnvironmentName, name: &str) -> Result<Self, RepoPathError> {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let slug: String = name.chars().map(plain).take(60).collect();
        // Two names may differ only in what was left out.
        let hash = name
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let slug = if slug == name { slug } else { format!("{slug}-{hash:08x}") };
        format!("{PREFIX}{environment}/{SET}/{slug}").parse()
    }

    /// That of all that goes into an environment.
    ///
    /// # Errors
    /// When Git takes no branch of that name.
    pub fn of_environment(environment: &EnvironmentName) -> Result<Self, RepoPathError> {
        format!("{PREFIX}{environment}/{WHOLE}").parse()
    }

    /// That of a service's way back.
    ///
    /// # Errors
    /// When Git takes no branch of that name.
    pub fn back(environment: &EnvironmentName, service: &ServiceName) -> Result<Self, RepoPathError> {
        format!("{PREFIX}{environment}/{BACK}/{service}").parse()
    }

    /// Whether it is that of a way back.
    pub fn goes_back(&self) -> bool {
        self.0.as_str().split('/').nth(2) == Some(BACK)
    }

    /// The name as Git knows it.
    pub fn name(&self) -> &BranchName {
        &self.0
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for PullRequestBranch {
    type Err = RepoPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.starts_with(PREFIX) {
            return Err(RepoPathError);
        }
        text.parse().map(Self)
    }
}

impl fmt::Display for PullRequestBranch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A pull request from one of Tidegate's branches to the branch that Flux follows, and open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPullRequest {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// Its branch.
    pub branch: PullRequestBranch,
    /// Where that branch is.
    pub head: CommitId,
    /// What it says; perhaps somebody else's text.
    pub body: String,
    /// Since when.
    pub opened_at: Timestamp,
    /// The login of who opened it; nothing when the account is gone.
    pub opened_by: Option<String>,
    /// Whether it is a draft.
    pub is_draft: bool,
    /// Whether it is to merge by itself when all that is required of it is there.
    pub auto_merge: Option<AutoMerge>,
}

/// Who has a pull request merge by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoMerge {
    /// Whoever opened it, which is Tidegate.
    ByOpener,
    /// Somebody else.
    ByAnother,
}

/// What somebody said of a pull request as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestReview {
    /// Their login. Somebody else's text.
    pub by: String,
    /// What they think of it.
    pub opinion: Opinion,
    /// Where its branch was; nothing when that commit is gone.
    pub commit: Option<CommitId>,
    /// Whether they may write to the repository, as far as the forge tells.
    pub may_write: bool,
}

/// What a reviewer thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It may go.
    Approved,
    /// It may not go as it is.
    ChangesRequested,
    /// What they thought was taken back, by them or for them.
    Dismissed,
    /// They say nothing of that.
    None,
}

/// The same when it is open no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedPullRequest {
    /// Its number.
    pub number: u64,
    /// Its branch.
    pub branch: PullRequestBranch,
    /// Where its branch was.
    pub head: CommitId,
    /// What it says; perhaps somebody else's text.
    pub body: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The login of who opened it; nothing when the account is gone.
    pub opened_by: Option<String>,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// When anything about it last changed, be it a comment.
    pub updated_at: Timestamp,
    /// Whether it was merged.
    pub is_merged: bool,
}

/// How a pull request was closed that was not merged. Logins are somebody else's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// A person closed it, or nobody knows who did.
    Person(Option<String>),
    /// A program closed it, such as one that ends what is old.
    Bot(String),
    /// It closed because somebody deleted its branch.
    BranchDeletion(Option<String>),
}

impl ClosedBy {
    /// Whether somebody said no to what it proposes.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Person(_))
    }
}

impl fmt::Display for ClosedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |login: &str| Printable::bounded(login, MAX_LOGIN_CHARS).to_string();
        match self {
            Self::Person(None) => formatter.write_str("closed unmerged"),
            Self::Person(Some(login)) => write!(formatter, "closed unmerged by {}", name(login)),
            Self::Bot(login) => write!(formatter, "closed unmerged by the bot {}", name(login)),
            Self::BranchDeletion(None) => formatter.write_str("closed because its branch was deleted"),
            Self::BranchDeletion(Some(login)) => {
                write!(formatter, "closed because {} deleted its branch", name(login))
            }
        }
    }
}

/// Some of the closed pull requests of a branch, the last ones to change first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosedPage {
    /// These.
    pub requests: Vec<ClosedPullRequest>,
    /// Whether there are no more.
    pub is_last: bool,
}

/// What a pull request is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestDraft {
    /// Its branch.
    pub branch: PullRequestBranch,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Whether it is a draft.
    pub is_draft: bool,
}

/// What a pull request is given once, when it is opened; afterwards it is people's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequestOptions {
    /// Labels, made where they are not there.
    pub labels: Vec<String>,
    /// Whose review is asked for, by their logins.
    pub reviewers: Vec<String>,
    /// The teams whose review is asked for, by their short names.
    pub team_reviewers: Vec<String>,
    /// Whether and how it merges by itself when all that is required of it is there.
    pub auto_merge: Option<MergeMethod>,
}

impl PullRequestOptions {
    /// Whether there is nothing to give.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How a pull request is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMethod {
    /// By a merge commit.
    Merge,
    /// Its commits become one.
    Squash,
    /// Its commits are made again on the branch.
    Rebase,
}

/// What lies on one of Tidegate's branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Whether its tip is a commit of Tidegate's, not a person's.
    pub is_own: bool,
    /// The message of its tip; perhaps somebody else's text.
    pub message: String,
    /// The files that were asked for, in that order; nothing for one that is not there.
    pub files: Vec<Option<Vec<u8>>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_says_what_it_is_of() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        let service: ServiceName = "common/app".parse().unwrap();
        let names = [
            PullRequestBranch::of_service(&prod, &service),
            PullRequestBranch::of_set(&prod, "checkout"),
            PullRequestBranch::of_set(&prod, "check out/.."),
            PullRequestBranch::of_environment(&prod),
            PullRequestBranch::back(&prod, &service),
        ];
        let names = names.map(|name| name.unwrap().to_string());
        assert_eq!(names[..2], ["tidegate/prod/common/app", "tidegate/prod/_set/checkout"]);
        assert!(names[2].starts_with("tidegate/prod/_set/check-out----"), "{}", names[2]);
        assert_eq!(names[3..], ["tidegate/prod/_all", "tidegate/prod/_back/common/app"]);
        assert!(names[4].parse::<PullRequestBranch>().unwrap().goes_back());
        assert!(!names[0].parse::<PullRequestBranch>().unwrap().goes_back());
    }

    #[test]
    fn names_that_git_would_not_take_are_none() {
        let dots: EnvironmentName = "a..b".parse().unwrap();
        let lock: EnvironmentName = "prod.lock".parse().unwrap();
        for name in [dots, lock] {
            assert!(PullRequestBranch::of_environment(&name).is_err(), "{name}");
        }
        for bad in ["tidegate", "tidegate/", "main", "refs/heads/tidegate/x", "tidegate/a b"] {
            assert!(bad.parse::<PullRequestBranch>().is_err(), "{bad}");
        }
    }
}
