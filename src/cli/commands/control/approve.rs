//! `tidegate approve`: the image that would come next, and no other under its tag.

use std::collections::BTreeSet;
use std::process::ExitCode;

use crate::cli::args::{Approve, Format, Global};
use crate::cli::commands::{activity, known};
use crate::cli::output::Output;
use crate::cli::render;
use crate::engine::{ManualPromotion, PassMode, PassOptions, PassReport, Problem, Target};
use crate::model::{Class, Digest, EnvironmentName, Fault, ServicePattern, Tag};
use crate::policy::{
    self, ApprovalReason, Control, Decision, DigestReason, GateName, GateReport, Overrides, Reason,
};

use super::desk::{ControlSession, How};

pub(in crate::cli::commands) async fn approve(
    global: &Global,
    args: &Approve,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut desk = ControlSession::open(global, output).await?;
    let state = desk.look().await?;
    let services: Vec<ServicePattern> = args
        .services
        .iter()
        .map(|written| known::some_pattern(&state, written, false))
        .collect::<Result<_, _>>()?;
    let mut findings = Findings::default();
    for environment in args.environments.iter().collect::<BTreeSet<_>>() {
        let report = ask(&mut desk, args, &services, environment).await?;
        findings.take_in(&report, &services, environment, args)?;
    }
    let Findings { waiting, settled } = findings;
    if args.digest.is_some() && waiting.len() > 1 {
        return Err(Fault::new(Class::Usage, "a digest is of one image, and several wait for approval")
            .with_hint("name one service and one environment, or leave --digest out"));
    }
    let shown: String =
        waiting.iter().map(|one| render::plan::asked_about(&one.heading, &one.gates)).collect();
    let how =
        How { kind: "Approve", going: &args.going, shown: &shown, question: Some("Approve?"), unless: None };
    if waiting.is_empty() {
        return desk.tell_nothing(&render::by_hand::nothing("Nothing to approve", &settled), &how);
    }
    let mut approvals = Vec::new();
    for one in &waiting {
        let note = desk.note(&args.reason, args.expires)?;
        approvals.push(Control::Approval(policy::Approval {
            note,
            service: one.service.clone(),
            environment: one.environment.clone(),
            version: one.tag.clone(),
            digest: one.digest.clone(),
        }));
    }
    let code = desk.put(&state, approvals, &how).await?;
    if output.format == Format::Text {
        let still: String =
            waiting.iter().map(|one| render::plan::still_closed(&one.place, &one.others())).collect();
        output.text(&still)?;
    }
    Ok(code)
}

/// What would move there, and what every gate says.
async fn ask(
    desk: &mut ControlSession<'_>,
    args: &Approve,
    services: &[ServicePattern],
    environment: &EnvironmentName,
) -> Result<PassReport, Fault> {
    let by_hand = ManualPromotion {
        services: services.to_vec(),
        to: Some(environment.clone()),
        tag: args.tag.clone(),
        image: args.image.clone(),
        overrides: Overrides::default(),
    };
    let request =
        PassOptions { mode: PassMode::Manual(by_hand), requested_by: desk.by.clone(), dry_run: true };
    let _turn = desk.session.turn(desk.output).await?;
    activity::during("Looking", desk.session.engine.pass(&request)).await
}

/// What waits for an approval, and why the rest does not.
#[derive(Default)]
struct Findings {
    waiting: Vec<Waiting>,
    settled: Vec<String>,
}

/// An image that waits for an approval.
struct Waiting {
    service: crate::model::ServiceName,
    environment: EnvironmentName,
    tag: Tag,
    digest: Digest,
    place: String,
    heading: String,
    gates: Vec<GateReport>,
}

impl Waiting {
    /// The gates that an approval does not open.
    fn others(&self) -> Vec<&GateReport> {
        self.gates.iter().filter(|gate| !gate.is_open() && gate.gate != GateName::Approval).collect()
    }
}

