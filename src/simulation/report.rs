//! The result of a replay: which version reached which environment when, and what it waited for.

use std::time::Duration;

use crate::model::{EnvironmentName, ImageName, ServiceName, Tag, Timestamp};
use crate::policy::{Candidate, GateName};

/// The arrivals of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayReport {
    /// Start of the period.
    pub from: Timestamp,
    /// End of the period.
    pub to: Timestamp,
    /// Every target, by environment, service and image.
    pub targets: Vec<TargetReplay>,
}

/// The arrivals of one image of one service in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetReplay {
    /// The environment.
    pub environment: EnvironmentName,
    /// The service.
    pub service: ServiceName,
    /// The image.
    pub image: ImageName,
    /// The lowest version at the start; `None` if the service was not there yet.
    pub began_with: Option<Candidate>,
    /// Versions known to have been pushed in the period and admitted here, ascending.
    pub released: Vec<Released>,
    /// Arrivals, in order.
    pub arrivals: Vec<Arrival>,
    /// The candidate that still waits at the end.
    pub waiting: Option<Waiting>,
    /// Starvation, if releases came faster than they could soak.
    pub starved: Option<StarvationPeriod>,
}

/// A version pushed to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The version.
    pub candidate: Candidate,
    /// When it was pushed.
    pub at: Timestamp,
}

/// A version that came to run in every path of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The version.
    pub candidate: Candidate,
    /// The lowest version before.
    pub from: Option<Candidate>,
    /// When it arrived.
    pub at: Timestamp,
    /// Whether a scheduled promotion brought it.
    pub by_schedule: bool,
    /// Since when it was the candidate, if known.
    pub due_since: Option<Timestamp>,
    /// The gates that it waited for, and how long for each, in the order of the gates.
    pub waited: Vec<(GateName, Duration)>,
}

/// A candidate that still waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The version.
    pub candidate: Candidate,
    /// Since when it is the candidate.
    pub since: Timestamp,
    /// The first closed gate.
    pub gate: Option<GateName>,
}

/// Releases that came faster than they could soak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StarvationPeriod {
    /// The longest row of versions that were replaced before their soak ended.
    pub superseded_count: usize,
    /// Since when.
    pub since: Timestamp,
    /// Until when it was observed.
    pub until: Timestamp,
}

impl ReplayReport {
    /// The targets of an environment.
    pub fn of<'a>(&'a self, environment: &'a EnvironmentName) -> impl Iterator<Item = &'a TargetReplay> {
        self.targets.iter().filter(move |target| target.environment == *environment)
    }

    /// The report for some services only.
    #[must_use]
    pub fn only(mut self, is_wanted: impl Fn(&ServiceName) -> bool) -> Self {
        self.targets.retain(|target| is_wanted(&target.service));
        self
    }
}

impl TargetReplay {
    /// The pushed versions that were passed over for a higher one.
    pub fn skipped(&self) -> impl Iterator<Item = &Released> {
        self.missing().filter(|released| self.is_passed(released))
    }

    /// The pushed versions for which neither they nor a higher one had arrived by the end.
    pub fn pending(&self) -> impl Iterator<Item = &Released> {
        self.missing().filter(|released| !self.is_passed(released))
    }

    /// The pushed versions that never arrived.
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
