//! The graph of kustomization.yaml files and Flux Kustomizations. Every walk visits each folder once, so cycles end, and
//! stops at a bound.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use crate::manifest::{FluxKustomization, Kustomization, PatchTarget};
use crate::model::{ImageName, RepoPath};

use super::path::{self, DeadEntryKind, Target, parent};

/// Maximum folders visited by one query.
const MAX_VISITED: usize = 1_000;
/// The most levels of kustomization.yaml files that are climbed.
const MAX_LEVELS: usize = 64;
/// The most files that the base of one patch may have.
pub(super) const MAX_BASE_FILES: usize = 5_000;

/// A file of the repository.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceFile<'a> {
    /// Its path.
    pub(super) path: &'a RepoPath,
    /// Its contents, if it is a `kustomization.yaml`.
    pub(super) kustomization: Option<&'a Kustomization>,
    /// The Flux Kustomizations in it.
    pub(super) flux: &'a [FluxKustomization],
}

/// Whether Flux applies a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inclusion<'g> {
    /// It does, or no file in the repository contradicts it.
    Applied,
    /// No kustomization.yaml lists the file or its folder, although one lists neighbours.
    NotListed,
    /// The Flux Kustomization of this name is suspended.
    Suspended(&'g str),
}

/// The target of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Patched<'g> {
    /// The object, where the kustomization.yaml says which.
    pub(super) target: Option<&'g PatchTarget>,
    /// The files that may hold the object, the closest first.
    pub(super) files: Vec<&'g str>,
}

/// An entry of a kustomization.yaml that leads nowhere in this repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadEntry {
    /// The kustomization.yaml.
    pub file: RepoPath,
    /// The entry, as written.
    pub entry: String,
    /// The error.
    pub kind: DeadEntryKind,
}

