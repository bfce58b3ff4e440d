//! Pull request operations.

use reqwest::Method;
use serde_json::json;

use crate::model::{
    Class, ClosedBy, ClosedPage, ClosedPullRequest, CommitId, Fault, MergeMethod, OpenPullRequest,
    PullRequestBranch, PullRequestDraft, PullRequestOptions, PullRequestReview,
};
use crate::port::Forge;

use super::GitHub;
use super::wire::{CommitResponse, IssueEvent, Pull, Review, closed_by};

const PAGE: usize = 100;

const MAX_PAGES: usize = 20;

/// Few closed pull requests of a branch matter, as a rule.
const CLOSED_PAGE: usize = 30;

/// Each line comment counts as a review.
const MAX_REVIEW_PAGES: usize = 10;

/// Far more than a pull request of Tidegate's has.
const MAX_EVENT_PAGES: usize = 10;

/// GitHub's messages for a pull request that auto-merge would merge at once.
const NOTHING_TO_WAIT_FOR: [&str; 3] = ["in clean status", "in unstable status", "in has_hooks status"];

const DISABLE_AUTO_MERGE: &str = "mutation($id: ID!) { \
     disablePullRequestAutoMerge(input: {pullRequestId: $id}) { clientMutationId } }";

const ENABLE_AUTO_MERGE: &str = "mutation($id: ID!, $method: PullRequestMergeMethod!, $head: GitObjectID!) { \
     enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: $method, expectedHeadOid: $head}) \
     { clientMutationId } }";

