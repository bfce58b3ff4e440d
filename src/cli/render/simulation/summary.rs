//! The figures of each environment, a column a policy.

use crate::cli::output::{BOLD, DIM};
use crate::model::{Elapsed, EnvironmentName, Printable};
use crate::simulation::{Figures, Lead};

use super::Outcome;
use crate::cli::render::table::{self, Cell};

pub(super) fn render(outcome: &Outcome) -> String {
    let head = ["", "", ""].map(Cell::plain).into_iter().take(2);
    let names =
        outcome.arms.iter().map(|arm| Cell::styled(Printable::bounded(&arm.name, 40).to_string(), BOLD));
    let mut rows: Vec<Vec<Cell>> = vec![head.chain(names).collect()];
    for environment in &outcome.environments {
        rows.extend(of_environment(outcome, environment));
    }
    table::render(&rows)
}

fn of_environment(outcome: &Outcome, environment: &EnvironmentName) -> Vec<Vec<Cell>> {
    let figures: Vec<Figures> = outcome.arms.iter().map(|arm| Figures::of(&arm.story, environment)).collect();
    let row = |name: &str, of: &dyn Fn(&Figures) -> String| -> Vec<Cell> {
        let label = [Cell::plain(""), Cell::styled(name, DIM)];
        label.into_iter().chain(figures.iter().map(|figures| Cell::plain(of(figures)))).collect()
    };
    let lead = |of: fn(&Lead) -> std::time::Duration| {
        move |figures: &Figures| match &figures.lead {
            Some(lead) => Elapsed(of(lead)).to_string(),
            None => "-".to_owned(),
        }
    };
    let mut rows = vec![
        row("versions that came", &|figures| match figures.by_people {
            0 => figures.arrivals.to_string(),
            people => format!("{} ({people} by people)", figures.arrivals),
        }),
        row("lead time, median", &lead(|lead| lead.median)),
        row("lead time, p90", &lead(|lead| lead.p90)),
        row("lead time, longest", &lead(|lead| lead.max)),
        row("passed over", &|figures| figures.skipped.to_string()),
        row("not there at the end", &|figures| figures.pending.to_string()),
    ];
    if figures.iter().any(|figures| figures.starved > 0) {
        rows.push(row("services that starved", &|figures| figures.starved.to_string()));
    }
    if let Some(first) = rows.first_mut().and_then(|row| row.first_mut()) {
        *first = Cell::styled(environment.to_string(), BOLD);
    }
    rows
}
