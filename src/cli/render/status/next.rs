//! What comes next to a service, and what blocks it, in a few words.

use anstyle::Style;

use crate::cli::output::{CYAN, DIM, GREEN, RED, YELLOW};
use crate::model::{EnvironmentName, Timestamp};
use crate::policy::{Answer, Decision, GateEvaluation, NoCandidate};

use crate::cli::render::table::Cell;
use crate::cli::render::time;

use super::{Board, Row};

impl Board<'_> {
    /// What comes next to the row: the furthest environment first, since that is what one waits for.
    pub(super) fn next(&self, row: &Row, now: Timestamp) -> Cell {
        let mut told = Vec::new();
        let mut style = DIM;
        for (environment, target) in self.environments.iter().zip(&row.targets).rev() {
            let name = &self.repository_policy.environments[*environment].policy.name;
            let decision = target.and_then(|at| self.report.evaluation.decisions[at].as_ref());
            let unmerged = target.and_then(|at| self.unmerged(at));
            let is_proposed = self.repository_policy.requests.contains_key(environment);
            let mut to_be_reviewed = false;
            let decided = decision.and_then(|decision| match (decision, &unmerged) {
                (Decision::Promote(approved), Some(unmerged)) if approved.candidate().tag == unmerged.tag => {
                    to_be_reviewed = approved.awaits_review();
                    None
                }
                (Decision::Promote(approved), _) if is_proposed => {
                    Some((format!("{name} {} to be proposed", approved.candidate().tag), GREEN))
                }
                (decision, _) => one(name, decision, now),
            });
            let waits = unmerged.map(|unmerged| {
                let (how, style) =
                    if to_be_reviewed { ("waits for a review of", CYAN) } else { ("in pull request", GREEN) };
                (format!("{name} {} {how} #{}", unmerged.tag, unmerged.number), style)
            });
            for (text, of_text) in decided.into_iter().chain(waits) {
                told.push(text);
                style = louder(style, of_text);
            }
        }
        let decisions = &self.report.evaluation.decisions;
        let is_unknown = row.targets.iter().flatten().any(|at| decisions[*at].is_none());
        if told.is_empty() && is_unknown {
            return Cell::styled("not decided, see below", RED);
        }
        Cell::styled(told.join(", "), style)
    }
}

/// The one of two styles that asks for more attention.
fn louder(one: Style, other: Style) -> Style {
    let order = [DIM, CYAN, GREEN, YELLOW, RED];
    let rank = |style: Style| order.iter().position(|known| *known == style);
    if rank(other) > rank(one) { other } else { one }
}

fn one(environment: &EnvironmentName, decision: &Decision, now: Timestamp) -> Option<(String, Style)> {
    match decision {
        Decision::Promote(approved) => {
            Some((format!("{environment} {} now", approved.candidate().tag), GREEN))
        }
        Decision::Wait(evaluation) => {
            let is_refused = evaluation.closed().any(|gate| gate.answer == Answer::Refused);
            let style = if is_refused { RED } else { CYAN };
            Some((format!("{environment} {} {}", evaluation.candidate().tag, when(evaluation, now)), style))
        }
        Decision::Current { why } => kept(why).map(|why| (format!("{environment} {why}"), YELLOW)),
    }
}

fn when(evaluation: &GateEvaluation, now: Timestamp) -> String {
    let names = |is_meant: &dyn Fn(Answer) -> bool| {
        let meant = evaluation.closed().filter(|gate| is_meant(gate.answer));
        meant.map(|gate| gate.gate.as_str()).collect::<Vec<_>>().join(", ")
    };
    let refused = names(&|answer| answer == Answer::Refused);
    if !refused.is_empty() {
        return format!("refused ({refused})");
    }
    let closed = names(&|_| true);
    match evaluation.earliest() {
        Some(at) if at > now => format!("in {} ({closed})", time::until(at, now)),
        // Its time has come since it was looked at.
        Some(_) => "now".to_owned(),
        None => format!("held ({closed})"),
    }
}

/// What keeps something newer from being a candidate; nothing when there is nothing newer.
fn kept(why: &NoCandidate) -> Option<String> {
    Some(match why {
        NoCandidate::Newest { .. } | NoCandidate::AsBefore { .. } => return None,
        NoCandidate::NothingRuns => "not known what runs".to_owned(),
        NoCandidate::NothingAdmitted => "no tag is admitted".to_owned(),
        NoCandidate::MissingBefore { environment } => format!("not in {environment}"),
        NoCandidate::SeveralBefore { environment, .. } => format!("waits for one version in {environment}"),
        NoCandidate::NotAdmitted { before, versions, .. } => format!("{before} not in {versions}"),
        NoCandidate::Vanished { before, .. } => format!("{before} gone from the registry"),
        NoCandidate::UnknownBefore { environment } => format!("not known what {environment} runs"),
        NoCandidate::Pinned { tag, versions, .. } => format!("{tag} pinned out ({versions})"),
    })
}
