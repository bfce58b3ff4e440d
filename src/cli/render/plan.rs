//! A pass for people: what moves, as a diff; what waits, and for what; what is wrong.

use std::fmt::Write;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use crate::engine::{EditPlan, PassReport, Promoted, PullRequestAction, RepositoryPolicy, Target};
use crate::model::Timestamp;
use crate::policy::{Answer, Approved, Decision, Direction, GateEvaluation, GateReport, NoCandidate};

use super::blockers::{self, Headline};
use super::{diff, problems, pull_requests};
use crate::view::target_state::{Counts, is_superseded};
use crate::view::{time, verification};

/// The most promotions that are shown with their diffs; more are counted.
const MOST_DIFFS: usize = 100;

/// A pass that stopped before anything was written. With `all_gates`, open gates are listed too.
pub(crate) fn render(policy: &RepositoryPolicy, report: &PassReport, all_gates: bool) -> String {
    let mut text = String::new();
    for plan in report.planned.iter().take(MOST_DIFFS) {
        promotion(&mut text, policy, plan, all_gates);
    }
    if report.planned.len() > MOST_DIFFS {
        let more = report.planned.len() - MOST_DIFFS;
        let _ = writeln!(text, "... and {more} more; -o json lists all\n");
    }
    proposed(&mut text, policy, report, all_gates);
    waiting(&mut text, policy, report, all_gates);
    verified(&mut text, policy, report);
    text.push_str(&problems::render(&report.problems));
    summary(&mut text, policy, report, "would move");
    text
}

/// A pass that did what there was to do.
pub(crate) fn done(policy: &RepositoryPolicy, report: &PassReport, all_gates: bool) -> String {
    let mut text = String::new();
    for one in &report.promoted {
        promoted(&mut text, one);
    }
    text.push_str(&pull_requests::render(report));
    if !text.is_empty() {
        text.push('\n');
    }
    waiting(&mut text, policy, report, all_gates);
    text.push_str(&problems::render(&report.problems));
    summary(&mut text, policy, report, "moved");
    text
}

/// The proposed promotions with their diffs, and the pull requests.
pub(super) fn proposed(text: &mut String, policy: &RepositoryPolicy, report: &PassReport, all_gates: bool) {
    let changing = report
        .requests
        .iter()
        .filter(|request| matches!(request.state, PullRequestAction::Opens | PullRequestAction::Updates));
    for plan in changing.flat_map(|request| &request.plans).take(MOST_DIFFS) {
        promotion(text, policy, plan, all_gates);
    }
    let requests = pull_requests::render(report);
    if !requests.is_empty() {
        text.push_str(&requests);
        text.push('\n');
    }
}

pub(super) fn promoted(text: &mut String, promoted: &Promoted) {
    let _ = writeln!(
        text,
        "{GREEN}promoted{GREEN:#}  {BOLD}{}{BOLD:#} in {CYAN}{}{CYAN:#}: {} -> {GREEN}{}{GREEN:#}  {DIM}{}{DIM:#}",
        promoted.service,
        promoted.environment,
        promoted.from,
        promoted.to,
        promoted.commit.short()
    );
}

/// The overrides and the diff of one promotion; with `all_gates`, the report of every gate.
pub(super) fn promotion(text: &mut String, policy: &RepositoryPolicy, plan: &EditPlan, all_gates: bool) {
    let environment = &policy.environments[plan.environment].policy;
    let approved = &plan.approved;
    let _ = writeln!(
        text,
        "{BOLD}{}{BOLD:#} in {CYAN}{}{CYAN:#}: {} -> {GREEN}{}{GREEN:#} {DIM}({}){DIM:#}",
        plan.service,
        environment.name,
        approved.from().tag,
        approved.candidate().tag,
        releases(approved)
    );
    for gate in approved.gates().iter().filter(|gate| all_gates || !gate.is_open()) {
        gate_line(text, gate);
    }
    for passed in approved.overrides() {
        let _ = writeln!(text, "  {YELLOW}overridden{YELLOW:#} {}: {}", passed.gate(), passed.reason());
    }
    if let Some(policy) = policy.verifications.get(&plan.environment) {
        let _ = writeln!(text, "  {DIM}then{DIM:#} it {}", verification::intention(policy));
    }
    for file in &plan.files {
        text.push_str(&diff::unified(file));
    }
    if let Some((file, content)) = plan.rollback.as_ref().and_then(|rollback| rollback.quarantine.as_ref()) {
        text.push_str(&diff::added(file, content));
    }
    text.push('\n');
}

