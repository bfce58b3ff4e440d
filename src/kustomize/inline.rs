//! Versions that patches set in places where they are not edited: inline patches of kustomization.yaml files and Flux
//! Kustomizations, JSON 6902 patches and replacements. What runs is then another version than the HelmRelease itself holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::files::{LayoutFile, in_namespace, named};
use super::graph::{Graph, MAX_BASE_FILES};
use super::path::{self, is_within, parent};
use super::target::Matcher;
use crate::manifest::{ImageField, Manifest, PatchTarget, Position, ReleaseChange};
use crate::model::{ImageName, Printable, RepoPath, ServiceName};

/// How a patch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchForm {
    /// Inside a kustomization.yaml or a Flux Kustomization.
    Inline,
    /// JSON 6902 operations in a file.
    JsonPatch,
    /// An entry of `replacements`.
    Replacement,
}

/// A version of a HelmRelease that a patch sets where it is not edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlineVersion {
    /// The file that holds the patch.
    pub file: RepoPath,
    /// The place of the value or of the patch.
    pub position: Position,
    /// How the patch is written.
    pub form: PatchForm,
    /// The folder whose objects the patch changes.
    pub folder: String,
    /// The path of keys in the HelmRelease.
    pub key_path: String,
    /// The new value, where there is a single one.
    pub value: Option<String>,
    /// The HelmRelease.
    pub service: ServiceName,
    /// The file of the HelmRelease and its name there, where it is in the repository.
    pub base: Option<(RepoPath, ServiceName)>,
    /// The image, where it is known.
    pub image: Option<ImageName>,
}

impl InlineVersion {
    /// Why it is not promoted.
    pub fn refusal(&self) -> String {
        let what = match self.form {
            PatchForm::Inline => "inline patches",
            PatchForm::JsonPatch => "JSON 6902 patches",
            PatchForm::Replacement => "the sources of replacements",
        };
        format!("{self}, and Tidegate does not edit {what}")
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.form {
            PatchForm::Inline | PatchForm::JsonPatch => {
                "write it as a HelmRelease patch in a file of its own, and list that file under `patches` of the kustomization.yaml"
            }
            PatchForm::Replacement => "write the version in the HelmRelease itself",
        }
    }
}

impl fmt::Display for InlineVersion {
    /// ``an inline patch sets `spec.values.image.tag` to `v1.2.0` ``
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patch = match self.form {
            PatchForm::Inline => "an inline patch",
            PatchForm::JsonPatch => "a JSON 6902 patch",
            PatchForm::Replacement => "a replacement",
        };
        let key_path = Printable::bounded(&self.key_path, 120);
        match &self.value {
            Some(value) => {
                write!(formatter, "{patch} sets `{key_path}` to `{}`", Printable::bounded(value, 60))
            }
            None => write!(formatter, "{patch} changes `{key_path}`"),
        }
    }
}

/// What [`read`] finds.
#[derive(Default)]
pub(super) struct InlinePatches {
    pub(super) versions: Vec<InlineVersion>,
    /// The releases that such a patch suspends, by file and by the name in it.
    pub(super) suspended: BTreeSet<(String, ServiceName)>,
    /// The Flux Kustomizations that a patch suspends, by file and name.
    pub(super) suspended_kustomizations: BTreeSet<(RepoPath, String)>,
}

/// A patch and the file that holds it.
struct Source<'a> {
    file: &'a RepoPath,
    form: PatchForm,
    target: Option<&'a PatchTarget>,
    changes: &'a [ReleaseChange],
    /// The Flux Kustomizations that the patch itself names and suspends.
    suspended: Vec<&'a str>,
}

impl Source<'_> {
    /// The Flux Kustomizations that the patch suspends.
    fn suspends(&self) -> Vec<Matcher> {
        let by_operation =
            self.changes.iter().any(|change| change.service.is_none() && change.suspends()).then_some("");
        let names = self.suspended.iter().copied().chain(by_operation.filter(|_| self.target.is_some()));
        names.map(|name| Matcher::of_kustomizations(self.target, name)).collect()
    }
}

/// The HelmReleases that the patches of one folder apply to.
struct Releases<'a> {
    folder: String,
    list: Vec<Found<'a>>,
    /// The namespace for those that set none.
    namespace: Option<&'a str>,
}

struct Found<'a> {
    path: &'a RepoPath,
    manifest: &'a Manifest,
    service: &'a ServiceName,
}

