//! What `tidegate promote` and `tidegate rollback` share: try, ask, do.

use crate::cli::output::Output;
use crate::cli::person;
use crate::cli::wiring::Session;
use crate::engine::{ConfirmedPlan, PassOptions, PassReport, Problem};
use crate::model::{Class, Fault, ServiceName};

use super::activity;

/// How a move is confirmed and announced.
pub(super) struct Prompt<'a> {
    pub(super) is_confirmed: bool,
    pub(super) question: &'a str,
    /// Shown while the move is made.
    pub(super) activity: &'static str,
}

/// Does what is asked for. On a terminal, tries first, shows the result and asks; then does exactly what was shown, or less,
/// or nothing.
pub(super) async fn carry_out(
    session: &mut Session,
    options: &PassOptions,
    prompt: &Prompt<'_>,
    output: &Output,
    show: impl Fn(&Session, &PassReport) -> String,
) -> Result<PassReport, Fault> {
    let asks = !options.dry_run && !prompt.is_confirmed && output.is_terminal();
    if !asks {
        let lock = session.try_lock()?;
        let options = PassOptions { recovers: lock.is_some(), ..options.clone() };
        return activity::during(prompt.activity, session.pass(&options)).await;
    }
    let tried = PassOptions { dry_run: true, ..options.clone() };
    let tried = activity::during("Planning", session.pass(&tried)).await?;
    if tried.is_idle() {
        return Ok(tried);
    }
    person::confirm(output, &show(session, &tried), prompt.question)?;
    let lock = session.try_lock()?;
    let options = PassOptions { recovers: lock.is_some(), ..options.clone() };
    let confirmed = ConfirmedPlan::of(tried.plans());
    activity::during(prompt.activity, session.engine.pass_confirmed(&options, &confirmed)).await
}

/// Removes the problems of other services from a report, and counts them.
pub(super) fn remove_unrelated(report: &mut PassReport, is_meant: impl Fn(&ServiceName) -> bool) -> usize {
    let before = report.problems.len();
    report.problems.retain(|problem| concerns(problem, &is_meant));
    before - report.problems.len()
}

fn concerns(problem: &Problem, is_meant: &impl Fn(&ServiceName) -> bool) -> bool {
    match (&problem.service, &problem.place) {
        (Some(service), _) => is_meant(service),
        // A file that belongs to no service.
        (None, Some(_)) => false,
        // A registry: only those of the services were asked. A refusal is about a folder.
        (None, None) => problem.class != Class::Refused,
    }
}
