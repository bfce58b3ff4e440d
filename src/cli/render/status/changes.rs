//! The board as states that can be compared: what differs between two looks, without the times that pass by themselves.

use std::collections::BTreeMap;

use crate::model::Timestamp;
use crate::policy::{Decision, Evaluation, ShownTime};

use crate::cli::render::said;

use super::{Board, Row};

impl Board<'_> {
    /// The state of everything that is shown, by what it is the state of.
    pub(crate) fn states(&self, now: Timestamp) -> BTreeMap<String, String> {
        let tracks = self.rows.iter().flat_map(|row| row.tracks.iter().flatten().map(move |at| (row, *at)));
        let tracks = tracks.map(|(row, at)| self.state(row, at));
        let controls = self.controls(now).into_iter().map(|control| {
            let who = control.note().map(|note| said::who(note, self.rulebook.zone()));
            (said::what(&control), who.unwrap_or_default())
        });
        let problems = self.report.problems.iter().map(|problem| {
            let severity = if problem.is_error { "error" } else { "warning" };
            (severity.to_owned() + " " + &problem.to_string(), problem.hint.clone().unwrap_or_default())
        });
        tracks.chain(controls).chain(problems).collect()
    }

    fn state(&self, row: &Row, at: usize) -> (String, String) {
        let assessment = &self.report.assessment;
        let track = &assessment.view.board.tracks[at];
        let environment = &self.rulebook.environments[track.environment].policy;
        let running: Vec<&str> = track.running.iter().map(|running| running.tag.as_str()).collect();
        let running = running.join("+");
        let shown = |at: Timestamp| ShownTime { at, zone: environment.zone };
        let state = match &assessment.decisions[at] {
            None => format!("{running}, not decided"),
            Some(Decision::Promote(approved)) => format!("{running}, {} now", approved.candidate().tag),
            Some(Decision::Wait(evaluation)) => {
                let at = evaluation.earliest().filter(|at| *at > assessment.now);
                let time = at.map(|at| format!(" until {}", shown(at))).unwrap_or_default();
                let (tag, closed) = (&evaluation.candidate().tag, closed(evaluation));
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

fn closed(evaluation: &Evaluation) -> String {
    evaluation.closed().map(|gate| gate.gate.as_str()).collect::<Vec<_>>().join(", ")
}
