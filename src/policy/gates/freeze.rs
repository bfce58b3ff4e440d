//! The freeze gate: nothing is promoted while a freeze is in effect.

use std::fmt;

use crate::model::Printable;
use crate::policy::calendar::freeze_in_effect;
use crate::policy::shown::ShownTime;

use super::{Answer, GateName, GateReport, Question, Reason};

/// Why the freeze gate answers as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreezeReason {
    /// No freeze is in effect.
    Thawed,
    /// A freeze is.
    Frozen {
        /// What people call it; of several, the one that ends last.
        name: Box<str>,
        /// When it and those that follow on without a break are over.
        until: ShownTime,
    },
}

pub(super) fn ask(question: Question<'_>) -> GateReport {
    let environment = question.policy.environment;
    let found = freeze_in_effect(&environment.freezes, &environment.name, environment.zone, question.now);
    let (answer, reason) = match found {
        None => (Answer::Open, FreezeReason::Thawed),
        Some(in_effect) => {
            let until = ShownTime { at: in_effect.until, zone: environment.zone };
            let name = in_effect.freeze.name().into();
            (Answer::ClosedUntil(in_effect.until), FreezeReason::Frozen { name, until })
        }
    };
    GateReport { gate: GateName::Freeze, answer, reason: Reason::Freeze(reason) }
}

impl fmt::Display for FreezeReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thawed => write!(formatter, "no freeze is in effect"),
            Self::Frozen { name, until } => {
                write!(formatter, "frozen ({}) until {until}", Printable::bounded(name, 60))
            }
        }
    }
}
