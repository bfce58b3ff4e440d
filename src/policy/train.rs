//! The train: a version stays where it soaks until it has gone on, so that frequent releases cannot starve what comes
//! after.

use crate::model::EnvironmentName;

use super::decide::Decision;
use super::evaluate::GateEvaluation;
use super::facts::TrainHold;
use super::gates::{Answer, GateName};

/// What the environment before must keep for the sake of `to`, by what was decided there.
///
/// Nothing, when nothing waits to come, when it comes in this very pass, or when only a person could let it come: a version
/// that somebody moved back from or quarantined, or whose digest moved, holds nobody up.
pub fn train_hold(to: &EnvironmentName, decision: &Decision) -> Option<TrainHold> {
    let Decision::Wait(evaluation) = decision else { return None };
    let is_lost = evaluation.closed().any(|report| {
        report.answer == Answer::Refused
            || (report.answer == Answer::Closed
                && matches!(report.gate, GateName::Order | GateName::Quarantine))
    });
    (!is_lost).then(|| waiting(to, evaluation))
}

fn waiting(to: &EnvironmentName, evaluation: &GateEvaluation) -> TrainHold {
    TrainHold { to: to.clone(), tag: evaluation.candidate().tag.clone(), leaves_at: evaluation.earliest() }
}
