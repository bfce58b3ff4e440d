//! `tidegate explain`: why a version is where it is, and when the next one comes. Changes nothing.

mod goal;
mod wait;

use std::process::ExitCode;

use crate::cli::args::{Explain, Global};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::signals::Signals;
use crate::cli::wiring::{Session, load};
use crate::engine::{Explained, Question, Verdict};
use crate::model::{Class, Fault};
use crate::view::{self, Waited};

use super::activity;
use super::resolve::{self, Typed};

pub(super) async fn run(session: &mut Session, args: &Explain, output: &Output) -> Result<ExitCode, Fault> {
    let questions = questions(session, args).await?;
    let explained = activity::during("Evaluating", Box::pin(explain(session, &questions))).await?;
    conclude(&explained, None, output)
}

/// One question for each service.
async fn questions(session: &mut Session, args: &Explain) -> Result<Vec<Question>, Fault> {
    let typed = Typed::from(&args.services);
    let exact = typed.patterns()?.and_then(|patterns| {
        patterns.iter().map(|pattern| pattern.exact().cloned()).collect::<Option<Vec<_>>>()
    });
    let services = match exact {
        Some(services) => services,
        None => typed.services(&*resolve::refresh(session).await?)?,
    };
    let question = |service| Question {
        service,
        environment: args.env.clone(),
        image: args.image.clone(),
        tag: args.tag.clone(),
    };
    Ok(services.into_iter().map(question).collect())
}

/// The explanations of every service, as one.
async fn explain(session: &mut Session, questions: &[Question]) -> Result<Explained, Fault> {
    let mut all: Option<Explained> = None;
    for question in questions {
        let one = Box::pin(session.engine.explain(question)).await?;
        match &mut all {
            None => all = Some(one),
            Some(all) => {
                all.explanations.extend(one.explanations);
                all.next_opening = [all.next_opening, one.next_opening].into_iter().flatten().min();
            }
        }
    }
    all.ok_or_else(|| Fault::new(Class::Usage, "no service matches"))
}

/// Waits until a signal stops it. Only a question to Git may be under way then, which stops with it.
pub(super) async fn wait(global: &Global, args: &Explain, output: &Output) -> Result<ExitCode, Fault> {
    let mut signals = Signals::listen()?;
    let mut session = Session::of(load(global, output)?).await?;
    let questions = questions(&mut session, args).await?;
    let stop = session.stop.clone();
    let end = tokio::select! {
        end = wait::wait(&mut session, args, &questions, output) => end?,
        _ = signals.next() => {
            stop.ask();
            return Err(Fault::new(Class::TryAgain, "stopped by a signal before it was there"));
        }
    };
    conclude(&end.explained, Some(end.waited), output)
}

/// Prints an explanation. The exit code is its worst verdict, or how the wait ended.
fn conclude(explained: &Explained, waited: Option<Waited>, output: &Output) -> Result<ExitCode, Fault> {
    output.result("Explain", || view::explain(explained, waited), || render::explain::render(explained))?;
    let class = match (waited.map(|waited| waited.outcome), explained.verdict()) {
        (Some("reached"), _) => None,
        (Some(_), Verdict::Nothing | Verdict::Open) => Some(Class::GateClosed),
        (_, verdict) => verdict.class(),
    };
    Ok(class.map_or(ExitCode::SUCCESS, |class| ExitCode::from(class.exit_code())))
}
