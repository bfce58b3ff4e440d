//! The freeze gate: nothing is promoted while a freeze is in effect, be it configured or ordered by a control file.

use std::fmt;

use crate::model::Printable;
use crate::policy::calendar::freeze_in_effect;
use crate::policy::local_time::LocalTime;

use super::hold::{ControlReference, UnreadableFile};
use super::question::{Answer, Question};
use crate::policy::gate_name::GateName;

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
        until: LocalTime,
        /// Who ordered it and why, when a control file did.
        order: Option<ControlReference>,
    },
    /// A control file that may be a freeze can't be read.
    Unreadable(UnreadableFile),
}

pub(super) fn ask(question: Question<'_>) -> (Answer, FreezeReason) {
    if let Some(problem) = UnreadableFile::of(question, GateName::Freeze) {
        return (Answer::Closed, FreezeReason::Unreadable(problem));
    }
    let environment = question.policy.environment;
    let controls = question.facts.controls;
    let freezes = environment.freezes.iter().chain(controls.freezes());
    let Some(in_effect) = freeze_in_effect(&freezes, &environment.name, environment.zone, question.now)
    else {
        return (Answer::Open, FreezeReason::Thawed);
    };
    let mut orders = controls.freeze_orders();
    let order = orders.find(|order| std::ptr::eq(&raw const order.freeze, in_effect.freeze));
    let reason = FreezeReason::Frozen {
        name: in_effect.freeze.name().into(),
        until: LocalTime { at: in_effect.until, zone: environment.zone },
        order: order.map(|order| ControlReference::of(question, &order.note)),
    };
    (Answer::ClosedUntil(in_effect.until), reason)
}

impl fmt::Display for FreezeReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thawed => write!(formatter, "no freeze is in effect"),
            Self::Frozen { name, until, order } => {
                write!(formatter, "frozen ({}) until {until}", Printable::bounded(name, 60))?;
                order.as_ref().map_or(Ok(()), |order| write!(formatter, ", {order}"))
            }
            Self::Unreadable(problem) => problem.fmt(formatter),
        }
    }
}
