//! Asking the registries: one list an image a pass, however many services use it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::model::{Digest, Fault, ImageName, Tag, TagList, Timestamp};
use crate::policy::{Selection, SelectionRules};

use crate::engine::Engine;
use crate::engine::base::ports::{Ports, Registry, Store, TaggedImage};
use crate::engine::base::problem::Problem;

/// What the registries said in this pass.
#[derive(Debug, Default)]
pub(crate) struct Polled {
    pub(crate) tags: HashMap<ImageName, Arc<TagList>>,
    pub(crate) problems: Vec<Problem>,
    failed: BTreeSet<ImageName>,
}

impl Polled {
    /// Whether a registry was asked about an image, and be it in vain.
    pub(crate) fn was_asked(&self, image: &ImageName) -> bool {
        self.tags.contains_key(image) || self.failed.contains(image)
    }
}

/// Asks for the tags of every image. An image that can't be listed is told and is missing from the answer.
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

/// Asks for the digests of some tags. A tag whose digest can't be had is told and is missing from the answer.
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
    Problem::error(crate::model::Class::Failed, format!("a request stopped in the middle: {error}"))
}

/// A registry that is down is one problem, not one an image.
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

/// What the rules select from a list, kept for as long as neither changes.
#[derive(Debug, Default)]
pub(crate) struct Selections {
    kept: HashMap<ImageName, Vec<Kept>>,
}

#[derive(Debug)]
struct Kept {
    tags: Arc<TagList>,
    rules: Arc<SelectionRules>,
    selection: Arc<Selection>,
}

impl Selections {
    pub(crate) fn select(
        &mut self,
        image: &ImageName,
        tags: &Arc<TagList>,
        rules: &Arc<SelectionRules>,
    ) -> Arc<Selection> {
        if !self.kept.contains_key(image) {
            self.kept.insert(image.clone(), Vec::new());
        }
        let Some(kept) = self.kept.get_mut(image) else { return Arc::new(rules.select(&tags.tags)) };
        // Rules that nothing else holds were a Flux policy's, of a view that is gone.
        kept.retain(|kept| Arc::ptr_eq(&kept.tags, tags) && Arc::strong_count(&kept.rules) > 1);
        if let Some(known) = kept.iter().find(|kept| Arc::ptr_eq(&kept.rules, rules)) {
            return Arc::clone(&known.selection);
        }
        let selection = Arc::new(rules.select(&tags.tags));
        kept.push(Kept {
            tags: Arc::clone(tags),
            rules: Arc::clone(rules),
            selection: Arc::clone(&selection),
        });
        selection
    }

    /// Forgets the images that nothing runs any more.
    pub(crate) fn retain(&mut self, is_used: impl Fn(&ImageName) -> bool) {
        self.kept.retain(|image, _| is_used(image));
    }
}

/// The lists of which every tag is written down.
#[derive(Debug, Default)]
pub(crate) struct Noted(HashMap<ImageName, Arc<TagList>>);

impl Noted {
    /// The lists that are not the last ones: only they can have new tags.
    fn changed(&mut self, polled: &Polled) -> Vec<(ImageName, Arc<TagList>)> {
        self.0.retain(|image, _| polled.tags.contains_key(image));
        let is_changed = |(image, list): &(&ImageName, &Arc<TagList>)| {
            self.0.get(*image).is_none_or(|noted| !Arc::ptr_eq(noted, list))
        };
        let changed = polled.tags.iter().filter(is_changed);
        changed.map(|(image, list)| (image.clone(), Arc::clone(list))).collect()
    }
}

impl<P: Ports> Engine<P> {
    /// Writes down which tags were not there before, and when they were first seen.
    pub(in crate::engine) async fn note_tags(
        &mut self,
        polled: &Polled,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let changed = self.memory.noted.changed(polled);
        if changed.is_empty() {
            return Ok(());
        }
        let images: Vec<ImageName> = changed.iter().map(|(image, _)| image.clone()).collect();
        let kept = self.ports.store.tags_seen(&images).await?;
        let new = |(image, list): &(ImageName, Arc<TagList>)| {
            let known: HashSet<&Tag> =
                kept.get(image).into_iter().flatten().flat_map(|seen| &seen.tags).collect();
            let tags: Vec<Tag> = list.tags.iter().filter(|tag| !known.contains(tag)).cloned().collect();
            (!tags.is_empty()).then(|| (image.clone(), tags))
        };
        let new: Vec<(ImageName, Vec<Tag>)> = changed.iter().filter_map(new).collect();
        if !new.is_empty() {
            self.ports.store.note_tags(&new, now).await?;
        }
        self.memory.noted.0.extend(changed);
        Ok(())
    }
}

/// A tag of an image.
pub(crate) fn tagged(image: &ImageName, tag: &Tag) -> TaggedImage {
    (image.clone(), tag.clone())
}

#[cfg(test)]
mod tests;