impl Forge for GitHub {
    async fn open_requests(&self) -> Result<Vec<OpenPullRequest>, Fault> {
        let mut open = Vec::new();
        for page in 1..=MAX_PAGES {
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
        let message = format!("{} has more than {} open pull requests", self.repository, PAGE * MAX_PAGES);
        Err(Fault::new(Class::Refused, message).with_hint("close the ones that nobody will merge"))
    }

    async fn closed_requests(&self, branch: &PullRequestBranch, page: usize) -> Result<ClosedPage, Fault> {
        let query = format!("{}&page={page}", self.of_branch(branch, "closed", CLOSED_PAGE));
        let pulls = self.list(&query).await?;
        let is_last = pulls.len() < CLOSED_PAGE;
        let requests = pulls.into_iter().filter_map(|pull| pull.closed(&self.repository)).collect();
        Ok(ClosedPage { requests, is_last })
    }

    async fn recently_closed(&self) -> Result<Vec<ClosedPullRequest>, Fault> {
        let query = format!(
            "/pulls?state=closed&base={}&sort=updated&direction=desc&per_page={PAGE}",
            encoded(self.base.as_str())
        );
        let pulls = self.list(&query).await?;
        Ok(pulls.into_iter().filter_map(|pull| pull.closed(&self.repository)).collect())
    }

    async fn closed_by(&self, number: u64) -> Result<ClosedBy, Fault> {
        let mut events = Vec::new();
        for page in 1..=MAX_EVENT_PAGES {
            let path = self.path(&format!("/issues/{number}/events?per_page={PAGE}&page={page}"));
            let found: Vec<IssueEvent> = self.connection.get(&path).await?;
            let is_last = found.len() < PAGE;
            events.extend(found);
            if is_last {
                return Ok(closed_by(events));
            }
        }
        // So much happened there that people take part.
        Ok(ClosedBy::Person(None))
    }

    async fn reviews(&self, number: u64) -> Result<Vec<PullRequestReview>, Fault> {
        let mut reviews = Vec::new();
        for page in 1..=MAX_REVIEW_PAGES {
            let path = self.path(&format!("/pulls/{number}/reviews?per_page={PAGE}&page={page}"));
            let found: Vec<Review> = self.connection.get(&path).await?;
            let is_last = found.len() < PAGE;
            reviews.extend(found.into_iter().filter_map(Review::into_review));
            if is_last {
                return Ok(reviews);
            }
        }
        let most = PAGE * MAX_REVIEW_PAGES;
        let message = format!("pull request #{number} has more than {most} reviews");
        Err(Fault::new(Class::Refused, message).with_hint("approve it with `tidegate approve`, or close it"))
    }

    async fn message(&self, commit: CommitId) -> Result<String, Fault> {
        let path = self.path(&format!("/commits/{commit}"));
        let response: CommitResponse = self.connection.get(&path).await?;
        Ok(response.commit.message)
    }

    async fn open(&self, draft: &PullRequestDraft) -> Result<OpenPullRequest, Fault> {
        let path = self.path("/pulls");
        let body = json!({
            "title": draft.title,
            "head": draft.branch.as_str(),
            "base": self.base.as_str(),
            "body": draft.body,
            "draft": draft.is_draft,
        });
        let response = self.connection.change(Method::POST, &path, body).await?;
        let opened = if response.is_there_already() {
            self.list(&self.of_branch(&draft.branch, "open", 1)).await?.into_iter().next()
        } else {
            Some(response.read::<Pull>(&path)?)
        };
        let opened = opened.and_then(|pull| pull.open(&self.repository));
        opened.ok_or_else(|| {
            let message = format!("GitHub neither lists nor opens a pull request for {}", draft.branch);
            Fault::new(Class::TryAgain, message)
        })
    }

    async fn amend(&self, number: u64, title: Option<&str>, body: &str) -> Result<(), Fault> {
        let mut change = json!({"body": body});
        if let Some(title) = title {
            change["title"] = title.into();
        }
        self.patch(number, change).await
    }

    async fn close(&self, number: u64, body: &str) -> Result<(), Fault> {
        self.patch(number, json!({"state": "closed", "body": body})).await
    }

    async fn comment(&self, number: u64, text: &str) -> Result<(), Fault> {
        self.post(&format!("/issues/{number}/comments"), json!({"body": text})).await
    }

    async fn give(&self, number: u64, extras: &PullRequestOptions) -> Vec<Fault> {
        let mut troubles = Vec::new();
        let mut note = |what: &str, done: Result<(), Fault>| {
            if let Err(fault) = done {
                let message = format!("cannot set {what} of pull request #{number}");
                let hint = fault.hint().map(str::to_owned);
                let found = Fault::new(fault.class(), message).with_source(fault);
                troubles.push(match hint {
                    Some(hint) => found.with_hint(hint),
                    None => found,
                });
            }
        };
        if !extras.labels.is_empty() {
            let labels = json!({"labels": extras.labels});
            note("labels", self.post(&format!("/issues/{number}/labels"), labels).await);
        }
        if !extras.reviewers.is_empty() || !extras.team_reviewers.is_empty() {
            let wanted = json!({"reviewers": extras.reviewers, "team_reviewers": extras.team_reviewers});
            note("reviewers", self.post(&format!("/pulls/{number}/requested_reviewers"), wanted).await);
        }
        if let Some(method) = extras.auto_merge {
            note("auto-merge", self.merge_by_itself(number, None, method).await);
        }
        troubles
    }

    async fn let_merge(&self, number: u64, head: CommitId, method: MergeMethod) -> Result<(), Fault> {
        match self.merge_by_itself(number, Some(head), method).await {
            // GitHub refuses auto-merge for a pull request that it could merge now.
            Err(fault) if NOTHING_TO_WAIT_FOR.iter().any(|said| fault.to_string().contains(said)) => {
                let path = self.path(&format!("/pulls/{number}/merge"));
                let method = match method {
                    MergeMethod::Merge => "merge",
                    MergeMethod::Squash => "squash",
                    MergeMethod::Rebase => "rebase",
                };
                let body = json!({"sha": head.to_string(), "merge_method": method});
                self.connection.change(Method::PUT, &path, body).await?.succeeded(&path).map(drop)
            }
            done => done,
        }
    }

    async fn keep_open(&self, number: u64) -> Result<(), Fault> {
        let pull = self.pull(number).await?;
        if pull.auto_merge.is_none() {
            return Ok(());
        }
        self.connection.mutate(DISABLE_AUTO_MERGE, json!({"id": pull.node_id})).await
    }
}

impl GitHub {
    async fn pull(&self, number: u64) -> Result<Pull, Fault> {
        let path = self.path(&format!("/pulls/{number}"));
        self.connection.get(&path).await
    }

    /// Enables auto-merge; with `head`, only if the branch is there.
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
        self.connection.mutate(ENABLE_AUTO_MERGE, variables).await.map_err(|fault| {
            fault.with_hint("allow auto-merge in the repository's settings, and protect the base branch")
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
        self.connection.get(&path).await
    }

    async fn patch(&self, number: u64, change: serde_json::Value) -> Result<(), Fault> {
        let path = self.path(&format!("/pulls/{number}"));
        self.connection.change(Method::PATCH, &path, change).await?.succeeded(&path).map(drop)
    }

    async fn post(&self, rest: &str, body: serde_json::Value) -> Result<(), Fault> {
        let path = self.path(rest);
        self.connection.change(Method::POST, &path, body).await?.succeeded(&path).map(drop)
    }
}

/// Percent-encodes a query value.
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
