//! The services of a repository's files: names that other files complete, and patches that inherit their image from their
//! base.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};

use super::charts::Charts;
use super::files::{LayoutFile, in_namespace, named};
use super::graph::{DeadEntry, Graph, Inclusion, Patched, SourceFile};
use super::inline::{self, InlineVersion};
use super::path::{is_within, parent};
use super::target::Matcher;
use super::values::{Taker, Values};
use crate::manifest::{FieldShape, ImageField, Manifest, Refusal, Release};
use crate::model::{ImageName, RepoPath, ServiceName};

/// The namespace of a release in the environment's own folder, as Kubernetes assumes it.
const DEFAULT_NAMESPACE: &str = "default";

/// What the files of a repository say of each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    graph: Graph,
    /// The patches, by file and by the name in it.
    patches: BTreeMap<(RepoPath, ServiceName), PatchedRelease>,
    charts: Charts,
    values: Values,
    /// The releases that a patch suspends, by file and by the name in it.
    suspended: BTreeSet<(String, ServiceName)>,
    inline_versions: Vec<InlineVersion>,
}

/// The HelmRelease that a patch changes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PatchedRelease {
    /// Its name, with the namespace if the patch or the base sets one.
    service: ServiceName,
    /// Its images by the key path of the tag.
    images: BTreeMap<String, ImageName>,
    /// Where it is written, by file and by the name in it.
    written: BTreeSet<(String, ServiceName)>,
    is_suspended: bool,
}

/// The name of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedService {
    /// The name.
    pub service: ServiceName,
    /// Whether no file gives its namespace, so that the folder stands for it.
    pub is_namespace_assumed: bool,
}

