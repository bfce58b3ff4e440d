//! The freeze gate: no freeze of the configuration or of a control file is in effect.

use std::fmt;

use crate::model::Printable;
use crate::policy::calendar::freeze_in_effect;
use crate::policy::local_time::LocalTime;

use super::hold::{ControlReference, UnreadableFile};
use super::question::{Answer, Question};
use crate::policy::gate_name::GateName;

/// The reason of the freeze gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreezeReason {
    /// No freeze is in effect.
    Thawed,
    /// A freeze is in effect.
    Frozen {
        /// Its name; of several freezes, the one that ends last.
        name: Box<str>,
        /// The end of it and of freezes that follow without a gap.
        until: LocalTime,
        /// The control file that it comes from.
        order: Option<ControlReference>,
    },
    /// An unreadable control file may be a freeze.
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
