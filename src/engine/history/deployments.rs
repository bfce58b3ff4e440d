//! Versions that came to the branch since a known end of the index, with what delivery metrics need: lead time, soak and time
//! to restore.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::newest_first::NewestFirst;
use super::target_history::read_histories;
use crate::engine::base::context::Context;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{
    EnvironmentName, Fault, ImageName, IndexEnd, PinnedTag, Tag, TagChange, TagsSeen, TargetId, Timestamp,
    Version,
};
use crate::policy::SelectionRules;
use crate::port::{Ports, SeenTags as _};

/// A change of the version of one image of one service in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The environment.
    pub environment: EnvironmentName,
    /// Whether the version went down.
    pub is_rollback: bool,
    /// Whether Tidegate made the commit, on schedule or for a person.
    pub is_by_tidegate: bool,
    /// From when the tag was first seen to the commit; nothing for a tag that was there when the image was first seen.
    pub lead_time: Option<Duration>,
    /// From the commit that brought the version to the previous environment.
    pub soak: Option<Duration>,
    /// For a rollback: from the commit that brought the version that was left.
    pub time_to_restore: Option<Duration>,
}

/// The changes that came to the branch after `since`, oldest first. None where the index was rebuilt in between: what is in it
/// was counted already, or nobody knows.
pub(in crate::engine) async fn deployments_since<P: Ports>(
    context: Context<'_, P>,
    state: &Arc<RepositoryState>,
    since: IndexEnd,
) -> Result<Vec<Deployment>, Fault> {
    if since.generation != state.end.generation || since.next_sequence >= state.end.next_sequence {
        return Ok(Vec::new());
    }
    let changes = changes_since(context, state, since.next_sequence).await?;
    let targets: BTreeSet<TargetId> =
        changes.iter().filter_map(|one| target_of(state, context.policy, one)).collect();
    read_histories(context, state, targets).await?;
    let images: BTreeSet<ImageName> = changes.iter().map(|one| one.image.clone()).collect();
    let images: Vec<ImageName> = images.into_iter().collect();
    let seen = context.store.tags_seen(&images).await?;
    let mut counted = BTreeSet::new();
    let mut deployments = Vec::new();
    for change in changes.iter().rev() {
        let Some(target) = target_of(state, context.policy, change) else { continue };
        // Several files of one environment move in one commit.
        if counted.insert((change.sequence, target)) {
            deployments.extend(deployment(state, context.policy, change, target, &seen));
        }
    }
    Ok(deployments)
}

/// The tag changes from a place on the line on, newest first.
async fn changes_since<P: Ports>(
    context: Context<'_, P>,
    state: &RepositoryState,
    sequence: u64,
) -> Result<Vec<TagChange>, Fault> {
    let mut newest = NewestFirst::of(state.end, Vec::new(), None);
    let mut changes = Vec::new();
    while let Some(part) = state.mark_stale_on_error(newest.next(&**context.store).await)? {
        for mut change in part {
            if change.sequence < sequence {
                return Ok(changes);
            }
            if !change.is_beside {
                state.resolver.place(&mut change);
                changes.push(change);
            }
        }
    }
    Ok(changes)
}

fn target_of(state: &RepositoryState, policy: &RepositoryPolicy, change: &TagChange) -> Option<TargetId> {
    let environment = policy.find(&policy.environment_of(&change.path)?.policy.name)?;
    state.deployed.place(environment, &(change.service.clone(), change.image.clone()))
}

/// A change to another version; nothing for a service that came or went, or tags that are no versions.
fn deployment(
    state: &RepositoryState,
    policy: &RepositoryPolicy,
    change: &TagChange,
    target: TargetId,
    seen: &HashMap<ImageName, Vec<TagsSeen>>,
) -> Option<Deployment> {
    let here = &state.deployed.targets[target];
    let (from_version, from) = highest(&here.rules, &change.before)?;
    let (to_version, to) = highest(&here.rules, &change.after)?;
    if from_version == to_version {
        return None;
    }
    let at = change.commit.committed_at;
    let is_rollback = to_version < from_version;
    let environment = &policy.environments[here.environment];
    let soak = || {
        let before = state.deployed.place(environment.before?, &here.subject)?;
        let running = &state.deployed.targets[before].running;
        let is_running = matches!(running.as_slice(), [one] if one.tag == *to);
        let rollout = state.rollout_commit(before).filter(|_| is_running);
        let past = state.past(before).iter().find(|run| run.candidate.tag == *to);
        let began = rollout.or(past.map(|run| &run.rollout_commit))?;
        Some(between(began.committed_at, at))
    };
    let time_to_restore = || {
        let run = state.past(target).iter().find(|run| run.candidate.tag == *from && run.left_at <= at)?;
        Some(between(run.rollout_commit.committed_at, at))
    };
    let lead_time = || {
        let tags = seen.get(&change.image)?.iter().find(|seen| seen.tags.contains(to))?;
        (!tags.is_first).then(|| between(tags.at, at))
    };
    Some(Deployment {
        environment: environment.policy.name.clone(),
        is_rollback,
        is_by_tidegate: change.promotion.is_some(),
        lead_time: if is_rollback { None } else { lead_time() },
        soak: if is_rollback { None } else { soak() },
        time_to_restore: if is_rollback { time_to_restore() } else { None },
    })
}

fn highest<'a>(rules: &SelectionRules, held: &'a [PinnedTag]) -> Option<(Version, &'a Tag)> {
    let versions = held.iter().filter_map(|pinned| Some((rules.version_of(&pinned.tag)?, &pinned.tag)));
    versions.max_by(|(one, _), (other, _)| one.cmp(other))
}

/// The time from one moment to a later one. Clocks of different machines may disagree by a little.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    (to - from).to_std().unwrap_or_default()
}
