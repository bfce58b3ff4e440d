//! `tidegate rollback`: back to what ran before, with a quarantine of the current version, in one commit.

use std::process::ExitCode;

use crate::cli::args::Rollback;
use crate::cli::output::Output;
use crate::cli::person;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::{PassMode, PassOptions, PassReport, RollbackRequest};
use crate::model::{Class, Fault};
use crate::policy::{GateName, Override};
use crate::view;

use super::exit_code;
use super::moves::{Prompt, carry_out, remove_unrelated};
use super::resolve;

pub(super) async fn run(
    session: &mut Session,
    args: &Rollback,
    is_verbose: bool,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let service = resolve::one_service(session, &args.service, &args.namespace).await?;
    let reason = args.reason.trim().to_owned();
    let rollback = RollbackRequest {
        service: service.clone(),
        environment: args.env.clone(),
        to: args.to.clone(),
        image: args.image.clone(),
        order_override: order_override(&args.overrides, &reason)?,
        decided_on: None,
        reason,
        quarantines: !args.no_quarantine,
        accept_digest: args.accept_digest.clone(),
    };
    let options = PassOptions {
        mode: PassMode::Rollback(rollback),
        requested_by: person::name(args.consent.by.as_deref()),
        dry_run: args.consent.dry_run,
        registry_wait: PassOptions::SHORT_WAIT,
        ..PassOptions::schedule()
    };
    let question = format!("Roll back {service} in {}?", args.env);
    let prompt = Prompt { is_confirmed: args.consent.yes, question: &question, activity: "Rolling back" };
    let show = |session: &Session, report: &PassReport| {
        render::by_hand::rollback(session.engine.repository_policy(), report, &args.reason, is_verbose)
    };
    let mut report = carry_out(session, &options, &prompt, output, show).await?;
    remove_unrelated(&mut report, |other| *other == service);
    let repository_policy = session.engine.repository_policy();
    let text = || render::by_hand::rollback(repository_policy, &report, &args.reason, is_verbose);
    output.result("Rollback", || view::pass(repository_policy, &report), text)?;
    Ok(exit_code(&report.problems))
}

/// The override of the order gate, the only one that a rollback asks.
fn order_override(gates: &[GateName], reason: &str) -> Result<Option<Override>, Fault> {
    if let Some(other) = gates.iter().find(|gate| **gate != GateName::Order) {
        return Err(Fault::new(Class::Usage, format!("a rollback does not ask the {other} gate")).with_hint(
            "`--override order` allows a tag that never ran there; no other gate stops a rollback",
        ));
    }
    Ok(gates.first().map(|gate| Override::new(*gate, reason)).transpose()?)
}
