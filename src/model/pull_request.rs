//! Pull requests as every forge has them: what to propose, what is open, and Tidegate's own branches.

use std::fmt;
use std::str::FromStr;

use super::{BranchName, CommitId, EnvironmentName, Printable, RepoPathError, ServiceName, Timestamp};

/// Prefix of every branch of Tidegate.
const PREFIX: &str = "tidegate/";

/// Maximum characters shown of a login.
const MAX_LOGIN_CHARS: usize = 60;

/// Stands in place of a service. No namespace has such a name, so no service's branch is one of these.
const BACK: &str = "_back";
const SET: &str = "_set";
const WHOLE: &str = "_all";

/// A branch of Tidegate, `tidegate/ENVIRONMENT/NAMESPACE/NAME`. It is never the branch that Flux follows.
///
/// No other name parses:
///
/// ```
/// # use tidegate::model::PullRequestBranch;
/// assert!("main".parse::<PullRequestBranch>().is_err());
/// assert!("tidegate/prod/common/app".parse::<PullRequestBranch>().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PullRequestBranch(BranchName);

impl PullRequestBranch {
    /// The branch for one service.
    ///
    /// # Errors
    /// When Git does not allow such a name, as with two dots in a row.
    pub fn of_service(environment: &EnvironmentName, service: &ServiceName) -> Result<Self, RepoPathError> {
        format!("{PREFIX}{environment}/{service}").parse()
    }

    /// The branch for a group of services.
    ///
    /// # Errors
    /// When Git does not allow such a name.
    pub fn of_set(environment: &EnvironmentName, name: &str) -> Result<Self, RepoPathError> {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let slug: String = name.chars().map(plain).take(60).collect();
        // Escaped names may collide, so a hash tells them apart.
        let hash = name
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let slug = if slug == name { slug } else { format!("{slug}-{hash:08x}") };
        format!("{PREFIX}{environment}/{SET}/{slug}").parse()
    }

    /// The branch for all promotions to an environment.
    ///
    /// # Errors
    /// When Git does not allow such a name.
    pub fn of_environment(environment: &EnvironmentName) -> Result<Self, RepoPathError> {
        format!("{PREFIX}{environment}/{WHOLE}").parse()
    }

    /// The branch for a service's rollback.
    ///
    /// # Errors
    /// When Git does not allow such a name.
    pub fn back(environment: &EnvironmentName, service: &ServiceName) -> Result<Self, RepoPathError> {
        format!("{PREFIX}{environment}/{BACK}/{service}").parse()
    }

    /// Whether it proposes a rollback.
    pub fn goes_back(&self) -> bool {
        self.0.as_str().split('/').nth(2) == Some(BACK)
    }

    /// As the name of a branch.
    pub fn name(&self) -> &BranchName {
        &self.0
    }

    /// As text.
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

/// An open pull request from one of Tidegate's branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPullRequest {
    /// Its number.
    pub number: u64,
    /// URL of its page.
    pub url: String,
    /// Its branch.
    pub branch: PullRequestBranch,
    /// Head of its branch.
    pub head: CommitId,
    /// Its text; may be edited by people.
    pub body: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Login of the account that opened it; `None` if that is gone.
    pub opened_by: Option<String>,
    /// Whether it is a draft.
    pub is_draft: bool,
    /// Who turned auto-merge on, if it is on.
    pub auto_merge: Option<AutoMerge>,
}

/// Who turned auto-merge on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoMerge {
    /// The account that opened the pull request, which is Tidegate's.
    ByOpener,
    /// Somebody else.
    ByAnother,
}

/// A review of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestReview {
    /// Login; untrusted text.
    pub by: String,
    /// The verdict.
    pub opinion: Opinion,
    /// The reviewed commit; `None` if it is gone.
    pub commit: Option<CommitId>,
    /// Whether the reviewer has write access, as far as the forge reports.
    pub may_write: bool,
}

/// The verdict of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// Approved.
    Approved,
    /// Changes requested.
    ChangesRequested,
    /// Dismissed.
    Dismissed,
    /// A comment without a verdict.
    None,
}

/// A closed pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedPullRequest {
    /// Its number.
    pub number: u64,
    /// Its branch.
    pub branch: PullRequestBranch,
    /// Head of its branch when it was closed.
    pub head: CommitId,
    /// Its text; may be edited by people.
    pub body: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Login of the account that opened it; `None` if that is gone.
    pub opened_by: Option<String>,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// When it last changed, including comments.
    pub updated_at: Timestamp,
    /// Whether it was merged.
    pub is_merged: bool,
}

/// Who closed a pull request without merging it. Logins are untrusted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// A person, or unknown.
    Person(Option<String>),
    /// A bot, such as one that closes stale pull requests.
    Bot(String),
    /// Closed because its branch was deleted.
    BranchDeletion(Option<String>),
}

impl ClosedBy {
    /// Whether somebody refused what it proposes.
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

/// Closed pull requests of a branch, most recently changed first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosedPage {
    /// The pull requests.
    pub requests: Vec<ClosedPullRequest>,
    /// Whether this is all of them.
    pub is_last: bool,
}

/// The content of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestDraft {
    /// Its branch.
    pub branch: PullRequestBranch,
    /// Its title, one line.
    pub title: String,
    /// Its text, as Markdown.
    pub body: String,
    /// Whether it is a draft.
    pub is_draft: bool,
}

/// Settings applied once, when a pull request is opened; afterwards they belong to people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequestOptions {
    /// Labels; missing ones are created.
    pub labels: Vec<String>,
    /// Logins of requested reviewers.
    pub reviewers: Vec<String>,
    /// Slugs of requested teams.
    pub team_reviewers: Vec<String>,
    /// Whether to turn auto-merge on, and the merge method.
    pub auto_merge: Option<MergeMethod>,
}

impl PullRequestOptions {
    /// Whether there is nothing to apply.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How a pull request is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMethod {
    /// With a merge commit.
    Merge,
    /// Squashed into one commit.
    Squash,
    /// Rebased onto the branch.
    Rebase,
}

/// The head of one of Tidegate's branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Whether the head is a commit of Tidegate's.
    pub is_own: bool,
    /// Message of the head; untrusted text.
    pub message: String,
    /// Content of the requested files, in order; `None` for a missing one.
    pub files: Vec<Option<Vec<u8>>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_name_contains_its_service_and_environment() {
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
