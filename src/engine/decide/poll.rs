//! Asks the registries: one tag list per image and pass, however many services use the image.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::engine::base::problem::{Problem, ProblemCondition};
use crate::engine::state::deployed::Target;
use crate::model::{Artifact, ByTarget, Class, Digest, Fault, ImageName, Tag, TagList, Timestamp};
use crate::policy::{Selection, SelectionRules};
use crate::port::{Registry, Store, TaggedImage};

use super::requests::Requests;

/// How long a tag list that came after its pass can serve the next one.
const VALID_FOR: Duration = Duration::from_mins(1);

/// How long the last list of an image stands in for a registry that is slow to answer.
const LAST_LIST_VALID_FOR: Duration = Duration::from_mins(2);

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

/// Requests for tag lists, kept between passes.
#[derive(Debug)]
pub(crate) struct TagRequests {
    requests: Requests<ImageName, Arc<TagList>>,
    /// The last list of each image, and when it came.
    last: HashMap<ImageName, (Instant, Arc<TagList>)>,
}

impl Default for TagRequests {
    fn default() -> Self {
        Self { requests: Requests::new(VALID_FOR), last: HashMap::new() }
    }
}

impl TagRequests {
    /// See [`Requests::is_pending`].
    pub(crate) fn is_pending(&self) -> bool {
        self.requests.is_pending()
    }

    /// See [`Requests::late_answer`].
    pub(crate) async fn late_answer(&mut self) -> bool {
        self.requests.late_answer().await
    }
}

/// Lists the tags of every image; see [`Requests::ask`] for how long it waits. An image without an answer has its last list for
/// a short while; then it becomes a problem, as one that cannot be listed does.
pub(crate) async fn poll<R: Registry>(
    registry: &Arc<R>,
    known: &mut TagRequests,
    images: BTreeSet<ImageName>,
    patience: Duration,
) -> Polled {
    let request = |image: &ImageName| {
        let (registry, image) = (Arc::clone(registry), image.clone());
        async move { Ok(registry.tags(&image).await?) }
    };
    let answers = known.requests.ask(images, patience, request).await;
    let mut polled = Polled::default();
    let mut faults: BTreeMap<ImageName, Fault> = BTreeMap::new();
    for (image, answer) in answers.answered {
        match answer {
            Ok(tags) => {
                known.last.insert(image.clone(), (Instant::now(), Arc::clone(&tags)));
                polled.tags.insert(image, tags);
            }
            Err(fault) => drop(faults.insert(image, fault)),
        }
    }
    let mut silent_hosts = BTreeSet::new();
    for image in answers.silent {
        let last = known.last.get(&image).filter(|(at, _)| at.elapsed() <= LAST_LIST_VALID_FOR);
        if let Some((_, tags)) = last {
            known.requests.assume(image.clone(), Arc::clone(tags));
            polled.tags.insert(image, Arc::clone(tags));
        } else {
            silent_hosts.insert(image.host().to_owned());
            polled.failed.insert(image);
        }
    }
    polled.problems.extend(silent_hosts.iter().map(|host| silent(host)));
    polled.problems.extend(fold_by_host(faults.iter()));
    polled.failed.extend(faults.into_keys());
    polled
}

/// Asks for the digests of tags; see [`Requests::ask`] for how long it waits. A tag without an answer becomes a problem.
pub(crate) async fn digests<R: Registry>(
    registry: &Arc<R>,
    requests: &mut Requests<TaggedImage, Digest>,
    wanted: BTreeSet<TaggedImage>,
    patience: Duration,
) -> (HashMap<TaggedImage, Digest>, Vec<Problem>) {
    let request = |(image, tag): &TaggedImage| {
        let (registry, image, tag) = (Arc::clone(registry), image.clone(), tag.clone());
        async move { Ok(registry.digest(&image, &tag).await?) }
    };
    let answers = requests.ask(wanted, patience, request).await;
    let mut found = HashMap::new();
    let mut faults: BTreeMap<TaggedImage, Fault> = BTreeMap::new();
    for (tagged, answer) in answers.answered {
        match answer {
            Ok(digest) => drop(found.insert(tagged, digest)),
            Err(fault) => drop(faults.insert(tagged, fault)),
        }
    }
    let silent_hosts: BTreeSet<&str> = answers.silent.iter().map(|(image, _)| image.host()).collect();
    let mut problems: Vec<Problem> = silent_hosts.into_iter().map(silent).collect();
    let passing = faults.iter().filter(|(_, fault)| fault.class() == Class::TryAgain);
    problems.extend(fold_by_host(passing.map(|((image, _), fault)| (image, fault))));
    let lasting = faults.values().filter(|fault| fault.class() != Class::TryAgain);
    problems.extend(lasting.map(Problem::from_fault));
    problems.sort_by(|one, other| one.message.cmp(&other.message));
    (found, problems)
}

