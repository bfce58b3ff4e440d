//! A forge in memory, whose pull requests are of the branches of the fake repository.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Branch, Calls, Fuse, lock};
use crate::model::{
    AutoMerge, Class, ClosedBy, ClosedPage, ClosedPullRequest, CommitId, Fault, MergeMethod, OpenPullRequest,
    Opinion, PullRequestBranch, PullRequestDraft, PullRequestOptions, PullRequestReview, Timestamp,
};
use crate::port::Forge;

/// What becomes of the next change.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) enum Ask {
    /// It is done.
    Done,
    /// It is done, and the answer is lost.
    Unanswered,
    /// It is not done, and the answer is lost.
    Lost,
}

#[derive(Default)]
pub(in crate::engine) struct FakeForge {
    branch: Arc<Branch>,
    pulls: Mutex<Vec<Pull>>,
    next: Mutex<VecDeque<Ask>>,
    pub(in crate::engine) is_away: Mutex<bool>,
    pub(in crate::engine) are_reviews_away: Mutex<bool>,
    pub(in crate::engine) calls: Calls,
}

#[derive(Clone, Debug)]
pub(in crate::engine) struct Pull {
    pub(in crate::engine) number: u64,
    pub(in crate::engine) branch: PullRequestBranch,
    pub(in crate::engine) head: CommitId,
    pub(in crate::engine) title: String,
    pub(in crate::engine) body: String,
    pub(in crate::engine) is_open: bool,
    pub(in crate::engine) is_merged: bool,
    pub(in crate::engine) comments: Vec<String>,
    pub(in crate::engine) labels: Vec<String>,
    pub(in crate::engine) auto_merge: Option<AutoMerge>,
    /// Whether all that is required of it is there.
    pub(in crate::engine) is_ready: bool,
    pub(in crate::engine) reviews: Vec<PullRequestReview>,
    closed_at: Timestamp,
    closed_by: ClosedBy,
    /// The place of its opening, and of its last change, among all that happened here.
    opened: u32,
    updated: u32,
}

/// How many closed ones a page has.
const PAGE: usize = 30;

/// When something happened here.
fn tick(place: u32) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(place.into())
}

impl FakeForge {
    pub(in crate::engine) fn of(branch: &Arc<Branch>, fuse: &Arc<Fuse>) -> Self {
        Self { branch: Arc::clone(branch), calls: Calls::until(fuse), ..Self::default() }
    }

    pub(in crate::engine) fn pulls(&self) -> Vec<Pull> {
        let mut pulls = lock(&self.pulls);
        for pull in pulls.iter_mut().filter(|pull| pull.is_open) {
            if let Some(head) = self.branch.tip_of(&pull.branch) {
                pull.head = head;
            } else {
                (pull.is_open, pull.closed_by) = (false, ClosedBy::BranchDeletion(None));
            }
        }
        pulls.clone()
    }

    /// The branches of those that are open, by their numbers.
    pub(in crate::engine) fn open(&self) -> Vec<(u64, String)> {
        let open = self.pulls().into_iter().filter(|pull| pull.is_open);
        open.map(|pull| (pull.number, pull.branch.to_string())).collect()
    }

    /// Somebody closes one.
    pub(in crate::engine) fn close_by_hand(&self, number: u64, at: Timestamp) {
        self.pulls();
        self.change(number, |pull| (pull.is_open, pull.closed_at) = (false, at));
        self.change(number, |pull| pull.closed_by = ClosedBy::Person(Some("ana".into())));
    }

    /// A program closes one.
    pub(in crate::engine) fn close_by_bot(&self, number: u64, at: Timestamp) {
        self.close_by_hand(number, at);
        self.change(number, |pull| pull.closed_by = ClosedBy::Bot("stale[bot]".into()));
    }

    /// Somebody opens one again, whose branch is put back where it was.
    pub(in crate::engine) fn reopen(&self, number: u64) {
        let (branch, head) = self.change(number, |pull| {
            pull.is_open = true;
            (pull.branch.clone(), pull.head)
        });
        self.branch.restore(&branch, head);
    }

    /// Somebody merges one.
    pub(in crate::engine) fn merge(&self, number: u64, at: Timestamp) {
        let pull = self.pulls().into_iter().find(|pull| pull.number == number && pull.is_open).unwrap();
        self.branch.merge_request(&pull.branch, at);
        self.change(number, |pull| (pull.is_open, pull.is_merged, pull.closed_at) = (false, true, at));
    }

