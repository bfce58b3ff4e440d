//! The calls: which pull requests there are, and what becomes of one.

use reqwest::Method;
use serde_json::json;

use crate::model::{
    Class, ClosedPage, CommitId, Fault, MergeMethod, OpenPullRequest, PullRequestBranch, PullRequestDraft,
    PullRequestOptions, PullRequestReview,
};

use super::GitHub;
use super::wire::{CommitAnswer, Pull, Review};

/// How many pull requests a page has at most.
const PAGE: usize = 100;

/// How many pages of open ones are read.
const MOST_PAGES: usize = 20;

/// How many closed ones of a branch a page has: few of them matter, as a rule.
const CLOSED_PAGE: usize = 30;

/// How many pages of reviews are read. Each comment on a line is one too.
const MOST_REVIEW_PAGES: usize = 10;

/// What GitHub says of a pull request that could be merged at once.
const NOTHING_TO_WAIT_FOR: [&str; 3] = ["in clean status", "in unstable status", "in has_hooks status"];

const DISABLE_AUTO_MERGE: &str = "mutation($id: ID!) { \
     disablePullRequestAutoMerge(input: {pullRequestId: $id}) { clientMutationId } }";

const ENABLE_AUTO_MERGE: &str = "mutation($id: ID!, $method: PullRequestMergeMethod!, $head: GitObjectID!) { \
     enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: $method, expectedHeadOid: $head}) \
     { clientMutationId } }";

impl GitHub {
    /// The open pull requests from Tidegate's own branches.
    ///
    /// # Errors
    /// When GitHub can't be asked, or has more than can be read.
    pub async fn open_requests(&self) -> Result<Vec<OpenPullRequest>, Fault> {
        let mut open = Vec::new();
        for page in 1..=MOST_PAGES {
            let query = format!(
                "/pulls?state=open&base={}&sort=created&direction=asc&per_page={PAGE}&page={page}",
                encoded(self.base.as_str())
            );
            let pulls: Vec<Pull> = self.list(&query).await?;
            let is_last = pulls.len() < PAGE;
            open.extend(pulls.into_iter().filter_map(|pull| pull.open(&self.repository)));
            if is_last {
                return Ok(open);
            }
        }
        let message = format!("{} has more than {} open pull requests", self.repository, PAGE * MOST_PAGES);
        Err(Fault::new(Class::Refused, message).with_hint("close what nobody will merge"))
    }

    /// The closed pull requests of a branch, the last ones to change first: a page of them, from the first on.
    ///
    /// # Errors
    /// When GitHub can't be asked.
    pub async fn closed_requests(
        &self,
        branch: &PullRequestBranch,
        page: usize,
    ) -> Result<ClosedPage, Fault> {
        let query = format!("{}&page={page}", self.of_branch(branch, "closed", CLOSED_PAGE));
        let pulls = self.list(&query).await?;
        let is_last = pulls.len() < CLOSED_PAGE;
        let requests = pulls.into_iter().filter_map(|pull| pull.closed(&self.repository)).collect();
        Ok(ClosedPage { requests, is_last })
    }

    /// What people said of a pull request as a whole, the earliest first. One that did not change costs nothing of the limit.
    ///
    /// # Errors
    /// When GitHub can't be asked, or has more than can be read.
    pub async fn reviews(&self, number: u64) -> Result<Vec<PullRequestReview>, Fault> {
        let mut reviews = Vec::new();
        for page in 1..=MOST_REVIEW_PAGES {
            let path = self.path(&format!("/pulls/{number}/reviews?per_page={PAGE}&page={page}"));
            let told: Vec<Review> = self.exchange.get(&path).await?;
            let is_last = told.len() < PAGE;
            reviews.extend(told.into_iter().filter_map(Review::told));
            if is_last {
                return Ok(reviews);
            }
        }
        let most = PAGE * MOST_REVIEW_PAGES;
        let message = format!("pull request #{number} has more than {most} reviews");
        Err(Fault::new(Class::Refused, message).with_hint("approve it by `tidegate approve`, or close it"))
    }

    /// What a commit says, be it on a branch or not.
    ///
    /// # Errors
    /// When GitHub can't be asked, or does not have the commit.
    pub async fn message(&self, commit: CommitId) -> Result<String, Fault> {
        let path = self.path(&format!("/commits/{commit}"));
        let answer: CommitAnswer = self.exchange.get(&path).await?;
        Ok(answer.commit.message)
    }

    /// Opens a pull request; if there is an open one of that branch, that is it.
    ///
    /// # Errors
    /// When GitHub can't be asked, or does not let it be opened.
    pub async fn open_request(&self, draft: &PullRequestDraft) -> Result<OpenPullRequest, Fault> {
        let path = self.path("/pulls");
        let body = json!({
            "title": draft.title,
            "head": draft.branch.as_str(),
            "base": self.base.as_str(),
            "body": draft.body,
            "draft": draft.is_draft,
        });
        let answer = self.exchange.change(Method::POST, &path, body).await?;
        let opened = if answer.is_there_already() {
            self.list(&self.of_branch(&draft.branch, "open", 1)).await?.into_iter().next()
        } else {
            Some(answer.read::<Pull>(&path)?)
        };
        let opened = opened.and_then(|pull| pull.open(&self.repository));
        opened.ok_or_else(|| {
            let message = format!("GitHub has no pull request of {} and opens none", draft.branch);
            Fault::new(Class::TryAgain, message)
        })
    }

    /// Writes another title and body.
    ///
    /// # Errors
    /// When GitHub can't be asked, or does not let it be changed.
    pub async fn amend_request(&self, number: u64, title: Option<&str>, body: &str) -> Result<(), Fault> {
        let mut change = json!({"body": body});
        if let Some(title) = title {
            change["title"] = title.into();
        }
        self.patch(number, change).await
    }

