//! `tidegate approve`: approves the next candidate, by its digest.

use std::collections::BTreeSet;
use std::process::ExitCode;

use crate::cli::args::Approve;
use crate::cli::commands::activity;
use crate::cli::commands::resolve::Typed;
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::{ManualPromotion, PassMode, PassOptions, PassReport, Problem, Target};
use crate::model::{Class, Digest, EnvironmentName, Fault, ServicePattern, Tag};
use crate::policy::{
    self, ApprovalReason, Control, Decision, DigestReason, GateName, GateReport, Overrides, Reason,
};

use super::session::{ControlSession, Prompt};

pub(in crate::cli::commands) async fn approve(
    session: &mut Session,
    args: &Approve,
    output: &Output,
) -> Result<ExitCode, Fault> {
    let mut session = ControlSession::new(session, &args.consent, output);
    let state = session.refresh().await?;
    let services = Typed::from(&args.services).resolve(&state.services(), false)?;
    let mut findings = Findings::default();
    for environment in args.environments.iter().collect::<BTreeSet<_>>() {
        let report = evaluate(&mut session, args, &services, environment).await?;
        findings.add(&report, &services, environment, args)?;
    }
    let Findings { waiting, not_needed } = findings;
    if args.digest.is_some() && waiting.len() > 1 {
        return Err(Fault::new(Class::Usage, "--digest names one image, but several wait for approval")
            .with_hint("name one service and one environment, or omit --digest"));
    }
    let preface: String =
        waiting.iter().map(|one| render::plan::asked_about(&one.heading, &one.gates)).collect();
    let prompt = Prompt {
        kind: "Approve",
        consent: &args.consent,
        preface: &preface,
        question: Some("Approve?"),
        unattended: None,
    };
    if waiting.is_empty() {
        return session.print_nothing(&render::by_hand::nothing("Nothing to approve", &not_needed), &prompt);
    }
    let mut approvals = Vec::new();
    for one in &waiting {
        let note = session.note(&args.reason, args.expiry.expires)?;
        approvals.push(Control::Approval(policy::Approval {
            note,
            service: one.service.clone(),
            environment: one.environment.clone(),
            version: one.tag.clone(),
            digest: one.digest.clone(),
        }));
    }
    let code = session.put(&state, approvals, &prompt).await?;
    if output.is_text() {
        let still: String =
            waiting.iter().map(|one| render::plan::still_closed(&one.place, &one.others())).collect();
        output.text(&still)?;
    }
    Ok(code)
}

/// A dry run of a promotion to the environment, with every gate.
async fn evaluate(
    session: &mut ControlSession<'_>,
    args: &Approve,
    services: &[ServicePattern],
    environment: &EnvironmentName,
) -> Result<PassReport, Fault> {
    let promotion = ManualPromotion {
        services: services.to_vec(),
        to: Some(environment.clone()),
        tag: args.tag.clone(),
        image: args.image.clone(),
        overrides: Overrides::default(),
    };
    let options = PassOptions {
        mode: PassMode::Manual(promotion),
        requested_by: session.by.clone(),
        ..PassOptions::plan()
    };
    activity::during("Planning", session.session.pass(&options)).await
}

#[derive(Default)]
struct Findings {
    waiting: Vec<Waiting>,
    /// Why other images need no approval.
    not_needed: Vec<String>,
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
    fn add(
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
                    self.not_needed.push(format!("{place}: {why}"));
                    continue;
                }
                Some(Decision::Promote(approved)) => {
                    (&approved.candidate().tag, Some(approved.digest()), approved.gates())
                }
                Some(Decision::Wait(evaluation)) => {
                    (&evaluation.candidate().tag, evaluation.digest_now(), evaluation.reports())
                }
            };
            if let Some(why) = why_not_needed(gates) {
                self.not_needed.push(format!("{place}: {why}"));
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
        if self.waiting.is_empty() && self.not_needed.is_empty() {
            // There is no decision: the registry does not answer, or the tag already runs.
            if let Some(problem) = no_answer(report) {
                return Err(problem);
            }
            self.not_needed.push(match &args.tag {
                Some(tag) => format!("{environment} already runs {tag}"),
                None => format!("there is no candidate for {environment}"),
            });
        }
        Ok(())
    }
}

/// Why no approval is needed, if none is.
fn why_not_needed(gates: &[GateReport]) -> Option<String> {
    gates.iter().find_map(|gate| match &gate.reason {
        Reason::Approval(ApprovalReason::NotRequired) => Some(
            "no approval is required; `approval: required` in the configuration would require one".to_owned(),
        ),
        Reason::Approval(reason @ (ApprovalReason::Given { .. } | ApprovalReason::Review(_)))
            if gate.is_open() =>
        {
            Some(reason.to_string())
        }
        _ => None,
    })
}

/// The digest to approve: the tag's current one, if it is what soaked and what `--digest` names.
fn checked<'a>(
    tag: &Tag,
    digest: Option<&'a Digest>,
    gates: &[GateReport],
    args: &Approve,
    report: &PassReport,
) -> Result<&'a Digest, Fault> {
    let Some(now) = digest else {
        let unknown = || Fault::new(Class::TryAgain, format!("the digest of {tag} is unknown"));
        return Err(no_answer(report).unwrap_or_else(unknown));
    };
    if let Some(seen) = args.digest.as_ref().filter(|seen| *seen != now) {
        return Err(Fault::new(Class::Refused, format!("{tag} is now {now}, not {seen}"))
            .with_hint("review the new image before you approve it"));
    }
    let moved = gates.iter().find_map(|gate| match &gate.reason {
        Reason::Digest(DigestReason::Moved { soaked, .. }) => Some(soaked),
        _ => None,
    });
    match moved {
        Some(soaked) if args.digest.is_none() => {
            let message = format!("{tag} soaked as {} and is now {}", soaked.short(), now.short());
            Err(Fault::new(Class::Refused, message).with_hint(format!(
                "approve a newer version, or pass --digest {now} if you reviewed that image"
            )))
        }
        _ => Ok(now),
    }
}

fn no_answer(report: &PassReport) -> Option<Fault> {
    let is_why = |problem: &&Problem| problem.is_error && problem.class == Class::TryAgain;
    let problem = report.problems.iter().find(is_why)?;
    let fault = Fault::new(problem.class, problem.to_string());
    Some(match &problem.hint {
        Some(hint) => fault.with_hint(hint),
        None => fault,
    })
}
