//! What `tidegate promote` and `tidegate rollback` share: trying, asking, doing.

use crate::cli::output::Output;
use crate::cli::person;
use crate::cli::wiring::Session;
use crate::engine::{ConfirmedPlan, PassOptions, PassReport, Problem};
use crate::model::{Class, Fault, ServiceName};

use super::activity;

/// How a move is gone about.
pub(super) struct Way<'a> {
    pub(super) is_yes: bool,
    /// What is asked, when there is something to ask about.
    pub(super) question: &'a str,
    /// What is told while it is done.
    pub(super) doing: &'static str,
}

/// Does what is asked for. At a terminal it is tried first, shown, and asked about; and what is done then is what was shown,
/// or less, or nothing.
pub(super) async fn carry_out(
    session: &mut Session,
    request: &PassOptions,
    way: &Way<'_>,
    output: &Output,
    show: impl Fn(&Session, &PassReport) -> String,
) -> Result<PassReport, Fault> {
    let is_asked = !request.dry_run && !way.is_yes && output.is_terminal();
    if !is_asked {
        let _turn = session.turn(output).await?;
        return activity::during(way.doing, session.engine.pass(request)).await;
    }
    let tried = {
        let _turn = session.turn(output).await?;
        let tried = PassOptions { dry_run: true, ..request.clone() };
        activity::during("Looking", session.engine.pass(&tried)).await?
    };
    if tried.is_idle() {
        return Ok(tried);
    }
    person::confirm(output, false, &show(session, &tried), way.question)?;
    let _turn = session.turn(output).await?;
    let agreed = ConfirmedPlan::to(&tried);
    activity::during(way.doing, session.engine.pass_as_agreed(request, &agreed)).await
}

/// Leaves what concerns other services out of a report: whoever moves one does not ask about them. Answers how many there
/// were.
pub(super) fn set_aside(report: &mut PassReport, is_meant: impl Fn(&ServiceName) -> bool) -> usize {
    let before = report.problems.len();
    report.problems.retain(|problem| concerns(problem, &is_meant));
    before - report.problems.len()
}

fn concerns(problem: &Problem, is_meant: &impl Fn(&ServiceName) -> bool) -> bool {
    match (&problem.service, &problem.place) {
        (Some(service), _) => is_meant(service),
        // A file that says of no service whose it is.
        (None, Some(_)) => false,
        // A registry; only those are asked that matter here. What is refused is a folder's oddity.
        (None, None) => problem.class != Class::Refused,
    }
}
