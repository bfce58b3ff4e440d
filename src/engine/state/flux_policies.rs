//! Reads Flux's ImagePolicy and ImageRepository objects as selection rules, so that a team can leave Flux image automation
//! without rewriting its policies.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::kustomize::Layout;
use crate::manifest::{FluxImagePolicy, FluxImageRepository, FluxOrder, ImageField, PolicyName, Refusal};
use crate::model::{ImageName, RepoPath, ServiceName, TagChange};
use crate::policy::{SelectionRules, TagOrder, TagPattern};

use super::snapshot::Snapshot;
use crate::engine::base::repository_policy::RepositoryPolicy;

/// Resolves what a field leaves to other files: the service that it belongs to, and the image of a tag that stands alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolver {
    layout: Arc<Layout>,
    /// The folders of the environments.
    roots: Vec<RepoPath>,
    /// The image of each ImagePolicy; `None` where two folders disagree.
    images: BTreeMap<PolicyName, Option<ImageName>>,
}

impl Resolver {
    pub(crate) fn of(snapshot: &Snapshot, repository_policy: &RepositoryPolicy) -> Self {
        let (layout, roots) = (Arc::new(snapshot.layout()), repository_policy.scope());
        let objects = FluxObjects::of(snapshot);
        // Policies of environments count before those of other folders.
        let mut images = objects.images(&layout, &roots, Place::Own);
        for (name, image) in objects.images(&layout, &roots, Place::Shared) {
            images.entry(name).or_insert(image);
        }
        Self { layout, roots, images }
    }

    /// The folders of the environments.
    pub(crate) fn roots(&self) -> &[RepoPath] {
        &self.roots
    }

    /// What the files of the repository say of each other.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The service of a HelmRelease that a file calls `written`.
    pub(crate) fn service_of(&self, file: &RepoPath, written: &ServiceName) -> ServiceName {
        self.layout.service(file, written, &self.roots).service
    }

    /// The service of a refused field, if its name is usable.
    pub(crate) fn service_of_refusal(&self, file: &RepoPath, refusal: &Refusal) -> Option<ServiceName> {
        self.layout.service_of_refusal(file, refusal, &self.roots)
    }

    /// Whether no file gives the namespace of a HelmRelease.
    pub(crate) fn is_namespace_assumed(&self, file: &RepoPath, written: &ServiceName) -> bool {
        self.layout.service(file, written, &self.roots).is_namespace_assumed
    }

    /// The image that a field of a file holds a tag of; none where the tag does not count.
    pub(crate) fn image_of<'a>(&'a self, file: &RepoPath, field: &'a ImageField) -> Option<&'a ImageName> {
        if !self.layout.counts(file, field) {
            return None;
        }
        self.image_by_itself(field).or_else(|| self.layout.image_of_tag_alone(file, field))
    }

    /// The image of a field where its file does not matter.
    pub(crate) fn image_by_itself<'a>(&'a self, field: &'a ImageField) -> Option<&'a ImageName> {
        field.image.as_ref().or_else(|| {
            let name = field.marker.as_ref()?;
            let unplaced = || self.images.get(&without_namespace(&name.name));
            self.images.get(name).or_else(unplaced)?.as_ref()
        })
    }

    /// The names by which the kept history may know a service.
    pub(crate) fn written_names(&self, service: &ServiceName) -> BTreeSet<ServiceName> {
        self.layout.written_names(service)
    }

    /// Replaces the name that a file has written by that of its service.
    pub(crate) fn place(&self, tag_change: &mut TagChange) {
        tag_change.service = self.service_of(&tag_change.path, &tag_change.service);
        if let Some((service, _)) = &mut tag_change.renamed_from {
            *service = self.service_of(&tag_change.path, service);
        }
    }

    /// What an index depends on, as text.
    pub(crate) fn fingerprint(&self) -> String {
        let line = |(name, image): (&PolicyName, &Option<ImageName>)| {
            image.as_ref().map(|image| format!("{name}={image}\n")).unwrap_or_default()
        };
        self.images.iter().map(line).chain([self.layout.values_fingerprint()]).collect()
    }
}

/// Whose an object is, by the folder of its file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The environment's in question.
    Own,
    /// That of all environments, in the folder of none.
    Shared,
    AnotherEnvironment,
}

