//! "Always verify context": whether a cluster is the one that an environment runs in. It is when one of its GitRepositories
//! follows our repository and branch, and its Kustomizations of that apply the environment's paths.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::model::{
    ClusterObjects, ClusterReport, EnvironmentId, GitReference, LiveKustomization, NetworkUrl, ObjectName,
    Printable, RepoPath,
};

/// The most names in a sentence.
const MOST_NAMES: usize = 3;

/// The Kustomizations of a cluster that follow our repository and branch.
pub(super) type OurKustomizations<'a> = BTreeMap<&'a ObjectName, &'a Arc<LiveKustomization>>;

/// What was found of one cluster of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterCheck {
    /// The name of the cluster.
    pub cluster: String,
    /// What it applies of the environment, or a printable sentence that says why its word does not count.
    pub result: Result<String, String>,
}

/// Checks the clusters of an environment.
pub fn check_clusters(
    repository_policy: &RepositoryPolicy,
    environment: EnvironmentId,
    reports: &[ClusterReport],
) -> Vec<ClusterCheck> {
    let check = |report: &ClusterReport| {
        let result = match &report.objects {
            Err(why) => Err(why.clone()),
            Ok(objects) => verify(repository_policy, environment, objects).map(|ours| {
                let names: Vec<String> = ours.keys().map(ToString::to_string).collect();
                format!(
                    "Kustomization {} applies {}",
                    listed(&names),
                    paths_of(repository_policy, environment)
                )
            }),
        };
        ClusterCheck { cluster: report.name.clone(), result }
    };
    let mut checks: Vec<ClusterCheck> = reports.iter().map(check).collect();
    if checks.iter().all(|check| check.result.is_ok())
        && let (Some(path), Some(last)) =
            (uncovered(repository_policy, environment, reports), checks.last_mut())
    {
        last.result = Err(format!("no Kustomization of it applies `{path}`, a path of the environment"));
    }
    checks
}

/// The Kustomizations that apply something of an environment.
///
/// # Errors
/// A printable sentence with both names: what the cluster follows, and what it should.
pub(super) fn verify<'a>(
    repository_policy: &RepositoryPolicy,
    environment: EnvironmentId,
    objects: &'a ClusterObjects,
) -> Result<OurKustomizations<'a>, String> {
    let (url, branch) = repository_policy.branch.rsplit_once(' ').unwrap_or((&repository_policy.branch, ""));
    let is_ours = |source: &ObjectName| {
        objects.sources.get(source).is_some_and(|source| {
            is_same_repository(&source.url, url)
                && matches!(&source.reference, GitReference::Branch(followed) if followed == branch)
        })
    };
    let ours: OurKustomizations<'_> = objects
        .kustomizations
        .iter()
        .filter(|(_, kustomization)| kustomization.source.as_ref().is_some_and(&is_ours))
        .collect();
    if ours.is_empty() {
        let found: Vec<String> = objects
            .sources
            .values()
            .map(|source| format!("{} ({})", without_login(&source.url), source.reference))
            .collect();
        let found = if found.is_empty() { "no GitRepository".to_owned() } else { listed(&found) };
        return Err(format!("it follows {found}, and not {url} (branch {branch})"));
    }
    let paths = &repository_policy.environments[environment].paths;
    let covering: OurKustomizations<'_> = ours
        .iter()
        .filter(|(_, kustomization)| paths.iter().any(|path| touches(kustomization, path)))
        .map(|(name, kustomization)| (*name, *kustomization))
        .collect();
    if covering.is_empty() {
        let applied: BTreeSet<String> = ours.values().map(|one| format!("`{}`", one.path)).collect();
        let applied: Vec<String> = applied.into_iter().collect();
        return Err(format!(
            "it applies {} of the repository, and not {}",
            listed(&applied),
            paths_of(repository_policy, environment)
        ));
    }
    Ok(covering)
}

/// A path of the environment that no cluster applies.
fn uncovered<'p>(
    repository_policy: &'p RepositoryPolicy,
    environment: EnvironmentId,
    reports: &[ClusterReport],
) -> Option<&'p RepoPath> {
    let paths = &repository_policy.environments[environment].paths;
    paths.iter().find(|path| {
        !reports.iter().filter_map(|report| report.objects.as_ref().ok()).any(|objects| {
            verify(repository_policy, environment, objects)
                .is_ok_and(|ours| ours.values().any(|kustomization| touches(kustomization, path)))
        })
    })
}

/// Whether a Kustomization applies a folder, or a part of it.
fn touches(kustomization: &LiveKustomization, folder: &RepoPath) -> bool {
    let is_part = kustomization.path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
    is_part || kustomization.covers(folder.as_str())
}

/// Whether two URLs are of one repository, by whatever protocol.
fn is_same_repository(one: &str, other: &str) -> bool {
    let path = |text: &str| {
        let text = text.strip_prefix("file://").unwrap_or(text).trim_matches('/');
        text.strip_suffix(".git").unwrap_or(text).to_owned()
    };
    match (one.parse::<NetworkUrl>(), other.parse::<NetworkUrl>()) {
        (Ok(one), Ok(other)) => {
            let is_same_port = one.protocol() != other.protocol() || one.port() == other.port();
            one.host().eq_ignore_ascii_case(other.host())
                && is_same_port
                && path(one.path()) == path(other.path())
        }
        _ => path(one) == path(other),
    }
}

/// A URL without what stands before an `@` in it, which may be a secret.
fn without_login(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((protocol, _)), Some((_, rest))) => format!("{protocol}://{rest}"),
        _ => url.to_owned(),
    }
}

fn paths_of(repository_policy: &RepositoryPolicy, environment: EnvironmentId) -> String {
    let paths = &repository_policy.environments[environment].paths;
    listed(&paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>())
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> =
        names.iter().take(MOST_NAMES).map(|name| Printable::bounded(name, 120).to_string()).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("ssh://git@github.com/vtr/gitops.git", "https://github.com/vtr/gitops", true)]
    #[case("ssh://git@GitHub.com/vtr/gitops", "ssh://git@github.com/vtr/gitops.git/", true)]
    #[case("git@github.com:vtr/gitops.git", "ssh://git@github.com/vtr/gitops", true)]
    #[case("https://github.com/vtr/gitops", "https://github.com/vtr/other", false)]
    #[case("https://github.com/vtr/gitops", "https://gitlab.com/vtr/gitops", false)]
    #[case("https://github.com:444/vtr/gitops", "https://github.com/vtr/gitops", false)]
    #[case("http://gitea.internal/vtr/gitops.git", "http://gitea.internal/vtr/gitops", true)]
    #[case("file:///srv/gitops", "/srv/gitops", true)]
    fn one_repository_by_any_protocol(#[case] one: &str, #[case] other: &str, #[case] is_same: bool) {
        assert_eq!(is_same_repository(one, other), is_same);
        assert_eq!(is_same_repository(other, one), is_same);
    }

    #[test]
    fn no_login_is_told() {
        assert_eq!(without_login("https://bot:hunter2@git.vtr.cl/x"), "https://git.vtr.cl/x");
        assert_eq!(without_login("https://git.vtr.cl/x"), "https://git.vtr.cl/x");
    }
}
