//! Moves by hand as people read them: what was done or would be, what keeps the rest, and what to do about it.

use std::fmt::Write;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, YELLOW};
use crate::engine::{PassReport, Promoted, Rulebook, Track};
use crate::model::Printable;
use crate::policy::{Decision, Insistence, approve_overriding};

use super::{plan, problems};

/// The most tracks that are told to have nothing to come.
const MOST_TOLD: usize = 20;

/// What was asked for.
pub(crate) struct Asked<'a> {
    /// The services, and where.
    pub(crate) names: &'a str,
    pub(crate) insistence: &'a Insistence,
    /// How many problems were left out, since they concern others.
    pub(crate) elsewhere: usize,
}

/// A promotion by hand, whether it was made, would be made, or may not be.
pub(crate) fn promote(rulebook: &Rulebook, report: &PassReport, asked: &Asked<'_>) -> String {
    let mut text = String::new();
    for planned in &report.planned {
        plan::promotion(&mut text, rulebook, planned);
    }
    plan::promoted(&mut text, report);
    let mut current = Vec::new();
    for (track, decision) in report.assessment.view.board.tracks.iter().zip(&report.assessment.decisions) {
        match decision {
            Some(Decision::Wait(evaluation)) => {
                plan::wait(&mut text, rulebook, track, evaluation, report.assessment.now);
                if let Err(closed) = approve_overriding(evaluation, asked.insistence) {
                    let _ = writeln!(text, "  {CYAN}hint{CYAN:#} {}", closed.hint());
                }
                text.push('\n');
            }
            Some(Decision::Current { why }) => {
                let environment = &rulebook.environments[track.environment].policy.name;
                current.push(format!("{} in {environment}: {why}", track.service()));
            }
            Some(Decision::Promote(_)) | None => {}
        }
    }
    text.push_str(&problems::render(&report.problems));
    if text.is_empty() {
        nothing(&mut text, asked.names, &current);
    } else if !current.is_empty() {
        let _ = writeln!(text, "{DIM}nothing to promote: {}{DIM:#}", told(&current).join("; "));
    }
    if asked.elsewhere > 0 {
        let _ = writeln!(text, "{DIM}{}{DIM:#}", elsewhere(asked.elsewhere));
    }
    text
}

fn nothing(text: &mut String, names: &str, current: &[String]) {
    let _ = match current {
        [] => writeln!(text, "Nothing to promote: {names} runs it already"),
        [one] => writeln!(text, "Nothing to promote: {one}"),
        several => writeln!(text, "Nothing to promote:\n  {}", told(several).join("\n  ")),
    };
}

fn told(current: &[String]) -> Vec<String> {
    let more = current.len().saturating_sub(MOST_TOLD);
    let mut told: Vec<String> = current.iter().take(MOST_TOLD).cloned().collect();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    told
}

fn elsewhere(count: usize) -> String {
    match count {
        1 => "there is 1 problem elsewhere; `tidegate plan` tells it".to_owned(),
        many => format!("there are {many} problems elsewhere; `tidegate plan` tells them"),
    }
}

/// A way back, whether it was made or would be.
pub(crate) fn rollback(rulebook: &Rulebook, report: &PassReport, reason: &str) -> String {
    let mut text = String::new();
    for planned in &report.planned {
        plan::promotion(&mut text, rulebook, planned);
    }
    for promoted in &report.promoted {
        rolled_back(&mut text, rulebook, report, promoted, reason);
    }
    text.push_str(&problems::render(&report.problems));
    text
}

fn rolled_back(
    text: &mut String,
    rulebook: &Rulebook,
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
    let is_elsewhere = |track: &&Track| {
        track.service() == service
            && track.image() == &promoted.image
            && rulebook.environments[track.environment].policy.name != *environment
            && track.running.iter().any(|running| running.tag == *from)
    };
    for track in report.assessment.view.board.tracks.iter().filter(is_elsewhere) {
        let elsewhere = &rulebook.environments[track.environment].policy.name;
        let _ = writeln!(
            text,
            "  {YELLOW}note{YELLOW:#}         {CYAN}{elsewhere}{CYAN:#} still runs {from}: tidegate rollback {service} \
             --in {elsewhere} --reason TEXT"
        );
    }
}
