//! What is known of one cluster: its objects, and whether it can still be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::api::DynamicObject;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::model::{
    ClusterObjects, ClusterReport, GitSource, LiveKustomization, LiveObject, ObjectKind, ObjectName,
    UnhealthyCause,
};

use super::read;

/// The most objects of one kind that are kept.
const MOST_OBJECTS: usize = 20_000;

/// How long an error of a watch counts that is not repeated. A watch that is resumed in silence says nothing of its success.
const ERROR_COUNTS_FOR: Duration = Duration::from_secs(15);

/// The kinds of objects that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Watch {
    GitRepository,
    Kustomization,
    Object(ObjectKind),
}

/// One cluster. Its watches write here, and passes read.
#[derive(Debug)]
pub(super) struct Watched {
    name: String,
    state: Mutex<State>,
    /// Changes when a report says something else than before.
    reports: watch::Sender<u64>,
    /// Is told of every such change, of any cluster.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    objects: Arc<ClusterObjects>,
    /// The kinds that were listed.
    listed: BTreeSet<Watch>,
    /// The objects of a kind that is being listed.
    listing: BTreeMap<Watch, Vec<KeptObject>>,
    /// The last error of a watch.
    errors: BTreeMap<Watch, (String, Instant)>,
    /// Why the cluster cannot be asked at all.
    unreachable: Option<String>,
    /// Kinds with more than [`MOST_OBJECTS`] objects.
    too_many: BTreeSet<Watch>,
}

/// An object, reduced to what is kept.
#[derive(Debug)]
enum KeptObject {
    Source(ObjectName, GitSource),
    Kustomization(ObjectName, LiveKustomization),
    Object(ObjectKind, ObjectName, LiveObject),
}

impl KeptObject {
    fn name(&self) -> &ObjectName {
        match self {
            Self::Source(name, _) | Self::Kustomization(name, _) | Self::Object(_, name, _) => name,
        }
    }

    fn of(watch: Watch, object: &DynamicObject) -> Self {
        let name = read::name_of(object);
        match watch {
            Watch::GitRepository => Self::Source(name, read::git_source(object)),
            Watch::Kustomization => Self::Kustomization(name, read::kustomization(object)),
            Watch::Object(kind) => Self::Object(kind, name, read::live_object(kind, object)),
        }
    }
}

impl Watched {
    pub(super) fn new(name: String, changed: Arc<Notify>) -> Self {
        Self { name, state: Mutex::default(), reports: watch::Sender::new(0), changed }
    }

    /// Waits until the cluster has answered or failed, at most until `deadline`, and reports what is known.
    pub(super) async fn report_by(&self, watches: usize, deadline: Instant) -> ClusterReport {
        let mut reports = self.reports.subscribe();
        loop {
            let report = self.lock().report(&self.name, watches);
            let is_open = self.lock().is_undecided(watches);
            let is_changed = tokio::time::timeout_at(deadline, reports.changed());
            if !is_open || !matches!(is_changed.await, Ok(Ok(()))) {
                return report;
            }
        }
    }

    /// Notes that the cluster answers, or why not.
    pub(super) fn set_reachable(&self, reachable: Result<(), String>) {
        self.change(|state| {
            let unreachable = reachable.err();
            let is_changed = state.unreachable.is_some() != unreachable.is_some();
            state.unreachable = unreachable;
            is_changed
        });
    }

    /// Notes that a kind does not exist in the cluster.
    pub(super) fn set_missing(&self, watch: Watch) {
        self.change(|state| state.listed.insert(watch));
    }

    pub(super) fn set_error(&self, watch: Watch, error: String) {
        self.change(|state| {
            let is_new = !state.errors.contains_key(&watch);
            state.errors.insert(watch, (error, Instant::now()));
            is_new
        });
    }

    /// Begins to collect the objects of a new list.
    pub(super) fn begin_list(&self, watch: Watch) {
        self.lock().listing.insert(watch, Vec::new());
    }

    /// Adds an object to the new list.
    pub(super) fn add_listed(&self, watch: Watch, object: &DynamicObject) {
        let object = KeptObject::of(watch, object);
        let mut state = self.lock();
        let listing = state.listing.entry(watch).or_default();
        // One more than are kept shows that there are more.
        if listing.len() <= MOST_OBJECTS {
            listing.push(object);
        }
    }

    /// Replaces the objects of a kind by the new list.
    pub(super) fn end_list(&self, watch: Watch) {
        self.change(|state| {
            let mut listed = state.listing.remove(&watch).unwrap_or_default();
            let had_error = state.errors.remove(&watch).is_some();
            if listed.len() > MOST_OBJECTS {
                listed.clear();
                state.too_many.insert(watch);
            } else {
                state.too_many.remove(&watch);
            }
            let is_first = state.listed.insert(watch);
            let objects = Arc::make_mut(&mut state.objects);
            let mut is_changed = retain(objects, watch, &listed);
            for object in listed {
                is_changed |= insert(objects, object);
            }
            is_first || had_error || is_changed
        });
    }