fn releases(approved: &Approved) -> String {
    match (approved.direction(), approved.releases_count()) {
        (Direction::Back, _) => "goes back".to_owned(),
        (Direction::Forward, 1) => "1 release".to_owned(),
        (Direction::Forward, many) => format!("{many} releases"),
    }
}

fn waiting(text: &mut String, policy: &RepositoryPolicy, report: &PassReport, all_gates: bool) {
    let deployed = &report.evaluation.state.deployed;
    for (target, decision) in deployed.targets.iter().zip(&report.evaluation.decisions) {
        match decision {
            Some(Decision::Wait(gates)) if is_superseded(policy, report, target, gates) => {}
            Some(Decision::Wait(evaluation)) => {
                wait(text, policy, target, evaluation, report.evaluation.now, all_gates);
                text.push('\n');
            }
            Some(Decision::Current { why }) if !why.is_up_to_date() => {
                stay(text, policy, target, why);
                text.push('\n');
            }
            _ => {}
        }
    }
}

/// What is being verified, and what follows if it fails.
fn verified(text: &mut String, policy: &RepositoryPolicy, report: &PassReport) {
    let mut is_any = false;
    for (target, one) in report.evaluation.verifications() {
        let target = &report.evaluation.state.deployed.targets[target];
        let environment = &policy.environments[target.environment].policy;
        let Some(sentence) = verification::sentence(one, environment.zone) else { continue };
        let (service, name) = (target.service(), &environment.name);
        let _ = writeln!(text, "{BOLD}{service}{BOLD:#} in {CYAN}{name}{CYAN:#}: {sentence}");
        is_any = true;
    }
    if is_any {
        text.push('\n');
    }
}

/// The headline of a candidate and its closed gates; with `all_gates`, all of them.
pub(super) fn wait(
    text: &mut String,
    policy: &RepositoryPolicy,
    target: &Target,
    evaluation: &GateEvaluation,
    now: Timestamp,
    all_gates: bool,
) {
    let environment = &policy.environments[target.environment].policy;
    let runs = target.running.first().map(|running| running.tag.as_str()).unwrap_or_default();
    let Headline { text: headline, style, opens_at } = blockers::headline_of(evaluation, now);
    let _ = write!(
        text,
        "{BOLD}{}{BOLD:#} in {CYAN}{}{CYAN:#}: {runs} -> {YELLOW}{}{YELLOW:#} {style}{headline}{style:#}",
        target.service(),
        environment.name,
        evaluation.candidate().tag
    );
    if let Some(at) = opens_at {
        let _ = write!(text, " {DIM}at {}{DIM:#}", time::local(at, environment.zone));
    }
    text.push('\n');
    for gate in evaluation.reports().iter().filter(|gate| all_gates || !gate.is_open()) {
        gate_line(text, gate);
    }
}

/// Something keeps a target from having a candidate at all.
pub(super) fn stay(text: &mut String, policy: &RepositoryPolicy, target: &Target, why: &NoCandidate) {
    let environment = &policy.environments[target.environment].policy.name;
    let runs = target.running.first().map(|running| running.tag.as_str()).unwrap_or_default();
    let service = target.service();
    let _ = writeln!(
        text,
        "{BOLD}{service}{BOLD:#} in {CYAN}{environment}{CYAN:#}: stays at {runs}, {YELLOW}blocked{YELLOW:#}: {why}"
    );
}

/// The promotion to confirm, with every gate.
pub(crate) fn asked_about(heading: &str, gates: &[GateReport]) -> String {
    let mut text = format!("{BOLD}{heading}{BOLD:#}\n");
    for gate in gates {
        gate_line(&mut text, gate);
    }
    text.push('\n');
    text
}

/// The gates that stay closed.
pub(crate) fn still_closed(heading: &str, gates: &[&GateReport]) -> String {
    let mut text = String::new();
    for gate in gates {
        gate_line(&mut text, gate);
    }
    if text.is_empty() { text } else { format!("\n{BOLD}{heading}{BOLD:#}\n{text}") }
}

fn gate_line(text: &mut String, gate: &GateReport) {
    let (state, style) = match gate.answer {
        Answer::Open => ("open", GREEN),
        Answer::ClosedUntil(_) | Answer::Closed => ("closed", YELLOW),
        Answer::Refused => ("REFUSED", RED),
    };
    let _ = writeln!(text, "  {style}{state}{style:#} {}: {}", gate.gate, gate.reason);
}

fn summary(text: &mut String, policy: &RepositoryPolicy, report: &PassReport, verb: &str) {
    let counts = Counts::of(policy, report).line(verb);
    let _ = writeln!(text, "{counts} {DIM}at {}{DIM:#}", report.head().short());
}