    /// Somebody who may write reviews one as it is now.
    pub(in crate::engine) fn review(&self, number: u64, by: &str, opinion: Opinion) {
        self.pulls();
        self.change(number, |pull| {
            let review =
                PullRequestReview { by: by.to_owned(), opinion, commit: Some(pull.head), may_write: true };
            pull.reviews.push(review);
        });
    }

    /// Somebody turns merging by itself on or off.
    pub(in crate::engine) fn turn(&self, number: u64, auto_merge: Option<AutoMerge>) {
        self.change(number, |pull| pull.auto_merge = auto_merge);
    }

    /// All that is required of one is there, and it merges if it may.
    pub(in crate::engine) fn pass_checks(&self, number: u64, at: Timestamp) {
        let merges = self.change(number, |pull| {
            pull.is_ready = true;
            pull.auto_merge.is_some()
        });
        if merges {
            self.merge(number, at);
        }
    }

    /// Somebody writes another text.
    pub(in crate::engine) fn edit(&self, number: u64, body: &str) {
        self.change(number, |pull| pull.body = body.to_owned());
    }

    pub(in crate::engine) fn next(&self, ask: Ask) {
        lock(&self.next).push_back(ask);
    }

    pub(in crate::engine) fn mend(&self) {
        lock(&self.next).clear();
        *lock(&self.is_away) = false;
        *lock(&self.are_reviews_away) = false;
    }

    fn change<T>(&self, number: u64, change: impl FnOnce(&mut Pull) -> T) -> T {
        let mut pulls = lock(&self.pulls);
        let now = next(&pulls);
        let pull = pulls.iter_mut().find(|pull| pull.number == number).unwrap();
        pull.updated = now;
        change(pull)
    }

    fn reach(&self) -> Result<(), Fault> {
        if *lock(&self.is_away) { Err(Fault::new(Class::TryAgain, "the forge is away")) } else { Ok(()) }
    }

    fn write<T>(&self, what: &'static str, write: impl FnOnce() -> T) -> Result<T, Fault> {
        self.calls.count(what);
        self.reach()?;
        let lost = || Fault::new(Class::TryAgain, "the answer was lost");
        match lock(&self.next).pop_front().unwrap_or(Ask::Done) {
            Ask::Done => Ok(write()),
            Ask::Lost => Err(lost()),
            Ask::Unanswered => {
                write();
                Err(lost())
            }
        }
    }
}

/// The place of what happens now.
fn next(pulls: &[Pull]) -> u32 {
    pulls.iter().map(|pull| pull.updated).max().unwrap_or_default() + 1
}

fn opened(pull: &Pull) -> OpenPullRequest {
    OpenPullRequest {
        number: pull.number,
        url: format!("https://forge/{}", pull.number),
        branch: pull.branch.clone(),
        head: pull.head,
        body: pull.body.clone(),
        opened_at: "2026-03-02T09:00:00Z".parse().unwrap(),
        opened_by: Some("tidegate[bot]".to_owned()),
        is_draft: false,
        auto_merge: pull.auto_merge,
    }
}

fn closed_one(pull: Pull) -> ClosedPullRequest {
    ClosedPullRequest {
        number: pull.number,
        branch: pull.branch,
        head: pull.head,
        body: pull.body,
        opened_at: tick(pull.opened),
        opened_by: Some("tidegate[bot]".to_owned()),
        closed_at: pull.closed_at,
        updated_at: tick(pull.updated),
        is_merged: pull.is_merged,
    }
}

impl Forge for FakeForge {
    async fn open_requests(&self) -> Result<Vec<OpenPullRequest>, Fault> {
        self.calls.count("open_requests");
        self.reach()?;
        Ok(self.pulls().iter().filter(|pull| pull.is_open).map(opened).collect())
    }

    async fn closed_requests(&self, branch: &PullRequestBranch, page: usize) -> Result<ClosedPage, Fault> {
        self.calls.count("closed_requests");
        self.reach()?;
        let mut closed: Vec<Pull> =
            self.pulls().into_iter().filter(|pull| !pull.is_open && pull.branch == *branch).collect();
        closed.sort_by_key(|pull| Reverse(pull.updated));
        let is_last = closed.len() <= page * PAGE;
        let closed = closed.into_iter().skip((page - 1) * PAGE).take(PAGE).map(closed_one);
        Ok(ClosedPage { requests: closed.collect(), is_last })
    }

