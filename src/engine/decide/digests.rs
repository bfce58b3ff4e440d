//! The digests that decisions depend on: what was observed before, and what the registries answer now.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::engine::base::context::Context;
use crate::engine::base::problem::Problem;
use crate::model::{Digest, Fault, ImageName, Observation, Timestamp};
use crate::policy::{Observations, Observed};
use crate::port::{Observations as _, Ports, Store, TaggedImage};

use super::poll;
use super::requests::Requests;

/// How long a digest that came after its pass can serve the next one.
const VALID_FOR: Duration = Duration::from_secs(10);

/// Requests for digests, kept between passes.
#[derive(Debug)]
pub(crate) struct DigestRequests(Requests<TaggedImage, Digest>);

impl Default for DigestRequests {
    fn default() -> Self {
        Self(Requests::new(VALID_FOR))
    }
}

impl DigestRequests {
    /// See [`Requests::is_pending`].
    pub(crate) fn is_pending(&self) -> bool {
        self.0.is_pending()
    }

    /// See [`Requests::late_answer`].
    pub(crate) async fn late_answer(&mut self) -> bool {
        self.0.late_answer().await
    }
}

#[derive(Debug, Default)]
pub(crate) struct Digests {
    /// Every change that was seen of a tag's digest, those of this pass included.
    pub(crate) observed: HashMap<ImageName, Observations>,
    /// The answers of this pass; none where the registry did not answer.
    pub(crate) asked: HashMap<TaggedImage, Option<Digest>>,
}

impl Digests {
    /// Adds what is known of other tags.
    pub(super) fn complete_by(&mut self, earlier: &Self) {
        for (image, observed) in &earlier.observed {
            self.observed.entry(image.clone()).or_insert_with(|| observed.clone());
        }
        for (tagged, answer) in &earlier.asked {
            self.asked.entry(tagged.clone()).or_insert_with(|| answer.clone());
        }
    }

    /// Reads from the store what was observed of these tags.
    pub(crate) async fn recall<S: Store>(
        &mut self,
        store: &S,
        tags: BTreeSet<TaggedImage>,
    ) -> Result<(), Fault> {
        let is_unknown = |(image, tag): &TaggedImage| {
            self.observed.get(image).is_none_or(|observations| !observations.knows(tag))
        };
        let unknown: Vec<TaggedImage> = tags.into_iter().filter(is_unknown).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let mut stored = store.observations(&unknown).await?;
        let observed = |observation: Observation| Observed { digest: observation.digest, at: observation.at };
        for tagged in unknown {
            let seen = stored.remove(&tagged).unwrap_or_default().into_iter().map(observed).collect();
            let (image, tag) = tagged;
            self.observed.entry(image).or_default().recall(tag, seen);
        }
        Ok(())
    }

    /// Asks the registries for the digests of these tags that were not asked for yet, and stores those that are new.
    pub(in crate::engine) async fn ask<P: Ports>(
        &mut self,
        context: Context<'_, P>,
        requests: &mut DigestRequests,
        tags: BTreeSet<TaggedImage>,
        now: Timestamp,
    ) -> Result<Vec<Problem>, Fault> {
        let tags: BTreeSet<TaggedImage> =
            tags.into_iter().filter(|tagged| !self.asked.contains_key(tagged)).collect();
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        self.asked.extend(tags.iter().map(|tagged| (tagged.clone(), None)));
        let Context { registry, registry_wait, .. } = context;
        let (found, problems) = poll::digests(registry, &mut requests.0, tags, registry_wait).await;
        let mut new = Vec::new();
        for ((image, tag), digest) in &found {
            let observations = self.observed.entry(image.clone()).or_default();
            if observations.observe(tag, digest, now) {
                new.push((image.clone(), tag.clone(), digest.clone()));
            }
        }
        if !new.is_empty() {
            context.store.observe(&new, now).await?;
        }
        self.asked.extend(found.into_iter().map(|(tagged, digest)| (tagged, Some(digest))));
        Ok(problems)
    }
}
