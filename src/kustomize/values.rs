//! Helm values outside of HelmReleases: the ConfigMaps that `valuesFrom` names, and the files that a `configMapGenerator` makes
//! them from. Each belongs to the HelmRelease that takes it; several share it under its own name.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::files::{LayoutFile, in_namespace};
use super::graph::Graph;
use super::path;
use crate::manifest::{FieldShape, ImageField, Manifest, Refusal, ValuesReference};
use crate::model::{ImageName, RepoPath, ServiceName};

/// Which values HelmReleases take from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    /// By the file and the name of the ConfigMap.
    config_maps: BTreeMap<(RepoPath, ServiceName), Taken>,
    /// By the file that is a value of a ConfigMap.
    files: BTreeMap<RepoPath, Taken>,
    /// The names that the fields of those files have in them, by the service.
    names_in_files: BTreeSet<(ServiceName, ServiceName)>,
}

/// Values that HelmReleases take.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Taken {
    service: ServiceName,
    /// The keys of the ConfigMap's data that they take.
    keys: BTreeSet<String>,
    /// The images of the HelmReleases, by the key paths of their tags; `None` where two disagree.
    images: BTreeMap<String, Option<ImageName>>,
    /// The key paths of the tags that every HelmRelease sets itself, which count instead.
    overridden: BTreeSet<String>,
    is_suspended: bool,
}

/// A HelmRelease that takes values from ConfigMaps.
pub(super) struct Taker<'a> {
    /// Its file.
    pub(super) file: &'a RepoPath,
    /// Its service, without a namespace where none is known.
    pub(super) service: ServiceName,
    pub(super) values_from: &'a [ValuesReference],
    /// Its images, by the key paths of their tags.
    pub(super) images: BTreeMap<String, ImageName>,
    /// The key paths of the tags that it sets.
    pub(super) tags: BTreeSet<String>,
    pub(super) is_suspended: bool,
}

impl Values {
    /// The values that `takers` take from the files.
    pub(super) fn of(files: &[LayoutFile<'_>], graph: &Graph, takers: &[Taker<'_>]) -> Self {
        let mut values = Self::default();
        if takers.is_empty() {
            return values;
        }
        let takers = Takers::of(takers);
        for LayoutFile { path, manifest, kustomization } in files {
            let found = manifest.map(config_maps).unwrap_or_default();
            for written in found {
                let namespace = written.has_namespace().then(|| written.namespace());
                let own = namespace.or_else(|| graph.namespace(path));
                let name = own.and_then(|own| in_namespace(written, own)).unwrap_or_else(|| written.clone());
                // A HelmRelease of the same name in the same file keeps its name.
                let is_of_namesake = |taken: &Taken| {
                    taken.service.name() == written.name()
                        || manifest.is_none_or(|manifest| manifest.release(written).is_none())
                };
                if let Some(taken) = takers.of_config_map(graph, path, &name).filter(is_of_namesake) {
                    values.config_maps.insert(((*path).clone(), written.clone()), taken);
                }
            }
            for generated in kustomization.map(|one| one.config_maps.as_slice()).unwrap_or_default() {
                let own = generated.namespace.as_deref().or_else(|| graph.namespace(path));
                let name = match own {
                    Some(own) => ServiceName::new(own, &generated.name),
                    None => ServiceName::without_namespace(&generated.name),
                };
                let taken = name.ok().and_then(|name| takers.of_config_map(graph, path, &name));
                let Some(taken) = taken else { continue };
                for (_, file) in generated.files.iter().filter(|(key, _)| taken.keys.contains(key)) {
                    let file =
                        path::join(path::parent(path.as_str()), file).and_then(|file| file.parse().ok());
                    if let Some(file) = file {
                        values.files.entry(file).or_insert_with(|| taken.clone());
                    }
                }
            }
        }
        for LayoutFile { path, manifest, .. } in files {
            if let (Some(taken), Some(manifest)) = (values.files.get(*path), manifest) {
                let names =
                    manifest.fields.iter().map(|field| (taken.service.clone(), field.service.clone()));
                values.names_in_files.extend(names);
            }
        }
        values
    }

    /// The service that takes what a file holds under this name.
    pub(super) fn user(&self, file: &RepoPath, written: &ServiceName) -> Option<&ServiceName> {
        let of_file = || self.config_maps.get(&(file.clone(), written.clone()));
        self.files.get(file).or_else(of_file).map(|taken| &taken.service)
    }

    /// Whether a HelmRelease takes the field and does not set its tag itself. True for fields that are in no such values.
    pub(super) fn counts(&self, file: &RepoPath, field: &ImageField) -> bool {
        !field.shape.is_of_values_elsewhere()
            || self.taken(file, field.shape, Some(&field.service), field.data_key.as_deref()).is_some_and(
                |taken| field.path_in_release().is_none_or(|path| !taken.overridden.contains(&path)),
            )
    }

    /// Whether a HelmRelease takes the values that a field is in.
    pub(super) fn takes(&self, file: &RepoPath, field: &ImageField) -> bool {
        self.taken(file, field.shape, Some(&field.service), field.data_key.as_deref()).is_some()
    }

    /// Whether a HelmRelease takes the refused values. True for what is in no such values.
    pub(super) fn counts_refusal(&self, file: &RepoPath, refusal: &Refusal) -> bool {
        let (service, key) = (refusal.service.as_ref(), refusal.data_key.as_deref());
        !refusal.shape.is_of_values_elsewhere() || self.taken(file, refusal.shape, service, key).is_some()
    }

