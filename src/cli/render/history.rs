//! The history as a table, newest first.

use chrono_tz::Tz;

use crate::cli::output::{CYAN, DIM, GREEN, YELLOW};
use crate::engine::{Move, Mover};
use crate::model::{Printable, Tag};

use super::table::{self, Cell};
use crate::view::time;

pub(crate) fn render(moves: &[Move], zone: Tz) -> String {
    if moves.is_empty() {
        return "No tag has changed yet.\n".to_owned();
    }
    let heading = ["TIME", "ENVIRONMENT", "SERVICE", "CHANGE", "BY", "COMMIT", "REASON"];
    let mut rows = vec![heading.iter().map(|name| Cell::styled(*name, DIM)).collect::<Vec<_>>()];
    rows.extend(moves.iter().map(|change| row(change, zone)));
    table::render(&rows)
}

fn row(one: &Move, zone: Tz) -> Vec<Cell> {
    let change = match (one.from.as_slice(), one.to.as_slice()) {
        ([], to) => Cell::styled(format!("added at {}", tags(to)), GREEN),
        (from, []) => Cell::styled(format!("removed at {}", tags(from)), YELLOW),
        (from, to) => Cell::plain(format!("{} -> {}", tags(from), tags(to))),
    };
    let by = match &one.by {
        Mover::Tidegate { requested_by, .. } => {
            Cell::styled(format!("tidegate ({})", Printable::bounded(requested_by, 40)), CYAN)
        }
        Mover::Person { author } => Cell::styled(Printable::bounded(author, 40).to_string(), YELLOW),
    };
    let why = one.why.as_ref().map(|why| Printable::bounded(why, 80).to_string()).unwrap_or_default();
    vec![
        Cell::styled(time::local(one.at, zone), DIM),
        Cell::plain(one.environment.to_string()),
        Cell::plain(one.service.to_string()),
        change,
        by,
        Cell::styled(one.commit.short(), DIM),
        Cell::plain(why),
    ]
}

fn tags(tags: &[Tag]) -> String {
    tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(", ")
}
