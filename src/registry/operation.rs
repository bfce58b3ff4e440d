//! The operations of the client, as messages name them, and their time budget.

use std::fmt;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

use super::settings::Limits;
use crate::model::{Digest, ImageName, Tag};

/// An operation of the client. Shown after `cannot`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// List an image's tags.
    Tags(ImageName),
    /// Resolve a tag to its digest.
    Digest(ImageName, Tag),
    /// Tell whether a manifest is an image.
    Artifact(ImageName, Digest),
    /// Read the labels of an image.
    Labels(ImageName, Digest),
    /// Contact a registry.
    Check(String),
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags(image) => write!(formatter, "list the tags of {image}"),
            Self::Digest(image, tag) => write!(formatter, "resolve {image}:{tag}"),
            Self::Artifact(image, digest) => write!(formatter, "read the manifest of {image}@{digest}"),
            Self::Labels(image, digest) => write!(formatter, "read the labels of {image}@{digest}"),
            Self::Check(host) => write!(formatter, "reach the registry {host}"),
        }
    }
}

/// The time left for an operation.
#[derive(Debug)]
pub(super) struct Budget {
    ends_at: Instant,
    request_timeout: Duration,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { ends_at: Instant::now() + limits.operation_timeout, request_timeout: limits.request_timeout }
    }

    /// The timeout of the next request.
    pub(super) fn for_one_request(&self) -> Duration {
        self.left().min(self.request_timeout)
    }

    pub(super) fn left(&self) -> Duration {
        self.ends_at.saturating_duration_since(Instant::now())
    }

    /// Whether waiting `duration` leaves time for a request.
    pub(super) fn allows(&self, duration: Duration) -> bool {
        duration < self.left()
    }

    /// Locks a mutex that another operation may hold, within the budget.
    pub(super) async fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> Option<MutexGuard<'a, T>> {
        timeout(self.left(), mutex.lock()).await.ok()
    }

    /// Extends the budget by time spent on Tidegate's own limits, which are not the registry's fault.
    pub(super) fn give_back(&mut self, duration: Duration) {
        self.ends_at += duration;
    }
}
