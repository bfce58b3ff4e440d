//! What GitHub's answers look like, as far as they are read, and what becomes of them.

use serde::Deserialize;

use crate::model::{ClosedRequest, CommitId, OpenRequest, RequestBranch, Timestamp};

/// A pull request, as lists and single answers have it.
#[derive(Debug, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) node_id: String,
    pub(super) html_url: String,
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) draft: bool,
    pub(super) created_at: Timestamp,
    pub(super) closed_at: Option<Timestamp>,
    pub(super) merged_at: Option<Timestamp>,
    pub(super) head: Head,
}

/// Where a pull request comes from.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    /// Nothing when the fork is gone.
    repo: Option<Repo>,
}

#[derive(Debug, Deserialize)]
struct Repo {
    full_name: String,
}

/// A commit.
#[derive(Debug, Deserialize)]
pub(super) struct CommitAnswer {
    pub(super) commit: CommitText,
}

#[derive(Debug, Deserialize)]
pub(super) struct CommitText {
    pub(super) message: String,
}

/// A repository.
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
    /// As an open request, if it comes from one of Tidegate's own branches: a fork may have one of that name.
    pub(super) fn open(self, repository: &str) -> Option<OpenRequest> {
        let (branch, head) = self.origin(repository)?;
        Some(OpenRequest {
            number: self.number,
            url: self.html_url,
            branch,
            head,
            body: self.body.unwrap_or_default(),
            opened_at: self.created_at,
            is_draft: self.draft,
        })
    }

    /// As a closed request, likewise.
    pub(super) fn closed(self, repository: &str) -> Option<ClosedRequest> {
        let (_, head) = self.origin(repository)?;
        Some(ClosedRequest {
            number: self.number,
            head,
            body: self.body.unwrap_or_default(),
            closed_at: self.closed_at?,
            is_merged: self.merged_at.is_some(),
        })
    }

    fn origin(&self, repository: &str) -> Option<(RequestBranch, CommitId)> {
        let is_here = self.head.repo.as_ref()?.full_name.eq_ignore_ascii_case(repository);
        let (branch, head) = (self.head.branch.parse().ok()?, self.head.sha.parse().ok()?);
        is_here.then_some((branch, head))
    }
}