impl Findings {
    fn take_in(
        &mut self,
        report: &PassReport,
        services: &[ServicePattern],
        environment: &EnvironmentName,
        args: &Approve,
    ) -> Result<(), Fault> {
        let targets = &report.evaluation.state.deployed.targets;
        let is_named = |target: &Target| services.iter().any(|pattern| pattern.matches(target.service()));
        for (target, decision) in targets.iter().zip(&report.evaluation.decisions) {
            if !is_named(target) {
                continue;
            }
            let place = format!("{} in {environment}", target.service());
            let (tag, digest, gates) = match decision {
                None => continue,
                Some(Decision::Current { why }) => {
                    self.settled.push(format!("{place}: {why}"));
                    continue;
                }
                Some(Decision::Promote(approved)) => {
                    (&approved.candidate().tag, Some(approved.digest()), approved.gates())
                }
                Some(Decision::Wait(evaluation)) => {
                    (&evaluation.candidate().tag, evaluation.digest_now(), evaluation.reports())
                }
            };
            if let Some(why) = settled(gates) {
                self.settled.push(format!("{place}: {why}"));
                continue;
            }
            let digest = checked(tag, digest, gates, args, report)?;
            let from = target.running.first().map(|running| running.tag.to_string()).unwrap_or_default();
            self.waiting.push(Waiting {
                service: target.service().clone(),
                environment: environment.clone(),
                tag: tag.clone(),
                heading: format!("{place}: {from} -> {tag} as {}@{digest}", target.image()),
                place,
                digest: digest.clone(),
                gates: gates.to_vec(),
            });
        }
        if self.waiting.is_empty() && self.settled.is_empty() {
            // Nothing was decided: the registry could not be asked, or the tag is there already.
            if let Some(problem) = asked_in_vain(report) {
                return Err(problem);
            }
            self.settled.push(match &args.tag {
                Some(tag) => format!("{environment} runs {tag} already"),
                None => format!("nothing is to come to {environment}"),
            });
        }
        Ok(())
    }
}

/// Why no approval is wanted, if none is.
fn settled(gates: &[GateReport]) -> Option<String> {
    gates.iter().find_map(|gate| match &gate.reason {
        Reason::Approval(ApprovalReason::NotRequired) => {
            Some("no approval is asked for (`approval: required` in the configuration would)".to_owned())
        }
        Reason::Approval(reason @ (ApprovalReason::Given { .. } | ApprovalReason::Review(_)))
            if gate.is_open() =>
        {
            Some(reason.to_string())
        }
        _ => None,
    })
}

/// The image to approve: what the tag means now, if that is what soaked and what was looked at.
fn checked<'a>(
    tag: &Tag,
    digest: Option<&'a Digest>,
    gates: &[GateReport],
    args: &Approve,
    report: &PassReport,
) -> Result<&'a Digest, Fault> {
    let Some(now) = digest else {
        let unknown = || Fault::new(Class::TryAgain, format!("it is not known which image {tag} is"));
        return Err(asked_in_vain(report).unwrap_or_else(unknown));
    };
    if let Some(seen) = args.digest.as_ref().filter(|seen| *seen != now) {
        return Err(Fault::new(Class::Refused, format!("{tag} means {now} now, not {seen}"))
            .with_hint("look at the image that it means now before you approve it"));
    }
    let moved = gates.iter().find_map(|gate| match &gate.reason {
        Reason::Digest(DigestReason::Moved { soaked, .. }) => Some(soaked),
        _ => None,
    });
    match moved {
        Some(soaked) if args.digest.is_none() => {
            let message = format!("{tag} soaked as {} and means {} now", soaked.short(), now.short());
            Err(Fault::new(Class::Refused, message).with_hint(format!(
                "approve a newer version, or say --digest {now} if you looked at that image"
            )))
        }
        _ => Ok(now),
    }
}

fn asked_in_vain(report: &PassReport) -> Option<Fault> {
    let is_why = |problem: &&Problem| problem.is_error && problem.class == Class::TryAgain;
    let problem = report.problems.iter().find(is_why)?;
    let fault = Fault::new(problem.class, problem.to_string());
    Some(match &problem.hint {
        Some(hint) => fault.with_hint(hint),
        None => fault,
    })
}
