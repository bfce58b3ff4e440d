//! The table as states that can be compared: what differs between two looks, without times that pass by themselves.

use std::collections::BTreeMap;

use crate::model::{Health, TargetId, Timestamp};
use crate::policy::{Decision, GateEvaluation};

use crate::view::{Row, StatusTable, TargetState, control, state_of, time};

impl StatusTable<'_> {
    /// The state of everything that is shown, by its name.
    pub(crate) fn states(&self, now: Timestamp) -> BTreeMap<String, String> {
        let zone = self.policy.zone();
        let targets = self.rows.iter().flat_map(|row| row.targets.iter().flatten().map(move |at| (row, *at)));
        let targets = targets.map(|(row, at)| self.state(row, at));
        let controls = self.controls(now).into_iter().map(|one| {
            let note = one.note().map(|note| control::note(note, zone));
            (control::plain(&one, zone), note.unwrap_or_default())
        });
        let problems = self.report.problems.iter().map(|problem| {
            let severity = if problem.is_error { "error" } else { "warning" };
            (severity.to_owned() + " " + &problem.to_string(), problem.hint.clone().unwrap_or_default())
        });
        targets.chain(controls).chain(problems).collect()
    }

    fn state(&self, row: &Row, at: TargetId) -> (String, String) {
        let evaluation = &self.report.evaluation;
        let target = &evaluation.state.deployed.targets[at];
        let environment = &self.policy.environments[target.environment].policy;
        let running: Vec<&str> = target.running.iter().map(|running| running.tag.as_str()).collect();
        let running = running.join("+");
        let next = match &evaluation.decisions[at] {
            None => ", not decided".to_owned(),
            Some(Decision::Promote(approved)) => {
                let tag = &approved.candidate().tag;
                match state_of(self.policy, self.report, at) {
                    TargetState::Refused => format!(", {tag} refused"),
                    TargetState::Failed => format!(", {tag} failed"),
                    _ => format!(", {tag} now"),
                }
            }
            Some(Decision::Wait(gates)) => {
                let at = gates.earliest().filter(|at| *at > evaluation.now);
                let time = at.map(|at| format!(" until {}", time::local(at, environment.zone)));
                let (tag, closed) = (&gates.candidate().tag, closed(gates));
                format!(", {tag} waits{} ({closed})", time.unwrap_or_default())
            }
            Some(Decision::Current { why }) if why.is_up_to_date() => String::new(),
            Some(Decision::Current { why }) => format!(", blocked: {why}"),
        };
        let health = match evaluation.health_of(at).map(|health| &health.now) {
            Some(Health::Unhealthy(_)) => " (not healthy)",
            Some(Health::Unknown(_)) => " (health unknown)",
            Some(Health::Healthy) | None => "",
        };
        let unmerged = self.unmerged(at);
        let request =
            unmerged.map(|unmerged| format!(", {} in pull request #{}", unmerged.tag, unmerged.number));
        (
            format!("{} in {}", row.name(), environment.name),
            running + health + &next + &request.unwrap_or_default(),
        )
    }
}

fn closed(evaluation: &GateEvaluation) -> String {
    evaluation.closed().map(|gate| gate.gate.as_str()).collect::<Vec<_>>().join(", ")
}
