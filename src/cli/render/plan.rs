//! A pass as people read it: what goes, as a diff; what waits, and for what; what is wrong.

use std::fmt::Write;

use chrono_tz::Tz;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, RED, YELLOW};
use crate::engine::{EditPlan, PassReport, PullRequestAction, RepositoryPolicy, Target};
use crate::model::Timestamp;
use crate::policy::{Answer, Approved, Decision, Direction, GateEvaluation, GateReport, NoCandidate};

use super::{diff, problems, requests, time};

/// The most promotions that are shown with their diffs; more are counted.
const MOST_DIFFS: usize = 100;

/// A pass that stopped before anything was written.
pub(crate) fn render(repository_policy: &RepositoryPolicy, report: &PassReport) -> String {
    let mut text = String::new();
    for plan in report.planned.iter().take(MOST_DIFFS) {
        promotion(&mut text, repository_policy, plan);
    }
    if report.planned.len() > MOST_DIFFS {
        let more = report.planned.len() - MOST_DIFFS;
        let _ = writeln!(text, "... and {more} more; -o json lists all\n");
    }
    proposed(&mut text, repository_policy, report);
    waiting(&mut text, repository_policy, report);
    text.push_str(&problems::render(&report.problems));
    summary(&mut text, repository_policy, report, "would move");
    text
}

/// A pass that did what there was to do.
pub(crate) fn done(repository_policy: &RepositoryPolicy, report: &PassReport) -> String {
    let mut text = String::new();
    promoted(&mut text, report);
    text.push_str(&requests::render(report));
    waiting(&mut text, repository_policy, report);
    text.push_str(&problems::render(&report.problems));
    summary(&mut text, repository_policy, report, "moved");
    text
}

/// What is proposed, with its diffs, and the pull requests.
pub(super) fn proposed(text: &mut String, repository_policy: &RepositoryPolicy, report: &PassReport) {
    let changing = report
        .requests
        .iter()
        .filter(|request| matches!(request.state, PullRequestAction::Opens | PullRequestAction::Updates));
    for plan in changing.flat_map(|request| &request.plans).take(MOST_DIFFS) {
        promotion(text, repository_policy, plan);
    }
    let told = requests::render(report);
    if !told.is_empty() {
        text.push_str(&told);
        text.push('\n');
    }
}

