//! What happened, gathered from what is kept: the mirror and the store. Asks nobody.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};

use crate::model::{
    CommitId, Content, Fault, FileChange, ImageName, Movement, Observation, Tag, TagsSeen, Timestamp,
};
use crate::policy::Schedule;
use crate::simulation::{Chronicle, ControlChange, Followed, ImageChronicle, Policy, Seen, TagChronicle};

use super::Engine;
use super::control_files;
use super::history::NewestFirst;
use super::index::COMMITS_A_PART;
use super::ports::{Ports, Repository, Store, TaggedImage};
use super::refresh::blocking;
use super::rulebook::Rulebook;
use super::view::View;

/// The label by which an image says when it was built.
const CREATED: &str = "org.opencontainers.image.created";

/// The largest control file whose text is kept; a larger one can't be read anyway.
const MOST_CONTROL_BYTES: usize = 64 * 1024;

/// Between which times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// When it begins; when the registries were first watched, if nothing is said.
    pub from: Option<Timestamp>,
    /// When it ends.
    pub to: Timestamp,
}

impl Rulebook {
    /// The policy that a replay goes by.
    pub fn replayed<'a>(&'a self, schedule: &'a Schedule) -> Policy<'a> {
        Policy {
            environments: &self.environments,
            groups: &self.groups,
            services: &*self.services,
            soak_mode: self.soak_mode,
            clock_tolerance: self.clock_tolerance,
            schedule,
        }
    }
}

impl<P: Ports> Engine<P> {
    /// What happened in a time, as far as it is known without asking anybody.
    ///
    /// # Errors
    /// When the repository was never fetched, or the mirror or the store can't be read.
    pub async fn chronicle(&mut self, period: Period) -> Result<Chronicle, Fault> {
        let view = self.remember().await?;
        let mut movements: Vec<Movement> = Vec::new();
        let mut newest = NewestFirst::of(view.end, None, None);
        while let Some(part) = view.heed(newest.next(&*self.ports.store).await)? {
            movements.extend(part);
        }
        movements
            .sort_by(|one, other| one.sequence.cmp(&other.sequence).then_with(|| one.path.cmp(&other.path)));
        let images: BTreeSet<ImageName> = movements.iter().map(|movement| movement.image.clone()).collect();
        let images = self.images_seen(images.into_iter().collect()).await?;
        // A second before, since commits tell their time in whole seconds.
        let watched = images.values().filter_map(|image: &ImageChronicle| image.watched_since).min();
        let watched = watched.and_then(|at| at.checked_sub_signed(TimeDelta::seconds(1)));
        let first = movements.first().map(|movement| movement.commit.committed_at);
        let from = period.from.or(watched).or(first).unwrap_or(period.to).min(period.to);
        let controls = self.control_changes(&view, &movements, period.to).await?;
        Ok(Chronicle {
            from,
            to: period.to,
            folders: self.rulebook.scope(),
            images,
            controls,
            followed: followed(&view, &self.rulebook),
            movements,
        })
    }

    /// What was seen of images.
    async fn images_seen(
        &self,
        images: Vec<ImageName>,
    ) -> Result<BTreeMap<ImageName, ImageChronicle>, Fault> {
        let store = &self.ports.store;
        let seen = store.tags_seen(&images).await?;
        let mut observed = store.all_observations(&images).await?;
        let mut chronicles = BTreeMap::new();
        for (image, seen) in seen {
            let mut chronicle = image_chronicle(&image, &seen, &mut observed);
            for known in chronicle.tags.values_mut() {
                self.date(&image, known).await?;
            }
            chronicles.insert(image, chronicle);
        }
        Ok(chronicles)
    }

    /// When a tag of unknown age was built, if its image says so and that was read before.
    async fn date(&self, image: &ImageName, known: &mut TagChronicle) -> Result<(), Fault> {
        let (Seen::By(by), Some(first)) = (known.seen, known.digests.first()) else { return Ok(()) };
        let labels = self.ports.store.labels(image, &first.digest).await?.unwrap_or_default();
        let created = labels.get(CREATED).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        if let Some(created) = created.map(|at| at.to_utc()).filter(|at| *at <= by) {
            known.seen = Seen::At(created);
        }
        Ok(())
    }

