//! What came of it: which version came where, when, and what it waited for.

use std::time::Duration;

use crate::model::{EnvironmentName, ImageName, ServiceName, Tag, Timestamp};
use crate::policy::{Candidate, GateName};

/// What came where between two times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayReport {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// Every image of every service in every environment, by environment, service and image.
    pub targets: Vec<TargetReplay>,
}

/// What came to one environment of one image of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetReplay {
    /// The environment.
    pub environment: EnvironmentName,
    /// The service.
    pub service: ServiceName,
    /// The image.
    pub image: ImageName,
    /// The lowest version that ran at the beginning; nothing when it was not there yet.
    pub began_with: Option<Candidate>,
    /// The versions of which it is known that the registry got them in this time, and that the rules admit here, ascending.
    pub released: Vec<Released>,
    /// What came, in order.
    pub arrivals: Vec<Arrival>,
    /// What would come and may not at the end.
    pub waiting: Option<Waiting>,
    /// Releases that came faster than they could soak, if they did.
    pub starved: Option<StarvationPeriod>,
}

/// A version that the registry got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The version.
    pub candidate: Candidate,
    /// When.
    pub at: Timestamp,
}

/// A version that came to run in every path of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The version.
    pub candidate: Candidate,
    /// The lowest version that ran before.
    pub from: Option<Candidate>,
    /// When.
    pub at: Timestamp,
    /// Whether a promotion brought it that nobody asked for by hand.
    pub by_schedule: bool,
    /// Since when it was the one to come, where that is known.
    pub due_since: Option<Timestamp>,
    /// For which gates it waited, and how long for each, in the order in which they are told.
    pub waited: Vec<(GateName, Duration)>,
}

/// A version that would come and may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The version.
    pub candidate: Candidate,
    /// Since when it is the one to come.
    pub since: Timestamp,
    /// The first gate that is closed.
    pub gate: Option<GateName>,
}

/// Releases that came faster than they could soak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StarvationPeriod {
    /// How many versions in a row were replaced before their soak was over, at most.
    pub superseded_count: usize,
    /// Since when that row.
    pub since: Timestamp,
    /// Until when it was seen.
    pub until: Timestamp,
}

impl ReplayReport {
    /// The targets of an environment.
    pub fn of<'a>(&'a self, environment: &'a EnvironmentName) -> impl Iterator<Item = &'a TargetReplay> {
        self.targets.iter().filter(move |target| target.environment == *environment)
    }

    /// The same, of some services only.
    #[must_use]
    pub fn only(mut self, is_wanted: impl Fn(&ServiceName) -> bool) -> Self {
        self.targets.retain(|target| is_wanted(&target.service));
        self
    }
}

impl TargetReplay {
    /// When a tag came, if it did; the first time.
    pub fn arrived_at(&self, tag: &Tag) -> Option<Timestamp> {
        self.arrivals.iter().find(|arrival| arrival.candidate.tag == *tag).map(|arrival| arrival.at)
    }

    /// The versions that were released and never came, since a higher one did.
    pub fn skipped(&self) -> impl Iterator<Item = &Released> {
        self.missing().filter(|released| self.is_passed(released))
    }

    /// The versions that were released and had not come at the end, and no higher one either.
    pub fn pending(&self) -> impl Iterator<Item = &Released> {
        self.missing().filter(|released| !self.is_passed(released))
    }

    /// The versions that were released, might have come, and never did.
    fn missing(&self) -> impl Iterator<Item = &Released> {
        let arrived: std::collections::HashSet<&Tag> =
            self.arrivals.iter().map(|arrival| &arrival.candidate.tag).collect();
        let is_higher = |released: &&Released| {
            self.began_with.as_ref().is_some_and(|began| released.candidate.version > began.version)
        };
        let released = self.released.iter().filter(is_higher);
        released.filter(move |released| !arrived.contains(&released.candidate.tag))
    }

    fn is_passed(&self, released: &Released) -> bool {
        let passes = |arrival: &Arrival| arrival.candidate.version > released.candidate.version;
        self.arrivals.iter().rev().any(passes)
    }
}
