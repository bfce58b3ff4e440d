//! Freezes: periods in which nothing is promoted.

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use thiserror::Error;

use crate::model::{Class, EnvironmentName, Fault, Timestamp};

use super::wall::{beginning, ending};

/// A period in which environments stay as they are, in local time; the start is included, the end is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    name: Box<str>,
    environments: Vec<EnvironmentName>,
    from: NaiveDateTime,
    to: NaiveDateTime,
}

/// The values make no valid freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FreezeError {
    /// It does not end after it starts.
    #[error("the freeze ends at {to}, which is not after its beginning at {from}")]
    Empty {
        /// Its start.
        from: NaiveDateTime,
        /// Its end.
        to: NaiveDateTime,
    },
}

/// A freeze in effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) struct InEffect<'a> {
    /// The freeze; of several, the one that ends last.
    pub(in crate::policy) freeze: &'a Freeze,
    /// When the environment thaws: the end of this freeze and of those that follow without a gap.
    pub(in crate::policy) until: Timestamp,
}

impl Freeze {
    /// A freeze of these environments, or of all if there are none.
    ///
    /// # Errors
    /// When it does not end after it starts.
    pub fn new(
        name: impl Into<Box<str>>,
        environments: Vec<EnvironmentName>,
        from: NaiveDateTime,
        to: NaiveDateTime,
    ) -> Result<Self, FreezeError> {
        if from >= to {
            return Err(FreezeError::Empty { from, to });
        }
        Ok(Self { name: name.into(), environments, from, to })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it covers the environment.
    pub fn covers(&self, environment: &EnvironmentName) -> bool {
        self.environments.is_empty() || self.environments.contains(environment)
    }

    /// Whether it is over at `now`.
    pub fn is_over(&self, zone: Tz, now: Timestamp) -> bool {
        now >= ending(self.to, zone)
    }

    /// Whether it is in effect at `now`.
    pub fn is_in_effect(&self, zone: Tz, now: Timestamp) -> bool {
        self.end_if_in_effect(zone, now).is_some()
    }

    /// Its start and end, in local time.
    pub fn span(&self) -> (NaiveDateTime, NaiveDateTime) {
        (self.from, self.to)
    }

    /// The environments that it covers; empty for all.
    pub fn environments(&self) -> &[EnvironmentName] {
        &self.environments
    }

    /// Its end, if it is in effect at `now`.
    fn end_if_in_effect(&self, zone: Tz, now: Timestamp) -> Option<Timestamp> {
        if now < beginning(self.from, zone) {
            return None;
        }
        let end = ending(self.to, zone);
        (now < end).then_some(end)
    }
}

/// The freeze of `environment` that is in effect at `now`.
pub(in crate::policy) fn freeze_in_effect<'a>(
    freezes: &(impl Iterator<Item = &'a Freeze> + Clone),
    environment: &EnvironmentName,
    zone: Tz,
    now: Timestamp,
) -> Option<InEffect<'a>> {
    let ends_last = |instant: Timestamp| {
        freezes
            .clone()
            .filter(|freeze| freeze.covers(environment))
            .filter_map(|freeze| Some((freeze.end_if_in_effect(zone, instant)?, freeze)))
            .max_by(|a, b| a.0.cmp(&b.0).then_with(|| b.1.name.cmp(&a.1.name)))
    };
    let (mut until, freeze) = ends_last(now)?;
    while let Some((later, _)) = ends_last(until) {
        until = later;
    }
    Some(InEffect { freeze, until })
}

impl FreezeError {
    /// How to correct it.
    pub fn hint(self) -> &'static str {
        "write an end that is after the beginning"
    }

    /// The error class, for exit codes.
    pub fn class(self) -> Class {
        Class::Usage
    }
}

impl From<FreezeError> for Fault {
    fn from(error: FreezeError) -> Self {
        Self::new(error.class(), error.to_string()).with_hint(error.hint())
    }
}
