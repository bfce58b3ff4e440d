//! Asks the registries: one tag list per image and pass, however many services use the image.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::model::{Digest, Fault, ImageName, Tag, TagList, Timestamp};
use crate::policy::{Selection, SelectionRules};

use crate::engine::base::ports::{Registry, Store, TaggedImage};
use crate::engine::base::problem::Problem;
use crate::engine::state::deployed::Target;

/// What the registries answered in this pass.
#[derive(Debug, Default)]
pub(crate) struct Polled {
    pub(crate) tags: HashMap<ImageName, Arc<TagList>>,
    pub(crate) problems: Vec<Problem>,
    failed: BTreeSet<ImageName>,
}

impl Polled {
    /// Whether the registry was asked about an image, with an answer or without.
    pub(crate) fn was_asked(&self, image: &ImageName) -> bool {
        self.tags.contains_key(image) || self.failed.contains(image)
    }
}

/// Lists the tags of every image. An image that cannot be listed becomes a problem.
pub(crate) async fn poll<R: Registry>(registry: &Arc<R>, images: BTreeSet<ImageName>) -> Polled {
    let mut asked = JoinSet::new();
    for image in images {
        let registry = Arc::clone(registry);
        asked.spawn(async move {
            let answer = registry.tags(&image).await;
            (image, answer)
        });
    }
    let mut polled = Polled::default();
    let mut faults: BTreeMap<ImageName, Fault> = BTreeMap::new();
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok((image, Ok(tags))) => drop(polled.tags.insert(image, tags)),
            Ok((image, Err(fault))) => drop(faults.insert(image, fault)),
            Err(error) => polled.problems.push(stopped(&error)),
        }
    }
    polled.problems.extend(fold_by_host(&faults));
    polled.failed = faults.into_keys().collect();
    polled
}

/// Asks for the digests of tags. A tag without an answer becomes a problem.
pub(crate) async fn digests<R: Registry>(
    registry: &Arc<R>,
    wanted: BTreeSet<TaggedImage>,
) -> (HashMap<TaggedImage, Digest>, Vec<Problem>) {
    let mut asked = JoinSet::new();
    for (image, tag) in wanted {
        let registry = Arc::clone(registry);
        asked.spawn(async move {
            let answer = registry.digest(&image, &tag).await;
            ((image, tag), answer)
        });
    }
    let mut found = HashMap::new();
    let mut problems = Vec::new();
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok((tagged, Ok(digest))) => drop(found.insert(tagged, digest)),
            Ok((_, Err(fault))) => problems.push(Problem::from_fault(&fault)),
            Err(error) => problems.push(stopped(&error)),
        }
    }
    problems.sort_by(|one, other| one.message.cmp(&other.message));
    (found, problems)
}

fn stopped(error: &tokio::task::JoinError) -> Problem {
    Problem::error(crate::model::Class::Failed, format!("a registry request panicked: {error}"))
}

/// A registry that is down is one problem, not one per image.
fn fold_by_host(faults: &BTreeMap<ImageName, Fault>) -> Vec<Problem> {
    let mut folded: BTreeMap<(&str, crate::model::Class), Vec<&Fault>> = BTreeMap::new();
    for (image, fault) in faults {
        folded.entry((image.host(), fault.class())).or_default().push(fault);
    }
    let problem = |((host, _), faults): ((&str, _), Vec<&Fault>)| {
        let first = faults.first()?;
        let mut problem = Problem::from_fault(first);
        if faults.len() > 1 {
            problem.message = format!("{} (and {} more images of {host})", problem.message, faults.len() - 1);
        }
        Some(problem)
    };
    folded.into_iter().filter_map(problem).collect()
}

/// The selections of the last pass, reused while tag list and rules stay the same.
#[derive(Debug, Default)]
pub(crate) struct Selections(HashMap<ImageName, Vec<CachedSelection>>);

#[derive(Clone, Debug)]
struct CachedSelection {
    tags: Arc<TagList>,
    rules: Arc<SelectionRules>,
    selection: Arc<Selection>,
}

impl Selections {
    /// What the rules of each target select; none where the registry did not answer. Keeps these selections and no others.
    pub(crate) fn select(&mut self, targets: &[Target], polled: &Polled) -> Vec<Option<Arc<Selection>>> {
        let last = std::mem::take(self);
        let select = |target: &Target| {
            let tags = polled.tags.get(target.image())?;
            Some(self.reuse(&last, target.image(), tags, &target.rules))
        };
        targets.iter().map(select).collect()
    }

    fn reuse(
        &mut self,
        last: &Self,
        image: &ImageName,
        tags: &Arc<TagList>,
        rules: &Arc<SelectionRules>,
    ) -> Arc<Selection> {
        if let Some(known) = self.find(image, tags, rules) {
            return Arc::clone(&known.selection);
        }
        let cached = last.find(image, tags, rules).cloned().unwrap_or_else(|| CachedSelection {
            tags: Arc::clone(tags),
            rules: Arc::clone(rules),
            selection: Arc::new(rules.select(&tags.tags)),
        });
        let selection = Arc::clone(&cached.selection);
        self.0.entry(image.clone()).or_default().push(cached);
        selection
    }

    fn find(
        &self,
        image: &ImageName,
        tags: &Arc<TagList>,
        rules: &Arc<SelectionRules>,
    ) -> Option<&CachedSelection> {
        // Comparing two `Arc`s of the same allocation costs nothing.
        self.0.get(image)?.iter().find(|one| one.rules == *rules && one.tags == *tags)
    }
}

/// Tag lists already persisted.
#[derive(Debug, Default)]
pub(crate) struct PersistedTags(HashMap<ImageName, Arc<TagList>>);

impl PersistedTags {
    /// The lists that differ from the persisted ones: only they can have new tags.
    fn changed(&mut self, polled: &Polled) -> Vec<(ImageName, Arc<TagList>)> {
        self.0.retain(|image, _| polled.tags.contains_key(image));
        let is_changed = |(image, list): &(&ImageName, &Arc<TagList>)| self.0.get(*image) != Some(*list);
        let changed = polled.tags.iter().filter(is_changed);
        changed.map(|(image, list)| (image.clone(), Arc::clone(list))).collect()
    }
}

/// Stores which tags are new, with the time at which they were first seen.
pub(in crate::engine) async fn persist_tags<S: Store>(
    store: &S,
    persisted: &mut PersistedTags,
    polled: &Polled,
    now: Timestamp,
) -> Result<(), Fault> {
    let changed = persisted.changed(polled);
    if changed.is_empty() {
        return Ok(());
    }
    let images: Vec<ImageName> = changed.iter().map(|(image, _)| image.clone()).collect();
    let stored = store.tags_seen(&images).await?;
    let new = |(image, list): &(ImageName, Arc<TagList>)| {
        let known: HashSet<&Tag> =
            stored.get(image).into_iter().flatten().flat_map(|seen| &seen.tags).collect();
        let tags: Vec<Tag> = list.tags.iter().filter(|tag| !known.contains(tag)).cloned().collect();
        (!tags.is_empty()).then(|| (image.clone(), tags))
    };
    let new: Vec<(ImageName, Vec<Tag>)> = changed.iter().filter_map(new).collect();
    if !new.is_empty() {
        store.note_tags(&new, now).await?;
    }
    persisted.0.extend(changed);
    Ok(())
}

#[cfg(test)]
mod tests;
