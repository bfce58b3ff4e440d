//! Moves by hand as people read them: what was done or would be, what keeps the rest, and what to do about it.

use std::fmt::Write;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, YELLOW};
use crate::engine::{PassReport, Promoted, RepositoryPolicy, Target};
use crate::model::{Printable, Tag};
use crate::policy::{Decision, NoCandidate, Overrides, approve_overriding};

use super::{plan, problems};

/// The most targets that are told to have nothing to come.
const MOST_TOLD: usize = 20;

/// What was asked for.
pub(crate) struct Asked<'a> {
    /// The services, and where.
    pub(crate) names: &'a str,
    pub(crate) overrides: &'a Overrides,
    /// How many problems were left out, since they concern others.
    pub(crate) elsewhere: usize,
}

/// A promotion by hand, whether it was made, would be made, or may not be.
pub(crate) fn promote(
    repository_policy: &RepositoryPolicy,
    report: &PassReport,
    asked: &Asked<'_>,
) -> String {
    let mut text = String::new();
    for planned in &report.planned {
        plan::promotion(&mut text, repository_policy, planned);
    }
    plan::promoted(&mut text, report);
    plan::proposed(&mut text, repository_policy, report);
    let mut current = Vec::new();
    for (target, decision) in
        report.evaluation.state.deployed.targets.iter().zip(&report.evaluation.decisions)
    {
        match decision {
            Some(Decision::Wait(evaluation)) => {
                plan::wait(&mut text, repository_policy, target, evaluation, report.evaluation.now);
                if let Err(closed) = approve_overriding(evaluation, asked.overrides) {
                    let _ = writeln!(text, "  {CYAN}hint{CYAN:#} {}\n", closed.hint());
                }
            }
            Some(Decision::Current { why }) if !why.is_up_to_date() => {
                plan::stay(&mut text, repository_policy, target, why);
                if let NoCandidate::Pinned { tag, .. } = why {
                    let _ =
                        writeln!(text, "  {CYAN}hint{CYAN:#} {}", past_a_pin(repository_policy, target, tag));
                }
                text.push('\n');
            }
            Some(Decision::Current { why }) => {
                let environment = &repository_policy.environments[target.environment].policy.name;
                current.push(format!("{} in {environment}: {why}", target.service()));
            }
            Some(Decision::Promote(_)) | None => {}
        }
    }
    text.push_str(&problems::render(&report.problems));
    if text.is_empty() {
        if current.is_empty() {
            current.push(format!("{} runs it already", asked.names));
        }
        text = format!("{}\n", nothing("Nothing to promote", &current));
    } else if !current.is_empty() {
        let _ = writeln!(text, "{DIM}{} up to date{DIM:#}", current.len());
    }
    if asked.elsewhere > 0 {
        let _ = writeln!(text, "{DIM}{}{DIM:#}", elsewhere(asked.elsewhere));
    }
    text
}

fn past_a_pin(repository_policy: &RepositoryPolicy, target: &Target, tag: &Tag) -> String {
    let (service, environment) =
        (target.service(), &repository_policy.environments[target.environment].policy.name);
    format!(
        "release the pin, or insist by hand: tidegate promote {service} --to {environment} --tag {tag} --override hold \
         --reason TEXT"
    )
}

/// That nothing is to do, and why, a line for each reason when there are several.
pub(crate) fn nothing(what: &str, reasons: &[String]) -> String {
    let more = reasons.len().saturating_sub(MOST_TOLD);
    match reasons {
        [one] => format!("{what}: {one}"),
        several if more == 0 => format!("{what}:\n  {}", several.join("\n  ")),
        several => format!("{what}:\n  {}\n  and {more} more", several[..MOST_TOLD].join("\n  ")),
    }
}

fn elsewhere(count: usize) -> String {
    match count {
        1 => "there is 1 problem elsewhere; `tidegate plan` tells it".to_owned(),
        many => format!("there are {many} problems elsewhere; `tidegate plan` tells them"),
    }
}

/// A way back, whether it was made or would be.
pub(crate) fn rollback(repository_policy: &RepositoryPolicy, report: &PassReport, reason: &str) -> String {
    let mut text = String::new();
    for planned in &report.planned {
        plan::promotion(&mut text, repository_policy, planned);
    }
    plan::proposed(&mut text, repository_policy, report);
    for promoted in &report.promoted {
        rolled_back(&mut text, repository_policy, report, promoted, reason);
    }
    text.push_str(&problems::render(&report.problems));
    text
}

fn rolled_back(
    text: &mut String,
    repository_policy: &RepositoryPolicy,
    report: &PassReport,
    promoted: &Promoted,
    reason: &str,
) {
    let Promoted { service, environment, from, to, .. } = promoted;
    let _ = writeln!(
        text,
        "{GREEN}rolled back{GREEN:#}  {BOLD}{service}{BOLD:#} in {CYAN}{environment}{CYAN:#}: {from} -> \
         {GREEN}{to}{GREEN:#}  {DIM}{}{DIM:#}",
        promoted.commit.short()
    );
    let _ = writeln!(text, "  because      {}", Printable::bounded(reason.trim(), 300));
    if let Some(file) = &promoted.quarantine {
        let _ = writeln!(text, "  quarantined  {from} in every environment  {DIM}{file}{DIM:#}");
    }
    let _ = writeln!(text, "  next         only what is higher than {from} comes to {environment} by itself");
    let is_elsewhere = |target: &&Target| {
        target.service() == service
            && target.image() == &promoted.image
            && repository_policy.environments[target.environment].policy.name != *environment
            && target.running.iter().any(|running| running.tag == *from)
    };
    for target in report.evaluation.state.deployed.targets.iter().filter(is_elsewhere) {
        let elsewhere = &repository_policy.environments[target.environment].policy.name;
        let _ = writeln!(
            text,
            "  {YELLOW}note{YELLOW:#}         {CYAN}{elsewhere}{CYAN:#} still runs {from}: tidegate rollback {service} \
             --in {elsewhere} --reason TEXT"
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
        let many = nothing("Nothing", &reasons(MOST_TOLD + 2));
        assert!(many.ends_with("\n  19\n  and 2 more"), "{many}");
    }
}
