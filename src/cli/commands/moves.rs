//! Shared by `tidegate promote` and `tidegate rollback`: preview, confirmation, action.

use crate::cli::output::Output;
use crate::cli::person;
use crate::cli::wiring::Session;
use crate::engine::{ConfirmedPlan, PassMode, PassOptions, PassReport, Problem};
use crate::model::{Class, Fault, ServiceName};

use super::{activity, passes};

/// The confirmation and announcement of a move.
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
    let confirmed = if asks {
        let tried = PassOptions { dry_run: true, ..options.clone() };
        let tried = carry_out_or_wait(session, &tried, ("Planning", None), output).await?;
        if tried.is_idle() {
            return Ok(tried);
        }
        person::confirm(output, &show(session, &tried), prompt.question)?;
        Some(ConfirmedPlan::of(tried.plans()))
    } else {
        None
    };
    carry_out_or_wait(session, options, (prompt.activity, confirmed.as_ref()), output).await
}

/// One pass for a rollback, which waits for no registry; otherwise others when silent registries answer.
async fn carry_out_or_wait(
    session: &mut Session,
    options: &PassOptions,
    (activity, confirmed): (&'static str, Option<&ConfirmedPlan>),
    output: &Output,
) -> Result<PassReport, Fault> {
    let pass = async |session: &mut Session| {
        let lock = session.try_lock()?;
        let options = PassOptions { recovers: lock.is_some(), ..options.clone() };
        match confirmed {
            Some(confirmed) => {
                activity::during(activity, session.engine.pass_confirmed(&options, confirmed)).await
            }
            None => activity::during(activity, session.pass(&options)).await,
        }
    };
    match options.mode {
        PassMode::Rollback(_) => pass(session).await,
        // The daemon goes on when a registry answers late.
        _ if output.is_captured() => pass(session).await,
        _ => passes::until_answered(session, output, pass).await,
    }
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