impl Layout {
    /// The layout of a repository's files.
    pub fn of<'a>(files: impl IntoIterator<Item = LayoutFile<'a>>) -> Self {
        let files: Vec<LayoutFile<'a>> = files.into_iter().collect();
        let graph = Graph::of(files.iter().map(|file| SourceFile {
            path: file.path,
            kustomization: file.kustomization,
            flux: file.manifest.map(|manifest| manifest.flux_kustomizations.as_slice()).unwrap_or_default(),
        }));
        let manifests: HashMap<&str, &Manifest> =
            files.iter().filter_map(|file| Some((file.path.as_str(), file.manifest?))).collect();
        let charts = Charts::of(
            &files.iter().filter_map(|file| Some((file.path, file.manifest?))).collect::<Vec<_>>(),
            &graph,
        );
        let mut layout = Self { graph, charts, ..Self::default() };
        let graph = &layout.graph;
        for LayoutFile { path, manifest, .. } in &files {
            let releases = manifest.map(|manifest| manifest.releases.as_slice()).unwrap_or_default();
            if !releases.iter().any(|release| release.is_patch) {
                continue;
            }
            let patched = graph.patched(path);
            for release in releases.iter().filter(|release| release.is_patch) {
                if let Some(service) = &release.service
                    && let Some(base) = base_of(service, &patched, &manifests)
                {
                    if release.is_suspended {
                        layout.suspended.extend(base.written.iter().cloned());
                    }
                    layout.patches.insert(((*path).clone(), service.clone()), base);
                }
            }
        }
        layout.values = Values::of(&files, &layout.graph, &layout.takers(&files));
        let graph = &layout.graph;
        let image_of = |file: &RepoPath, field: &ImageField| {
            let by_base = || layout.patched(file, &field.service)?.images.get(&field.key_path);
            field.image.as_ref().or_else(by_base).cloned()
        };
        let inline = inline::read(&files, graph, image_of);
        layout.suspended.extend(inline.suspended);
        layout.graph.suspend(&inline.suspended_kustomizations);
        layout.inline_versions = inline.versions;
        layout
    }

    /// What patches set where Tidegate does not edit it.
    pub fn inline_versions(&self) -> &[InlineVersion] {
        &self.inline_versions
    }

    /// The service that a HelmRelease of a file belongs to. `roots` are the folders of the environments: below the closest
    /// one, the file's folder serves as the namespace if no file sets one.
    pub fn service(&self, file: &RepoPath, written: &ServiceName, roots: &[RepoPath]) -> PlacedService {
        let user = || self.charts.user(file, written).or_else(|| self.values.user(file, written));
        let patched = self.patched(file, written).map(|patched| &patched.service);
        let written = patched.or_else(user).unwrap_or(written);
        let known = |service| PlacedService { service, is_namespace_assumed: false };
        if written.has_namespace() {
            return known(written.clone());
        }
        let given = self.namespace(file).and_then(|namespace| in_namespace(written, namespace));
        given.map_or_else(
            || {
                let folder = folder_namespace(file, roots);
                let service = in_namespace(written, &folder).unwrap_or_else(|| written.clone());
                PlacedService { service, is_namespace_assumed: true }
            },
            known,
        )
    }

    /// The names under which files may have written the releases of a service.
    pub fn written_names(&self, service: &ServiceName) -> BTreeSet<ServiceName> {
        let mut names = BTreeSet::from([service.clone()]);
        names.extend(ServiceName::without_namespace(service.name()));
        let renamed = self.patches.iter().filter(|(_, patched)| patched.service.name() == service.name());
        names.extend(renamed.map(|((_, written), _)| written.clone()));
        names.extend(self.charts.used_by(service).cloned());
        names.extend(self.values.written_names(service).cloned());
        names
    }

    /// The image of a tag that has no repository beside it, of a patch or of values elsewhere, or the chart of a HelmRelease.
    pub fn image_of_tag_alone(&self, file: &RepoPath, field: &ImageField) -> Option<&ImageName> {
        if field.shape == FieldShape::ChartVersion {
            return self.charts.artifact(file, &field.service);
        }
        if field.shape.is_of_values_elsewhere() {
            return self.values.image_of(file, field);
        }
        self.patched(file, &field.service)?.images.get(&field.key_path)
    }

    /// Whether the tag of a field decides what runs. It does not where kustomize replaces the image of a container, or where
    /// no HelmRelease takes the values that it is in.
    pub fn counts(&self, file: &RepoPath, field: &ImageField) -> bool {
        let is_replaced = field.image.as_ref().is_some_and(|image| self.replaces(file, field.shape, image));
        !is_replaced && self.values.counts(file, field)
    }

    /// Whether a HelmRelease takes the Helm values that a field is in. False for fields that are in no such values.
    pub fn takes(&self, file: &RepoPath, field: &ImageField) -> bool {
        self.values.takes(file, field)
    }

    /// Whether it matters that a field is refused, likewise.
    pub fn counts_refusal(&self, file: &RepoPath, refusal: &Refusal) -> bool {
        let is_replaced =
            refusal.image.as_ref().is_some_and(|image| self.replaces(file, refusal.shape, image));
        !is_replaced && self.values.counts_refusal(file, refusal)
    }

    /// The service of a refused field, if its name is usable.
    pub fn service_of_refusal(
        &self,
        file: &RepoPath,
        refusal: &Refusal,
        roots: &[RepoPath],
    ) -> Option<ServiceName> {
        let of_file = || self.values.service_of_file(file);
        let written = refusal.service.as_ref().or_else(of_file)?;
        Some(self.service(file, written, roots).service)
    }

    fn replaces(&self, file: &RepoPath, shape: FieldShape, image: &ImageName) -> bool {
        shape == FieldShape::Container && self.graph.replaces_image(file, image)
    }

    /// Whether the place of the file decides if fields of this shape count.
    pub fn depends_on_file(&self, shape: FieldShape) -> bool {
        shape == FieldShape::Container && self.graph.replaces_images() || shape.is_of_values_elsewhere()
    }

    /// Which Helm values outside of HelmReleases count, as text.
    pub fn values_fingerprint(&self) -> String {
        self.values.fingerprint()
    }

    /// Whether the chart of any HelmRelease is known.
    pub fn has_charts(&self) -> bool {
        self.charts.has_artifacts()
    }

    /// The namespace that objects of a file get which set none.
    pub fn namespace(&self, file: &RepoPath) -> Option<&str> {
        self.graph.namespace(file)
    }

    /// Whether Flux applies a file.
    pub fn inclusion<'l>(&'l self, file: &'l RepoPath) -> Inclusion<'l> {
        self.graph.inclusion(file)
    }

    /// Whether another file suspends a release: a patch, or the base that a patch changes.
    pub fn is_suspended_elsewhere(&self, file: &RepoPath, written: &ServiceName) -> bool {
        let by_base = self.patched(file, written).is_some_and(|patched| patched.is_suspended);
        by_base
            || self.values.is_suspended(file, written)
            || self.suspended.contains(&(file.as_str().to_owned(), written.clone()))
    }

    /// The entries of kustomization.yaml files that are not followed.
    pub fn dead_entries(&self) -> &[DeadEntry] {
        self.graph.dead_entries()
    }

    /// The HelmReleases that take values from ConfigMaps.
    fn takers<'a>(&self, files: &[LayoutFile<'a>]) -> Vec<Taker<'a>> {
        let mut takers = Vec::new();
        for LayoutFile { path, manifest, .. } in files {
            let Some(manifest) = manifest else { continue };
            for (release, written) in named(manifest).filter(|(release, _)| !release.values_from.is_empty()) {
                let base = self.patched(path, written);
                let service = base.map_or(written, |base| &base.service);
                let given = (!service.has_namespace()).then(|| self.graph.namespace(path)).flatten();
                let placed = given.and_then(|namespace| in_namespace(service, namespace));
                let mut images: BTreeMap<String, ImageName> = images_of(manifest, release, written).collect();
                images.extend(base.map(|base| base.images.clone()).unwrap_or_default());
                let own = manifest.fields.iter().filter(|field| field.service == *written);
                takers.push(Taker {
                    file: path,
                    service: placed.unwrap_or_else(|| service.clone()),
                    values_from: &release.values_from,
                    images,
                    tags: own.map(|field| field.key_path.clone()).collect(),
                    is_suspended: release.is_suspended || base.is_some_and(|base| base.is_suspended),
                });
            }
        }
        takers
    }

    fn patched(&self, file: &RepoPath, written: &ServiceName) -> Option<&PatchedRelease> {
        if self.patches.is_empty() {
            return None;
        }
        self.patches.get(&(file.clone(), written.clone()))
    }
}

