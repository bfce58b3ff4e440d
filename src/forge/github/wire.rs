//! GitHub's JSON, as far as it is read, and its conversion to the model.

use serde::Deserialize;

use crate::model::{
    AutoMerge, ClosedBy, ClosedPullRequest, CommitId, OpenPullRequest, Opinion, PullRequestBranch,
    PullRequestReview, Timestamp,
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
    /// `User`, `Bot` or `Organization`.
    #[serde(rename = "type", default)]
    kind: String,
}

/// Something that happened to a pull request.
#[derive(Debug, Deserialize)]
pub(super) struct IssueEvent {
    event: String,
    created_at: Timestamp,
    /// Null for a deleted account.
    actor: Option<User>,
}

/// How a pull request was closed, by its events, the earliest first.
pub(super) fn closed_by(events: Vec<IssueEvent>) -> ClosedBy {
    let is = |name: &'static str| move |event: &IssueEvent| event.event == name;
    let last_reopened = events.iter().rposition(is("reopened")).map_or(0, |at| at + 1);
    let Some(closed) = events.iter().rposition(is("closed")) else { return ClosedBy::Person(None) };
    let at = events[closed].created_at;
    // If a branch is deleted, GitHub closes its pull requests and reports both events. A person who closes one first and
    // then deletes its branch refuses it.
    let deletes = |event: &IssueEvent| event.event == "head_ref_deleted" && event.created_at <= at;
    let is_deleted = events.iter().skip(last_reopened).any(deletes);
    let actor = events.into_iter().nth(closed).and_then(|event| event.actor);
    match actor {
        actor if is_deleted => ClosedBy::BranchDeletion(actor.map(|user| user.login)),
        Some(user) if user.kind == "Bot" => ClosedBy::Bot(user.login),
        actor => ClosedBy::Person(actor.map(|user| user.login)),
    }
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
        let (branch, head) = self.origin(repository)?;
        Some(ClosedPullRequest {
            number: self.number,
            branch,
            head,
            body: self.body.unwrap_or_default(),
            opened_at: self.created_at,
            opened_by: self.user.map(|user| user.login),
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn event(word: &str) -> IssueEvent {
        let (what, rest) = word.split_once('@').unwrap();
        let (second, by) = rest.split_once(':').unwrap_or((rest, ""));
        let kind = if by.ends_with("[bot]") { "Bot" } else { "User" };
        let actor = (!by.is_empty()).then(|| User { login: by.into(), kind: kind.into() });
        let created_at = Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(second.parse().unwrap());
        IssueEvent { event: what.into(), created_at, actor }
    }

    #[rstest]
    #[case::a_person("labeled@1:ana closed@5:ana", "closed unmerged by ana")]
    #[case::nobody_knows("closed@5", "closed unmerged")]
    #[case::nothing_is_told("labeled@1:ana", "closed unmerged")]
    #[case::a_bot("closed@5:stale[bot]", "closed unmerged by the bot stale[bot]")]
    #[case::a_deletion("closed@5:ana head_ref_deleted@5:ana", "closed because ana deleted its branch")]
    #[case::told_first(
        "head_ref_deleted@4:x[bot] closed@5:x[bot]",
        "closed because x[bot] deleted its branch"
    )]
    #[case::closed_and_then_deleted("closed@5:ana head_ref_deleted@7:ana", "closed unmerged by ana")]
    #[case::the_last_time_counts("closed@1:stale[bot] reopened@2:ana closed@5:ben", "closed unmerged by ben")]
    #[case::an_earlier_deletion(
        "closed@1:ana head_ref_deleted@1:ana head_ref_restored@2:ana reopened@3:ana closed@5:ben",
        "closed unmerged by ben"
    )]
    fn a_closing_is_read(#[case] events: &str, #[case] expected: &str) {
        let events = events.split_whitespace().map(event).collect();
        assert_eq!(closed_by(events).to_string(), expected);
    }
}
