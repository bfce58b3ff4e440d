//! Guesses which images are the team's own, so that the draft does not promote everybody's: `services.defaults.images`.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ImageName, ServiceName};

use super::environment::Environment;
use super::finding::{Finding, FindingKind};
use super::manifests::{FileField, Manifests};

/// Registries with images of many publishers. On any other registry, every image is the team's.
const PUBLIC: [&str; 20] = [
    "docker.io",
    "ghcr.io",
    "quay.io",
    "gcr.io",
    "registry.k8s.io",
    "k8s.gcr.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "lscr.io",
    "registry.gitlab.com",
    "docker.elastic.co",
    "nvcr.io",
    "cgr.dev",
    "xpkg.upbound.io",
    "registry.access.redhat.com",
    "registry.redhat.io",
    "container-registry.oracle.com",
    "codeberg.org",
    "docker.n8n.io",
    "oci.external-secrets.io",
];

/// Publishers of images that many services of a team share without being theirs.
const UPSTREAM: [&str; 18] = [
    "docker.io/library",
    "docker.io/bitnami",
    "docker.io/bitnamilegacy",
    "docker.io/grafana",
    "docker.io/prom",
    "docker.io/hashicorp",
    "docker.io/velero",
    "docker.io/curlimages",
    "quay.io/prometheus",
    "quay.io/prometheus-operator",
    "quay.io/jetstack",
    "quay.io/cilium",
    "quay.io/argoproj",
    "ghcr.io/fluxcd",
    "ghcr.io/kyverno",
    "ghcr.io/external-secrets",
    "registry.k8s.io",
    "mcr.microsoft.com",
];

/// Maximum publishers in a finding.
const MAX_LISTED: usize = 8;

/// Which images the draft manages.
#[derive(Debug, Default)]
pub(super) struct ManagedImages {
    /// The globs of `images`; empty for all images.
    pub(super) globs: Vec<String>,
    publishers: BTreeSet<String>,
}

impl ManagedImages {
    /// Decides by evidence: the owner of the Git repository, Flux ImagePolicies and registries of the team's own. Without any, by
    /// publishers that several services share.
    pub(super) fn decide(environments: &[Environment], manifests: &Manifests, owner: Option<&str>) -> Self {
        let services = services_by_publisher(environments);
        let automated = automated(manifests);
        let is_own = |publisher: &str| {
            let is_owner = owner.is_some_and(|owner| {
                publisher.rsplit_once('/').is_some_and(|(_, name)| name.eq_ignore_ascii_case(owner))
            });
            is_owner || !is_public(publisher) || automated.contains(publisher)
        };
        let is_shared = |(publisher, services): &(&String, &BTreeSet<&ServiceName>)| {
            services.len() > 1 && !UPSTREAM.iter().any(|upstream| is_from(publisher, upstream))
        };
        let mut publishers: BTreeSet<String> =
            services.keys().filter(|publisher| is_own(publisher)).cloned().collect();
        if publishers.is_empty() {
            publishers = services.iter().filter(is_shared).map(|(publisher, _)| publisher.clone()).collect();
        }
        if publishers.is_empty() && services.len() == 1 {
            publishers = services.into_keys().collect();
        }
        Self { globs: publishers.iter().map(|publisher| glob(publisher)).collect(), publishers }
    }

    pub(super) fn manages(&self, image: &ImageName) -> bool {
        self.publishers.is_empty() || self.publishers.contains(&publisher(image))
    }

    /// Whether a field is managed. One whose image is unknown is.
    pub(super) fn manages_field(&self, field: &FileField) -> bool {
        field.field.image.as_ref().is_none_or(|image| self.manages(image))
    }

    /// What the draft leaves out, in one finding.
    pub(super) fn unmanaged(&self, environments: &[Environment]) -> Option<Finding> {
        let services = services_by_publisher(environments);
        let mut others: Vec<(&String, usize)> = services
            .iter()
            .filter(|(publisher, _)| !self.publishers.is_empty() && !self.publishers.contains(*publisher))
            .map(|(publisher, services)| (publisher, services.len()))
            .collect();
        let (first, _) = others.first()?;
        let hint = format!("to promote them too, add for example `{}` to `images`", glob(first));
        others.sort_by_key(|(publisher, count)| (std::cmp::Reverse(*count), *publisher));
        let mut listed: Vec<String> = others
            .iter()
            .take(MAX_LISTED)
            .map(|(publisher, count)| format!("{publisher} ({count})"))
            .collect();
        if others.len() > MAX_LISTED {
            listed.push(format!("{} more", others.len() - MAX_LISTED));
        }
        let message = format!("not promoted, with the number of services: {}", listed.join(", "));
        Some(Finding::new(FindingKind::Unmanaged, message).with_hint(hint))
    }
}