    /// Every coming and going of a control file, oldest first.
    async fn control_changes(
        &self,
        view: &View,
        movements: &[Movement],
        to: Timestamp,
    ) -> Result<Vec<ControlChange>, Fault> {
        let Some(folder) = control_files::folder() else { return Ok(Vec::new()) };
        let repository = Arc::clone(&self.ports.repository);
        let head = view.commit();
        let fetched: HashMap<CommitId, Timestamp> = movements
            .iter()
            .map(|movement| (movement.commit.id, movement.commit.fetched.fetched_at))
            .collect();
        blocking(move || {
            let line = repository.line(head, None)?.commits;
            let mut commits: Vec<(CommitId, Timestamp, Vec<FileChange>)> = Vec::new();
            for part in line.chunks(COMMITS_A_PART) {
                let changed = repository.changes(part, std::slice::from_ref(&folder))?;
                commits.extend(changed.into_iter().map(|(info, changes)| {
                    let fetched = fetched.get(&info.id).copied().unwrap_or(to);
                    (info.id, info.committed_at.min(fetched), changes)
                }));
            }
            let changes = commits.iter().flat_map(|(.., changes)| changes);
            let blobs: Vec<_> = changes.filter_map(|change| change.after).collect();
            let mut texts = repository.read_each(&blobs, |_, content| text_of(content))?.into_iter();
            let mut told = Vec::new();
            let mut latest = Timestamp::MIN_UTC;
            for (commit, at, changes) in commits {
                latest = latest.max(at);
                // What nobody who is allowed to signed does not count, and the file with it.
                let is_unsigned = repository.requires_signatures() && repository.unsigned(commit)?.is_some();
                for change in changes {
                    let text = change.after.and_then(|_| texts.next()).filter(|_| !is_unsigned);
                    told.push(ControlChange { at: latest, file: change.path, text });
                }
            }
            told.retain(|change| control_files::is_control(&change.file));
            Ok(told)
        })
        .await
    }
}

/// A control file's text. What is none says nothing, which closes a gate, as the file itself does.
fn text_of(content: Content<'_>) -> String {
    match content {
        Content::Bytes(text) if text.len() <= MOST_CONTROL_BYTES => {
            std::str::from_utf8(text).map(str::to_owned).unwrap_or_default()
        }
        Content::Bytes(_) | Content::LfsPointer | Content::TooLarge { .. } => String::new(),
    }
}

fn image_chronicle(
    image: &ImageName,
    seen: &[TagsSeen],
    observed: &mut HashMap<TaggedImage, Vec<Observation>>,
) -> ImageChronicle {
    let mut tags: BTreeMap<Tag, TagChronicle> = BTreeMap::new();
    for answer in seen {
        let seen = if answer.is_first { Seen::By(answer.at) } else { Seen::At(answer.at) };
        for tag in &answer.tags {
            let digests = observed.remove(&(image.clone(), tag.clone())).unwrap_or_default();
            tags.entry(tag.clone()).or_insert(TagChronicle { seen, digests });
        }
    }
    ImageChronicle { watched_since: seen.first().map(|first| first.at), tags }
}

/// The rules that Flux's objects in the repository make, as they are now.
fn followed(view: &View, rulebook: &Rulebook) -> Vec<Followed> {
    let followed = view.board.tracks.iter().filter_map(|track| {
        let settings = rulebook.services.of(track.service());
        let is_followed = !settings.are_explicit && *track.rules != *settings.rules;
        is_followed.then(|| Followed {
            environment: rulebook.environments[track.environment].policy.name.clone(),
            service: track.service().clone(),
            image: track.image().clone(),
            rules: (*track.rules).clone(),
        })
    });
    followed.collect()
}

#[cfg(test)]
mod tests;