    pub(super) fn apply(&self, watch: Watch, object: &DynamicObject) {
        let object = KeptObject::of(watch, object);
        self.change(|state| {
            let had_error = state.errors.remove(&watch).is_some();
            insert(Arc::make_mut(&mut state.objects), object) || had_error
        });
    }

    pub(super) fn delete(&self, watch: Watch, object: &DynamicObject) {
        let name = read::name_of(object);
        self.change(|state| {
            let objects = Arc::make_mut(&mut state.objects);
            match watch {
                Watch::GitRepository => objects.sources.remove(&name).is_some(),
                Watch::Kustomization => objects.kustomizations.remove(&name).is_some(),
                Watch::Object(kind) => objects.objects.remove(&(kind, name)).is_some(),
            }
        });
    }

    /// Changes the state, and wakes whoever waits if the report changed.
    fn change(&self, change: impl FnOnce(&mut State) -> bool) {
        let is_changed = change(&mut self.lock());
        if is_changed {
            self.reports.send_modify(|count| *count = count.wrapping_add(1));
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the objects of a kind that are not listed. Returns whether there were any.
fn retain(objects: &mut ClusterObjects, watch: Watch, listed: &[KeptObject]) -> bool {
    let names: BTreeSet<&ObjectName> = listed.iter().map(KeptObject::name).collect();
    let count = |objects: &ClusterObjects| {
        objects.sources.len() + objects.kustomizations.len() + objects.objects.len()
    };
    let before = count(objects);
    match watch {
        Watch::GitRepository => objects.sources.retain(|name, _| names.contains(name)),
        Watch::Kustomization => objects.kustomizations.retain(|name, _| names.contains(name)),
        Watch::Object(kind) => {
            objects.objects.retain(|(other, name), _| *other != kind || names.contains(name));
        }
    }
    count(objects) < before
}

/// Inserts an object. Returns whether another decision may follow from it than from the one before.
fn insert(objects: &mut ClusterObjects, object: KeptObject) -> bool {
    match object {
        KeptObject::Source(name, source) => {
            let source = Arc::new(source);
            objects.sources.insert(name, Arc::clone(&source)).is_none_or(|before| before != source)
        }
        KeptObject::Kustomization(name, kustomization) => {
            let kustomization = Arc::new(kustomization);
            let before = objects.kustomizations.insert(name, Arc::clone(&kustomization));
            before.is_none_or(|before| before != kustomization)
        }
        KeptObject::Object(kind, name, object) => {
            let key = (kind, name);
            let known = objects.objects.get(&key);
            let object = match known {
                Some(known) => carry_over(kind, known, object),
                None => object,
            };
            let is_news = known.is_none_or(|known| {
                known.versions != object.versions
                    || known.readiness.as_ref().ok() != object.readiness.as_ref().ok()
            });
            // A failure that is retried changes its words every few seconds.
            if is_news || known.is_some_and(|known| **known != object) {
                objects.objects.insert(key, Arc::new(object));
            }
            is_news
        }
    }
}

/// Scaling changes the generation of a workload too, and its controller needs a moment to see it: while it runs the same
/// versions, it is as ready as before.
fn carry_over(kind: ObjectKind, known: &LiveObject, mut object: LiveObject) -> LiveObject {
    let is_behind = object.readiness == Err(UnhealthyCause::Outdated);
    if kind.is_workload() && is_behind && known.readiness.is_ok() && known.versions == object.versions {
        object.readiness.clone_from(&known.readiness);
    }
    object
}

impl State {
    /// Whether it has neither answered nor failed.
    fn is_undecided(&self, watches: usize) -> bool {
        self.unreachable.is_none() && self.errors.is_empty() && self.listed.len() < watches
    }

    fn report(&self, name: &str, watches: usize) -> ClusterReport {
        let now = Instant::now();
        let error = self.errors.values().find(|(_, at)| now.duration_since(*at) < ERROR_COUNTS_FOR);
        let silence = match (&self.unreachable, error) {
            (Some(why), _) | (None, Some((why, _))) => Some(why.clone()),
            (None, None) if self.listed.len() < watches => Some("it has not answered yet".to_owned()),
            (None, None) if !self.too_many.is_empty() => {
                Some(format!("it has more than {MOST_OBJECTS} objects of a kind"))
            }
            (None, None) => None,
        };
        let objects = silence.map_or_else(|| Ok(Arc::clone(&self.objects)), Err);
        ClusterReport { name: name.to_owned(), objects }
    }
}

#[cfg(test)]
mod tests;