/// Reads the patches of all files. `image_of` gives the image of a field.
pub(super) fn read<'a>(
    files: &[LayoutFile<'a>],
    graph: &'a Graph,
    image_of: impl Fn(&RepoPath, &ImageField) -> Option<ImageName>,
) -> InlinePatches {
    let manifests: Manifests<'a> =
        files.iter().filter_map(|file| Some((file.path.as_str(), (file.path, file.manifest?)))).collect();
    let mut by_folder: BTreeMap<String, Vec<Source<'a>>> = BTreeMap::new();
    for file in files {
        for (folder, source) in sources(file, &manifests) {
            by_folder.entry(folder).or_default().push(source);
        }
    }
    let mut found = InlinePatches::default();
    for (folder, sources) in by_folder {
        let suspended = suspended_kustomizations(&folder, &sources, graph, &manifests);
        found.suspended_kustomizations.extend(suspended);
        let releases = Releases::of(folder, graph, &manifests);
        for source in &sources {
            releases.apply(source, &image_of, &mut found);
        }
    }
    found
}

/// The Flux Kustomizations that patches of a folder suspend wherever they are applied.
fn suspended_kustomizations(
    folder: &str,
    sources: &[Source<'_>],
    graph: &Graph,
    manifests: &Manifests<'_>,
) -> Vec<(RepoPath, String)> {
    let matchers: Vec<Matcher> = sources.iter().flat_map(Source::suspends).collect();
    if matchers.is_empty() {
        return Vec::new();
    }
    let files = graph.patched_files(folder).unwrap_or_default();
    let files = files.into_iter().filter_map(|file| manifests.get(file));
    let objects = files.flat_map(|(path, manifest)| {
        manifest.flux_kustomizations.iter().map(move |flux| (*path, flux.name.as_str()))
    });
    let is_suspended = |(file, name): &(&RepoPath, &str)| {
        matchers.iter().any(|matcher| matcher.matches_name(name)) && graph.is_only_below(file, folder)
    };
    objects.filter(is_suspended).map(|(file, name)| (file.clone(), name.to_owned())).collect()
}

type Manifests<'a> = BTreeMap<&'a str, (&'a RepoPath, &'a Manifest)>;

/// The patches in a file or listed by it, with the folders that they apply to.
fn sources<'a>(file: &LayoutFile<'a>, manifests: &Manifests<'a>) -> Vec<(String, Source<'a>)> {
    let mut sources = Vec::new();
    let mut add = |folder: &str, source: Source<'a>| {
        if !source.changes.is_empty() || !source.suspended.is_empty() {
            sources.push((folder.to_owned(), source));
        }
    };
    let path = file.path;
    if let Some(kustomization) = file.kustomization {
        let folder = parent(path.as_str());
        for patch in &kustomization.inline_patches {
            let form = if patch.is_replacement { PatchForm::Replacement } else { PatchForm::Inline };
            let suspended = patch.suspended.iter().map(String::as_str).collect();
            let target = patch.target.as_ref();
            add(folder, Source { file: path, form, target, changes: &patch.changes, suspended });
        }
        for patch in &kustomization.patches {
            let joined = path::join(folder, &patch.path);
            let Some((path, manifest)) = joined.and_then(|joined| manifests.get(joined.as_str())) else {
                continue;
            };
            let (form, target) = (PatchForm::JsonPatch, patch.target.as_ref());
            let suspended = manifest.flux_kustomizations.iter().filter(|flux| flux.is_suspended);
            let suspended = suspended.map(|flux| flux.name.as_str()).collect();
            add(folder, Source { file: path, form, target, changes: &manifest.json_patch, suspended });
        }
    }
    for flux in file.manifest.map(|manifest| &manifest.flux_kustomizations).into_iter().flatten() {
        let Some(folder) = path::join("", &flux.path) else { continue };
        for patch in &flux.patches {
            let (form, target) = (PatchForm::Inline, patch.target.as_ref());
            let suspended = patch.suspended.iter().map(String::as_str).collect();
            add(&folder, Source { file: path, form, target, changes: &patch.changes, suspended });
        }
    }
    sources
}

