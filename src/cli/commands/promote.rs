//! `tidegate promote`: services by hand, through the same gates.

use std::process::ExitCode;

use crate::cli::args::Promote;
use crate::cli::output::Output;
use crate::cli::person;
use crate::cli::render;
use crate::cli::render::by_hand::Asked;
use crate::cli::wiring::Session;
use crate::engine::{ManualPromotion, PassMode, PassOptions, PassReport};
use crate::model::{Class, Fault, ServiceName, ServicePattern};
use crate::policy::{Decision, GateName, Override, Overrides, approve_overriding};
use crate::view;

use super::exit_code;
use super::moves::{Prompt, carry_out, remove_unrelated};
use super::resolve::Typed;

pub(super) async fn run(
    session: &mut Session,
    args: &Promote,
    is_verbose: bool,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let overrides = overrides(args)?;
    let services = Typed::from(&args.services).resolve_unchecked(session).await?;
    let promotion = ManualPromotion {
        services: services.clone(),
        to: args.env.clone(),
        tag: args.tag.clone(),
        image: args.image.clone(),
        overrides: overrides.clone(),
    };
    let options = PassOptions {
        mode: PassMode::Manual(promotion),
        requested_by: person::name(args.consent.by.as_deref()),
        dry_run: args.consent.dry_run,
        ..PassOptions::schedule()
    };
    let names = names(args, &services);
    let asked = |elsewhere| Asked { names: &names, overrides: &overrides, elsewhere, all_gates: is_verbose };
    let prompt = Prompt { is_confirmed: args.consent.yes, question: "Promote?", activity: "Promoting" };
    let show = |session: &Session, report: &PassReport| {
        render::by_hand::promote(session.engine.repository_policy(), report, &asked(0))
    };
    let mut report = carry_out(session, &options, &prompt, output, show).await?;
    let members = members(session, &report, &services);
    let elsewhere = remove_unrelated(&mut report, |service| members.contains(service));
    let repository_policy = session.engine.repository_policy();
    output.result(
        "Promote",
        || view::pass(repository_policy, &report),
        || render::by_hand::promote(repository_policy, &report, &asked(elsewhere)),
    )?;
    Ok(match still_closed(&report, &overrides) {
        Some(class) => ExitCode::from(class.exit_code()),
        None => exit_code(&report.problems),
    })
}

/// The overrides. `--allow-downgrade` and `--accept-digest` require their gate by name too, so that nobody overrides
/// it by accident.
fn overrides(args: &Promote) -> Result<Overrides, Fault> {
    let reason = args.reason.clone().unwrap_or_default();
    let overrides = args.overrides.iter().map(|gate| Override::new(*gate, &reason));
    for (is_given, flag, gate) in [
        (args.allow_downgrade, "--allow-downgrade", GateName::Order),
        (args.accept_digest.is_some(), "--accept-digest", GateName::Digest),
    ] {
        if is_given && !args.overrides.contains(&gate) {
            return Err(Fault::new(Class::Usage, format!("{flag} needs --override {gate}"))
                .with_hint("name the gate that you mean to pass"));
        }
    }
    Ok(Overrides {
        overrides: overrides.collect::<Result<_, _>>()?,
        allow_downgrade: args.allow_downgrade,
        accept_digest: args.accept_digest.clone(),
    })
}

fn names(args: &Promote, services: &[ServicePattern]) -> String {
    let services: Vec<&str> = services.iter().map(ServicePattern::as_str).collect();
    match &args.env {
        Some(environment) => format!("{} in {environment}", services.join(", ")),
        None => services.join(", "),
    }
}

/// The services that are meant, and those in a group with them.
pub(super) fn members(
    session: &Session,
    report: &PassReport,
    services: &[ServicePattern],
) -> Vec<ServiceName> {
    let repository_policy = session.engine.repository_policy();
    let all = report.evaluation.state.services();
    let is_named = |service: &ServiceName| services.iter().any(|pattern| pattern.matches(service));
    let groups: Vec<_> = repository_policy
        .groups
        .iter()
        .filter(|group| all.iter().any(|service| is_named(service) && group.has(service)))
        .collect();
    let is_meant =
        |service: &&&ServiceName| is_named(service) || groups.iter().any(|group| group.has(service));
    all.iter().filter(is_meant).map(|service| (*service).clone()).collect()
}

/// The worst of what stays closed in spite of the overrides.
fn still_closed(report: &PassReport, overrides: &Overrides) -> Option<Class> {
    let closed = report.evaluation.decisions.iter().flatten().filter_map(|decision| match decision {
        Decision::Wait(evaluation) => {
            approve_overriding(evaluation, overrides).err().map(|closed| closed.class())
        }
        // A newer version exists, but a pin, for one, keeps it from being a candidate.
        Decision::Current { why } => (!why.is_up_to_date()).then_some(Class::GateClosed),
        Decision::Promote(_) => None,
    });
    closed.max()
}
