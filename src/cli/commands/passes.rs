//! The passes of a command: one at once, for what can be decided, and others when registries that were silent answer.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::cli::output::Output;
use crate::cli::wiring::Session;
use crate::engine::PassReport;
use crate::model::Fault;

use super::activity;

/// How long a command waits for silent registries, after it did what it could without them.
const LATE_WAIT: Duration = Duration::from_secs(20);

/// Runs `pass`, and again whenever a registry answers that was silent. Returns what all of them did.
pub(super) async fn until_answered(
    session: &mut Session,
    output: &Output,
    pass: impl AsyncFn(&mut Session) -> Result<PassReport, Fault>,
) -> Result<PassReport, Fault> {
    let mut report = pass(session).await?;
    let deadline = Instant::now() + LATE_WAIT;
    let mut announced = String::new();
    loop {
        let silent = report.silent_registries().join(", ");
        if silent.is_empty() {
            return Ok(report);
        }
        let activity = format!("Waiting for {silent}");
        if announced != silent && !activity::is_shown() && !output.is_quiet() {
            output.complain(&format!("waiting up to {} s for {silent}\n", LATE_WAIT.as_secs()));
        }
        announced = silent;
        let answer = timeout_at(deadline, session.engine.late_answer());
        if !activity::during(activity, answer).await.unwrap_or(false) {
            return Ok(report);
        }
        report = pass(session).await?.after(report);
    }
}