    /// The service of refused values in a file, whose own name says nothing.
    pub(super) fn service_of_file(&self, file: &RepoPath) -> Option<&ServiceName> {
        self.files.get(file).map(|taken| &taken.service)
    }

    /// The image of a tag alone, from the HelmRelease that takes it.
    pub(super) fn image_of(&self, file: &RepoPath, field: &ImageField) -> Option<&ImageName> {
        let taken = self.taken(file, field.shape, Some(&field.service), field.data_key.as_deref())?;
        taken.images.get(&field.path_in_release()?)?.as_ref()
    }

    /// Whether the HelmRelease that takes the values is suspended.
    pub(super) fn is_suspended(&self, file: &RepoPath, written: &ServiceName) -> bool {
        let of_file = || self.config_maps.get(&(file.clone(), written.clone()));
        self.files.get(file).or_else(of_file).is_some_and(|taken| taken.is_suspended)
    }

    /// The names that files may give to values of a service.
    pub(super) fn written_names(&self, service: &ServiceName) -> impl Iterator<Item = &ServiceName> {
        let is_meant = |one: &ServiceName| one.name() == service.name();
        let config_maps = self.config_maps.iter().filter(move |(_, taken)| is_meant(&taken.service));
        let files = self.names_in_files.iter().filter(move |(taker, _)| is_meant(taker));
        config_maps.map(|((_, written), _)| written).chain(files.map(|(_, written)| written))
    }

    /// Which values HelmReleases take, as text.
    pub(super) fn fingerprint(&self) -> String {
        let config_maps = self.config_maps.keys().map(|(file, name)| format!("{file} {name}\n"));
        config_maps.chain(self.files.keys().map(|file| format!("{file}\n"))).collect()
    }

    fn taken(
        &self,
        file: &RepoPath,
        shape: FieldShape,
        written: Option<&ServiceName>,
        key: Option<&str>,
    ) -> Option<&Taken> {
        match shape {
            FieldShape::ValuesFile => self.files.get(file),
            FieldShape::ConfigMap => {
                let taken = self.config_maps.get(&(file.clone(), written?.clone()))?;
                key.is_some_and(|key| taken.keys.contains(key)).then_some(taken)
            }
            _ => None,
        }
    }
}

/// The ConfigMaps with values that hold an image, by the names in the file.
fn config_maps(manifest: &Manifest) -> BTreeSet<&ServiceName> {
    let of_config_map = |shape: FieldShape| shape == FieldShape::ConfigMap;
    let fields = manifest.fields.iter().filter(|field| of_config_map(field.shape));
    let refusals = manifest.refusals.iter().filter(|refusal| of_config_map(refusal.shape));
    fields.map(|field| &field.service).chain(refusals.filter_map(|one| one.service.as_ref())).collect()
}

/// The HelmReleases by the names of the ConfigMaps that they take.
struct Takers<'t, 'a>(HashMap<&'t str, Vec<(&'t Taker<'a>, &'t str)>>);

impl<'t, 'a> Takers<'t, 'a> {
    fn of(takers: &'t [Taker<'a>]) -> Self {
        let mut by_name: HashMap<&str, Vec<(&Taker<'_>, &str)>> = HashMap::new();
        for taker in takers {
            for reference in taker.values_from {
                by_name.entry(reference.name.as_str()).or_default().push((taker, reference.key.as_str()));
            }
        }
        Self(by_name)
    }

    /// What HelmReleases take of a ConfigMap that a file holds or makes: those of its namespace, and those that the
    /// kustomization.yaml which lists the file applies.
    fn of_config_map(&self, graph: &Graph, file: &RepoPath, name: &ServiceName) -> Option<Taken> {
        let named = self.0.get(name.name())?;
        let applied = OnceCell::new();
        let is_meant = |(taker, _): &&(&Taker<'_>, &str)| {
            let service = &taker.service;
            if name.has_namespace() && service.has_namespace() {
                return service.namespace() == name.namespace();
            }
            let applied = applied.get_or_init(|| graph.applied_with(file));
            applied.contains(taker.file.as_str()) || taker.file == file
        };
        let meant: Vec<_> = named.iter().filter(is_meant).collect();
        let (first, _) = meant.first()?;
        let mut tags: HashMap<&str, BTreeSet<&String>> = HashMap::new();
        for (taker, _) in &meant {
            tags.entry(taker.service.name()).or_default().extend(&taker.tags);
        }
        let is_set = |path: &&String| tags.values().all(|tags| tags.contains(path));
        let mut taken = Taken {
            service: first.service.clone(),
            keys: meant.iter().map(|(_, key)| (*key).to_owned()).collect(),
            images: BTreeMap::new(),
            overridden: meant.iter().flat_map(|(taker, _)| &taker.tags).filter(is_set).cloned().collect(),
            is_suspended: meant.iter().all(|(taker, _)| taker.is_suspended),
        };
        for (taker, _) in &meant {
            for (path, image) in &taker.images {
                let known = taken.images.entry(path.clone()).or_insert_with(|| Some(image.clone()));
                if known.as_ref() != Some(image) {
                    *known = None;
                }
            }
            if taken.service.name() != taker.service.name() {
                taken.service = name.clone();
            } else if !taken.service.has_namespace() {
                taken.service = taker.service.clone();
            }
        }
        Some(taken)
    }
}
