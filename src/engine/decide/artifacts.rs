//! Drops candidates that are no images, such as a Helm chart in the same repository or an index without platforms, so
//! that the next lower version that is one may go.
//!
//! A registry tells a tag's digest by HEAD and its kind only by GET. The kind of a digest never changes, so the client
//! requests it once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::TimeDelta;

use crate::engine::base::context::Context;
use crate::engine::base::problem::{Problem, ProblemCondition};
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{Artifact, ByTarget, Class, Digest, ImageName, Tag, TargetId, Timestamp};
use crate::policy::{Candidate, Selection};
use crate::port::{Ports, Registry, TaggedImage};

use super::digests::Digests;
use super::facts::tagged;
use super::poll;

/// A rejected tag is looked at again after this time: an index may be completed, or the tag pushed anew.
const RECHECK_AFTER: TimeDelta = TimeDelta::minutes(10);

/// Tags that are no images, with their kind and the time of the next check.
#[derive(Debug, Default)]
pub(crate) struct Rejections(HashMap<TaggedImage, (Artifact, Timestamp)>);

/// The result of checking whether candidates are images.
#[derive(Default)]
pub(in crate::engine) struct ImageCheck {
    /// The candidates that are no images.
    pub(in crate::engine) rejected: Vec<(TaggedImage, Artifact)>,
    pub(in crate::engine) problems: Vec<Problem>,
}

/// Drops what earlier passes found to be no image, with a warning for each.
pub(super) fn drop_rejected<P: Ports>(
    context: Context<'_, P>,
    rejections: &mut Rejections,
    state: &RepositoryState,
    selections: &mut ByTarget<Option<Arc<Selection>>>,
    now: Timestamp,
) -> Vec<Problem> {
    rejections.0.retain(|_, (_, check_at)| *check_at > now);
    let drop = |(tagged, (artifact, _)): (&TaggedImage, &(Artifact, Timestamp))| {
        drop_tag(context.policy, state, selections, tagged, artifact)
    };
    rejections.0.iter().flat_map(drop).collect()
}

/// Finds the candidates that are no images. A candidate whose manifest cannot be read keeps an unknown digest, so it waits
/// until it is known.
pub(in crate::engine) async fn check_images<P: Ports>(
    context: Context<'_, P>,
    state: &RepositoryState,
    digests: &mut Digests,
    candidates: impl IntoIterator<Item = (&TargetId, &Candidate)>,
) -> ImageCheck {
    let mut by_digest: HashMap<(ImageName, Digest), BTreeSet<TaggedImage>> = HashMap::new();
    for (target, candidate) in candidates {
        let tagged = tagged(state.deployed.targets[*target].image(), &candidate.tag);
        if let Some(Some(digest)) = digests.asked.get(&tagged) {
            by_digest.entry((tagged.0.clone(), digest.clone())).or_default().insert(tagged);
        }
    }
    let mut check = ImageCheck::default();
    for (key, artifact) in
        poll::artifacts(context.registry, by_digest.keys().cloned().collect(), context.registry_wait).await
    {
        let tags = by_digest.remove(&key).unwrap_or_default();
        let artifact = match artifact {
            Ok(Artifact::Image) => continue,
            Ok(Artifact::Other(kind)) if runs_the_same_kind(context, state, &key.0, &kind).await => continue,
            Ok(artifact) => artifact,
            Err(fault) => {
                let silent = || ProblemCondition::SilentRegistry { host: key.0.host().to_owned() };
                let condition = (fault.class() == Class::TryAgain).then(silent);
                check.problems.push(Problem { condition, ..Problem::from_fault(&fault) });
                digests.asked.extend(tags.into_iter().map(|tagged| (tagged, None)));
                continue;
            }
        };
        check.rejected.extend(tags.into_iter().map(|tagged| (tagged, artifact.clone())));
    }
    check
}

/// Drops rejected candidates and remembers them. No warning means that nothing was dropped.
pub(in crate::engine) fn reject<P: Ports>(
    context: Context<'_, P>,
    rejections: &mut Rejections,
    state: &RepositoryState,
    selections: &mut ByTarget<Option<Arc<Selection>>>,
    rejected: Vec<(TaggedImage, Artifact)>,
    now: Timestamp,
) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for (tagged, artifact) in rejected {
        warnings.extend(drop_tag(context.policy, state, selections, &tagged, &artifact));
        rejections.0.insert(tagged, (artifact, now + RECHECK_AFTER));
    }
    warnings
}

/// Whether a target of this image runs the same kind of artifact: then the field holds a chart's version, not an image's.
async fn runs_the_same_kind<P: Ports>(
    context: Context<'_, P>,
    state: &RepositoryState,
    image: &ImageName,
    kind: &str,
) -> bool {
    let targets = state.deployed.targets.iter().filter(|target| target.image() == image);
    let tags: BTreeSet<&Tag> =
        targets.filter_map(|target| target.running.first()).map(|running| &running.tag).collect();
    let is_same = async {
        for tag in tags {
            let Ok(digest) = context.registry.digest(image, tag).await else { continue };
            let artifact = context.registry.artifact(image, &digest).await;
            if matches!(artifact, Ok(Artifact::Other(known)) if known == kind) {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(context.registry_wait, is_same).await.unwrap_or(false)
}

/// Drops a tag from the selections of its image, with a warning for each target.
fn drop_tag(
    policy: &RepositoryPolicy,
    state: &RepositoryState,
    selections: &mut ByTarget<Option<Arc<Selection>>>,
    (image, tag): &TaggedImage,
    artifact: &Artifact,
) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for (target, selection) in state.deployed.targets.iter().zip(selections.iter_mut()) {
        let Some(selected) = selection.as_ref().filter(|selected| selected.contains(tag)) else { continue };
        if target.image() != image {
            continue;
        }
        let message = format!("{image}:{tag} is skipped: {artifact}");
        let environment = &policy.environments[target.environment].policy.name;
        warnings.push(Problem::warning(message).of(environment, target.service()));
        *selection = Some(Arc::new(selected.reject(tag, artifact)));
    }
    warnings
}

#[cfg(test)]
mod tests;
