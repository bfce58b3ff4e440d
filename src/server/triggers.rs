//! What webhooks ask to be looked at: collected, each thing once, and paused where it is asked for again and again.
//!
//! A look starts after a short silence, so that a burst of webhooks about one image costs one look. After each look the same
//! thing rests, longer each time that it is asked for while it rests: a flood costs a few looks, and a single push none of the
//! waiting.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::model::ImageName;

/// A look starts when nothing asked for it for this long,
const SILENCE: Duration = Duration::from_millis(100);

/// or this long after the first that asked.
const MAX_WAIT: Duration = Duration::from_millis(800);

/// How long a thing rests after a look.
const FIRST_REST: Duration = Duration::from_secs(1);

/// How long it rests at most.
const MAX_REST: Duration = Duration::from_mins(1);

/// The images that the repository has, by their names without the registry.
#[derive(Debug, Default)]
pub struct KnownImages(HashMap<String, Vec<ImageName>>);

impl KnownImages {
    /// These images.
    pub fn new(images: impl IntoIterator<Item = ImageName>) -> Self {
        let mut by_name: HashMap<String, Vec<ImageName>> = HashMap::new();
        for image in images {
            let named = by_name.entry(image.repository().to_owned()).or_default();
            if !named.contains(&image) {
                named.push(image);
            }
        }
        Self(by_name)
    }

    /// The image of that name in that registry; else every image of that name, since a registry may not know the host by which
    /// others reach it.
    fn find(&self, host: Option<&str>, name: &str) -> &[ImageName] {
        let named = self.0.get(name).map(Vec::as_slice).unwrap_or_default();
        let at = host.and_then(|host| named.iter().position(|image| image.host() == host));
        at.map_or(named, |at| &named[at..=at])
    }
}

/// What is to be looked at now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Everything.
    pub everything: bool,
    /// The head of the branch.
    pub branch: bool,
    /// These images.
    pub images: BTreeSet<ImageName>,
}

/// What webhooks ask to be looked at. The server fills it, the daemon empties it.
#[derive(Default)]
pub struct Triggers {
    /// None before the repository was read for the first time.
    known: RwLock<Option<Arc<KnownImages>>>,
    pending: Mutex<Pending>,
    changed: Notify,
}

impl Triggers {
    /// Sets the images of the repository; others are ignored.
    pub fn set_known(&self, known: Arc<KnownImages>) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    /// Asks for a look at an image. Returns whether there may be one of that name. Before the images are known it asks for a
    /// pass over everything: the first pass may have listed this image's tags already.
    pub(super) fn look_at_image(&self, host: Option<&str>, name: &str) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(known) = known else {
            self.look_at_everything();
            return true;
        };
        let images = known.find(host, name);
        for image in images {
            self.add(Subject::Image(image.clone()));
        }
        !images.is_empty()
    }

    /// Asks for a look at the head of the branch.
    pub(super) fn look_at_branch(&self) {
        self.add(Subject::Branch);
    }

    /// Asks for a pass over everything.
    pub(super) fn look_at_everything(&self) {
        self.add(Subject::Everything);
    }

    /// Returns when something is due. Cancelling it loses nothing.
    pub async fn due(&self) -> Due {
        loop {
            let changed = self.changed.notified();
            // Not in the `match`, which would hold the lock while it waits.
            let next = self.pending().take(Instant::now());
            match next {
                Next::Due(due) => return due,
                Next::At(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = changed => {}
                },
                Next::Nothing => changed.await,
            }
        }
    }

    fn add(&self, subject: Subject) {
        self.pending().add(subject, Instant::now());
        self.changed.notify_one();
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Triggers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Triggers").finish_non_exhaustive()
    }
}

/// What can be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Subject {
    Everything,
    Branch,
    Image(ImageName),
}

/// What was asked for and is not taken yet. There are never more subjects than known images, and two.
#[derive(Debug, Default)]
struct Pending {
    waiting: BTreeMap<Subject, Asked>,
    resting: HashMap<Subject, Rest>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    first: Instant,
    last: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Instant,
    lasts: Duration,
}

enum Next {
    Due(Due),
    At(Instant),
    Nothing,
}

impl Pending {
    fn add(&mut self, subject: Subject, now: Instant) {
        self.waiting.entry(subject).or_insert(Asked { first: now, last: now }).last = now;
    }

    /// Takes what is due, or tells when something is.
    fn take(&mut self, now: Instant) -> Next {
        // Whoever was not asked for until twice its rest was over begins anew.
        self.resting.retain(|_, rest| now < rest.until + rest.lasts);
        let due_at = |subject: &Subject, asked: &Asked| {
            let asked_for = (asked.last + SILENCE).min(asked.first + MAX_WAIT);
            self.resting.get(subject).map_or(asked_for, |rest| asked_for.max(rest.until))
        };
        let mut due = Vec::new();
        let mut next: Option<Instant> = None;
        for (subject, asked) in &self.waiting {
            let at = due_at(subject, asked);
            if at <= now {
                due.push(subject.clone());
            } else {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        if due.is_empty() {
            return next.map_or(Next::Nothing, Next::At);
        }
        let mut taken = Due::default();
        for subject in due {
            self.waiting.remove(&subject);
            let lasts = self.resting.get(&subject).map_or(FIRST_REST, |rest| (rest.lasts * 2).min(MAX_REST));
            self.resting.insert(subject.clone(), Rest { until: now + lasts, lasts });
            match subject {
                Subject::Everything => taken.everything = true,
                Subject::Branch => taken.branch = true,
                Subject::Image(image) => drop(taken.images.insert(image)),
            }
        }
        Next::Due(taken)
    }
}

#[cfg(test)]
mod tests;
