//! The board as states that can be compared: what differs between two looks, without the times that pass by themselves.

use std::collections::BTreeMap;

use crate::model::Timestamp;
use crate::policy::{Decision, GateEvaluation, ShownTime};

use crate::cli::render::said;

use super::{Board, Row};

impl Board<'_> {
    /// The state of everything that is shown, by what it is the state of.
    pub(crate) fn states(&self, now: Timestamp) -> BTreeMap<String, String> {
        let targets = self.rows.iter().flat_map(|row| row.targets.iter().flatten().map(move |at| (row, *at)));
        let targets = targets.map(|(row, at)| self.state(row, at));
        let controls = self.controls(now).into_iter().map(|control| {
            let who = control.note().map(|note| said::who(note, self.repository_policy.zone()));
            (said::what(&control), who.unwrap_or_default())
        });
        let problems = self.report.problems.iter().map(|problem| {
            let severity = if problem.is_error { "error" } else { "warning" };
            (severity.to_owned() + " " + &problem.to_string(), problem.hint.clone().unwrap_or_default())
        });
        targets.chain(controls).chain(problems).collect()
    }

    fn state(&self, row: &Row, at: usize) -> (String, String) {
        let evaluation = &self.report.evaluation;
        let target = &evaluation.state.deployed.targets[at];
        let environment = &self.repository_policy.environments[target.environment].policy;
        let running: Vec<&str> = target.running.iter().map(|running| running.tag.as_str()).collect();
        let running = running.join("+");
        let shown = |at: Timestamp| ShownTime { at, zone: environment.zone };
        let state = match &evaluation.decisions[at] {
            None => format!("{running}, not decided"),
            Some(Decision::Promote(approved)) => format!("{running}, {} now", approved.candidate().tag),
            Some(Decision::Wait(gates)) => {
                let at = gates.earliest().filter(|at| *at > evaluation.now);
                let time = at.map(|at| format!(" until {}", shown(at))).unwrap_or_default();
                let (tag, closed) = (&gates.candidate().tag, closed(gates));
                format!("{running}, {tag} waits{time} ({closed})")
            }
            Some(Decision::Current { why }) if why.is_up_to_date() => running,
            Some(Decision::Current { why }) => format!("{running}, {why}"),
        };
        let request = self
            .unmerged(at)
            .map(|unmerged| format!(", {} in pull request #{}", unmerged.tag, unmerged.number));
        (format!("{} in {}", row.name(), environment.name), state + &request.unwrap_or_default())
    }
}

fn closed(evaluation: &GateEvaluation) -> String {
    evaluation.closed().map(|gate| gate.gate.as_str()).collect::<Vec<_>>().join(", ")
}