/// The services of each publisher.
fn services_by_publisher(environments: &[Environment]) -> BTreeMap<String, BTreeSet<&ServiceName>> {
    let mut services: BTreeMap<String, BTreeSet<&ServiceName>> = BTreeMap::new();
    for (service, images) in environments.iter().flat_map(|environment| &environment.services) {
        for image in images {
            services.entry(publisher(image)).or_default().insert(service);
        }
    }
    services
}

/// The publishers of images that Flux updates, which are the team's to promote.
fn automated(manifests: &Manifests) -> BTreeSet<String> {
    let marked = manifests.fields.iter().filter(|field| field.field.marker.is_some());
    let marked = marked.filter_map(|field| field.field.image.as_ref());
    let selected = manifests.policies.iter().filter_map(|(_, policy)| manifests.image_of(policy));
    marked.chain(selected).map(publisher).collect()
}

/// Who publishes an image: the registry and the first part of the path, or the registry alone if it is the team's own.
fn publisher(image: &ImageName) -> String {
    match image.repository().split_once('/') {
        Some((owner, _)) if PUBLIC.contains(&image.host()) => format!("{}/{owner}", image.host()),
        _ => image.host().to_owned(),
    }
}

fn is_public(publisher: &str) -> bool {
    PUBLIC.contains(&publisher.split('/').next().unwrap_or_default())
}

fn is_from(publisher: &str, upstream: &str) -> bool {
    publisher.strip_prefix(upstream).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn glob(publisher: &str) -> String {
    format!("{publisher}/**")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(services: &[(&str, &[&str])]) -> Environment {
        Environment {
            name: "prod".parse().unwrap(),
            paths: Vec::new(),
            after: None,
            soak: std::time::Duration::ZERO,
            needs_approval: false,
            stage: super::super::stage::Stage::Production,
            qualifiers: Vec::new(),
            services: services
                .iter()
                .map(|(service, images)| {
                    let images = images.iter().map(|image| image.parse().unwrap()).collect();
                    (service.parse().unwrap(), images)
                })
                .collect(),
        }
    }

    #[test]
    fn images_of_the_team_are_managed() {
        for (label, owner, services, globs) in [
            ("one publisher", None, &[("a/a", &["ghcr.io/vtr/a"][..])][..], &["ghcr.io/vtr/**"][..]),
            (
                "the owner of the repository",
                Some("VTR"),
                &[("a/a", &["ghcr.io/vtr/a", "docker.io/library/redis"]), ("a/b", &["docker.io/acme/b"])],
                &["ghcr.io/vtr/**"],
            ),
            (
                "a registry of their own",
                None,
                &[
                    ("a/a", &["harbor.vtr.cl/team/a"]),
                    ("a/b", &["ghcr.io/other/b"]),
                    ("a/c", &["ghcr.io/other/c"]),
                ],
                &["harbor.vtr.cl/**"],
            ),
            ("a registry without folders", None, &[("a/a", &["127.0.0.1:5000/a"])], &["127.0.0.1:5000/**"]),
            (
                "a publisher that services share",
                None,
                &[
                    ("a/a", &["ghcr.io/vtr/a", "redis"]),
                    ("a/b", &["ghcr.io/vtr/b", "redis"]),
                    ("a/c", &["quay.io/x/c"]),
                ],
                &["ghcr.io/vtr/**"],
            ),
            ("nothing shared", None, &[("a/a", &["ghcr.io/x/a"]), ("a/b", &["quay.io/y/b"])], &[]),
        ] {
            let managed = ManagedImages::decide(&[environment(services)], &Manifests::default(), owner);
            assert_eq!(managed.globs, globs, "{label}");
        }
    }

    #[test]
    fn the_others_are_listed_once() {
        let environments =
            [environment(&[("a/a", &["harbor.vtr.cl/team/a", "redis"]), ("a/b", &["quay.io/x/b", "redis"])])];
        let managed = ManagedImages::decide(&environments, &Manifests::default(), None);
        let finding = managed.unmanaged(&environments).unwrap();
        assert_eq!(
            finding.message,
            "not promoted, with the number of services: docker.io/library (2), quay.io/x (1)"
        );
    }
}