/// The release that a patch of this name changes, unless there is none or several have different names.
fn base_of(
    written: &ServiceName,
    patched: &[Patched<'_>],
    manifests: &HashMap<&str, &Manifest>,
) -> Option<PatchedRelease> {
    let mut found: Option<PatchedRelease> = None;
    for Patched { target, files } in patched {
        let matcher = Matcher::of(*target, Some(written));
        let is_meant = |service: &ServiceName| matcher.matches(service);
        for (file, manifest) in files.iter().filter_map(|file| Some((file, manifests.get(file)?))) {
            for (release, service) in named(manifest).filter(|(_, service)| is_meant(service)) {
                let base = found.get_or_insert_with(|| PatchedRelease {
                    service: written_in(written, service),
                    images: BTreeMap::new(),
                    written: BTreeSet::new(),
                    is_suspended: false,
                });
                if base.service.name() != service.name() {
                    return None;
                }
                if !base.service.has_namespace() && service.has_namespace() {
                    base.service = service.clone();
                }
                base.is_suspended |= release.is_suspended;
                base.written.insert(((*file).to_owned(), service.clone()));
                for (key_path, image) in images_of(manifest, release, service) {
                    base.images.entry(key_path).or_insert(image);
                }
            }
        }
    }
    found
}

/// The name of the base in the namespace that the patch sets, if it does.
fn written_in(patch: &ServiceName, base: &ServiceName) -> ServiceName {
    let namespace = patch.has_namespace().then(|| patch.namespace());
    namespace.and_then(|namespace| in_namespace(base, namespace)).unwrap_or_else(|| base.clone())
}

/// The images of a release by the key paths at which their tags stand or would stand.
fn images_of<'a>(
    manifest: &'a Manifest,
    release: &'a Release,
    service: &'a ServiceName,
) -> impl Iterator<Item = (String, ImageName)> + 'a {
    let fields = manifest.fields.iter().filter(move |field| field.service == *service);
    let tagged = fields.filter_map(|field| Some((field.key_path.clone(), field.image.clone()?)));
    let untagged = release.untagged_images.iter().map(|(path, image)| (format!("{path}.tag"), image.clone()));
    tagged.chain(untagged)
}

/// The folder of a file below the closest of `roots`, as a namespace: `apps.shop`, which no real namespace is called.
fn folder_namespace(file: &RepoPath, roots: &[RepoPath]) -> String {
    let folder = parent(file.as_str());
    let root = roots
        .iter()
        .map(RepoPath::as_str)
        .filter(|root| is_within(folder, root))
        .max_by_key(|root| root.len());
    let below = root.map_or(folder, |root| folder[root.len()..].trim_start_matches('/'));
    if below.is_empty() {
        return DEFAULT_NAMESPACE.to_owned();
    }
    let name = below.replace('/', ".");
    let is_valid = |name: &str| ServiceName::new(name, "x").is_ok();
    if is_valid(&name) && !name.contains("${") {
        return name;
    }
    // Folders that differ only in what a namespace cannot hold stay apart.
    let plain = |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    let plain: String = name.bytes().map(|byte| char::from(plain(byte))).take(200).collect();
    let digest = format!("{:x}", Sha256::digest(below));
    format!("{}-{}", plain.trim_matches('-'), &digest[..8]).trim_start_matches('-').to_owned()
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
