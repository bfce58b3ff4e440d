//! `tidegate promote`: one service by hand, through the same gates.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use crate::cli::args::{Format, Global, Promote};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::{ByHand, PassReport, Request, What};
use crate::model::{Class, Fault};
use crate::policy::{Answer, Decision, Insistence, Override};

use super::{activity, exit_code};

pub(super) async fn run(global: &Global, args: &Promote, output: &Output) -> Result<ExitCode, Fault> {
    let request = request(args)?;
    let service = format!("{} in {}", args.service, args.to);
    let mut session = Session::open(global, output).await?;
    let preview = {
        let _turn = session.turn(output).await?;
        let preview = Request { dry_run: true, ..request.clone() };
        activity::during("Looking", session.engine.pass(&preview)).await?
    };
    let is_over = preview.planned.is_empty();
    if is_over || args.dry_run {
        return conclude(&session, &preview, &service, output);
    }
    if output.is_terminal() && !args.yes {
        output.text(&render::plan::by_hand(session.engine.rulebook(), &preview, &service))?;
        if !is_confirmed()? {
            return Err(Fault::new(Class::Failed, "not confirmed; nothing was changed"));
        }
    }
    let _turn = session.turn(output).await?;
    let report = activity::during("Promoting", session.engine.pass(&request)).await?;
    conclude(&session, &report, &service, output)
}

fn request(args: &Promote) -> Result<Request, Fault> {
    let reason = args.reason.clone().unwrap_or_default();
    let overrides = args.overrides.iter().map(|gate| Override::new(*gate, &reason));
    let by_hand = ByHand {
        services: vec![args.service.clone().into()],
        to: Some(args.to.clone()),
        tag: args.tag.clone(),
        image: args.image.clone(),
        insistence: Insistence { overrides: overrides.collect::<Result<_, _>>()?, ..Insistence::default() },
    };
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let requested_by = user.filter(|user| !user.is_empty()).unwrap_or_else(|| "somebody by hand".to_owned());
    Ok(Request { what: What::Some(by_hand), requested_by, dry_run: false })
}

/// Tells what came of it. A closed gate is 3, a refusal 4.
fn conclude(
    session: &Session,
    report: &PassReport,
    service: &str,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let rulebook = session.engine.rulebook();
    match output.format {
        Format::Text => output.text(&render::plan::by_hand(rulebook, report, service))?,
        Format::Json => output.json("Promote", &render::json::pass(rulebook, report))?,
    }
    let evaluations = report.assessment.decisions.iter().flatten().filter_map(|decision| match decision {
        Decision::Wait(evaluation) => Some(evaluation),
        Decision::Current { .. } | Decision::Promote(_) => None,
    });
    let answers: Vec<Answer> =
        evaluations.flat_map(|evaluation| evaluation.closed()).map(|report| report.answer).collect();
    if answers.contains(&Answer::Refused) {
        return Ok(ExitCode::from(Class::Refused.exit_code()));
    }
    if !answers.is_empty() {
        return Ok(ExitCode::from(Class::GateClosed.exit_code()));
    }
    Ok(exit_code(&report.problems))
}

fn is_confirmed() -> Result<bool, Fault> {
    let failed = |error| Fault::new(Class::Failed, "cannot ask").with_source(error);
    if !io::stdin().is_terminal() {
        return Err(Fault::new(Class::Usage, "nobody can be asked, since the input is not a terminal")
            .with_hint("say --yes"));
    }
    let mut question = io::stderr();
    question.write_all(b"\nPromote? [y/N] ").and_then(|()| question.flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