/// The folders with a kustomization.yaml and what each of them lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Graph {
    folders: BTreeMap<String, Folder>,
    /// For each file and folder, the folders whose kustomization.yaml lists it.
    listed_by: HashMap<String, Vec<String>>,
    /// The folders with an entry that a kustomization.yaml there or above lists.
    with_listed_entries: HashSet<String>,
    /// The Flux Kustomizations by the folder that they apply.
    flux: BTreeMap<String, Vec<FluxRoot>>,
    /// The folders whose kustomization.yaml applies a file as a patch.
    patched_by: HashMap<String, Vec<String>>,
    dead: Vec<DeadEntry>,
    /// Whether `images` of any of them replace a tag.
    replaces_images: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Folder {
    file: RepoPath,
    namespace: Option<String>,
    /// Files and folders.
    resources: Vec<String>,
    patches: Vec<PatchFile>,
    replaced_images: Vec<ImageName>,
    /// The folders that include this one as a component, so that its patches apply to theirs.
    component_of: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PatchFile {
    path: String,
    target: Option<PatchTarget>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FluxRoot {
    name: String,
    file: RepoPath,
    target_namespace: Option<String>,
    replaced_images: Vec<ImageName>,
    is_suspended: bool,
}

impl Graph {
    /// The graph of a repository's files.
    pub(super) fn of<'a>(files: impl IntoIterator<Item = SourceFile<'a>>) -> Self {
        let files: Vec<SourceFile<'a>> = files.into_iter().collect();
        let known: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let folders: HashSet<&str> = files
            .iter()
            .filter(|file| file.kustomization.is_some())
            .map(|file| parent(file.path.as_str()))
            .collect();
        let mut graph = Self::default();
        for file in &files {
            if let Some(kustomization) = file.kustomization {
                graph.add_folder(file.path, kustomization, &known, &folders);
            }
        }
        for file in &files {
            // A patch of a Flux Kustomization applies no folder.
            if !graph.patched_by.contains_key(file.path.as_str()) {
                file.flux.iter().for_each(|flux| graph.add_flux(file.path, flux));
            }
        }
        graph.note_components(&files);
        graph.find_cycles();
        graph
    }

    /// The namespace that Flux sets on objects of a file without one; `None` if no setting or several apply.
    ///
    /// The closest wins: the `namespace` of the kustomization.yaml that lists the file, then of one that lists that folder,
    /// then the `targetNamespace` of a Flux Kustomization above. An unlisted file is treated as if the closest
    /// kustomization.yaml listed it, so that removing it from the list does not rename it.
    pub(super) fn namespace(&self, file: &RepoPath) -> Option<&str> {
        let climb = Climb::of(self.listing(file.as_str()));
        if climb.is_empty() {
            return self.namespace_above(file.as_str());
        }
        self.namespace_from(climb)
    }

    /// The namespace that Flux gives to objects of a folder that set none, likewise.
    pub(super) fn namespace_of_folder(&self, folder: &str) -> Option<&str> {
        let folder = self
            .folders
            .get_key_value(folder)
            .map(|(folder, _)| folder.as_str())
            .or_else(|| self.flux.get_key_value(folder).map(|(folder, _)| folder.as_str()))?;
        self.namespace_from(Climb::of([folder]))
    }

    fn namespace_from<'g: 'c, 'c>(&'g self, mut climb: Climb<'c>) -> Option<&'g str> {
        let mut found = BTreeSet::new();
        while let Some(folder) = climb.next() {
            let own = self.folders.get(folder).and_then(|folder| folder.namespace.as_deref());
            let targets = self.target_namespaces(folder);
            if own.is_some() || !targets.is_empty() {
                found.extend(own.map_or(targets, |own| BTreeSet::from([own])));
            } else if let Some(parents) = self.listed_by.get(folder) {
                climb.push(parents);
            } else {
                found.extend(self.namespace_above(folder));
            }
        }
        if found.len() == 1 { found.pop_first() } else { None }
    }

    /// Whether Flux applies a file.
    pub(super) fn inclusion<'g>(&'g self, file: &'g RepoPath) -> Inclusion<'g> {
        let file = file.as_str();
        if !self.listed_by.contains_key(file)
            && !self.folders.contains_key(parent(file))
            && let Some(inclusion) = Self::applied_by(self.flux_above(file))
        {
            return inclusion;
        }
        // A kustomization.yaml is applied where its folder is.
        let folder = parent(file);
        let is_own = self.folders.get(folder).is_some_and(|folder| folder.file.as_str() == file);
        let listing: Vec<&str> = match self.listed_by.get(file) {
            _ if is_own => vec![folder],
            Some(listing) => listing.iter().map(String::as_str).collect(),
            None if self.with_listed_entries.contains(folder) => return Inclusion::NotListed,
            None => return self.suspended_above(file),
        };
        let mut inclusion = Inclusion::NotListed;
        let mut climb = Climb::of(listing);
        while let Some(folder) = climb.next() {
            let roots = self.flux.get(folder).into_iter().flatten().map(|root| (folder, root));
            let here = Self::applied_by(roots).or_else(|| match self.listed_by.get(folder) {
                Some(parents) => {
                    climb.push(parents);
                    None
                }
                None => Some(Self::applied_by(self.flux_above(folder)).unwrap_or_else(|| {
                    let is_passed_over =
                        !folder.is_empty() && self.with_listed_entries.contains(parent(folder));
                    if is_passed_over { Inclusion::NotListed } else { Inclusion::Applied }
                })),
            });
            match here {
                Some(Inclusion::Applied) => return Inclusion::Applied,
                Some(suspended @ Inclusion::Suspended(_)) => inclusion = suspended,
                Some(Inclusion::NotListed) | None => {}
            }
        }
        // A cycle has no top. Kustomize refuses it, so it decides nothing about the file.
        if inclusion == Inclusion::NotListed && climb.met_cycle { Inclusion::Applied } else { inclusion }
    }

    /// Whether `images` of any kustomization replace an image in the workloads of a file.
    pub(super) fn replaces_image(&self, file: &RepoPath, image: &ImageName) -> bool {
        if !self.replaces_images {
            return false;
        }
        let has = |replaced: &[ImageName]| replaced.contains(image);
        let mut above = self.flux_above(file.as_str());
        let mut climb = Climb::of(self.listing(file.as_str()));
        if climb.is_empty() {
            return above.any(|(_, root)| has(&root.replaced_images));
        }
        while let Some(folder) = climb.next() {
            let own = self.folders.get(folder).is_some_and(|folder| has(&folder.replaced_images));
            let mut roots = self.flux.get(folder).into_iter().flatten();
            if own || roots.any(|root| has(&root.replaced_images)) {
                return true;
            }
            match self.listed_by.get(folder) {
                Some(parents) => climb.push(parents),
                None if self.flux_above(folder).any(|(_, root)| has(&root.replaced_images)) => return true,
                None => {}
            }
        }
        false
    }

    /// Whether any kustomization has `images`.
    pub(super) fn replaces_images(&self) -> bool {
        self.replaces_images
    }

    /// The targets of a patch file, by each kustomization.yaml that applies it.
    pub(super) fn patched(&self, file: &RepoPath) -> Vec<Patched<'_>> {
        let mut patched = Vec::new();
        for folder in self.patched_by.get(file.as_str()).into_iter().flatten() {
            let Some(overlay) = self.folders.get(folder) else { continue };
            let files = self.patched_files(folder).unwrap_or_default();
            let files: Vec<&str> = files.into_iter().filter(|below| *below != file.as_str()).collect();
            for patch in overlay.patches.iter().filter(|patch| patch.path == file.as_str()) {
                patched.push(Patched { target: patch.target.as_ref(), files: files.clone() });
            }
        }
        patched
    }

    /// The files that hold the objects to which the patches of a folder apply, the closest first; `None` without a
    /// kustomization.yaml.
    pub(super) fn patched_files<'g>(&'g self, folder: &str) -> Option<Vec<&'g str>> {
        let mut files = Vec::new();
        let (folder, found) = self.folders.get_key_value(folder)?;
        let mut down = Climb::of([folder.as_str()]);
        found.component_of.iter().for_each(|parent| down.push_one(parent));
        while let Some(folder) = down.next() {
            let Some(found) = self.folders.get(folder) else { continue };
            let patches = found.patches.iter().map(|patch| patch.path.as_str());
            for entry in patches.chain(found.resources.iter().map(String::as_str)) {
                if self.folders.contains_key(entry) {
                    down.push_one(entry);
                } else if files.len() < MAX_BASE_FILES {
                    files.push(entry);
                }
            }
        }
        Some(files)
    }

    /// Whether a file is applied by the kustomization.yaml of this folder alone, perhaps through others.
    pub(super) fn is_only_below(&self, file: &RepoPath, folder: &str) -> bool {
        let mut entry = file.as_str();
        for _ in 0..MAX_LEVELS {
            let Some([only]) = self.listed_by.get(entry).map(Vec::as_slice) else { return false };
            if only == folder {
                return true;
            }
            entry = only;
        }
        false
    }

    /// Marks Flux Kustomizations, by file and name, as suspended.
    pub(super) fn suspend(&mut self, suspended: &BTreeSet<(RepoPath, String)>) {
        for root in self.flux.values_mut().flatten() {
            root.is_suspended |= suspended.contains(&(root.file.clone(), root.name.clone()));
        }
    }

    /// The files that are applied together with a file: by the kustomization.yaml that lists it, or that it is.
    pub(super) fn applied_with(&self, file: &RepoPath) -> HashSet<&str> {
        let own = self.folders.get_key_value(parent(file.as_str()));
        let folders = match own.filter(|(_, folder)| folder.file == *file) {
            Some((folder, _)) => vec![folder.as_str()],
            None => self.listing(file.as_str()),
        };
        folders.into_iter().filter_map(|folder| self.patched_files(folder)).flatten().collect()
    }

    /// The entries of kustomization.yaml files that are not followed, in the order of the files.
    pub(super) fn dead_entries(&self) -> &[DeadEntry] {
        &self.dead
    }

    fn add_folder(
        &mut self,
        file: &RepoPath,
        kustomization: &Kustomization,
        known: &HashSet<&str>,
        folders: &HashSet<&str>,
    ) {
        let folder = parent(file.as_str()).to_owned();
        let mut added = Folder {
            file: file.clone(),
            namespace: kustomization.namespace.clone(),
            resources: Vec::new(),
            patches: Vec::new(),
            replaced_images: kustomization.replaced_images.clone(),
            component_of: Vec::new(),
        };
        self.replaces_images |= !added.replaced_images.is_empty();
        for entry in &kustomization.resources {
            match path::resolve(&folder, entry, known, folders) {
                Ok(Target::File(path) | Target::Folder(path)) => {
                    self.list(&folder, &path);
                    added.resources.push(path);
                }
                Ok(Target::NotYaml) => {}
                Err(kind) => self.dead.push(DeadEntry { file: file.clone(), entry: entry.clone(), kind }),
            }
        }
        for patch in &kustomization.patches {
            match path::resolve(&folder, &patch.path, known, folders) {
                Ok(Target::File(path)) => {
                    self.list(&folder, &path);
                    self.patched_by.entry(path.clone()).or_default().push(folder.clone());
                    added.patches.push(PatchFile { path, target: patch.target.clone() });
                }
                Ok(Target::Folder(_)) => {}
                Ok(Target::NotYaml) => {
                    let (entry, kind) = (patch.path.clone(), DeadEntryKind::NotYaml);
                    self.dead.push(DeadEntry { file: file.clone(), entry, kind });
                }
                Err(kind) => {
                    let entry = patch.path.clone();
                    self.dead.push(DeadEntry { file: file.clone(), entry, kind });
                }
            }
        }
        for entry in &kustomization.other_files {
            // Most of these are not files at all.
            if let Ok(Target::File(path)) = path::resolve(&folder, entry, known, folders) {
                self.list(&folder, &path);
            }
        }
        self.folders.insert(folder, added);
    }

    fn list(&mut self, folder: &str, entry: &str) {
        let listing = self.listed_by.entry(entry.to_owned()).or_default();
        if listing.last().is_none_or(|last| last != folder) {
            listing.push(folder.to_owned());
        }
        let within = parent(entry);
        if !entry.is_empty() && path::is_within(within, folder) {
            self.with_listed_entries.insert(within.to_owned());
        }
    }

    fn add_flux(&mut self, file: &RepoPath, flux: &FluxKustomization) {
        self.replaces_images |= !flux.replaced_images.is_empty();
        if let Some(folder) = path::join("", &flux.path) {
            self.flux.entry(folder).or_default().push(FluxRoot {
                name: flux.name.clone(),
                file: file.clone(),
                target_namespace: flux.target_namespace.clone(),
                replaced_images: flux.replaced_images.clone(),
                is_suspended: flux.is_suspended,
            });
        }
    }

    /// The folders whose kustomization.yaml lists a file, or the closest one above it.
    fn listing<'g>(&'g self, file: &'g str) -> Vec<&'g str> {
        match self.listed_by.get(file) {
            Some(listing) => listing.iter().map(String::as_str).collect(),
            None => path::folders_above(file)
                .find(|above| self.folders.contains_key(*above))
                .into_iter()
                .collect(),
        }
    }

    /// The Flux Kustomizations of folders above an entry without a kustomization.yaml, which apply everything below; the
    /// closest first.
    fn flux_above<'g>(&'g self, entry: &'g str) -> impl Iterator<Item = (&'g str, &'g FluxRoot)> {
        path::folders_above(entry)
            .take_while(|above| !self.folders.contains_key(*above))
            .flat_map(|above| self.flux.get(above).into_iter().flatten().map(move |root| (above, root)))
    }

    /// The settings of the Flux Kustomizations of the closest folder; `None` without one.
    fn applied_by<'g>(roots: impl Iterator<Item = (&'g str, &'g FluxRoot)>) -> Option<Inclusion<'g>> {
        let mut roots = roots.peekable();
        let (closest, first) = *roots.peek()?;
        let is_live = roots.take_while(|(folder, _)| *folder == closest).any(|(_, root)| !root.is_suspended);
        Some(if is_live { Inclusion::Applied } else { Inclusion::Suspended(&first.name) })
    }

    /// Whether an unlisted file is below a suspended Flux Kustomization.
    fn suspended_above<'g>(&'g self, file: &'g str) -> Inclusion<'g> {
        let roots = path::folders_above(file)
            .flat_map(|above| self.flux.get(above).into_iter().flatten().map(move |root| (above, root)));
        Self::applied_by(roots).unwrap_or(Inclusion::Applied)
    }

    /// The `targetNamespace` of the closest Flux Kustomization above an entry that sets one, unless several differ.
    fn namespace_above(&self, entry: &str) -> Option<&str> {
        let above = path::folders_above(entry).take_while(|above| !self.folders.contains_key(*above));
        let closest = above.map(|above| self.target_namespaces(above)).find(|named| !named.is_empty())?;
        if closest.len() == 1 { closest.into_iter().next() } else { None }
    }

    fn target_namespaces(&self, folder: &str) -> BTreeSet<&str> {
        let roots = self.flux.get(folder).into_iter().flatten();
        roots.filter_map(|root| root.target_namespace.as_deref()).collect()
    }

    fn note_components(&mut self, files: &[SourceFile<'_>]) {
        for (file, kustomization) in files.iter().filter_map(|file| Some((file, file.kustomization?))) {
            let folder = parent(file.path.as_str());
            for component in &kustomization.components {
                let component = path::join(folder, component).and_then(|path| self.folders.get_mut(&path));
                if let Some(component) = component {
                    component.component_of.push(folder.to_owned());
                }
            }
        }
    }

    /// Notes folders that include themselves.
    fn find_cycles(&mut self) {
        let mut state: HashMap<&str, bool> = HashMap::new();
        let mut found = Vec::new();
        for root in self.folders.keys() {
            // Each level of the path, with the entries that are not followed yet.
            let mut path: Vec<(&str, std::slice::Iter<'_, String>)> = Vec::new();
            let mut enter = Some(root.as_str());
            loop {
                if let Some(folder) = enter.take()
                    && let Some(entries) = self.folders.get(folder)
                    && !state.contains_key(folder)
                {
                    state.insert(folder, false);
                    path.push((folder, entries.resources.iter()));
                }
                let Some((folder, entries)) = path.last_mut() else { break };
                let Some(entry) = entries.next() else {
                    state.insert(folder, true);
                    path.pop();
                    continue;
                };
                if state.get(entry.as_str()) == Some(&false) {
                    let file = self.folders[*folder].file.clone();
                    found.push(DeadEntry { file, entry: entry.clone(), kind: DeadEntryKind::Cycle });
                } else {
                    enter = Some(entry);
                }
            }
        }
        self.dead.extend(found);
    }
}

/// A walk from folder to folder that visits each once.
struct Climb<'g> {
    queue: VecDeque<&'g str>,
    visited: HashSet<&'g str>,
    met_cycle: bool,
}

impl<'g> Climb<'g> {
    fn of(folders: impl IntoIterator<Item = &'g str>) -> Self {
        let mut climb = Self { queue: VecDeque::new(), visited: HashSet::new(), met_cycle: false };
        folders.into_iter().for_each(|folder| climb.push_one(folder));
        climb
    }

    fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn push(&mut self, folders: &'g [String]) {
        for folder in folders {
            self.push_one(folder);
        }
    }

    fn push_one(&mut self, folder: &'g str) {
        if self.visited.len() >= MAX_VISITED || !self.visited.insert(folder) {
            self.met_cycle = true;
        } else {
            self.queue.push_back(folder);
        }
    }

    fn next(&mut self) -> Option<&'g str> {
        self.queue.pop_front()
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
