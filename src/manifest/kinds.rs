//! Which kinds of objects hold versions, and where: one table.

/// The API group of HelmRelease.
pub(super) const HELM_GROUP: &str = "helm.toolkit.fluxcd.io";

/// The API group of Flux's image objects.
const IMAGE_GROUP: &str = "image.toolkit.fluxcd.io";
/// The API group of Flux Kustomizations.
const KUSTOMIZE_GROUP: &str = "kustomize.toolkit.fluxcd.io";
/// The API group of OCIRepository and HelmRepository.
const SOURCE_GROUP: &str = "source.toolkit.fluxcd.io";
/// The kind of ConfigMap.
const CONFIG_MAP: &str = "ConfigMap";
/// The kind of OCIRepository.
pub(super) const OCI_REPOSITORY: &str = "OCIRepository";
/// The kind of HelmRepository.
pub(super) const HELM_REPOSITORY: &str = "HelmRepository";

/// What is read of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `spec.values` of a HelmRelease.
    HelmRelease,
    /// The objects in `items`.
    List,
    /// `spec.images`, and what the Flux Kustomization applies.
    FluxKustomization,
    /// A Flux ImagePolicy, ImageRepository or ImageUpdateAutomation, which says how tags are chosen.
    FluxImages,
    /// The containers of a workload; the path leads to the spec of its pods.
    Workload(&'static [&'static str]),
    /// `images` of a kustomization.yaml; without a kind, Helm values too.
    Kustomization,
    /// `spec.ref.tag` of an OCIRepository.
    OciRepository,
    /// A HelmRepository, which says where charts are.
    HelmRepository,
    /// Helm values in `data`.
    ConfigMap,
    /// Setter comments alone.
    Other,
}

const POD_TEMPLATE: &[&str] = &["spec", "template", "spec"];

/// The workloads: group, kind, and the path to the spec of the pods.
const WORKLOADS: [(&str, &str, &[&str]); 7] = [
    ("apps", "Deployment", POD_TEMPLATE),
    ("apps", "StatefulSet", POD_TEMPLATE),
    ("apps", "DaemonSet", POD_TEMPLATE),
    ("apps", "ReplicaSet", POD_TEMPLATE),
    ("batch", "Job", POD_TEMPLATE),
    ("batch", "CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
    ("", "Pod", &["spec"]),
];

impl Kind {
    /// The kind of an object, whose texts are empty where it sets none.
    pub(super) fn of(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        match (group, kind) {
            (HELM_GROUP, "HelmRelease") => Self::HelmRelease,
            (HELM_GROUP, "HelmReleaseList") => Self::List,
            ("", "List") if version == "v1" => Self::List,
            ("", CONFIG_MAP) if version == "v1" => Self::ConfigMap,
            (KUSTOMIZE_GROUP, "Kustomization") => Self::FluxKustomization,
            (IMAGE_GROUP, _) => Self::FluxImages,
            (SOURCE_GROUP, OCI_REPOSITORY) => Self::OciRepository,
            (SOURCE_GROUP, HELM_REPOSITORY) => Self::HelmRepository,
            // A kustomization.yaml may leave both out.
            ("kustomize.config.k8s.io", "Kustomization" | "Component") => Self::Kustomization,
            ("", "" | "Kustomization" | "Component") if version.is_empty() => Self::Kustomization,
            _ => {
                let workload = WORKLOADS.iter().find(|(of, name, _)| *of == group && *name == kind);
                workload.map_or(Self::Other, |(_, _, path)| Self::Workload(path))
            }
        }
    }

    /// Whether a line that sets `kind`, from its colon on, may name a ConfigMap.
    pub(super) fn may_be_config_map(rest_of_line: &[u8]) -> bool {
        memchr::memmem::find(rest_of_line, CONFIG_MAP.as_bytes()).is_some()
    }

    /// Whether a line that sets `kind`, from its colon on, may name a workload.
    pub(super) fn may_be_workload(rest_of_line: &[u8]) -> bool {
        WORKLOADS.iter().any(|(_, kind, _)| memchr::memmem::find(rest_of_line, kind.as_bytes()).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_group_and_kind() {
        for (api_version, kind, expected) in [
            ("helm.toolkit.fluxcd.io/v2", "HelmRelease", Kind::HelmRelease),
            ("v1", "List", Kind::List),
            ("v2", "List", Kind::Other),
            ("apps/v1", "Deployment", Kind::Workload(POD_TEMPLATE)),
            ("apps/v1beta2", "StatefulSet", Kind::Workload(POD_TEMPLATE)),
            ("v1", "Pod", Kind::Workload(&["spec"])),
            ("batch.volcano.sh/v1alpha1", "Job", Kind::Other),
            ("kustomize.config.k8s.io/v1beta1", "Kustomization", Kind::Kustomization),
            ("kustomize.config.k8s.io/v1alpha1", "Component", Kind::Kustomization),
            ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", Kind::FluxKustomization),
            ("", "", Kind::Kustomization),
            ("image.toolkit.fluxcd.io/v1", "ImagePolicy", Kind::FluxImages),
            ("source.toolkit.fluxcd.io/v1", "OCIRepository", Kind::OciRepository),
            ("source.toolkit.fluxcd.io/v1", "HelmRepository", Kind::HelmRepository),
            ("v1", "ConfigMap", Kind::ConfigMap),
            ("v1", "Secret", Kind::Other),
        ] {
            assert_eq!(Kind::of(api_version, kind), expected, "{api_version} {kind}");
        }
    }
}
