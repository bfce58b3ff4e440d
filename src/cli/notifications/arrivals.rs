//! Tags that moved on the branch, as events. Pure.

use crate::engine::{Arrival, Mover, RepositoryPolicy, RepositoryState};
use crate::model::{EventKind, Tag, Timestamp, Version};
use crate::notify::{Event, Phase};

/// One event for each service and image that moved from one tag to another, oldest first. `page` is the address of a commit
/// without its id.
pub(super) fn events(
    policy: &RepositoryPolicy,
    state: &RepositoryState,
    arrivals: &[Arrival],
    page: Option<&str>,
    now: Timestamp,
) -> Vec<Event> {
    arrivals.iter().filter_map(|arrival| event(policy, state, arrival, page, now)).collect()
}

fn event(
    policy: &RepositoryPolicy,
    state: &RepositoryState,
    arrival: &Arrival,
    page: Option<&str>,
    now: Timestamp,
) -> Option<Event> {
    let moved = &arrival.moved;
    // A service that is new or gone was not promoted.
    let (from, to) = (moved.from.last()?, moved.to.last()?);
    if from == to {
        return None;
    }
    let subject = (moved.service.clone(), moved.image.clone());
    let environment = policy.find(&moved.environment)?;
    let rules = state.deployed.target(environment, &subject).map(|target| &target.rules);
    let by_rules = rules.and_then(|rules| Some((rules.candidate(from)?, rules.candidate(to)?)));
    let is_lower = match by_rules {
        Some((from, to)) => to.version < from.version,
        None => is_lower(to, from),
    };
    let kind = if is_lower { EventKind::RolledBack } else { EventKind::Promoted };
    let commit = moved.commit.to_string();
    let by = match &moved.by {
        Mover::Tidegate { requested_by, .. } => requested_by.clone(),
        Mover::Person { author } => author.clone(),
    };
    Some(Event {
        environment: Some(moved.environment.to_string()),
        service: Some(moved.service.to_string()),
        image: Some(moved.image.to_string()),
        from: Some(shown(&moved.from)),
        to: Some(shown(&moved.to)),
        by: Some(by),
        url: page.map(|page| format!("{page}{commit}")),
        commit: Some(commit),
        reason: moved.why.clone(),
        notes: arrival.body.clone(),
        ..Event::new(kind, Phase::Happened, now)
    })
}

fn is_lower(one: &Tag, other: &Tag) -> bool {
    let version = |tag: &Tag| tag.as_str().parse::<Version>().ok();
    version(one).zip(version(other)).is_some_and(|(one, other)| one < other)
}

fn shown(tags: &[Tag]) -> String {
    tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(", ")
}
