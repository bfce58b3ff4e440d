//! The next promotion of a service, and what blocks it.

use anstyle::Style;

use crate::cli::output::{CYAN, DIM, GREEN, RED, YELLOW};
use crate::model::{TargetId, Timestamp};
use crate::policy::{Decision, NoCandidate};

use crate::cli::render::blockers;
use crate::cli::render::table::Cell;

use crate::view::{Row, StatusTable, TargetState, state_of};

impl StatusTable<'_> {
    /// The next promotions, the last environment first, because people wait for that one.
    pub(super) fn next(&self, row: &Row, now: Timestamp) -> Cell {
        let parts: Vec<(String, Style)> =
            row.targets.iter().flatten().rev().flat_map(|at| self.next_of(*at, now)).collect();
        let style = parts.iter().fold(DIM, |style, (_, other)| louder(style, *other));
        let mut texts: Vec<String> = parts.into_iter().map(|(text, _)| text).collect();
        texts.dedup();
        Cell::styled(texts.join(", "), style)
    }

    /// The next promotion of one target, and its open pull request.
    fn next_of(&self, at: TargetId, now: Timestamp) -> Vec<(String, Style)> {
        let target = &self.report.evaluation.state.deployed.targets[at];
        let name = &self.policy.environments[target.environment].policy.name;
        let unmerged = self.unmerged(at);
        let mut needs_review = false;
        let next = match &self.report.evaluation.decisions[at] {
            None => Some(("not decided, see below".to_owned(), RED)),
            Some(Decision::Promote(approved)) => {
                let tag = &approved.candidate().tag;
                match (&unmerged, state_of(self.policy, self.report, at)) {
                    (_, TargetState::Refused) => Some((format!("{name} {tag} refused, see below"), RED)),
                    (_, TargetState::Failed) => Some((format!("{name} {tag} failed, see below"), RED)),
                    (Some(unmerged), _) if unmerged.tag == *tag => {
                        needs_review = approved.awaits_review();
                        None
                    }
                    (_, TargetState::Proposed) => {
                        Some((format!("{name} {tag} in the next pull request"), GREEN))
                    }
                    _ => Some((format!("{name} {tag} now"), GREEN)),
                }
            }
            Some(Decision::Wait(evaluation)) => {
                let headline = blockers::headline_of(evaluation, now);
                Some((format!("{name} {} {}", evaluation.candidate().tag, headline.text), headline.style))
            }
            Some(Decision::Current { why }) => {
                blocked(why).map(|why| (format!("{name} blocked: {why}"), YELLOW))
            }
        };
        let proposed = unmerged.map(|unmerged| {
            let (how, style) =
                if needs_review { ("needs a review of", CYAN) } else { ("in pull request", GREEN) };
            (format!("{name} {} {how} #{}", unmerged.tag, unmerged.number), style)
        });
        next.into_iter().chain(proposed).collect()
    }
}

/// The one of two styles that asks for more attention.
fn louder(one: Style, other: Style) -> Style {
    let order = [DIM, CYAN, GREEN, YELLOW, RED];
    let rank = |style: Style| order.iter().position(|known| *known == style);
    if rank(other) > rank(one) { other } else { one }
}

/// Why no newer version is a candidate; `None` if there is no newer one.
fn blocked(why: &NoCandidate) -> Option<String> {
    Some(match why {
        NoCandidate::Newest { .. } | NoCandidate::AsBefore { .. } => return None,
        NoCandidate::SeveralVariants { .. } => "its paths run different variants".to_owned(),
        NoCandidate::OtherVariants { other, .. } => format!("{other} is another variant"),
        NoCandidate::OtherVariantBefore { before, .. } => format!("{before} is another variant"),
        NoCandidate::NothingRuns => "its running version is unknown".to_owned(),
        NoCandidate::NothingAdmitted => "the registry has no admitted tag".to_owned(),
        NoCandidate::MissingBefore { environment } => format!("{environment} does not have it"),
        NoCandidate::SeveralBefore { environment, .. } => format!("{environment} runs several versions"),
        NoCandidate::NotAdmitted { before, versions, .. } => format!("{before} is not in {versions}"),
        NoCandidate::Vanished { before, .. } => format!("{before} is gone from the registry"),
        NoCandidate::Unlisted { running } => format!("{running} is not in the registry's list"),
        NoCandidate::NoImage { tag, reason, .. } | NoCandidate::NoImageBefore { before: tag, reason, .. } => {
            format!("{tag} is skipped: {reason}")
        }
        NoCandidate::UnknownBefore { environment } => {
            format!("the version in {environment} is unknown")
        }
        NoCandidate::Pinned { tag, versions, .. } => format!("{tag} is not in the pin {versions}"),
    })
}
