//! One environment, checked.

use std::time::Duration;

use crate::model::{EnvironmentName, MergeMethod, RepoPath};
use crate::policy::{ApprovalPolicy, Window};

/// An environment: folders of the repository whose versions move together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The name, unique in the configuration.
    pub name: EnvironmentName,
    /// The folders; none lies in another one, of this environment or of another.
    pub paths: Vec<RepoPath>,
    /// The environment that versions come from; without it, they come from the registry.
    pub after: Option<EnvironmentName>,
    /// How long a version soaks in the environment before, unless an override says otherwise; zero without `after`.
    pub soak: Duration,
    /// Whether a promotion needs an approval, and of which kind.
    pub approval: ApprovalPolicy,
    /// When promotions may happen; without windows, at any time.
    pub windows: Vec<Window>,
    /// How pull requests are opened; without it, promotions are pushed.
    pub pull_requests: Option<PullRequests>,
}

/// How the pull requests of an environment are opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequests {
    /// One pull request for the whole environment; else one for each service or group.
    pub is_whole_environment: bool,
    /// Labels to set.
    pub labels: Vec<String>,
    /// Logins to ask for a review.
    pub reviewers: Vec<String>,
    /// Teams to ask for a review.
    pub team_reviewers: Vec<String>,
    /// Open it as a draft.
    pub is_draft: bool,
    /// Merge it automatically with this method once the branch protection allows it.
    pub auto_merge: Option<MergeMethod>,
}