fn no_answer(host: &str) -> Fault {
    Fault::new(Class::TryAgain, format!("{host} has not answered yet; its images are not known"))
}

fn silent(host: &str) -> Problem {
    let problem = Problem::from_fault(&no_answer(host))
        .hint("Tidegate keeps asking, and promotes none of its images until it answers");
    let condition = ProblemCondition::SilentRegistry { host: host.to_owned() };
    Problem { condition: Some(condition), ..problem }
}

/// What the manifests with these digests are. One without an answer in `patience` is a fault.
pub(crate) async fn artifacts<R: Registry>(
    registry: &Arc<R>,
    digests: BTreeSet<(ImageName, Digest)>,
    patience: Duration,
) -> Vec<((ImageName, Digest), Result<Artifact, Fault>)> {
    let mut requests = JoinSet::new();
    for (image, digest) in digests {
        let registry = Arc::clone(registry);
        requests.spawn(async move {
            let answer = timeout(patience, registry.artifact(&image, &digest)).await;
            let artifact = answer.map_or_else(|_| Err(no_answer(image.host())), |answer| Ok(answer?));
            ((image, digest), artifact)
        });
    }
    requests.join_all().await
}

/// Folds what a registry fails with into one problem per registry and class.
fn fold_by_host<'a>(faults: impl IntoIterator<Item = (&'a ImageName, &'a Fault)>) -> Vec<Problem> {
    let mut folded: BTreeMap<(&str, Class), Vec<&Fault>> = BTreeMap::new();
    for (image, fault) in faults {
        folded.entry((image.host(), fault.class())).or_default().push(fault);
    }
    let problem = |((host, class), faults): ((&str, Class), Vec<&Fault>)| {
        let first = faults.first()?;
        let mut problem = Problem::from_fault(first);
        // A pause concerns the registry and reads the same for each of its images.
        let others = faults.iter().filter(|fault| fault.in_one_line() != problem.message).count();
        if others > 0 {
            problem.message = format!("{} (and {others} more images of {host})", problem.message);
        }
        // Tries, seconds and the images that fail differ from pass to pass.
        let host = host.to_owned();
        problem.condition = Some(match class {
            Class::TryAgain => ProblemCondition::SilentRegistry { host },
            class => ProblemCondition::RefusingRegistry { host, class },
        });
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
    /// What the rules of each target select; none where the registry was not asked or did not answer. Keeps the selections of
    /// these targets and no others: those of images that were not asked serve a later pass.
    pub(crate) fn select(
        &mut self,
        targets: &ByTarget<Target>,
        polled: &Polled,
    ) -> ByTarget<Option<Arc<Selection>>> {
        let last = std::mem::take(self);
        let select = |target: &Target| {
            let tags = polled.tags.get(target.image())?;
            Some(self.reuse(&last, target.image(), tags, &target.rules))
        };
        let selected = targets.map(select);
        for image in targets.iter().map(Target::image).filter(|image| !polled.tags.contains_key(*image)) {
            if let Some(cached) = last.0.get(image) {
                self.0.entry(image.clone()).or_insert_with(|| cached.clone());
            }
        }
        selected
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
    fn changed(&mut self, targets: &ByTarget<Target>, polled: &Polled) -> Vec<(ImageName, Arc<TagList>)> {
        if self.0.keys().any(|image| !polled.tags.contains_key(image)) {
            let images: HashSet<&ImageName> = targets.iter().map(Target::image).collect();
            self.0.retain(|image, _| images.contains(image));
        }
        let is_changed = |(image, list): &(&ImageName, &Arc<TagList>)| self.0.get(*image) != Some(*list);
        let changed = polled.tags.iter().filter(is_changed);
        changed.map(|(image, list)| (image.clone(), Arc::clone(list))).collect()
    }
}

/// Stores which tags are new, with the time at which they were first seen.
pub(in crate::engine) async fn persist_tags<S: Store>(
    store: &S,
    persisted: &mut PersistedTags,
    targets: &ByTarget<Target>,
    polled: &Polled,
    now: Timestamp,
) -> Result<(), Fault> {
    let changed = persisted.changed(targets, polled);
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
        let lists: Vec<(ImageName, Arc<TagList>)> = new
            .iter()
            .filter_map(|(image, _)| Some((image.clone(), Arc::clone(polled.tags.get(image)?))))
            .collect();
        let used = targets.iter().map(Target::image).collect();
        store.forget_tags(&lists, &used, now).await?;
    }
    persisted.0.extend(changed);
    Ok(())
}

#[cfg(test)]
mod tests;
