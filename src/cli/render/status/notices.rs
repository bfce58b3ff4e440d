//! Notices around the table: holds of everything and freezes above it; other control files and starved releases below.

use std::fmt::Write;

use crate::cli::output::{CYAN, DIM, YELLOW};
use crate::engine::Target;
use crate::model::{Elapsed, EnvironmentName, Printable, TargetId, Timestamp, Version};
use crate::policy::{Approval, Control, Decision, Freeze, Starvation};
use crate::view::{StatusTable, control, time};

use crate::cli::render::COLOURED;

/// The most lines of one kind; more are counted.
const MOST_LINES: usize = 30;

pub(super) struct Notices {
    pub(super) above: String,
    pub(super) below: String,
}

impl StatusTable<'_> {
    pub(super) fn notices(&self, now: Timestamp) -> Notices {
        let zone = self.policy.zone();
        let line = |control: &Control| {
            let note = control.note().map(|note| control::note(note, zone)).unwrap_or_default();
            let (kind, subject) = (control::kind(control), control::subject(control, zone, COLOURED));
            format!("{YELLOW}{kind}{YELLOW:#} of {subject} {DIM}{note}{DIM:#}\n")
        };
        let controls = self.controls(now);
        let (everything, others): (Vec<_>, Vec<_>) =
            controls.iter().partition(|control| covers_everything(control));
        let mut above = String::new();
        for freeze in self.freezes(now) {
            above.push_str(&self.freeze(freeze));
        }
        let listed = |text: &mut String, lines: Vec<String>| {
            let count = lines.len();
            text.extend(lines.into_iter().take(MOST_LINES));
            more(text, count);
        };
        listed(&mut above, everything.into_iter().map(line).collect());
        let mut below = String::new();
        let others = others.into_iter().filter(|control| !self.has_come(control));
        listed(&mut below, others.map(line).collect());
        listed(
            &mut below,
            self.starving().into_iter().map(|(target, one)| self.starved(target, one)).collect(),
        );
        Notices { above, below }
    }

    fn freeze(&self, freeze: &Freeze) -> String {
        let name = Printable::bounded(freeze.name(), 60);
        let places: Vec<&str> = freeze.environments().iter().map(EnvironmentName::as_str).collect();
        let places = if places.is_empty() { "everything".to_owned() } else { places.join(", ") };
        let until = time::wall(freeze.span().1, self.policy.zone());
        format!(
            "{YELLOW}freeze{YELLOW:#} of {CYAN}{places}{CYAN:#} ({name}) {DIM}until {until}, in the configuration{DIM:#}\n"
        )
    }

    fn starved(&self, target: &Target, starvation: &Starvation) -> String {
        let environment = &self.policy.environments[target.environment].policy.name;
        format!(
            "{YELLOW}starving{YELLOW:#} {} in {CYAN}{environment}{CYAN:#}: since {} {} versions were replaced in {} \
             within their soak of {}; `soakMode: train` or `elapsed` helps\n",
            target.service(),
            time::local(starvation.since, self.policy.zone()),
            starvation.superseded_count,
            starvation.environment,
            Elapsed(starvation.needed)
        )
    }

    /// Whether an approval has served: its version, or a higher one, runs.
    fn has_come(&self, control: &Control) -> bool {
        let Control::Approval(Approval { service, environment, version, .. }) = control else { return false };
        let approved = version.as_str().parse::<Version>().ok();
        let targets = self.report.evaluation.state.deployed.targets.iter();
        let mut targets = targets
            .filter(|target| {
                let name = &self.policy.environments[target.environment].policy.name;
                target.service() == service && name == environment
            })
            .peekable();
        targets.peek().is_some()
            && targets.flat_map(|target| &target.running).all(|running| {
                running.tag == *version
                    || approved.as_ref().is_some_and(|approved| running.version >= *approved)
            })
    }

    fn starving(&self) -> Vec<(&Target, &Starvation)> {
        let targets = &self.report.evaluation.state.deployed.targets;
        let starving = |at: TargetId| match &self.report.evaluation.decisions[at] {
            Some(Decision::Wait(evaluation)) => Some((&targets[at], evaluation.starvation()?)),
            _ => None,
        };
        self.targets().into_iter().filter_map(starving).collect()
    }
}

/// Whether a hold or a freeze is of every service.
fn covers_everything(control: &Control) -> bool {
    match control {
        Control::Hold(hold) => hold.covers.services.is_none(),
        Control::Freeze(order) => order.services.is_none(),
        _ => false,
    }
}

fn more(text: &mut String, count: usize) {
    if count > MOST_LINES {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{DIM}... and {} more; -o json lists all{DIM:#}", count - MOST_LINES);
    }
}