    /// Closes it, with another body.
    ///
    /// # Errors
    /// When GitHub can't be asked, or does not let it be closed.
    pub async fn close_request(&self, number: u64, body: &str) -> Result<(), Fault> {
        self.patch(number, json!({"state": "closed", "body": body})).await
    }

    /// Says something below it.
    ///
    /// # Errors
    /// When GitHub can't be asked, or does not let anything be said.
    pub async fn comment_on(&self, number: u64, text: &str) -> Result<(), Fault> {
        self.post(&format!("/issues/{number}/comments"), json!({"body": text})).await
    }

    /// Gives it what it is given once. What can't be given is told, and the rest is.
    pub async fn give(&self, number: u64, extras: &PullRequestOptions) -> Vec<Fault> {
        let mut troubles = Vec::new();
        let mut note = |what: &str, done: Result<(), Fault>| {
            if let Err(fault) = done {
                let message = format!("pull request #{number} goes without {what}");
                let hint = fault.hint().map(str::to_owned);
                let told = Fault::new(fault.class(), message).with_source(fault);
                troubles.push(match hint {
                    Some(hint) => told.with_hint(hint),
                    None => told,
                });
            }
        };
        if !extras.labels.is_empty() {
            let labels = json!({"labels": extras.labels});
            note("its labels", self.post(&format!("/issues/{number}/labels"), labels).await);
        }
        if !extras.reviewers.is_empty() || !extras.team_reviewers.is_empty() {
            let wanted = json!({"reviewers": extras.reviewers, "team_reviewers": extras.team_reviewers});
            note("its reviewers", self.post(&format!("/pulls/{number}/requested_reviewers"), wanted).await);
        }
        if let Some(method) = extras.auto_merge {
            note("auto-merge", self.merge_by_itself(number, None, method).await);
        }
        troubles
    }

    /// Merges it as it is at `head`, as soon as all that is required of it is there: by itself later, or now.
    ///
    /// # Errors
    /// When GitHub can't be asked, or does not let it be merged, as when its branch is elsewhere by now.
    pub async fn let_merge(&self, number: u64, head: CommitId, method: MergeMethod) -> Result<(), Fault> {
        match self.merge_by_itself(number, Some(head), method).await {
            // GitHub has nothing merge by itself that it would merge now.
            Err(fault) if NOTHING_TO_WAIT_FOR.iter().any(|said| fault.to_string().contains(said)) => {
                let path = self.path(&format!("/pulls/{number}/merge"));
                let method = match method {
                    MergeMethod::Merge => "merge",
                    MergeMethod::Squash => "squash",
                    MergeMethod::Rebase => "rebase",
                };
                let body = json!({"sha": head.to_string(), "merge_method": method});
                self.exchange.change(Method::PUT, &path, body).await?.succeeded(&path).map(drop)
            }
            done => done,
        }
    }

    /// Has it merge by itself no more.
    ///
    /// # Errors
    /// When GitHub can't be asked, or does not let it be changed.
    pub async fn do_not_merge(&self, number: u64) -> Result<(), Fault> {
        let pull = self.pull(number).await?;
        if pull.auto_merge.is_none() {
            return Ok(());
        }
        self.exchange.mutate(DISABLE_AUTO_MERGE, json!({"id": pull.node_id})).await
    }

    async fn pull(&self, number: u64) -> Result<Pull, Fault> {
        let path = self.path(&format!("/pulls/{number}"));
        self.exchange.get(&path).await
    }

    /// Has it merge by itself; where `head` is named, only if it is there.
    async fn merge_by_itself(
        &self,
        number: u64,
        head: Option<CommitId>,
        method: MergeMethod,
    ) -> Result<(), Fault> {
        let pull = self.pull(number).await?;
        let method = match method {
            MergeMethod::Merge => "MERGE",
            MergeMethod::Squash => "SQUASH",
            MergeMethod::Rebase => "REBASE",
        };
        let head = head.map_or_else(|| pull.head.sha.clone(), |head| head.to_string());
        let variables = json!({"id": pull.node_id, "method": method, "head": head});
        self.exchange.mutate(ENABLE_AUTO_MERGE, variables).await.map_err(|fault| {
            fault.with_hint(
                "auto-merge must be allowed in the repository's settings, and its branch protected",
            )
        })
    }

    fn of_branch(&self, branch: &PullRequestBranch, state: &str, most: usize) -> String {
        format!(
            "/pulls?state={state}&head={}:{}&base={}&sort=updated&direction=desc&per_page={most}",
            encoded(self.owner()),
            encoded(branch.as_str()),
            encoded(self.base.as_str())
        )
    }

    async fn list(&self, query: &str) -> Result<Vec<Pull>, Fault> {
        let path = self.path(query);
        self.exchange.get(&path).await
    }

    async fn patch(&self, number: u64, change: serde_json::Value) -> Result<(), Fault> {
        let path = self.path(&format!("/pulls/{number}"));
        self.exchange.change(Method::PATCH, &path, change).await?.succeeded(&path).map(drop)
    }

    async fn post(&self, rest: &str, body: serde_json::Value) -> Result<(), Fault> {
        let path = self.path(rest);
        self.exchange.change(Method::POST, &path, body).await?.succeeded(&path).map(drop)
    }
}

/// Text as a value in a query.
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_stands_in_a_query_as_it_is() {
        assert_eq!(encoded("tidegate/prod/common/app"), "tidegate/prod/common/app");
        assert_eq!(encoded("release+1&x=ñ"), "release%2B1%26x%3D%C3%B1");
    }
}
