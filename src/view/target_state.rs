//! The state of each target after a pass, and the number of targets in each state.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::{PassReport, RepositoryPolicy, Target};
use crate::model::{Class, TargetId};
use crate::policy::{Answer, Approved, Decision, GateEvaluation, GateName, GateReport, SoakMode};

/// Where one target stands after a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TargetState {
    /// It moves, or moved.
    Moving,
    /// A pull request proposes it.
    Proposed,
    /// Time alone opens its gates.
    Waiting,
    /// A control file or freeze blocks it, or somebody must act.
    Blocked,
    /// A gate or the edit refused it for safety.
    Refused,
    /// Its gates are open, but it was not written; a problem names the reason.
    Failed,
    /// Its registry did not answer.
    Undecided,
    UpToDate,
}

/// The state of a target.
pub(crate) fn state_of(policy: &RepositoryPolicy, report: &PassReport, at: TargetId) -> TargetState {
    let target = &report.evaluation.state.deployed.targets[at];
    match &report.evaluation.decisions[at] {
        None => TargetState::Undecided,
        Some(Decision::Promote(approved)) if moves(policy, report, at, approved) => TargetState::Moving,
        Some(Decision::Promote(_)) if is_proposed(policy, report, target) => TargetState::Proposed,
        Some(Decision::Promote(_)) => unwritten(policy, report, target),
        // The version that replaced it soaks from now on.
        Some(Decision::Wait(gates)) if is_superseded(policy, report, target, gates) => TargetState::Waiting,
        Some(Decision::Wait(gates)) if gates.closed().any(|gate| gate.answer == Answer::Refused) => {
            TargetState::Refused
        }
        Some(Decision::Wait(gates)) if is_blocked(gates) => TargetState::Blocked,
        Some(Decision::Wait(_)) => TargetState::Waiting,
        Some(Decision::Current { why }) if why.is_up_to_date() => TargetState::UpToDate,
        Some(Decision::Current { .. }) => TargetState::Blocked,
    }
}

/// Whether a candidate is blocked, rather than waiting: a control file or freeze closes a gate, even until a known time, or
/// time alone does not open the gates.
fn is_blocked(evaluation: &GateEvaluation) -> bool {
    evaluation.earliest().is_none() || evaluation.closed().any(is_set_by_people)
}

/// Whether a gate is closed by a control file or a configured freeze.
pub(crate) fn is_set_by_people(gate: &GateReport) -> bool {
    matches!(gate.gate, GateName::Hold | GateName::Quarantine | GateName::Freeze)
}

fn moves(policy: &RepositoryPolicy, report: &PassReport, at: TargetId, approved: &Approved) -> bool {
    let target = &report.evaluation.state.deployed.targets[at];
    let environment = &policy.environments[target.environment].policy.name;
    report.planned.iter().any(|plan| plan.target == at)
        || report.promoted.iter().any(|promoted| {
            promoted.service == *target.service()
                && promoted.image == *target.image()
                && promoted.environment == *environment
                && promoted.to == approved.candidate().tag
        })
}

fn is_proposed(policy: &RepositoryPolicy, report: &PassReport, target: &Target) -> bool {
    let environment = &policy.environments[target.environment].policy.name;
    let here = report.requests.iter().filter(|request| request.environment == *environment);
    here.flat_map(|request| &request.moves)
        .any(|one| one.service == *target.service() && one.image == *target.image())
}

/// Why a promotion with open gates was not written.
fn unwritten(policy: &RepositoryPolicy, report: &PassReport, target: &Target) -> TargetState {
    let environment = &policy.environments[target.environment].policy.name;
    let is_refused = report.problems.iter().any(|problem| {
        problem.is_error
            && problem.class == Class::Refused
            && problem.service.as_ref() == Some(target.service())
            && problem.environment.as_ref().is_none_or(|name| name == environment)
    });
    if is_refused { TargetState::Refused } else { TargetState::Failed }
}

/// Whether this pass replaced the version that soaks for a waiting target, so that it does not come any more.
pub(crate) fn is_superseded(
    policy: &RepositoryPolicy,
    report: &PassReport,
    target: &Target,
    gates: &GateEvaluation,
) -> bool {
    let before = &policy.environments[target.environment].policy.after;
    policy.soak_mode != SoakMode::Elapsed
        && report.promoted.iter().any(|promoted| {
            Some(&promoted.environment) == before.as_ref()
                && promoted.service == *target.service()
                && promoted.image == *target.image()
                && promoted.to != gates.candidate().tag
        })
}

/// How many targets stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    moving: usize,
    proposed: usize,
    waiting: usize,
    blocked: usize,
    pub(crate) refused: usize,
    failed: usize,
    undecided: usize,
    up_to_date: usize,
}

impl Counts {
    pub(crate) fn of(policy: &RepositoryPolicy, report: &PassReport) -> Self {
        let is_in_scope = |at: &TargetId| report.scope.as_ref().is_none_or(|scope| scope.contains(at));
        let targets = report.evaluation.decisions.ids().filter(is_in_scope);
        targets.map(|at| state_of(policy, report, at)).collect()
    }

    /// The counts as a line; `verb` says what became of what moves.
    pub(crate) fn line(&self, verb: &str) -> String {
        let mut text =
            format!("{} {verb}, {} {}", self.moving, self.waiting, plural(self.waiting, "waits", "wait"));
        let proposed = plural(self.proposed, "in a pull request", "in pull requests");
        for (count, what) in [
            (self.blocked, "blocked"),
            (self.refused, "refused"),
            (self.failed, "failed"),
            (self.undecided, "not decided"),
            (self.proposed, proposed),
        ] {
            if count > 0 {
                // Writing to a string does not fail.
                let _ = write!(text, ", {count} {what}");
            }
        }
        let _ = write!(text, ", {} up to date", self.up_to_date);
        text
    }
}

impl FromIterator<TargetState> for Counts {
    fn from_iter<I: IntoIterator<Item = TargetState>>(states: I) -> Self {
        let mut counts = Self::default();
        for state in states {
            *match state {
                TargetState::Moving => &mut counts.moving,
                TargetState::Proposed => &mut counts.proposed,
                TargetState::Waiting => &mut counts.waiting,
                TargetState::Blocked => &mut counts.blocked,
                TargetState::Refused => &mut counts.refused,
                TargetState::Failed => &mut counts.failed,
                TargetState::Undecided => &mut counts.undecided,
                TargetState::UpToDate => &mut counts.up_to_date,
            } += 1;
        }
        counts
    }
}

fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::TargetState::*;
    use super::*;

    #[rstest]
    #[case::nothing(&[], "0 would move, 0 wait, 0 up to date")]
    #[case::one_of_each(
        &[Moving, Proposed, Waiting, Blocked, Refused, Failed, Undecided, UpToDate],
        "1 would move, 1 waits, 1 blocked, 1 refused, 1 failed, 1 not decided, 1 in a pull request, 1 up to date"
    )]
    #[case::refused_is_no_waiting(&[Refused, Refused, UpToDate], "0 would move, 0 wait, 2 refused, 1 up to date")]
    #[case::several(&[Waiting, Waiting, Proposed, Proposed], "0 would move, 2 wait, 2 in pull requests, 0 up to date")]
    fn counts_are_kept_apart(#[case] states: &[TargetState], #[case] line: &str) {
        assert_eq!(states.iter().copied().collect::<Counts>().line("would move"), line);
    }
}