pub(super) fn promoted(text: &mut String, report: &PassReport) {
    for promoted in &report.promoted {
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
}

pub(super) fn promotion(text: &mut String, repository_policy: &RepositoryPolicy, plan: &EditPlan) {
    let environment = &repository_policy.environments[plan.environment].policy.name;
    let approved = &plan.approved;
    let _ = writeln!(
        text,
        "{BOLD}{}{BOLD:#} in {CYAN}{environment}{CYAN:#}: {} -> {GREEN}{}{GREEN:#} {DIM}({}){DIM:#}",
        plan.service,
        approved.from().tag,
        approved.candidate().tag,
        releases(approved)
    );
    for gate in approved.gates() {
        gate_line(text, gate, None);
    }
    for passed in approved.overrides() {
        let _ = writeln!(text, "  {YELLOW}overridden{YELLOW:#} {}: {}", passed.gate(), passed.reason());
    }
    for file in &plan.files {
        text.push_str(&diff::unified(file));
    }
    if let Some((file, content)) = plan.beside.as_ref().and_then(|beside| beside.quarantine.as_ref()) {
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

fn waiting(text: &mut String, repository_policy: &RepositoryPolicy, report: &PassReport) {
    let deployed = &report.evaluation.state.deployed;
    for (target, decision) in deployed.targets.iter().zip(&report.evaluation.decisions) {
        match decision {
            Some(Decision::Wait(evaluation)) => {
                wait(text, repository_policy, target, evaluation, report.evaluation.now);
                text.push('\n');
            }
            Some(Decision::Current { why }) if !why.is_up_to_date() => {
                stay(text, repository_policy, target, why);
                text.push('\n');
            }
            _ => {}
        }
    }
}

pub(super) fn wait(
    text: &mut String,
    repository_policy: &RepositoryPolicy,
    target: &Target,
    evaluation: &GateEvaluation,
    now: Timestamp,
) {
    let environment = &repository_policy.environments[target.environment].policy;
    let runs = target.running.first().map(|running| running.tag.as_str()).unwrap_or_default();
    let _ = write!(
        text,
        "{BOLD}{}{BOLD:#} in {CYAN}{}{CYAN:#}: {runs} -> {YELLOW}{}{YELLOW:#} waits",
        target.service(),
        environment.name,
        evaluation.candidate().tag
    );
    if let Some(at) = evaluation.earliest().filter(|at| *at > now) {
        let _ = write!(
            text,
            " {DIM}until {} ({}){DIM:#}",
            time::wall(at, environment.zone),
            time::until(at, now)
        );
    }
    text.push('\n');
    for gate in evaluation.closed() {
        gate_line(text, gate, Some((now, environment.zone)));
    }
}

/// Something keeps a target from having a candidate at all.
pub(super) fn stay(
    text: &mut String,
    repository_policy: &RepositoryPolicy,
    target: &Target,
    why: &NoCandidate,
) {
    let environment = &repository_policy.environments[target.environment].policy.name;
    let runs = target.running.first().map(|running| running.tag.as_str()).unwrap_or_default();
    let service = target.service();
    let _ = writeln!(text, "{BOLD}{service}{BOLD:#} in {CYAN}{environment}{CYAN:#}: stays at {runs}");
    let _ = writeln!(text, "  {YELLOW}closed{YELLOW:#} {why}");
}

/// What is asked about before somebody approves it, with every gate.
pub(crate) fn asked_about(heading: &str, gates: &[GateReport], now: Timestamp, zone: Tz) -> String {
    let mut text = format!("{BOLD}{heading}{BOLD:#}\n");
    for gate in gates {
        gate_line(&mut text, gate, Some((now, zone)));
    }
    text.push('\n');
    text
}

/// What keeps it from going all the same.
pub(crate) fn still_closed(heading: &str, gates: &[&GateReport], now: Timestamp, zone: Tz) -> String {
    let mut text = String::new();
    for gate in gates {
        gate_line(&mut text, gate, Some((now, zone)));
    }
    if text.is_empty() { text } else { format!("\n{BOLD}{heading}{BOLD:#}\n{text}") }
}

fn gate_line(text: &mut String, gate: &GateReport, clock: Option<(Timestamp, Tz)>) {
    let (state, style) = match gate.answer {
        Answer::Open => ("open".to_owned(), GREEN),
        Answer::ClosedUntil(at) => match clock {
            Some((now, _)) => (format!("closed for {}", time::until(at, now)), YELLOW),
            None => ("closed".to_owned(), YELLOW),
        },
        Answer::Closed => ("closed".to_owned(), YELLOW),
        Answer::Refused => ("REFUSED".to_owned(), RED),
    };
    let _ = writeln!(text, "  {style}{state}{style:#} {}: {}", gate.gate, gate.reason);
}

fn summary(text: &mut String, repository_policy: &RepositoryPolicy, report: &PassReport, verb: &str) {
    let moved = report.planned.len() + report.promoted.len();
    let decisions = report.evaluation.decisions.iter();
    let waiting =
        decisions.clone().flatten().filter(|decision| matches!(decision, Decision::Wait(_))).count();
    let unknown = decisions.filter(|decision| decision.is_none()).count();
    let decided = report.evaluation.state.deployed.targets.iter().zip(&report.evaluation.decisions);
    let is_proposed = |(target, decision): &(&Target, &Option<Decision>)| {
        matches!(decision, Some(Decision::Promote(_)))
            && repository_policy.requests.contains_key(&target.environment)
    };
    let proposed = decided.filter(is_proposed).count();
    let current = report.evaluation.decisions.len().saturating_sub(moved + waiting + unknown + proposed);
    let _ = write!(text, "{moved} {verb}, {waiting} {}", if waiting == 1 { "waits" } else { "wait" });
    match proposed {
        0 => {}
        1 => text.push_str(", 1 in a pull request"),
        many => drop(write!(text, ", {many} in pull requests")),
    }
    let _ = write!(text, ", {current} up to date");
    if unknown > 0 && matches!(verb, "would move" | "moved") {
        let _ = write!(text, ", {unknown} not decided");
    }
    let _ = writeln!(text, " {DIM}at {}{DIM:#}", report.evaluation.state.commit().short());
}
