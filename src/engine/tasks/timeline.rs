//! The timeline of a repository, from the mirror and the store. Works offline.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};

use crate::control;
use crate::model::{
    CommitChanges, CommitId, Content, Fault, FetchEvidence, FileChange, HealthObservation, HealthSubject,
    ImageName, Observation, SignatureCheck, Tag, TagChange, TagChangeCommit, TagsSeen, Timestamp,
};
use crate::policy::Schedule;
use crate::simulation::{ControlFileChange, Followed, ImageTimeline, Policy, Seen, TagTimeline, Timeline};

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::history::index::COMMITS_PER_PART;
use crate::engine::history::newest_first::NewestFirst;
use crate::engine::history::refresh::last_fetched;
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;
use crate::port::{Health as _, Observations, Ports, Repository, SeenTags, Store, TaggedImage};

use super::engine::{Engine, context};

/// The label with an image's build time.
const CREATED: &str = "org.opencontainers.image.created";

/// A larger control file is invalid anyway.
const MOST_CONTROL_BYTES: usize = 64 * 1024;

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its start; by default when the registries were first polled.
    pub from: Option<Timestamp>,
    /// Its end.
    pub to: Timestamp,
}

impl RepositoryPolicy {
    /// The policy for a replay.
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
    /// The timeline of a period. Works offline.
    ///
    /// # Errors
    /// When the repository was never fetched, or the mirror or the store can't be read.
    pub async fn timeline(&mut self, period: Period) -> Result<Timeline, Fault> {
        let context = context(&self.ports, &self.repository_policy);
        let state = last_fetched(context, &mut self.memory.history).await?;
        let mut tag_changes: Vec<TagChange> = Vec::new();
        let mut newest = NewestFirst::of(state.end, Vec::new(), None);
        while let Some(mut part) = state.mark_stale_on_error(newest.next(&**context.store).await)? {
            for tag_change in &mut part {
                state.resolver.place(tag_change);
            }
            tag_changes.extend(part.into_iter().filter(|one| !one.is_beside).map(as_claimed));
        }
        tag_changes
            .sort_by(|one, other| one.sequence.cmp(&other.sequence).then_with(|| one.path.cmp(&other.path)));
        let images: BTreeSet<ImageName> =
            tag_changes.iter().map(|tag_change| tag_change.image.clone()).collect();
        let images = images_seen(context, images.into_iter().collect()).await?;
        // A second before, since commits tell their time in whole seconds.
        let watched = images.values().filter_map(|image: &ImageTimeline| image.watched_since).min();
        let watched = watched.and_then(|at| at.checked_sub_signed(TimeDelta::seconds(1)));
        let first = tag_changes.first().map(|tag_change| tag_change.commit.committed_at);
        let from = period.from.or(watched).or(first).unwrap_or(period.to).min(period.to);
        let controls = control_changes(context, &state, &tag_changes, period.to).await?;
        Ok(Timeline {
            from,
            to: period.to,
            folders: context.policy.scope(),
            images,
            controls,
            followed: followed(&state, context.policy),
            health: health(context, &state).await?,
            tag_changes,
        })
    }
}

async fn images_seen<P: Ports>(
    context: Context<'_, P>,
    images: Vec<ImageName>,
) -> Result<BTreeMap<ImageName, ImageTimeline>, Fault> {
    let store = context.store;
    let seen = store.tags_seen(&images).await?;
    let mut observed = store.all_observations(&images).await?;
    let mut timelines = BTreeMap::new();
    for (image, seen) in seen {
        let mut timeline = image_timeline(&image, &seen, &mut observed);
        for known in timeline.tags.values_mut() {
            date(&**store, &image, known).await?;
        }
        timelines.insert(image, timeline);
    }
    Ok(timelines)
}

/// Dates a tag of unknown age by its image's build time, if those labels were read.
async fn date<S: Store>(store: &S, image: &ImageName, known: &mut TagTimeline) -> Result<(), Fault> {
    let (Seen::By(by), Some(first)) = (known.seen, known.digests.first()) else { return Ok(()) };
    let labels = store.labels(image, &first.digest).await?.unwrap_or_default();
    let created = labels.get(CREATED).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    if let Some(created) = created.map(|at| at.to_utc()).filter(|at| *at <= by) {
        known.seen = Seen::At(created);
    }
    Ok(())
}

