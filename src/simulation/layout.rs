//! The targets of a timeline, and the tag changes of each.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::history::Subject;
use crate::model::{
    BY_SCHEDULE, ByTarget, EnvironmentId, ImageName, ServiceName, TagChange, TargetId, Timestamp,
};
use crate::policy::SelectionRules;

use super::policy::{Policy, RulesOf};
use super::registry::Registry;
use super::report::{Released, TargetReplay};
use super::timeline::{Timeline, came_at};

/// The targets of a timeline under a policy.
pub(super) struct Layout<'a> {
    pub(super) policy: Policy<'a>,
    /// Targets, by environment, service and image.
    pub(super) targets: ByTarget<Place>,
    /// Commits with tag changes of a target, oldest first.
    pub(super) commits: Vec<Commit<'a>>,
    places: HashMap<Key<'a>, TargetId>,
}

/// One image of one service in one environment.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) environment: EnvironmentId,
    pub(super) subject: Subject,
    pub(super) rules: Arc<SelectionRules>,
}

/// A commit with its tag changes.
#[derive(Debug)]
pub(super) struct Commit<'a> {
    pub(super) at: Timestamp,
    /// Tag changes with their targets; those of one target are adjacent.
    pub(super) tag_changes: Vec<(TargetId, &'a TagChange)>,
}

type Key<'a> = (EnvironmentId, &'a ServiceName, &'a ImageName);

impl<'a> Layout<'a> {
    pub(super) fn of(timeline: &'a Timeline, policy: Policy<'a>) -> Self {
        let keys: Vec<Option<Key<'a>>> =
            timeline.tag_changes.iter().map(|tag_change| key_of(tag_change, policy)).collect();
        let rules = RulesOf::new(policy, timeline);
        let mut targets = ByTarget::new();
        let mut places: HashMap<Key<'a>, TargetId> = HashMap::new();
        for key in keys.iter().flatten().copied().collect::<BTreeSet<Key<'a>>>() {
            let (environment, service, image) = key;
            let subject = (service.clone(), image.clone());
            if let Some(rules) = rules.of(environment, &subject) {
                places.insert(key, targets.push(Place { environment, subject, rules }));
            }
        }
        let mut commits: Vec<Commit<'a>> = Vec::new();
        let mut last = None;
        for (tag_change, key) in timeline.tag_changes.iter().zip(&keys) {
            let Some(target) = key.and_then(|key| places.get(&key)) else { continue };
            if last != Some(tag_change.sequence) {
                commits.push(Commit {
                    at: came_at(tag_change, policy.clock_tolerance),
                    tag_changes: Vec::new(),
                });
                last = Some(tag_change.sequence);
            }
            if let Some(commit) = commits.last_mut() {
                commit.tag_changes.push((*target, tag_change));
            }
        }
        put_in_order(&mut commits);
        Self { policy, targets, commits, places }
    }

    /// The target's image in the registries, and its selection there.
    pub(super) fn selects(
        &self,
        registry: &mut Registry<'_>,
        target: TargetId,
        now: Timestamp,
    ) -> Option<usize> {
        let place = &self.targets[target];
        let image = registry.place(&place.subject.1)?;
        Some(registry.selects(image, &place.rules, now))
    }

    /// The target of a service's image in an environment.
    pub(super) fn find(&self, environment: EnvironmentId, subject: &Subject) -> Option<TargetId> {
        self.places.get(&(environment, &subject.0, &subject.1)).copied()
    }

    /// A report of a target without events.
    pub(super) fn blank(&self, target: TargetId, released: Vec<Released>) -> TargetReplay {
        let Place { environment, subject, .. } = &self.targets[target];
        TargetReplay {
            environment: self.policy.environments[*environment].policy.name.clone(),
            service: subject.0.clone(),
            image: subject.1.clone(),
            began_with: None,
            released,
            arrivals: Vec::new(),
            waiting: None,
            starved: None,
        }
    }
}

/// Whether a scheduled promotion made the tag change, so that the policy did.
pub(super) fn is_scheduled(tag_change: &TagChange) -> bool {
    tag_change.promotion.as_ref().is_some_and(|mark| mark.requested_by == BY_SCHEDULE)
}

/// The versions known to have reached the registry within a period.
pub(super) fn released(
    registry: &Registry<'_>,
    selection: usize,
    from: Timestamp,
    to: Timestamp,
) -> Vec<Released> {
    let candidates = registry.selection(selection).candidates().iter();
    let released = candidates.filter_map(|candidate| {
        let at = registry.came_at(selection, &candidate.tag)?;
        (from < at && at <= to).then(|| Released { candidate: candidate.clone(), at })
    });
    released.collect()
}

fn key_of<'a>(tag_change: &'a TagChange, policy: Policy<'_>) -> Option<Key<'a>> {
    Some((policy.environment_of(&tag_change.path)?, &tag_change.service, &tag_change.image))
}

/// Orders commits by their position on the line, not by their dates: a commit that claims to be later than the
/// next one gets the time of that one, and none is earlier than the one before it.
fn put_in_order(commits: &mut [Commit<'_>]) {
    let claimed: Vec<Timestamp> = commits.iter().map(|commit| commit.at).collect();
    let mut latest = None;
    for (at, commit) in commits.iter_mut().enumerate() {
        let next = claimed.get(at + 1).copied().unwrap_or(commit.at);
        commit.at = commit.at.min(next);
        commit.at = latest.map_or(commit.at, |latest| commit.at.max(latest));
        latest = Some(commit.at);
    }
    for commit in commits {
        commit.tag_changes.sort_by_key(|(target, _)| *target);
    }
}
