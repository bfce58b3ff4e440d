//! One environment, checked.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::{EnvironmentName, MergeMethod, RepoPath};
use crate::policy::{ApprovalPolicy, VerificationPolicy, Window};

/// An environment: folders of the repository whose versions move together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The name, unique in the configuration.
    pub name: EnvironmentName,
    /// The folders; none lies in another one, of this environment or of another. One with `*` is a pattern until
    /// [`Config::with_folders`](super::Config::with_folders) replaces it.
    pub paths: Vec<RepoPath>,
    /// The environment that versions come from; without it, they come from the registry.
    pub after: Option<EnvironmentName>,
    /// How long a version soaks in the previous environment, unless an override says otherwise; zero without `after`.
    pub soak: Duration,
    /// How long ago an image must have been first seen, unless `services` say otherwise.
    pub minimum_age: Option<Duration>,
    /// The approval that a promotion needs, if any.
    pub approval: ApprovalPolicy,
    /// When promotions may happen; without windows, at any time.
    pub windows: Vec<Window>,
    /// How pull requests are opened; without it, promotions are pushed.
    pub pull_requests: Option<PullRequests>,
    /// The clusters that Flux applies its folders to; none where a soak is time in Git.
    pub clusters: Vec<Cluster>,
    /// Whether a promoted version must become healthy, and in which time; only with clusters.
    pub verification: Option<VerificationPolicy>,
}

/// How a cluster is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// By a context of a kubeconfig.
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// The name of the context.
        context: String,
    },
    /// By the service account of the pod that Tidegate runs in.
    InCluster,
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

/// Whether a path is a pattern of folders, or of files if it ends in `.yaml` or `.yml`: `*` matches any characters within one
/// segment.
pub(super) fn is_pattern(path: &RepoPath) -> bool {
    path.as_str().contains('*')
}

/// The folder above `file` that the pattern matches, or the file itself where it is a pattern of files.
pub(super) fn matching_path(pattern: &RepoPath, file: &RepoPath) -> Option<RepoPath> {
    let patterns: Vec<&str> = pattern.as_str().split('/').collect();
    let segments: Vec<&str> = file.as_str().split('/').collect();
    let is_of_files = [".yaml", ".yml"].iter().any(|end| pattern.as_str().ends_with(end));
    let is_deep_enough =
        if is_of_files { segments.len() == patterns.len() } else { segments.len() > patterns.len() };
    let is_match =
        is_deep_enough && patterns.iter().zip(&segments).all(|(pattern, segment)| matches(pattern, segment));
    is_match.then(|| segments[..patterns.len()].join("/").parse().ok()).flatten()
}

/// The folder to list for a pattern: the segments before the first `*`.
pub(super) fn base(pattern: &RepoPath) -> Option<RepoPath> {
    let segments = pattern.as_str().split('/').take_while(|segment| !segment.contains('*'));
    segments.collect::<Vec<_>>().join("/").parse().ok()
}

fn matches(pattern: &str, segment: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == segment };
    let Some(mut left) = segment.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_folders_above_files_or_files() {
        for (pattern, file, folder) in [
            ("clusters/*/prod", "clusters/eu/prod/app.yaml", Some("clusters/eu/prod")),
            ("clusters/*/prod", "clusters/eu/prod/team/app.yaml", Some("clusters/eu/prod")),
            ("clusters/*/prod", "clusters/eu/prod.yaml", None),
            ("clusters/*/prod", "clusters/eu/dev/app.yaml", None),
            ("clusters/prod-*", "clusters/prod-eu/a.yaml", Some("clusters/prod-eu")),
            ("clusters/prod-*", "clusters/prod/a.yaml", None),
            ("clusters/*-eks-*", "clusters/a-eks-b/c.yaml", Some("clusters/a-eks-b")),
            ("clusters/*a", "clusters/ba/c.yaml", Some("clusters/ba")),
            ("*/prod", "eu/prod/a.yaml", Some("eu/prod")),
            ("apps/*/prod.yaml", "apps/web/prod.yaml", Some("apps/web/prod.yaml")),
            ("apps/*/*-prod.yml", "apps/web/web-prod.yml", Some("apps/web/web-prod.yml")),
            ("apps/*/prod.yaml", "apps/web/prod.yaml/a.yaml", None),
            ("apps/*", "apps/kustomization.yaml", None),
        ] {
            let found = matching_path(&pattern.parse().unwrap(), &file.parse().unwrap());
            assert_eq!(found.as_ref().map(RepoPath::as_str), folder, "{pattern} {file}");
        }
    }
}
