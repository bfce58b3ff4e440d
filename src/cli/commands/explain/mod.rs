//! `tidegate explain`: why a version is where it is, and when the next one comes. Changes nothing.

mod goal;
mod wait;

use std::process::ExitCode;

use crate::cli::args::{Explain, Format, Global};
use crate::cli::output::Output;
use crate::cli::render::{self, Waited};
use crate::cli::signals::Signals;
use crate::cli::wiring::{Session, load};
use crate::engine::{Explained, Question, Verdict};
use crate::model::{Class, Fault};

use super::activity;

pub(super) async fn run(global: &Global, args: &Explain, output: &Output) -> Result<ExitCode, Fault> {
    let question = Question {
        service: args.service.clone(),
        environment: args.env.clone(),
        image: args.image.clone(),
        tag: args.tag.clone(),
    };
    if args.wait {
        return wait(global, args, &question, output).await;
    }
    let mut session = Session::open(global, output).await?;
    let _turn = session.turn(output).await?;
    let explained = activity::during("Looking", Box::pin(session.engine.explain(&question))).await?;
    conclude(&explained, None, output)
}

/// Waits until a signal ends it. Nothing is under way then but a question to Git, which is ended along with it.
async fn wait(
    global: &Global,
    args: &Explain,
    question: &Question,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut signals = Signals::listen()?;
    let mut session = Session::of(load(global, output)?, output).await?;
    let stop = session.stop.clone();
    let end = tokio::select! {
        end = wait::wait(&mut session, args, question, output) => end?,
        _ = signals.next() => {
            stop.ask();
            return Err(Fault::new(Class::TryAgain, "told to stop before it had come"));
        }
    };
    conclude(&end.explained, Some(end.waited), output)
}

/// Prints an explanation. The worst of it is the exit code, or how the waiting ended.
fn conclude(explained: &Explained, waited: Option<Waited>, output: &Output) -> Result<ExitCode, Fault> {
    match output.format {
        Format::Text => output.text(&render::explain::render(explained))?,
        Format::Json => output.json("Explain", &render::json::explain(explained, waited))?,
    }
    let class = match (waited.map(|waited| waited.outcome), explained.verdict()) {
        (Some("reached"), _) => None,
        (Some(_), Verdict::Nothing | Verdict::Open) => Some(Class::GateClosed),
        (_, verdict) => verdict.class(),
    };
    Ok(class.map_or(ExitCode::SUCCESS, |class| ExitCode::from(class.exit_code())))
}
