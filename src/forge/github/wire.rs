//! GitHub's JSON, as far as it is read, and its conversion to the model.

use serde::Deserialize;

use crate::model::{
    AutoMerge, ClosedPullRequest, CommitId, OpenPullRequest, Opinion, PullRequestBranch, PullRequestReview,
    Timestamp,
};

#[derive(Debug, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) node_id: String,
    pub(super) html_url: String,
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) draft: bool,
    pub(super) created_at: Timestamp,
    updated_at: Timestamp,
    pub(super) closed_at: Option<Timestamp>,
    pub(super) merged_at: Option<Timestamp>,
    pub(super) head: Head,
    pub(super) auto_merge: Option<AutoMergeState>,
    /// Null for a deleted account.
    user: Option<User>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AutoMergeState {
    /// Null for a deleted account.
    enabled_by: Option<User>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct User {
    login: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Review {
    /// Null for a deleted account.
    user: Option<User>,
    state: String,
    /// Null for a commit that is gone.
    commit_id: Option<String>,
    author_association: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Head {
    #[serde(rename = "ref")]
    branch: String,
    pub(super) sha: String,
    /// Null for a deleted fork.
    repo: Option<Repo>,
}

#[derive(Debug, Deserialize)]
struct Repo {
    full_name: String,
}

impl Review {
    /// The review; nothing for a deleted account.
    pub(super) fn into_review(self) -> Option<PullRequestReview> {
        Some(PullRequestReview {
            by: self.user?.login,
            opinion: match self.state.as_str() {
                "APPROVED" => Opinion::Approved,
                "CHANGES_REQUESTED" => Opinion::ChangesRequested,
                "DISMISSED" => Opinion::Dismissed,
                _ => Opinion::None,
            },
            commit: self.commit_id.and_then(|id| id.parse().ok()),
            may_write: matches!(self.author_association.as_str(), "OWNER" | "MEMBER" | "COLLABORATOR"),
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct CommitResponse {
    pub(super) commit: CommitText,
}

#[derive(Debug, Deserialize)]
pub(super) struct CommitText {
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    #[serde(default)]
    pub(super) archived: bool,
    #[serde(default)]
    pub(super) allow_auto_merge: Option<bool>,
    pub(super) permissions: Option<Permissions>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    pub(super) push: bool,
}

impl Pull {
    /// The open pull request, if its branch is Tidegate's and in this repository, not in a fork.
    pub(super) fn open(self, repository: &str) -> Option<OpenPullRequest> {
        let (branch, head) = self.origin(repository)?;
        let auto_merge = self.auto_merge.as_ref().map(|merges| match &merges.enabled_by {
            Some(_) if merges.enabled_by == self.user => AutoMerge::ByOpener,
            _ => AutoMerge::ByAnother,
        });
        Some(OpenPullRequest {
            number: self.number,
            url: self.html_url,
            branch,
            head,
            body: self.body.unwrap_or_default(),
            opened_at: self.created_at,
            opened_by: self.user.map(|user| user.login),
            is_draft: self.draft,
            auto_merge,
        })
    }

    /// The closed pull request, on the same condition.
    pub(super) fn closed(self, repository: &str) -> Option<ClosedPullRequest> {
        let (_, head) = self.origin(repository)?;
        Some(ClosedPullRequest {
            number: self.number,
            head,
            body: self.body.unwrap_or_default(),
            opened_at: self.created_at,
            closed_at: self.closed_at?,
            updated_at: self.updated_at,
            is_merged: self.merged_at.is_some(),
        })
    }

    fn origin(&self, repository: &str) -> Option<(PullRequestBranch, CommitId)> {
        let is_here = self.head.repo.as_ref()?.full_name.eq_ignore_ascii_case(repository);
        let (branch, head) = (self.head.branch.parse().ok()?, self.head.sha.parse().ok()?);
        is_here.then_some((branch, head))
    }
}
