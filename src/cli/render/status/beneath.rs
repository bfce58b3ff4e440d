//! What stands beneath the board: what people say by control files, freezes, and releases that starve.

use std::fmt::Write;

use crate::cli::output::{CYAN, DIM, YELLOW};
use crate::engine::Target;
use crate::model::{Elapsed, EnvironmentName, Printable, Timestamp};
use crate::policy::{Control, Controls, Decision, Freeze, ShownTime, Starvation};

use crate::cli::render::said;

use super::Board;

/// The most lines of one kind that are told; more are counted.
const MOST_TOLD: usize = 30;

impl Board<'_> {
    pub(super) fn beneath(&self, now: Timestamp) -> String {
        let mut text = String::new();
        let zone = self.repository_policy.zone();
        let controls = self.controls(now);
        for control in controls.iter().take(MOST_TOLD) {
            let who = control.note().map(|note| said::who(note, zone)).unwrap_or_default();
            let _ = writeln!(text, "{YELLOW}{}{YELLOW:#} {DIM}{who}{DIM:#}", said::what(control));
        }
        more(&mut text, controls.len());
        for freeze in self.freezes(now) {
            let (_, to) = freeze.span();
            let name = Printable::bounded(freeze.name(), 60);
            let places: Vec<&str> = freeze.environments().iter().map(EnvironmentName::as_str).collect();
            let places = if places.is_empty() { "everything".to_owned() } else { places.join(", ") };
            let to = to.format("%Y-%m-%d %H:%M");
            let _ = writeln!(
                text,
                "{YELLOW}freeze ({name}) of {places}{YELLOW:#} {DIM}until {to}, by the configuration{DIM:#}"
            );
        }
        let starving = self.starving();
        for (target, starvation) in starving.iter().take(MOST_TOLD) {
            let environment = &self.repository_policy.environments[target.environment].policy.name;
            let since = ShownTime { at: starvation.since, zone };
            let _ = writeln!(
                text,
                "{YELLOW}starving{YELLOW:#} {} in {CYAN}{environment}{CYAN:#}: since {since} {} versions were replaced in {} \
                 before their soak of {} was over; `soakMode: train` or `elapsed` helps",
                target.service(),
                starvation.superseded_count,
                starvation.environment,
                Elapsed(starvation.needed)
            );
        }
        more(&mut text, starving.len());
        text
    }

    /// What people say by control files about the environments and services that are shown.
    pub(crate) fn controls(&self, now: Timestamp) -> Vec<Control> {
        let all = self.report.evaluation.state.controls.standing(self.repository_policy.zone(), now);
        let targets = &self.report.evaluation.state.deployed.targets;
        let shown: Vec<&Target> =
            self.rows.iter().flat_map(|row| row.targets.iter().flatten()).map(|at| &targets[*at]).collect();
        let covers = |control: &Control| {
            let alone: Controls = [control.clone()].into_iter().collect();
            shown.iter().any(|target| {
                let environment = &self.repository_policy.environments[target.environment].policy.name;
                !alone.covering(target.service(), environment).is_empty()
            })
        };
        all.into_iter().filter(|control| covers(control)).collect()
    }

    /// The configured freezes that are in effect in an environment that is shown.
    pub(crate) fn freezes(&self, now: Timestamp) -> Vec<&Freeze> {
        let shown = self.environments.iter().map(|at| &self.repository_policy.environments[*at].policy);
        // Every environment has all freezes; each says itself whom it covers.
        let mut found: Vec<&Freeze> = Vec::new();
        for policy in shown {
            let here = policy.freezes.iter().filter(|freeze| freeze.covers(&policy.name));
            for freeze in here.filter(|freeze| freeze.is_in_effect(policy.zone, now)) {
                if !found.contains(&freeze) {
                    found.push(freeze);
                }
            }
        }
        found
    }

    fn starving(&self) -> Vec<(&Target, &Starvation)> {
        let targets = &self.report.evaluation.state.deployed.targets;
        let shown = self.rows.iter().flat_map(|row| row.targets.iter().flatten());
        let starving = |at: &usize| match &self.report.evaluation.decisions[*at] {
            Some(Decision::Wait(evaluation)) => Some((&targets[*at], evaluation.starvation()?)),
            _ => None,
        };
        shown.filter_map(starving).collect()
    }
}

fn more(text: &mut String, count: usize) {
    if count > MOST_TOLD {
        let _ = writeln!(text, "{DIM}... and {} more; -o json lists all{DIM:#}", count - MOST_TOLD);
    }
}
