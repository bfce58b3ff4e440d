//! Reads Flux's ImagePolicy and ImageRepository objects as selection rules, so that a team can leave Flux image automation
//! without rewriting its policies.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::manifest::{FluxImagePolicy, ImageField, PolicyName};
use crate::model::{ImageName, RepoPath};
use crate::policy::{SelectionRules, TagPattern};

use super::snapshot::Snapshot;

/// The image of each ImagePolicy, for fields that only have a setter comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolver {
    /// None where two folders disagree.
    images: BTreeMap<PolicyName, Option<ImageName>>,
}

impl Resolver {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let everywhere = |_: &RepoPath| true;
        let repositories = repositories(snapshot, everywhere);
        let mut images: BTreeMap<PolicyName, Option<ImageName>> = BTreeMap::new();
        for policy in policies(snapshot, everywhere) {
            let image = repositories.get(&repository_of(policy)).cloned().flatten();
            images
                .entry(name_of(policy))
                .and_modify(|known| {
                    if *known != image {
                        *known = None;
                    }
                })
                .or_insert(image);
        }
        Self { images }
    }

    /// The image of a field.
    pub(crate) fn image_of<'a>(&'a self, field: &'a ImageField) -> Option<&'a ImageName> {
        field.image.as_ref().or_else(|| self.images.get(field.marker.as_ref()?)?.as_ref())
    }

    /// A text that changes whenever an index must be rebuilt.
    pub(crate) fn fingerprint(&self) -> String {
        let line = |(name, image): (&PolicyName, &Option<ImageName>)| {
            image.as_ref().map(|image| format!("{name}={image}\n")).unwrap_or_default()
        };
        self.images.iter().map(line).collect()
    }
}

/// The selection rules of the ImagePolicy objects under one environment's folders.
#[derive(Debug, Default)]
pub(crate) struct FluxRules {
    by_name: HashMap<PolicyName, Result<Arc<SelectionRules>, String>>,
    by_image: HashMap<ImageName, BTreeSet<PolicyName>>,
}

/// The Flux rules for a field.
pub(crate) enum Verdict {
    /// No policy selects it.
    None,
    Rules(Arc<SelectionRules>),
    /// Policies that cannot be followed, with the reason.
    Unclear(String),
}

impl FluxRules {
    pub(crate) fn of(snapshot: &Snapshot, paths: &[RepoPath]) -> Self {
        let within = |path: &RepoPath| paths.iter().any(|folder| path.is_within(folder));
        let repositories = repositories(snapshot, within);
        let mut rules = Self::default();
        for policy in policies(snapshot, within) {
            if let Some(Some(image)) = repositories.get(&repository_of(policy)) {
                rules.by_image.entry(image.clone()).or_default().insert(name_of(policy));
            }
            rules.add(name_of(policy), selection_rules(policy));
        }
        rules
    }

    /// A policy may be in several folders of the environment as long as all copies are equal.
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
        match self.by_name.get(name) {
            Some(Ok(rules)) => Verdict::Rules(Arc::clone(rules)),
            Some(Err(reason)) => Verdict::Unclear(format!("ImagePolicy {name}: {reason}")),
            None => Verdict::Unclear(format!(
                "the setter comment names ImagePolicy {name}, which is not under this environment's paths"
            )),
        }
    }
}

fn name(namespace: &str, name: &str) -> PolicyName {
    PolicyName { namespace: namespace.to_owned(), name: name.to_owned() }
}

fn name_of(policy: &FluxImagePolicy) -> PolicyName {
    name(&policy.namespace, &policy.name)
}

fn repository_of(policy: &FluxImagePolicy) -> PolicyName {
    let (namespace, of_repository) = &policy.image_repository;
    name(namespace, of_repository)
}

fn policies(
    snapshot: &Snapshot,
    wanted: impl Fn(&RepoPath) -> bool,
) -> impl Iterator<Item = &FluxImagePolicy> {
    let files = snapshot.files.iter().filter(move |(path, _)| wanted(path));
    files.filter_map(|(_, file)| file.reading.manifest()).flat_map(|manifest| &manifest.image_policies)
}

/// The image of each ImageRepository; none where two folders disagree.
fn repositories(
    snapshot: &Snapshot,
    wanted: impl Fn(&RepoPath) -> bool,
) -> HashMap<PolicyName, Option<ImageName>> {
    let files = snapshot.files.iter().filter(move |(path, _)| wanted(path));
    let manifests = files.filter_map(|(_, file)| file.reading.manifest());
    let mut images: HashMap<PolicyName, Option<ImageName>> = HashMap::new();
    for repository in manifests.flat_map(|manifest| &manifest.image_repositories) {
        images
            .entry(name(&repository.namespace, &repository.name))
            .and_modify(|known| {
                if *known != repository.image {
                    *known = None;
                }
            })
            .or_insert_with(|| repository.image.clone());
    }
    images
}

pub(crate) fn selection_rules(policy: &FluxImagePolicy) -> Result<SelectionRules, String> {
    let Some(range) = &policy.range else {
        return Err("only `policy.semver` is supported".to_owned());
    };
    let versions = range.parse().map_err(|error| format!("range `{range}`: {error}"))?;
    let tag_pattern = match &policy.pattern {
        None => None,
        Some(pattern) => {
            // Without it Flux reads the whole tag, and not only what the pattern matched.
            let extract = policy.extract.as_deref().unwrap_or_default();
            let pattern = TagPattern::with_extract(pattern, extract);
            Some(pattern.map_err(|error| format!("filterTags.pattern: {error}"))?)
        }
    };
    Ok(SelectionRules::new(versions, tag_pattern))
}
