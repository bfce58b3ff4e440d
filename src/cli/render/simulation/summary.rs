//! The figures of each environment, one column per run.

use crate::cli::output::{BOLD, DIM};
use crate::model::{Elapsed, EnvironmentName, Printable};
use crate::simulation::{Figures, Lead};

use super::Comparison;
use crate::cli::render::table::{self, Cell};

pub(super) fn render(comparison: &Comparison) -> String {
    let head = ["", "", ""].map(Cell::plain).into_iter().take(2);
    let names =
        comparison.runs.iter().map(|run| Cell::styled(Printable::bounded(&run.name, 40).to_string(), BOLD));
    let mut rows: Vec<Vec<Cell>> = vec![head.chain(names).collect()];
    for environment in &comparison.environments {
        rows.extend(of_environment(comparison, environment));
    }
    table::render(&rows)
}

fn of_environment(comparison: &Comparison, environment: &EnvironmentName) -> Vec<Vec<Cell>> {
    let figures: Vec<Figures> =
        comparison.runs.iter().map(|run| Figures::of(&run.report, environment)).collect();
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
        row("versions promoted", &|figures| match figures.by_people {
            0 => figures.arrivals.to_string(),
            people => format!("{} ({people} by hand)", figures.arrivals),
        }),
        row("lead time, median", &lead(|lead| lead.median)),
        row("lead time, p90", &lead(|lead| lead.p90)),
        row("lead time, longest", &lead(|lead| lead.max)),
        row("skipped", &|figures| figures.skipped.to_string()),
        row("still pending", &|figures| figures.pending.to_string()),
    ];
    if figures.iter().any(|figures| figures.starved > 0) {
        rows.push(row("starved services", &|figures| figures.starved.to_string()));
    }
    if let Some(first) = rows.first_mut().and_then(|row| row.first_mut()) {
        *first = Cell::styled(environment.to_string(), BOLD);
    }
    rows
}
