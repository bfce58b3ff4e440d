//! A target, as events name it.

use crate::engine::{RepositoryPolicy, Target};
use crate::model::{EventKind, Timestamp};
use crate::notify::{Event, Phase};

/// The identity of a target from pass to pass.
pub(super) fn subject(policy: &RepositoryPolicy, target: &Target) -> String {
    format!("{} {} {}", environment(policy, target), target.service(), target.image())
}

/// An event about a target that begins.
pub(super) fn event(policy: &RepositoryPolicy, target: &Target, kind: EventKind, now: Timestamp) -> Event {
    Event {
        environment: Some(environment(policy, target)),
        service: Some(target.service().to_string()),
        image: Some(target.image().to_string()),
        from: target.running.first().map(|running| running.tag.to_string()),
        ..Event::new(kind, Phase::Began, now)
    }
}

fn environment(policy: &RepositoryPolicy, target: &Target) -> String {
    policy.environments[target.environment].policy.name.to_string()
}