impl Place {
    fn of(file: &RepoPath, own: &[RepoPath], all: &[RepoPath]) -> Self {
        let within = |folders: &[RepoPath]| folders.iter().any(|folder| file.is_within(folder));
        match (within(own), within(all)) {
            (true, _) => Self::Own,
            (false, false) => Self::Shared,
            (false, true) => Self::AnotherEnvironment,
        }
    }
}

/// The ImagePolicy and ImageRepository objects of a repository.
pub(crate) struct FluxObjects<'a> {
    policies: Vec<(&'a RepoPath, &'a FluxImagePolicy)>,
    repositories: Vec<(&'a RepoPath, &'a FluxImageRepository)>,
}

impl<'a> FluxObjects<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        let mut objects = Self { policies: Vec::new(), repositories: Vec::new() };
        for (path, file) in snapshot.manifests() {
            let Some(manifest) = file.reading.manifest() else { continue };
            objects.policies.extend(manifest.image_policies.iter().map(|policy| (path, policy)));
            let repositories = manifest.image_repositories.iter();
            objects.repositories.extend(repositories.map(|repository| (path, repository)));
        }
        objects
    }

    /// The images of the policies at a place.
    fn images(
        &self,
        layout: &Layout,
        roots: &[RepoPath],
        place: Place,
    ) -> BTreeMap<PolicyName, Option<ImageName>> {
        let is_there = |path: &RepoPath| Place::of(path, roots, roots) == place;
        let repositories = Repositories::nearest(self, layout, is_there);
        let mut images: BTreeMap<PolicyName, Option<ImageName>> = BTreeMap::new();
        for (path, policy) in self.policies.iter().filter(|(path, _)| is_there(path)) {
            let image = repositories.image_of(layout, path, policy).cloned();
            insert_or_clear(&mut images, name_of(layout, path, policy), image);
        }
        images
    }
}

/// Keeps a value only as long as all agree on it.
fn insert_or_clear(
    images: &mut BTreeMap<PolicyName, Option<ImageName>>,
    name: PolicyName,
    image: Option<ImageName>,
) {
    images
        .entry(name)
        .and_modify(|known| {
            if *known != image {
                *known = None;
            }
        })
        .or_insert(image);
}

/// The selection rules of ImagePolicy objects, as the fields of one environment follow them.
#[derive(Debug, Default)]
pub(crate) struct FluxRules {
    by_name: HashMap<PolicyName, Result<Arc<SelectionRules>, String>>,
    /// The first file of each policy.
    places: HashMap<PolicyName, Arc<PolicyPlace>>,
    by_image: HashMap<ImageName, BTreeSet<PolicyName>>,
}

/// The ImagePolicy whose rules a target follows, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyPlace {
    /// Its name.
    pub name: PolicyName,
    /// Its file.
    pub file: RepoPath,
    /// The line of the object in it.
    pub line: usize,
}

/// The Flux rules for a field.
pub(crate) enum Verdict {
    /// No policy selects it.
    None,
    Rules(Arc<SelectionRules>, Arc<PolicyPlace>),
    /// Policies that cannot be followed, with the reason.
    Unclear(String),
}

impl FluxRules {
    /// The policies in the folders `own` of an environment; then those that all environments share, in no folder of `all`;
    /// then those in other environments, for setter comments alone: one cluster may write the tags of all.
    pub(crate) fn of(objects: &FluxObjects<'_>, layout: &Layout, own: &[RepoPath], all: &[RepoPath]) -> Self {
        let at = |place| Self::at(objects, layout, move |path| Place::of(path, own, all) == place);
        let others = Self { by_image: HashMap::new(), ..at(Place::AnotherEnvironment) };
        at(Place::Own).or(at(Place::Shared)).or(others)
    }

    fn at(objects: &FluxObjects<'_>, layout: &Layout, is_there: impl Fn(&RepoPath) -> bool) -> Self {
        let mut policies = objects.policies.iter().filter(|(path, _)| is_there(path)).peekable();
        let mut rules = Self::default();
        if policies.peek().is_none() {
            return rules;
        }
        let repositories = Repositories::nearest(objects, layout, &is_there);
        for (path, policy) in policies {
            let name = name_of(layout, path, policy);
            if let Some(image) = repositories.image_of(layout, path, policy) {
                rules.by_image.entry(image.clone()).or_default().insert(name.clone());
            }
            let written =
                || PolicyPlace { name: name.clone(), file: (*path).clone(), line: policy.position.line };
            rules.places.entry(name.clone()).or_insert_with(|| Arc::new(written()));
            rules.add(name, selection_rules(policy, repositories.of_policy(layout, path, policy)));
        }
        rules
    }

