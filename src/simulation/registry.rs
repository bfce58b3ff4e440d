//! The registries as they were at each moment: which tags there were, and what each meant.

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
    /// What the replay has asked for, and when.
    observations: Observations,
    /// The selections that are made of it.
    selections: Vec<usize>,
}

#[derive(Debug)]
struct RegistryTag<'a> {
    appears_at: Timestamp,
    /// Whether it is known that it came then, and not only that it was there.
    is_dated: bool,
    digests: &'a [Observation],
}

/// What some rules select from an image.
#[derive(Debug)]
struct Selected {
    image: usize,
    rules: Arc<SelectionRules>,
    selection: Selection,
}

/// That a tag came, or that it came to mean something else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Push<'a> {
    pub(super) at: Timestamp,
    pub(super) image: usize,
    /// The tag that came; nothing when one changed its meaning.
    pub(super) tag: Option<&'a Tag>,
}

impl<'a> Registry<'a> {
    /// The registries as a timeline tells of them.
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
            // Where the registry is known, what a person wrote and it never had is not there.
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

    /// What happens after `from` and up to `to`, in no order.
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

    /// How many images there are.
    pub(super) fn len(&self) -> usize {
        self.images.len()
    }

    /// The place of an image.
    pub(super) fn place(&self, image: &ImageName) -> Option<usize> {
        self.places.get(image).copied()
    }

    /// The place of what some rules select from an image, with the tags that are there at `now`.
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

    /// Takes in that a tag came. Tells whether any rules admit it.
    pub(super) fn take_in(&mut self, image: usize, tag: &Tag) -> bool {
        let mut is_admitted = false;
        for at in &self.images[image].selections {
            let Selected { rules, selection, .. } = &mut self.selections[*at];
            if let Some(candidate) = rules.candidate(tag) {
                selection.take_in(candidate);
                is_admitted = true;
            }
        }
        is_admitted
    }

    /// What rules select.
    pub(super) fn selection(&self, at: usize) -> &Selection {
        &self.selections[at].selection
    }

    /// What the replay has seen of an image.
    pub(super) fn observations(&self, selection: usize) -> &Observations {
        &self.images[self.selections[selection].image].observations
    }

    /// Asks what a tag means at `now`, and keeps it.
    pub(super) fn ask(&mut self, selection: usize, tag: &Tag, now: Timestamp) -> Option<Digest> {
        let image = &mut self.images[self.selections[selection].image];
        let digest = image.digest(tag, now)?;
        image.observations.observe(tag, &digest, now);
        Some(digest)
    }

    /// When a tag came to its registry, if that is known.
    pub(super) fn came_at(&self, selection: usize, tag: &Tag) -> Option<Timestamp> {
        let image = &self.images[self.selections[selection].image];
        image.tags.get(tag).filter(|known| known.is_dated).map(|known| known.appears_at)
    }
}

impl Image<'_> {
    /// What a tag meant, if it was there: what it was last seen to mean, else what it was first seen to mean afterwards. One that nobody ever
    /// asked about is taken to have meant one thing.
    fn digest(&self, tag: &Tag, now: Timestamp) -> Option<Digest> {
        let RegistryTag { digests, .. } = self.tags.get(tag).filter(|known| known.appears_at <= now)?;
        let seen = digests.iter().rev().find(|seen| seen.at <= now).or(digests.first());
        match seen {
            Some(seen) => Some(seen.digest.clone()),
            None => stand_in(self.name, tag),
        }
    }
}

/// A digest for an image of which none is known. Nobody is shown it.
fn stand_in(image: &ImageName, tag: &Tag) -> Option<Digest> {
    format!("sha256:{:x}", Sha256::digest(format!("{image}:{tag}"))).parse().ok()
}

/// When a tag was first written into the repository.
#[derive(Clone, Copy, Debug)]
struct Written {
    /// By a promotion: then the registry had it.
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

/// Since when a tag is there. One of unknown age is there since something tells of it: an answer, a promotion, or a commit.
fn appears_at(known: &TagTimeline, written: Option<&Written>) -> Timestamp {
    let promotion = written.and_then(|written| written.promotion);
    match known.seen {
        Seen::At(at) => promotion.map_or(at, |promoted_at| at.min(promoted_at)),
        Seen::By(at) => written.map_or(at, |written| at.min(written.anybody)),
    }
}