/// Every change of a control file, oldest first.
async fn control_changes<P: Ports>(
    context: Context<'_, P>,
    state: &RepositoryState,
    tag_changes: &[TagChange],
    to: Timestamp,
) -> Result<Vec<ControlFileChange>, Fault> {
    let Some(folder) = control::folder() else { return Ok(Vec::new()) };
    let repository = Arc::clone(context.repository);
    let head = state.commit();
    let fetched: HashMap<CommitId, Timestamp> = tag_changes
        .iter()
        .map(|tag_change| (tag_change.commit.id, tag_change.commit.fetched.fetched_at))
        .collect();
    blocking(move || {
        let line = repository.line(head, None)?.commits;
        let mut commits: Vec<(CommitId, Timestamp, Vec<FileChange>)> = Vec::new();
        for part in line.chunks(COMMITS_PER_PART) {
            let changed = repository.changes(part, std::slice::from_ref(&folder))?;
            let changed = changed.into_iter().filter(|one| !one.changes.is_empty());
            commits.extend(changed.map(|CommitChanges { commit: info, changes, .. }| {
                let fetched = fetched.get(&info.id).copied().unwrap_or(to);
                (info.id, info.committed_at.min(fetched), changes)
            }));
        }
        let changes = commits.iter().flat_map(|(.., changes)| changes);
        let blobs: Vec<_> = changes.filter_map(|change| change.after).collect();
        let mut texts = repository.read_each(&blobs, |_, content| text_of(content))?.into_iter();
        let mut control_changes = Vec::new();
        let mut latest = Timestamp::MIN_UTC;
        for (commit, at, changes) in commits {
            latest = latest.max(at);
            // What nobody who is allowed to signed does not count, and the file with it.
            let is_unsigned = repository.signed(commit)? != SignatureCheck::Valid;
            for change in changes {
                let text = change.after.and_then(|_| texts.next()).filter(|_| !is_unsigned);
                control_changes.push(ControlFileChange { at: latest, file: change.path, text });
            }
        }
        control_changes.retain(|change| control::is_control_file(&change.file));
        Ok(control_changes)
    })
    .await
}

/// A control file's text; empty, and so invalid, if it is no text.
fn text_of(content: Content<'_>) -> String {
    match content {
        Content::Bytes(text) if text.len() <= MOST_CONTROL_BYTES => {
            std::str::from_utf8(text).map(str::to_owned).unwrap_or_default()
        }
        Content::Bytes(_) | Content::LfsPointer | Content::TooLarge { .. } => String::new(),
    }
}

fn image_timeline(
    image: &ImageName,
    seen: &[TagsSeen],
    observed: &mut HashMap<TaggedImage, Vec<Observation>>,
) -> ImageTimeline {
    let mut tags: BTreeMap<Tag, TagTimeline> = BTreeMap::new();
    for answer in seen {
        let seen = if answer.is_first { Seen::By(answer.at) } else { Seen::At(answer.at) };
        for tag in &answer.tags {
            let digests = observed.remove(&(image.clone(), tag.clone())).unwrap_or_default();
            tags.entry(tag.clone()).or_insert(TagTimeline { seen, digests });
        }
    }
    ImageTimeline { watched_since: seen.first().map(|first| first.at), tags }
}

/// What was observed of the health of what runs and ran.
async fn health<P: Ports>(
    context: Context<'_, P>,
    state: &RepositoryState,
) -> Result<BTreeMap<HealthSubject, Vec<HealthObservation>>, Fault> {
    let subject = |target: &Target| HealthSubject {
        environment: context.policy.environments[target.environment].policy.name.clone(),
        service: target.service().clone(),
        image: target.image().clone(),
    };
    let subjects: Vec<HealthSubject> = state.deployed.targets.iter().map(subject).collect();
    Ok(context.store.health(&subjects).await?.into_iter().collect())
}

/// The current selection rules of Flux's objects in the repository.
fn followed(state: &RepositoryState, repository_policy: &RepositoryPolicy) -> Vec<Followed> {
    let followed = state.deployed.targets.iter().filter_map(|target| {
        let settings = repository_policy.services.of(target.service());
        let is_followed = !settings.are_explicit && *target.rules != *settings.rules;
        is_followed.then(|| Followed {
            environment: repository_policy.environments[target.environment].policy.name.clone(),
            service: target.service().clone(),
            image: target.image().clone(),
            rules: (*target.rules).clone(),
        })
    });
    followed.collect()
}

/// Sets a commit whose time nothing proves to when it says: a replay is of what people did.
fn as_claimed(mut tag_change: TagChange) -> TagChange {
    let fetched = tag_change.commit.fetched;
    if fetched.absent_at == Some(fetched.fetched_at) {
        let fetched = FetchEvidence { absent_at: None, ..fetched };
        tag_change.commit = Arc::new(TagChangeCommit { fetched, ..(*tag_change.commit).clone() });
    }
    tag_change
}

#[cfg(test)]
mod tests;
