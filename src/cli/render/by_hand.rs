//! `promote` and `rollback` for people: what moved or would, what blocks the rest, and how to undo it.

use std::fmt::Write;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, YELLOW};
use crate::engine::{PassReport, Promoted, RepositoryPolicy, Target};
use crate::model::{Printable, Tag};
use crate::policy::{Decision, NoCandidate, Override, Overrides, approve_overriding};

use super::{plan, problems};

/// The most targets without a candidate that are listed.
const MOST_LISTED: usize = 20;

/// The request that a report answers.
pub(crate) struct Asked<'a> {
    /// The services, and where.
    pub(crate) names: &'a str,
    pub(crate) overrides: &'a Overrides,
    /// The number of problems of other services, which are not shown.
    pub(crate) elsewhere: usize,
    /// Whether open gates are listed too.
    pub(crate) all_gates: bool,
}

/// A promotion by hand, whether it was made, would be made, or may not be.
pub(crate) fn promote(policy: &RepositoryPolicy, report: &PassReport, asked: &Asked<'_>) -> String {
    let mut text = String::new();
    for planned in &report.planned {
        plan::promotion(&mut text, policy, planned, asked.all_gates);
    }
    for promoted in &report.promoted {
        plan::promoted(&mut text, promoted);
        because(&mut text, asked.overrides);
        let Promoted { service, environment, .. } = promoted;
        let _ = writeln!(
            text,
            "  undo      {DIM}tidegate rollback {service} --env {environment} --reason TEXT{DIM:#}"
        );
    }
    plan::proposed(&mut text, policy, report, asked.all_gates);
    let up_to_date = kept(&mut text, policy, report, asked);
    text.push_str(&problems::render(&report.problems));
    if text.is_empty() {
        let runs = || vec![format!("{} runs it already", asked.names)];
        let reasons = if up_to_date.is_empty() { runs() } else { up_to_date };
        text = format!("{}\n", nothing("Nothing to promote", &reasons));
    } else if !up_to_date.is_empty() {
        let _ = writeln!(text, "{DIM}{} up to date{DIM:#}", up_to_date.len());
    }
    if asked.elsewhere > 0 {
        let _ = writeln!(text, "{DIM}{}{DIM:#}", elsewhere(asked.elsewhere));
    }
    text
}

fn because(text: &mut String, overrides: &Overrides) {
    let mut reasons: Vec<&str> = overrides.overrides.iter().map(Override::reason).collect();
    reasons.dedup();
    for reason in reasons {
        let _ = writeln!(text, "  because   {}", Printable::bounded(reason, 300));
    }
}

/// Renders the targets that do not move, with hints. Returns those that are up to date.
fn kept(text: &mut String, policy: &RepositoryPolicy, report: &PassReport, asked: &Asked<'_>) -> Vec<String> {
    let mut up_to_date = Vec::new();
    let evaluation = &report.evaluation;
    for (target, decision) in evaluation.state.deployed.targets.iter().zip(&evaluation.decisions) {
        match decision {
            Some(Decision::Wait(gates)) => {
                plan::wait(text, policy, target, gates, evaluation.now, asked.all_gates);
                if let Err(closed) = approve_overriding(gates, asked.overrides) {
                    let _ = writeln!(text, "  {CYAN}hint{CYAN:#} {}\n", closed.hint());
                }
            }
            Some(Decision::Current { why }) if !why.is_up_to_date() => {
                plan::stay(text, policy, target, why);
                if let NoCandidate::Pinned { tag, .. } = why {
                    let _ = writeln!(text, "  {CYAN}hint{CYAN:#} {}", past_a_pin(policy, target, tag));
                }
                text.push('\n');
            }
            Some(Decision::Current { why }) => {
                let environment = &policy.environments[target.environment].policy.name;
                up_to_date.push(format!("{} in {environment}: {why}", target.service()));
            }
            Some(Decision::Promote(_)) | None => {}
        }
    }
    up_to_date
}

fn past_a_pin(policy: &RepositoryPolicy, target: &Target, tag: &Tag) -> String {
    let (service, environment) = (target.service(), &policy.environments[target.environment].policy.name);
    format!(
        "release the pin, or override it: tidegate promote {service} --env {environment} --tag {tag} --override hold \
         --reason TEXT"
    )
}

/// Nothing to do, and why: one line per reason when there are several.
pub(crate) fn nothing(what: &str, reasons: &[String]) -> String {
    let more = reasons.len().saturating_sub(MOST_LISTED);
    match reasons {
        [one] => format!("{what}: {one}"),
        several if more == 0 => format!("{what}:\n  {}", several.join("\n  ")),
        several => format!("{what}:\n  {}\n  and {more} more", several[..MOST_LISTED].join("\n  ")),
    }
}

fn elsewhere(count: usize) -> String {
    match count {
        1 => "1 problem elsewhere; `tidegate plan` shows it".to_owned(),
        many => format!("{many} problems elsewhere; `tidegate plan` shows them"),
    }
}

/// A rollback, whether it was made or would be.
pub(crate) fn rollback(
    policy: &RepositoryPolicy,
    report: &PassReport,
    reason: &str,
    all_gates: bool,
) -> String {
    let mut text = String::new();
    for planned in &report.planned {
        plan::promotion(&mut text, policy, planned, all_gates);
    }
    plan::proposed(&mut text, policy, report, all_gates);
    for promoted in &report.promoted {
        rolled_back(&mut text, policy, report, promoted, reason);
    }
    text.push_str(&problems::render(&report.problems));
    text
}

fn rolled_back(
    text: &mut String,
    policy: &RepositoryPolicy,
    report: &PassReport,
    promoted: &Promoted,
    reason: &str,
) {
    let Promoted { service, environment, from, to, commit, .. } = promoted;
    let commit = commit.short();
    let _ = writeln!(
        text,
        "{GREEN}rolled back{GREEN:#}  {BOLD}{service}{BOLD:#} in {CYAN}{environment}{CYAN:#}: {from} -> \
         {GREEN}{to}{GREEN:#}  {DIM}{commit}{DIM:#}"
    );
    let _ = writeln!(text, "  because      {}", Printable::bounded(reason.trim(), 300));
    if let Some(file) = &promoted.quarantine {
        let _ = writeln!(text, "  quarantined  {from} in every environment  {DIM}{file}{DIM:#}");
    }
    let _ = writeln!(text, "  next         {environment} takes only versions above {from}");
    let _ = writeln!(text, "  undo         {DIM}git revert {commit}{DIM:#}");
    let is_elsewhere = |target: &&Target| {
        target.service() == service
            && target.image() == &promoted.image
            && policy.environments[target.environment].policy.name != *environment
            && target.running.iter().any(|running| running.tag == *from)
    };
    for target in report.evaluation.state.deployed.targets.iter().filter(is_elsewhere) {
        let elsewhere = &policy.environments[target.environment].policy.name;
        let _ = writeln!(
            text,
            "  {YELLOW}note{YELLOW:#}         {CYAN}{elsewhere}{CYAN:#} still runs {from}: tidegate rollback {service} \
             --env {elsewhere} --reason TEXT"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_stand_on_lines_of_their_own_and_are_counted() {
        let reasons = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
        assert_eq!(nothing("Nothing", &reasons(1)), "Nothing: 0");
        assert_eq!(nothing("Nothing", &reasons(2)), "Nothing:\n  0\n  1");
        let many = nothing("Nothing", &reasons(MOST_LISTED + 2));
        assert!(many.ends_with("\n  19\n  and 2 more"), "{many}");
    }
}
