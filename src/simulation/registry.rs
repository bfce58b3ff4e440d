//! The registries at each moment: their tags, and the digest of each.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::model::{Digest, ImageName, Observation, Tag, TagChange, Timestamp};
use crate::policy::{Observations, Observed, Selection, SelectionRules};

use super::timeline::{Seen, TagTimeline, Timeline};

/// The registries.
#[derive(Debug)]
pub(super) struct Registry<'a> {
    images: Vec<Image<'a>>,
    places: HashMap<&'a ImageName, usize>,
    selections: Vec<Selected>,
}

#[derive(Debug)]
struct Image<'a> {
    name: &'a ImageName,
    tags: HashMap<&'a Tag, RegistryTag<'a>>,
    /// Digests that the replay has requested, with the time.
    observations: Observations,
    /// The selections.
    selections: Vec<usize>,
}

#[derive(Debug)]
struct RegistryTag<'a> {
    appears_at: Timestamp,
    /// Whether the tag is known to have appeared then, not just to have been there.
    is_dated: bool,
    digests: &'a [Observation],
}

/// The selection of one set of rules from an image.
#[derive(Debug)]
struct Selected {
    image: usize,
    rules: Arc<SelectionRules>,
    selection: Selection,
}

/// A tag that appears, or moves to another digest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Push<'a> {
    pub(super) at: Timestamp,
    pub(super) image: usize,
    /// The new tag; `None` if a tag moved.
    pub(super) tag: Option<&'a Tag>,
}

impl<'a> Registry<'a> {
    /// The registries of a timeline.
    pub(super) fn new(timeline: &'a Timeline) -> Self {
        let written = first_written(&timeline.tag_changes);
        let mut registry = Self { images: Vec::new(), places: HashMap::new(), selections: Vec::new() };
        for (name, image) in &timeline.images {
            let mut observations = Observations::default();
            let mut tags = HashMap::with_capacity(image.tags.len());
            for (tag, known) in &image.tags {
                let before: Vec<Observed> = known
                    .digests
                    .iter()
                    .filter(|seen| seen.at <= timeline.from)
                    .map(|seen| Observed { digest: seen.digest.clone(), at: seen.at })
                    .collect();
                if !before.is_empty() {
                    observations.recall(tag.clone(), before);
                }
                let appears_at = appears_at(known, written.get(&(name, tag)));
                let is_dated = matches!(known.seen, Seen::At(_));
                tags.insert(tag, RegistryTag { appears_at, is_dated, digests: &known.digests });
            }
            registry.add(name, tags, observations);
        }
        for ((name, tag), first) in &written {
            let at = match registry.places.get(name) {
                Some(at) => *at,
                None => registry.add(name, HashMap::new(), Observations::default()),
            };
            // If the registry was observed, a tag that a person wrote but the registry never had does not exist.
            if !timeline.images.contains_key(*name) {
                let appears_at = first.anybody;
                registry.images[at]
                    .tags
                    .insert(tag, RegistryTag { appears_at, is_dated: false, digests: &[] });
            }
        }
        registry
    }

    fn add(
        &mut self,
        name: &'a ImageName,
        tags: HashMap<&'a Tag, RegistryTag<'a>>,
        observations: Observations,
    ) -> usize {
        let at = self.images.len();
        self.places.insert(name, at);
        self.images.push(Image { name, tags, observations, selections: Vec::new() });
        at
    }

