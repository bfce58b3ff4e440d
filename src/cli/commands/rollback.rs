//! `tidegate rollback`: back to what ran before, and the version that is left is quarantined, in one commit.

use std::process::ExitCode;

use crate::cli::args::{Format, Global, Rollback};
use crate::cli::output::Output;
use crate::cli::person;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::{PassMode, PassOptions, PassReport, RollbackRequest};
use crate::model::{Fault, ServiceName};

use super::moves::{Way, carry_out, set_aside};
use super::{exit_code, known};

pub(super) async fn run(global: &Global, args: &Rollback, output: &Output) -> Result<ExitCode, Fault> {
    let mut session = Session::open(global, output).await?;
    let service = service(&mut session, &args.service, output).await?;
    let back = RollbackRequest {
        service: service.clone(),
        environment: args.environment.clone(),
        to: args.to.clone(),
        image: args.image.clone(),
        reason: args.reason.trim().to_owned(),
        quarantines: !args.no_quarantine,
        accept_digest: args.accept_digest.clone(),
    };
    let request =
        PassOptions { mode: PassMode::Rollback(back), requested_by: person::name(), dry_run: args.dry_run };
    let question = format!("Roll back {service} in {}?", args.environment);
    let way = Way { is_yes: args.yes, question: &question, doing: "Rolling back" };
    let show = |session: &Session, report: &PassReport| {
        render::by_hand::rollback(
            session.engine.repository_policy(),
            report,
            &args.reason,
            global.verbose > 0,
        )
    };
    let mut report = carry_out(&mut session, &request, &way, output, show).await?;
    set_aside(&mut report, |other| *other == service);
    let repository_policy = session.engine.repository_policy();
    match output.format {
        Format::Text => output.text(&render::by_hand::rollback(
            repository_policy,
            &report,
            &args.reason,
            global.verbose > 0,
        ))?,
        Format::Json => output.json("Rollback", &render::json::pass(repository_policy, &report))?,
    }
    Ok(exit_code(&report.problems))
}

async fn service(session: &mut Session, written: &str, output: &Output) -> Result<ServiceName, Fault> {
    if let Ok(service) = written.parse() {
        return Ok(service);
    }
    let state = known::look(session, output).await?;
    known::service(&state, written)
}
