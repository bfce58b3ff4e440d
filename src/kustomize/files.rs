//! The parsed files of a repository, and the HelmReleases in them.

use crate::manifest::{Kustomization, Manifest, Release};
use crate::model::{RepoPath, ServiceName};

/// A file of the repository.
#[derive(Clone, Copy, Debug)]
pub struct LayoutFile<'a> {
    /// Its path.
    pub path: &'a RepoPath,
    /// Its contents, if it is a `kustomization.yaml`.
    pub kustomization: Option<&'a Kustomization>,
    /// Its contents, if it is another manifest.
    pub manifest: Option<&'a Manifest>,
}

/// The HelmReleases of a manifest that have a valid name.
pub(super) fn named(manifest: &Manifest) -> impl Iterator<Item = (&Release, &ServiceName)> {
    manifest.releases.iter().filter_map(|release| Some((release, release.service.as_ref()?)))
}

/// The same name in a namespace.
pub(super) fn in_namespace(service: &ServiceName, namespace: &str) -> Option<ServiceName> {
    ServiceName::new(namespace, service.name()).ok()
}