    async fn recently_closed(&self) -> Result<Vec<ClosedPullRequest>, Fault> {
        self.calls.count("recently_closed");
        self.reach()?;
        let mut closed: Vec<Pull> = self.pulls().into_iter().filter(|pull| !pull.is_open).collect();
        closed.sort_by_key(|pull| Reverse(pull.updated));
        Ok(closed.into_iter().map(closed_one).collect())
    }

    async fn closed_by(&self, number: u64) -> Result<ClosedBy, Fault> {
        self.calls.count("closed_by");
        self.reach()?;
        let pulls = self.pulls();
        Ok(pulls.into_iter().find(|pull| pull.number == number).unwrap().closed_by)
    }

    async fn reviews(&self, number: u64) -> Result<Vec<PullRequestReview>, Fault> {
        self.calls.count("reviews");
        self.reach()?;
        if *lock(&self.are_reviews_away) {
            return Err(Fault::new(Class::TryAgain, "the forge is away"));
        }
        Ok(self.change(number, |pull| pull.reviews.clone()))
    }

    async fn message(&self, commit: CommitId) -> Result<String, Fault> {
        self.calls.count("message");
        self.reach()?;
        Ok(self.branch.message_of(commit))
    }

    async fn open(&self, draft: &PullRequestDraft) -> Result<OpenPullRequest, Fault> {
        self.write("open", || {
            let head = self.branch.tip_of(&draft.branch).unwrap();
            let mut pulls = lock(&self.pulls);
            if let Some(known) = pulls.iter().find(|pull| pull.is_open && pull.branch == draft.branch) {
                return opened(known);
            }
            let pull = Pull {
                number: pulls.len() as u64 + 1,
                branch: draft.branch.clone(),
                head,
                title: draft.title.clone(),
                body: draft.body.clone(),
                is_open: true,
                is_merged: false,
                comments: Vec::new(),
                labels: Vec::new(),
                auto_merge: None,
                is_ready: false,
                reviews: Vec::new(),
                closed_at: Timestamp::MIN_UTC,
                closed_by: ClosedBy::Person(Some("ana".into())),
                opened: next(&pulls),
                updated: next(&pulls),
            };
            pulls.push(pull.clone());
            opened(&pull)
        })
    }

    async fn amend(&self, number: u64, title: Option<&str>, body: &str) -> Result<(), Fault> {
        self.write("amend", || {
            self.change(number, |pull| {
                pull.title = title.map_or_else(|| pull.title.clone(), str::to_owned);
                pull.body = body.to_owned();
            });
        })
    }

    async fn close(&self, number: u64, body: &str) -> Result<(), Fault> {
        self.write("close", || {
            self.change(number, |pull| (pull.is_open, pull.body) = (false, body.to_owned()));
        })
    }

    async fn comment(&self, number: u64, text: &str) -> Result<(), Fault> {
        self.write("comment", || self.change(number, |pull| pull.comments.push(text.to_owned())))
    }

    async fn give(&self, number: u64, extras: &PullRequestOptions) -> Vec<Fault> {
        let given = self.write("give", || {
            self.change(number, |pull| {
                pull.labels.clone_from(&extras.labels);
                pull.auto_merge = pull.auto_merge.or(extras.auto_merge.map(|_| AutoMerge::ByOpener));
            });
        });
        given.err().into_iter().collect()
    }

    async fn let_merge(&self, number: u64, head: CommitId, _: MergeMethod) -> Result<(), Fault> {
        self.write("let_merge", || {
            self.pulls();
            let is_to_be_merged = self.change(number, |pull| {
                assert!(pull.is_open && pull.head == head);
                if !pull.is_ready {
                    pull.auto_merge = Some(AutoMerge::ByOpener);
                }
                pull.is_ready
            });
            if is_to_be_merged {
                self.merge(number, Timestamp::MIN_UTC);
            }
        })
    }

    async fn keep_open(&self, number: u64) -> Result<(), Fault> {
        self.write("keep_open", || self.change(number, |pull| pull.auto_merge = None))
    }
}
