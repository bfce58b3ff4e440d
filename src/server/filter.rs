//! Which services a page or an answer shows.

use std::str::FromStr;

use crate::model::ServicePattern;
use crate::view::{EnvironmentState, EnvironmentStatus, ServiceStatus};

/// Which services are shown.
#[derive(Clone, Debug, Default)]
pub(super) struct StatusFilter {
    /// Names and patterns of services; every service without any.
    pub(super) services: Vec<ServicePattern>,
    /// Parts of names of services or images, in lower case; like `services`.
    pub(super) words: Vec<String>,
    /// The environments that are shown; all without any.
    pub(super) environments: Vec<String>,
    /// Only services in one of these states in an environment that is shown.
    pub(super) states: Vec<StateChoice>,
}

/// A state, or several under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateChoice {
    One(EnvironmentState),
    /// Somebody must act.
    Attention,
}

impl StateChoice {
    pub(super) const HINT: &str =
        "write attention, upToDate, open, inReview, waiting, blocked, refused, failed or undecided";

    pub(super) fn admits(self, state: EnvironmentState) -> bool {
        match self {
            Self::One(one) => one == state,
            Self::Attention => needs_attention(state),
        }
    }
}

/// Whether neither time nor the next pass helps.
pub(super) fn needs_attention(state: EnvironmentState) -> bool {
    matches!(
        state,
        EnvironmentState::Blocked
            | EnvironmentState::Refused
            | EnvironmentState::Failed
            | EnvironmentState::Undecided
    )
}

/// Not a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoState;

impl FromStr for StateChoice {
    type Err = NoState;

    fn from_str(text: &str) -> Result<Self, NoState> {
        if text == "attention" {
            return Ok(Self::Attention);
        }
        let one = EnvironmentState::ALL.into_iter().find(|state| state.as_str() == text);
        one.map(Self::One).ok_or(NoState)
    }
}

impl StatusFilter {
    /// Whether a service is shown.
    pub(super) fn admits(&self, row: &ServiceStatus) -> bool {
        self.is_named(row)
            && self
                .shown(row)
                .any(|here| self.states.is_empty() || self.states.iter().any(|one| one.admits(here.state)))
    }

    fn is_named(&self, row: &ServiceStatus) -> bool {
        if self.services.is_empty() && self.words.is_empty() {
            return true;
        }
        let service = row.service.parse().ok();
        let matches = |pattern: &ServicePattern| service.as_ref().is_some_and(|name| pattern.matches(name));
        let has = |word: &String| {
            row.service.to_lowercase().contains(word) || row.image.to_lowercase().contains(word)
        };
        self.services.iter().any(matches) || self.words.iter().any(has)
    }

    /// The environments of a service that are shown.
    pub(super) fn shown<'a>(&'a self, row: &'a ServiceStatus) -> impl Iterator<Item = &'a EnvironmentStatus> {
        let is_shown = |here: &&EnvironmentStatus| {
            self.environments.is_empty() || self.environments.contains(&here.environment)
        };
        row.environments.iter().filter(is_shown)
    }

    /// The row with the environments that are shown.
    pub(super) fn with_environments(&self, row: &ServiceStatus) -> ServiceStatus {
        ServiceStatus {
            service: row.service.clone(),
            image: row.image.clone(),
            environments: self.shown(row).cloned().collect(),
        }
    }
}
