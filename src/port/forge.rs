//! Pull requests.

use std::future::Future;

use crate::model::{
    ClosedBy, ClosedPage, ClosedPullRequest, CommitId, Fault, MergeMethod, OpenPullRequest,
    PullRequestBranch, PullRequestDraft, PullRequestOptions, PullRequestReview,
};

/// Reads and writes pull requests from Tidegate's own branches to the branch that Flux follows, and no others.
pub trait Forge: Send + Sync + 'static {
    /// The open ones.
    fn open_requests(&self) -> impl Future<Output = Result<Vec<OpenPullRequest>, Fault>> + Send;

    /// A page of the closed ones of a branch, last changed first; pages count from 1.
    fn closed_requests(
        &self,
        branch: &PullRequestBranch,
        page: usize,
    ) -> impl Future<Output = Result<ClosedPage, Fault>> + Send;

    /// The closed ones of every branch that changed last, last changed first.
    fn recently_closed(&self) -> impl Future<Output = Result<Vec<ClosedPullRequest>, Fault>> + Send;

    /// How a closed one was closed.
    fn closed_by(&self, number: u64) -> impl Future<Output = Result<ClosedBy, Fault>> + Send;

    /// The reviews of one, oldest first.
    fn reviews(&self, number: u64) -> impl Future<Output = Result<Vec<PullRequestReview>, Fault>> + Send;

    /// The message of a pull request's commit, even if its branch is gone.
    fn message(&self, commit: CommitId) -> impl Future<Output = Result<String, Fault>> + Send;

    /// Opens one, or returns the open one of that branch.
    fn open(&self, draft: &PullRequestDraft) -> impl Future<Output = Result<OpenPullRequest, Fault>> + Send;

    /// Replaces the text, and the title if given.
    fn amend(
        &self,
        number: u64,
        title: Option<&str>,
        body: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Closes one and replaces its text.
    fn close(&self, number: u64, body: &str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Comments on one.
    fn comment(&self, number: u64, text: &str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Sets labels, reviewers and auto-merge; returns what failed.
    fn give(&self, number: u64, extras: &PullRequestOptions) -> impl Future<Output = Vec<Fault>> + Send;

    /// Turns auto-merge on for one at `head`.
    fn let_merge(
        &self,
        number: u64,
        head: CommitId,
        method: MergeMethod,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Turns auto-merge off.
    fn keep_open(&self, number: u64) -> impl Future<Output = Result<(), Fault>> + Send;
}
