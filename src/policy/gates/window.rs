//! The window gate: a window is open, if any is configured.

use std::fmt;

use crate::policy::calendar::{Opening, opening};
use crate::policy::local_time::LocalTime;

use super::question::{Answer, Question};

/// The reason of the window gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowReason {
    /// There are no windows.
    Always,
    /// Inside a window.
    Inside,
    /// Outside every window.
    Outside {
        /// The next opening, if within three weeks.
        opens_at: Option<LocalTime>,
    },
}

pub(super) fn ask(question: Question<'_>) -> (Answer, WindowReason) {
    let environment = question.policy.environment;
    match opening(&environment.windows, environment.zone, question.now) {
        Opening::Always => (Answer::Open, WindowReason::Always),
        Opening::Now => (Answer::Open, WindowReason::Inside),
        Opening::At(opens_at) => {
            let shown = opens_at.map(|at| LocalTime { at, zone: environment.zone });
            let answer = opens_at.map_or(Answer::Closed, Answer::ClosedUntil);
            (answer, WindowReason::Outside { opens_at: shown })
        }
    }
}

impl fmt::Display for WindowReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => write!(formatter, "no windows are configured"),
            Self::Inside => write!(formatter, "inside a window"),
            Self::Outside { opens_at: Some(opens_at) } => {
                write!(formatter, "outside every window; the next opens at {opens_at}")
            }
            Self::Outside { opens_at: None } => {
                write!(formatter, "outside every window, and none opens within three weeks")
            }
        }
    }
}
