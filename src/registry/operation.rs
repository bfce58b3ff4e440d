//! What is being done, in words for messages, and the time that is left for it.

use std::fmt;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

use super::settings::Limits;
use crate::model::{Digest, ImageName, Tag};

/// What the client was asked to do. Shown as the middle of a sentence: `cannot …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// List an image's tags.
    Tags(ImageName),
    /// Resolve a tag to its digest.
    Digest(ImageName, Tag),
    /// Read the labels of an image.
    Labels(ImageName, Digest),
    /// See whether a registry can be reached.
    Check(String),
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags(image) => write!(formatter, "list the tags of {image}"),
            Self::Digest(image, tag) => write!(formatter, "resolve {image}:{tag}"),
            Self::Labels(image, digest) => write!(formatter, "read the labels of {image}@{digest}"),
            Self::Check(host) => write!(formatter, "reach the registry {host}"),
        }
    }
}

/// The time that is left for an operation.
#[derive(Debug)]
pub(super) struct Budget {
    ends_at: Instant,
    request_timeout: Duration,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { ends_at: Instant::now() + limits.operation_timeout, request_timeout: limits.request_timeout }
    }

    /// How long the next request may take.
    pub(super) fn for_one_request(&self) -> Duration {
        self.left().min(self.request_timeout)
    }

    /// What is left.
    pub(super) fn left(&self) -> Duration {
        self.ends_at.saturating_duration_since(Instant::now())
    }

    /// Whether something that takes `duration` would still leave time afterwards.
    pub(super) fn allows(&self, duration: Duration) -> bool {
        duration < self.left()
    }

    /// Waits for what another operation holds, as long as there is time.
    pub(super) async fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> Option<MutexGuard<'a, T>> {
        timeout(self.left(), mutex.lock()).await.ok()
    }

    /// Gives time back that was spent waiting for Tidegate's own limits, for which the registry is not to blame.
    pub(super) fn give_back(&mut self, duration: Duration) {
        self.ends_at += duration;
    }
}
