//! A registry in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Calls, FakeError, lock};
use crate::model::{Artifact, Digest, ImageName, Tag, TagList};
use crate::port::Registry;

#[derive(Default)]
pub(in crate::engine) struct FakeRegistry {
    images: Mutex<BTreeMap<ImageName, Cache>>,
    dead: Mutex<BTreeSet<ImageName>>,
    mute: Mutex<bool>,
    silent: Mutex<BTreeMap<ImageName, Arc<Notify>>>,
    /// How long a call about an image takes.
    delays: Mutex<BTreeMap<(ImageName, &'static str), Duration>>,
    artifacts: Mutex<BTreeMap<Digest, Artifact>>,
    pub(in crate::engine) calls: Calls,
}

#[derive(Default)]
struct Cache {
    list: Arc<TagList>,
    digests: BTreeMap<Tag, Digest>,
}

impl FakeRegistry {
    /// Puts an image under a tag, new or not.
    pub(in crate::engine) fn push(&self, image: &ImageName, tag: &str, digest: Digest) {
        let mut images = lock(&self.images);
        let known = images.entry(image.clone()).or_default();
        if known.digests.insert(tag.parse().unwrap(), digest).is_none() {
            let tags = known.digests.keys().cloned().collect();
            known.list = Arc::new(TagList { tags, ignored: 0 });
        }
    }

    pub(in crate::engine) fn digest_of(&self, image: &ImageName, tag: &str) -> Option<Digest> {
        lock(&self.images).get(image)?.digests.get(&tag.parse().unwrap()).cloned()
    }

    /// Says what a digest is, instead of an image.
    pub(in crate::engine) fn describe(&self, digest: &Digest, artifact: Artifact) {
        lock(&self.artifacts).insert(digest.clone(), artifact);
    }

    /// Answers nothing about an image from now on.
    pub(in crate::engine) fn kill(&self, image: &ImageName) {
        lock(&self.dead).insert(image.clone());
    }

    /// Takes requests for the tags of an image and answers none until [`Self::wake`].
    pub(in crate::engine) fn silence(&self, image: &ImageName) {
        lock(&self.silent).insert(image.clone(), Arc::default());
    }

    /// Answers what was asked since [`Self::silence`], and from now on.
    pub(in crate::engine) fn wake(&self, image: &ImageName) {
        let silent = lock(&self.silent).remove(image);
        if let Some(silent) = silent {
            silent.notify_one();
        }
    }

    /// Lets each answer to a call about an image take a time: `tags`, `digest` or `artifact`.
    pub(in crate::engine) fn delay(&self, image: &ImageName, call: &'static str, by: Duration) {
        lock(&self.delays).insert((image.clone(), call), by);
    }

    /// Counts a call, and takes its time.
    async fn called(&self, image: &ImageName, call: &'static str) {
        self.calls.count(call);
        let delay = lock(&self.delays).get(&(image.clone(), call)).copied();
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
    }

    /// Whether it lists tags, but does not say what they are.
    pub(in crate::engine) fn hide_digests(&self, are_hidden: bool) {
        *lock(&self.mute) = are_hidden;
    }

    fn ask<T>(&self, image: &ImageName, answer: impl FnOnce(&Cache) -> Option<T>) -> Result<T, FakeError> {
        let gone = || FakeError::try_again(format!("cannot reach {image}"));
        if lock(&self.dead).contains(image) {
            return Err(gone());
        }
        lock(&self.images).get(image).and_then(answer).ok_or_else(gone)
    }
}

impl Registry for FakeRegistry {
    type Error = FakeError;

    async fn tags(&self, image: &ImageName) -> Result<Arc<TagList>, FakeError> {
        self.called(image, "tags").await;
        let silent = lock(&self.silent).get(image).cloned();
        if let Some(silent) = silent {
            silent.notified().await;
        }
        self.ask(image, |shelf| Some(Arc::clone(&shelf.list)))
    }

    async fn digest(&self, image: &ImageName, tag: &Tag) -> Result<Digest, FakeError> {
        self.called(image, "digest").await;
        let is_mute = *lock(&self.mute);
        self.ask(image, |shelf| shelf.digests.get(tag).filter(|_| !is_mute).cloned())
    }

    async fn artifact(&self, image: &ImageName, digest: &Digest) -> Result<Artifact, FakeError> {
        self.called(image, "artifact").await;
        Ok(lock(&self.artifacts).get(digest).cloned().unwrap_or(Artifact::Image))
    }
}