    /// Adds what `fallback` says of names and images that these rules say nothing of.
    fn or(mut self, fallback: Self) -> Self {
        for (name, place) in fallback.places {
            self.places.entry(name).or_insert(place);
        }
        for (name, rules) in fallback.by_name {
            self.by_name.entry(name).or_insert(rules);
        }
        for (image, names) in fallback.by_image {
            self.by_image.entry(image).or_insert(names);
        }
        self
    }

    /// A policy may be in several folders as long as all copies are equal.
    fn add(&mut self, name: PolicyName, read: Result<SelectionRules, String>) {
        match self.by_name.entry(name) {
            Entry::Vacant(entry) => drop(entry.insert(read.map(Arc::new))),
            Entry::Occupied(entry) if entry.get().as_deref() == read.as_ref() => {}
            Entry::Occupied(mut entry) => {
                *entry.get_mut() = Err("defined twice, with different rules".to_owned());
            }
        }
    }

    /// The rules for a field: of the policy that its setter comment names, else of the only policy of its image.
    pub(crate) fn of_field(&self, field: &ImageField, image: &ImageName) -> Verdict {
        let mut of_image = self.by_image.get(image).into_iter().flatten();
        let name = match (&field.marker, of_image.next(), of_image.next()) {
            (Some(name), ..) | (None, Some(name), None) => name,
            (None, None, _) => return Verdict::None,
            (None, Some(first), Some(second)) => {
                let names: Vec<String> =
                    [first, second].into_iter().chain(of_image).map(ToString::to_string).collect();
                return Verdict::Unclear(format!(
                    "several ImagePolicies select {image}: {}",
                    names.join(", ")
                ));
            }
        };
        let unplaced = without_namespace(&name.name);
        let known = [name, &unplaced].into_iter().find_map(|name| {
            let (rules, place) = (self.by_name.get(name)?, self.places.get(name)?);
            Some((rules, place))
        });
        match known {
            Some((Ok(rules), place)) => Verdict::Rules(Arc::clone(rules), Arc::clone(place)),
            Some((Err(reason), place)) => {
                Verdict::Unclear(format!("ImagePolicy {name} in {}:{}: {reason}", place.file, place.line))
            }
            None => Verdict::Unclear(format!(
                "the setter comment names ImagePolicy {name}, which is not in the repository"
            )),
        }
    }
}

/// The name of an object whose namespace no file gives.
fn without_namespace(name: &str) -> PolicyName {
    PolicyName { namespace: String::new(), name: name.to_owned() }
}

fn name_of(layout: &Layout, path: &RepoPath, policy: &FluxImagePolicy) -> PolicyName {
    let namespace = policy.namespace.as_deref().or_else(|| layout.namespace(path));
    PolicyName { namespace: namespace.unwrap_or_default().to_owned(), name: policy.name.clone() }
}

/// The image of each ImageRepository; `None` where two folders disagree.
struct Repositories {
    images: BTreeMap<PolicyName, Option<ImageName>>,
    /// Of two with one name, the first.
    objects: BTreeMap<PolicyName, FluxImageRepository>,
}

impl Repositories {
    /// Those where `is_there` says, and elsewhere those of other names.
    fn nearest(objects: &FluxObjects<'_>, layout: &Layout, is_there: impl Fn(&RepoPath) -> bool) -> Self {
        let mut repositories = Self::of(objects, layout, &is_there);
        let elsewhere = Self::of(objects, layout, |path| !is_there(path));
        for (name, image) in elsewhere.images {
            repositories.images.entry(name).or_insert(image);
        }
        for (name, object) in elsewhere.objects {
            repositories.objects.entry(name).or_insert(object);
        }
        repositories
    }

