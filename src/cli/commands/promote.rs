//! `tidegate promote`: services by hand, through the same gates.

use std::process::ExitCode;

use crate::cli::args::{Format, Global, Promote};
use crate::cli::output::Output;
use crate::cli::person;
use crate::cli::render;
use crate::cli::render::by_hand::Asked;
use crate::cli::wiring::Session;
use crate::engine::{ManualPromotion, PassMode, PassOptions, PassReport};
use crate::model::{Class, Fault, ServiceName, ServicePattern};
use crate::policy::{Decision, GateName, Override, Overrides, approve_overriding};

use super::moves::{Way, carry_out, set_aside};
use super::{exit_code, known};

pub(super) async fn run(global: &Global, args: &Promote, output: &Output) -> Result<ExitCode, Fault> {
    let overrides = overrides(args)?;
    let mut session = Session::open(global, output).await?;
    let services = known::patterns(&mut session, &args.services, output).await?;
    let by_hand = ManualPromotion {
        services: services.clone(),
        to: args.to.clone(),
        tag: args.tag.clone(),
        image: args.image.clone(),
        overrides: overrides.clone(),
    };
    let request =
        PassOptions { mode: PassMode::Manual(by_hand), requested_by: person::name(), dry_run: args.dry_run };
    let names = names(args, &services);
    let asked =
        |elsewhere| Asked { names: &names, overrides: &overrides, elsewhere, all_gates: global.verbose > 0 };
    let way = Way { is_yes: args.yes, question: "Promote?", doing: "Promoting" };
    let show = |session: &Session, report: &PassReport| {
        render::by_hand::promote(session.engine.repository_policy(), report, &asked(0))
    };
    let mut report = carry_out(&mut session, &request, &way, output, show).await?;
    let members = members(&session, &report, &services);
    let elsewhere = set_aside(&mut report, |service| members.contains(service));
    let repository_policy = session.engine.repository_policy();
    match output.format {
        Format::Text => {
            output.text(&render::by_hand::promote(repository_policy, &report, &asked(elsewhere)))?
        }
        Format::Json => output.json("Promote", &render::json::pass(repository_policy, &report))?,
    }
    Ok(match still_closed(&report, &overrides) {
        Some(class) => ExitCode::from(class.exit_code()),
        None => exit_code(&report.problems),
    })
}

/// What is insisted on. What needs a word more than a reason needs the gate's name too, so that nobody passes it unawares.
fn overrides(args: &Promote) -> Result<Overrides, Fault> {
    let reason = args.reason.clone().unwrap_or_default();
    let overrides = args.overrides.iter().map(|gate| Override::new(*gate, &reason));
    for (is_said, word, gate) in [
        (args.allow_downgrade, "--allow-downgrade", GateName::Order),
        (args.accept_digest.is_some(), "--accept-digest", GateName::Digest),
    ] {
        if is_said && !args.overrides.contains(&gate) {
            return Err(Fault::new(Class::Usage, format!("{word} goes with --override {gate}"))
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
    match &args.to {
        Some(to) => format!("{} in {to}", services.join(", ")),
        None => services.join(", "),
    }
}

/// The services that are meant, and those that ship in a set with them.
fn members(session: &Session, report: &PassReport, services: &[ServicePattern]) -> Vec<ServiceName> {
    let repository_policy = session.engine.repository_policy();
    let all = report.evaluation.state.services();
    let is_named = |service: &ServiceName| services.iter().any(|pattern| pattern.matches(service));
    let sets: Vec<_> = repository_policy
        .groups
        .iter()
        .filter(|group| all.iter().any(|service| is_named(service) && group.has(service)))
        .collect();
    let is_meant = |service: &&&ServiceName| is_named(service) || sets.iter().any(|group| group.has(service));
    all.iter().filter(is_meant).map(|service| (*service).clone()).collect()
}

/// What keeps something from going, at the worst: a refusal, or what is closed.
fn still_closed(report: &PassReport, overrides: &Overrides) -> Option<Class> {
    let closed = report.evaluation.decisions.iter().flatten().filter_map(|decision| match decision {
        Decision::Wait(evaluation) => {
            approve_overriding(evaluation, overrides).err().map(|closed| closed.class())
        }
        // Something newer is there, and a pin, say, keeps it from being a candidate at all.
        Decision::Current { why } => (!why.is_up_to_date()).then_some(Class::GateClosed),
        Decision::Promote(_) => None,
    });
    closed.max()
}