    /// Events after `from`, up to `to`, in no order.
    pub(super) fn pushes(&self, from: Timestamp, to: Timestamp) -> Vec<Push<'a>> {
        let is_within = |at: Timestamp| from < at && at <= to;
        let mut pushes = Vec::new();
        for (image, known) in self.images.iter().enumerate() {
            for (tag, known) in &known.tags {
                let came = is_within(known.appears_at).then_some(Push {
                    at: known.appears_at,
                    image,
                    tag: Some(*tag),
                });
                let moved = known.digests.iter().skip(1).map(|seen| seen.at).filter(|at| is_within(*at));
                pushes.extend(came);
                pushes.extend(moved.map(|at| Push { at, image, tag: None }));
            }
        }
        pushes
    }

    /// Number of images.
    pub(super) fn len(&self) -> usize {
        self.images.len()
    }

    /// The position of an image.
    pub(super) fn place(&self, image: &ImageName) -> Option<usize> {
        self.places.get(image).copied()
    }

    /// The selection of a set of rules from an image, with the tags that exist at `now`.
    pub(super) fn selects(&mut self, image: usize, rules: &Arc<SelectionRules>, now: Timestamp) -> usize {
        let of_image = &self.images[image].selections;
        let is_it = |at: &&usize| Arc::ptr_eq(&self.selections[**at].rules, rules);
        if let Some(at) = of_image.iter().find(is_it) {
            return *at;
        }
        let there = self.images[image].tags.iter().filter(|(_, known)| known.appears_at <= now);
        let there: Vec<Tag> = there.map(|(tag, _)| (*tag).clone()).collect();
        let at = self.selections.len();
        self.selections.push(Selected { image, rules: Arc::clone(rules), selection: rules.select(&there) });
        self.images[image].selections.push(at);
        at
    }

    /// Adds a tag. Returns whether any rules admit it.
    pub(super) fn add_tag(&mut self, image: usize, tag: &Tag) -> bool {
        let mut is_admitted = false;
        for at in &self.images[image].selections {
            let Selected { rules, selection, .. } = &mut self.selections[*at];
            if let Some(candidate) = rules.candidate(tag) {
                selection.insert(candidate);
                is_admitted = true;
            }
        }
        is_admitted
    }

    /// The tags that a set of rules selects.
    pub(super) fn selection(&self, at: usize) -> &Selection {
        &self.selections[at].selection
    }

    /// Digests of an image that the replay has observed.
    pub(super) fn observations(&self, selection: usize) -> &Observations {
        &self.images[self.selections[selection].image].observations
    }

    /// Requests the digest of a tag at `now`, and records it.
    pub(super) fn ask(&mut self, selection: usize, tag: &Tag, now: Timestamp) -> Option<Digest> {
        let image = &mut self.images[self.selections[selection].image];
        let digest = image.digest(tag, now)?;
        image.observations.observe(tag, &digest, now);
        Some(digest)
    }

    /// When a tag appeared in its registry, if known.
    pub(super) fn came_at(&self, selection: usize, tag: &Tag) -> Option<Timestamp> {
        let image = &self.images[self.selections[selection].image];
        image.tags.get(tag).filter(|known| known.is_dated).map(|known| known.appears_at)
    }
}

impl Image<'_> {
    /// The digest of a tag, if it existed: the last one observed by then, else the first one observed afterwards. A
    /// tag that was never observed counts as never moved.
    fn digest(&self, tag: &Tag, now: Timestamp) -> Option<Digest> {
        let RegistryTag { digests, .. } = self.tags.get(tag).filter(|known| known.appears_at <= now)?;
        let seen = digests.iter().rev().find(|seen| seen.at <= now).or(digests.first());
        match seen {
            Some(seen) => Some(seen.digest.clone()),
            None => stand_in(self.name, tag),
        }
    }
}

/// A stand-in for an unknown digest; never shown.
fn stand_in(image: &ImageName, tag: &Tag) -> Option<Digest> {
    format!("sha256:{:x}", Sha256::digest(format!("{image}:{tag}"))).parse().ok()
}

/// When a tag was first written into the repository.
#[derive(Clone, Copy, Debug)]
struct Written {
    /// By a promotion, so the registry had it.
    promotion: Option<Timestamp>,
    anybody: Timestamp,
}

fn first_written(tag_changes: &[TagChange]) -> HashMap<(&ImageName, &Tag), Written> {
    let mut written: HashMap<(&ImageName, &Tag), Written> = HashMap::new();
    for tag_change in tag_changes {
        let at = tag_change.commit.committed_at;
        for held in &tag_change.after {
            let first = written
                .entry((&tag_change.image, &held.tag))
                .or_insert(Written { promotion: None, anybody: at });
            if tag_change.promotion.is_some() && first.promotion.is_none() {
                first.promotion = Some(at);
            }
        }
    }
    written
}

/// Since when a tag exists. If that is unknown: since the first evidence of it, which is an answer, a promotion or a
/// commit.
fn appears_at(known: &TagTimeline, written: Option<&Written>) -> Timestamp {
    let promotion = written.and_then(|written| written.promotion);
    match known.seen {
        Seen::At(at) => promotion.map_or(at, |promoted_at| at.min(promoted_at)),
        Seen::By(at) => written.map_or(at, |written| at.min(written.anybody)),
    }
}