    fn of(objects: &FluxObjects<'_>, layout: &Layout, is_there: impl Fn(&RepoPath) -> bool) -> Self {
        let (mut images, mut objects_by_name) = (BTreeMap::new(), BTreeMap::new());
        for (path, repository) in objects.repositories.iter().filter(|(path, _)| is_there(path)) {
            let namespace = repository.namespace.as_deref().or_else(|| layout.namespace(path));
            let placed = PolicyName {
                namespace: namespace.map_or_else(|| folder_of(path), str::to_owned),
                name: repository.name.clone(),
            };
            let unplaced = namespace.is_none().then(|| without_namespace(&repository.name));
            for name in [Some(placed), unplaced].into_iter().flatten() {
                objects_by_name.entry(name.clone()).or_insert_with(|| (*repository).clone());
                insert_or_clear(&mut images, name, repository.image.clone());
            }
        }
        Self { images, objects: objects_by_name }
    }

    /// The image that a policy selects a tag of: by the repository's namespace, by the folder where no file gives one, else
    /// by its name alone.
    fn image_of(&self, layout: &Layout, path: &RepoPath, policy: &FluxImagePolicy) -> Option<&ImageName> {
        let [name, unplaced] = repository_names(layout, path, policy);
        self.images.get(&name).or_else(|| self.images.get(&unplaced))?.as_ref()
    }

    /// The repository that a policy selects a tag of, likewise.
    fn of_policy(
        &self,
        layout: &Layout,
        path: &RepoPath,
        policy: &FluxImagePolicy,
    ) -> Option<&FluxImageRepository> {
        let [name, unplaced] = repository_names(layout, path, policy);
        self.objects.get(&name).or_else(|| self.objects.get(&unplaced))
    }
}

/// The names of a policy's repository: with its namespace or folder, and by its name alone.
fn repository_names(layout: &Layout, path: &RepoPath, policy: &FluxImagePolicy) -> [PolicyName; 2] {
    let given = policy.image_repository_namespace.as_deref().or(policy.namespace.as_deref());
    let namespace = given.or_else(|| layout.namespace(path)).map_or_else(|| folder_of(path), str::to_owned);
    let name = PolicyName { namespace, name: policy.image_repository.clone() };
    [name, without_namespace(&policy.image_repository)]
}

/// Stands for a namespace that no file gives; no namespace has a slash.
fn folder_of(path: &RepoPath) -> String {
    let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/")
}

/// The rules that a policy makes, over the tags that its ImageRepository does not exclude.
pub(crate) fn selection_rules(
    policy: &FluxImagePolicy,
    repository: Option<&FluxImageRepository>,
) -> Result<SelectionRules, String> {
    if policy.is_suspended || repository.is_some_and(|repository| repository.is_suspended) {
        return Err("it is suspended, so Flux takes no new tag".to_owned());
    }
    let is_descending = policy.is_descending;
    let (order, range) = match (policy.order, &policy.range) {
        (FluxOrder::Semver, Some(range)) => (TagOrder::Semver, range.as_str()),
        (FluxOrder::Numerical, _) => (TagOrder::Numeric { is_descending }, "*"),
        (FluxOrder::Alphabetical, _) => (TagOrder::Alphabetical { is_descending }, "*"),
        _ => return Err("it has no `policy` that Flux knows; patches of policies are not read".to_owned()),
    };
    let versions = range.parse().map_err(|error| format!("range `{range}`: {error}"))?;
    let tag_pattern = match (&policy.pattern, &policy.extract) {
        (None, None) => None,
        (None, Some(_)) => {
            return Err("filterTags.extract without a pattern takes nothing from any tag".to_owned());
        }
        (Some(pattern), extract) => {
            // Without `extract`, Flux reads the whole tag, and not only what the pattern matched.
            let pattern = TagPattern::with_extract(pattern, extract.as_deref().unwrap_or_default());
            Some(pattern.map_err(|error| format!("filterTags.pattern: {error}"))?)
        }
    };
    let excluded = repository.map(|repository| repository.exclusions.as_slice()).unwrap_or_default();
    let exclusion = |pattern: &str| {
        TagPattern::with_extract(pattern, "").map_err(|error| format!("exclusionList: {error}"))
    };
    let exclusions = match excluded {
        // What Flux excludes when nothing is said.
        [] => vec![exclusion(r"^.*\.sig$")?],
        some => some.iter().map(|pattern| exclusion(pattern)).collect::<Result<_, _>>()?,
    };
    Ok(SelectionRules { versions, tag_pattern, order, exclusions })
}
