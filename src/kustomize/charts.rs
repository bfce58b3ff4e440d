//! Charts: the HelmRelease that uses an OCIRepository, and the name of a chart of a HelmRepository.

use std::collections::{BTreeMap, HashMap};

use super::graph::Graph;
use super::path::parent;
use crate::manifest::{HelmRepository, Manifest, Release};
use crate::model::{ImageName, RepoPath, ServiceName};

/// What the files of a repository say of charts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Charts {
    /// The releases whose charts OCIRepositories are, by the file and the name of the OCIRepository.
    users: BTreeMap<(RepoPath, ServiceName), ServiceName>,
    /// The charts that releases take from a HelmRepository, by the file and the name of the release.
    artifacts: BTreeMap<(RepoPath, ServiceName), ImageName>,
}

impl Charts {
    pub(super) fn of(manifests: &[(&RepoPath, &Manifest)], graph: &Graph) -> Self {
        Self { users: users(manifests, graph), artifacts: artifacts(manifests, graph) }
    }

    /// The release whose chart an OCIRepository is.
    pub(super) fn user(&self, file: &RepoPath, written: &ServiceName) -> Option<&ServiceName> {
        if self.users.is_empty() {
            return None;
        }
        self.users.get(&(file.clone(), written.clone()))
    }

    /// The names of the OCIRepositories that a release of this name uses.
    pub(super) fn used_by(&self, service: &ServiceName) -> impl Iterator<Item = &ServiceName> {
        let used = self.users.iter().filter(move |(_, user)| user.name() == service.name());
        used.map(|((_, written), _)| written)
    }

    /// The name of the chart of a release.
    pub(super) fn artifact(&self, file: &RepoPath, written: &ServiceName) -> Option<&ImageName> {
        self.artifacts.get(&(file.clone(), written.clone()))
    }

    /// Whether the chart of any release is known.
    pub(super) fn has_artifacts(&self) -> bool {
        !self.artifacts.is_empty()
    }
}

/// The release that uses each OCIRepository, if it is one alone: several share a chart under the OCIRepository's own name. So
/// does one that stands beside a release of its name.
fn users(
    manifests: &[(&RepoPath, &Manifest)],
    graph: &Graph,
) -> BTreeMap<(RepoPath, ServiceName), ServiceName> {
    if manifests.iter().all(|(_, manifest)| manifest.oci_repositories.is_empty()) {
        return BTreeMap::new();
    }
    let namespace_of = |path: &RepoPath, written: &ServiceName| {
        namespace_or_folder(graph, path, written.has_namespace().then(|| written.namespace()))
    };
    let mut users: HashMap<(String, &str), Vec<ServiceName>> = HashMap::new();
    for &(path, manifest) in manifests {
        for (release, service) in named(manifest) {
            let Some(chart) = &release.chart_ref else { continue };
            let namespace = chart.namespace.clone().unwrap_or_else(|| namespace_of(path, service));
            let given = (!service.has_namespace()).then(|| graph.namespace(path)).flatten();
            let user = given.and_then(|namespace| ServiceName::new(namespace, service.name()).ok());
            let user = user.unwrap_or_else(|| service.clone());
            users.entry((namespace, chart.name.as_str())).or_default().push(user);
        }
    }
    let mut users_of_charts = BTreeMap::new();
    for &(path, manifest) in manifests {
        for written in &manifest.oci_repositories {
            let key = (namespace_of(path, written), written.name());
            let Some((first, rest)) = users.get(&key).and_then(|users| users.split_first()) else { continue };
            if rest.iter().all(|user| user == first) && manifest.release(written).is_none() {
                users_of_charts.insert((path.clone(), written.clone()), first.clone());
            }
        }
    }
    users_of_charts
}

/// The namespace of an object, or its folder where no file gives one: two such objects are in the same namespace if they are
/// in the same folder.
fn namespace_or_folder(graph: &Graph, path: &RepoPath, written: Option<&str>) -> String {
    let given = written.or_else(|| graph.namespace(path)).map(str::to_owned);
    given.unwrap_or_else(|| format!("{}/", parent(path.as_str())))
}

/// The charts of releases, as far as one HelmRepository of that name has them: where two have different places, none is meant.
fn artifacts(
    manifests: &[(&RepoPath, &Manifest)],
    graph: &Graph,
) -> BTreeMap<(RepoPath, ServiceName), ImageName> {
    let mut repositories: HashMap<(String, &str), Option<&HelmRepository>> = HashMap::new();
    for &(path, manifest) in manifests {
        for repository in &manifest.helm_repositories {
            let namespace = namespace_or_folder(graph, path, repository.namespace.as_deref());
            repositories
                .entry((namespace, repository.name.as_str()))
                .and_modify(|known| {
                    *known = known.filter(|known| known.url == repository.url);
                })
                .or_insert(Some(repository));
        }
    }
    if repositories.is_empty() {
        return BTreeMap::new();
    }
    let mut charts = BTreeMap::new();
    for &(path, manifest) in manifests {
        for (release, service) in named(manifest) {
            let Some(chart) = &release.chart else { continue };
            let own = service.has_namespace().then(|| service.namespace());
            let namespace = chart.repository_namespace.as_deref().or(own);
            let key = (namespace_or_folder(graph, path, namespace), chart.repository.as_str());
            let repository = repositories.get(&key).copied().flatten();
            if let Some(image) = repository.and_then(|repository| repository.chart(&chart.chart)) {
                charts.insert((path.clone(), service.clone()), image);
            }
        }
    }
    charts
}

fn named(manifest: &Manifest) -> impl Iterator<Item = (&Release, &ServiceName)> {
    manifest.releases.iter().filter_map(|release| Some((release, release.service.as_ref()?)))
}