impl<'a> Releases<'a> {
    fn of(folder: String, graph: &'a Graph, manifests: &Manifests<'a>) -> Self {
        let mut list = Vec::new();
        let add = |(path, manifest): (&'a RepoPath, &'a Manifest)| {
            list.extend(named(manifest).map(|(_, service)| Found { path, manifest, service }));
        };
        if let Some(files) = graph.patched_files(&folder) {
            files.into_iter().filter_map(|file| manifests.get(file).copied()).for_each(add);
        } else {
            // Flux applies every file below a folder without a kustomization.yaml.
            let below = manifests.values().filter(|(path, _)| is_within(path.as_str(), &folder));
            below.copied().take(MAX_BASE_FILES).for_each(add);
        }
        let namespace = graph.namespace_of_folder(&folder);
        Self { folder, list, namespace }
    }

    fn apply(
        &self,
        source: &Source<'_>,
        image_of: impl Fn(&RepoPath, &ImageField) -> Option<ImageName>,
        found: &mut InlinePatches,
    ) {
        // The operations of one patch have one target; a patch without it names an object in each document.
        let mut by_name: BTreeMap<Option<&ServiceName>, Vec<&ReleaseChange>> = BTreeMap::new();
        for change in source.changes {
            by_name.entry(change.service.as_ref()).or_default().push(change);
        }
        for (name, changes) in by_name {
            let matcher = Matcher::of(source.target, name);
            let mut is_found = false;
            for release in self.list.iter().filter(|release| matcher.matches(release.service)) {
                is_found = true;
                if changes.iter().any(|change| change.suspends()) {
                    found.suspended.insert((release.path.to_string(), release.service.clone()));
                }
                let service = self.placed(release.service);
                let base = Some((release.path.clone(), release.service.clone()));
                for (image, change) in changed_images(&changes, release, &image_of) {
                    found.versions.push(self.version(source, change, service.clone(), base.clone(), image));
                }
            }
            let service = name.cloned().or_else(|| matcher.only_name());
            if let Some(service) = service.filter(|_| !is_found) {
                for change in changes.into_iter().filter(|change| change.sets_version()) {
                    let service = self.placed(&service);
                    found.versions.push(self.version(source, change, service, None, change.image.clone()));
                }
            }
        }
    }

    fn placed(&self, written: &ServiceName) -> ServiceName {
        let namespace = self.namespace.filter(|_| !written.has_namespace());
        namespace.and_then(|namespace| in_namespace(written, namespace)).unwrap_or_else(|| written.clone())
    }

    fn version(
        &self,
        source: &Source<'_>,
        change: &ReleaseChange,
        service: ServiceName,
        base: Option<(RepoPath, ServiceName)>,
        image: Option<ImageName>,
    ) -> InlineVersion {
        InlineVersion {
            file: source.file.clone(),
            position: change.position,
            form: source.form,
            folder: self.folder.clone(),
            key_path: change.key_path.clone(),
            value: change.value.clone(),
            service,
            base,
            image,
        }
    }
}

/// The images of a HelmRelease whose version the changes set, each with the change to report, and a version of an unknown
/// image.
fn changed_images<'c>(
    changes: &[&'c ReleaseChange],
    release: &Found<'_>,
    image_of: impl Fn(&RepoPath, &ImageField) -> Option<ImageName>,
) -> BTreeMap<Option<ImageName>, &'c ReleaseChange> {
    let mut images: BTreeMap<Option<ImageName>, &ReleaseChange> = BTreeMap::new();
    // A change that sets the version says more than one beside it.
    let mut add = |image: Option<ImageName>, change: &'c ReleaseChange| {
        let known = images.entry(image).or_insert(change);
        if change.sets_version() && !known.sets_tag() {
            *known = change;
        }
    };
    let fields = release.manifest.fields.iter().filter(|field| field.service == *release.service);
    let fields: Vec<(&str, Option<ImageName>)> =
        fields.map(|field| (field.key_path.as_str(), image_of(release.path, field))).collect();
    let untagged = release.manifest.release(release.service).map(|release| &release.untagged_images);
    for change in changes {
        if let Some(image) = &change.image {
            add(Some(image.clone()), change);
        }
        let mut concerned = fields.iter().filter(|(path, _)| change.concerns(path)).peekable();
        let untagged = untagged.into_iter().flatten();
        let of_untagged = untagged.filter(|(path, _)| change.key_path == format!("{path}.tag"));
        let of_untagged: Vec<&ImageName> = of_untagged.map(|(_, image)| image).collect();
        if concerned.peek().is_none()
            && of_untagged.is_empty()
            && change.image.is_none()
            && change.sets_version()
        {
            add(None, change);
        }
        for image in of_untagged {
            add(Some(image.clone()), change);
        }
        concerned.for_each(|(_, image)| add(image.clone(), change));
    }
    images
}
