//! What every page has, and how it writes times and text from outside.

use chrono_tz::Tz;

use crate::model::{Printable, Timestamp};
use crate::server::snapshot::Snapshot;
use crate::view::time;

/// The longest text from outside, in characters.
const MOST_CHARS: usize = 300;

const DAYS_OF_YEAR: i64 = 365;

/// What surrounds a page.
pub(super) struct Frame {
    pub(super) snapshot: String,
    /// When the pass decided; nothing before the first pass.
    pub(super) at: Option<Moment>,
    pub(super) commit: String,
    /// The page among those that the navigation names.
    pub(super) here: &'static str,
    pub(super) environments: Vec<String>,
    pub(super) version: &'static str,
}

impl Frame {
    pub(super) fn new(snapshot: Option<&Snapshot>, here: &'static str) -> Self {
        let at = snapshot.map(|snapshot| snapshot.view.at());
        let clock = snapshot.map(Clock::of);
        Self {
            snapshot: snapshot.map(|snapshot| snapshot.id.clone()).unwrap_or_default(),
            at: at.zip(clock).map(|(at, clock)| clock.moment(at)),
            commit: snapshot.map(|snapshot| short(&snapshot.status.commit)).unwrap_or_default(),
            here,
            environments: snapshot
                .map(|snapshot| snapshot.view.environment_names().iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    pub(super) fn is_here(&self, page: &str) -> bool {
        self.here == page
    }
}

/// A time, as pages write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// For programs, as in RFC 3339.
    pub(super) machine: String,
    /// On the wall, with its zone.
    pub(super) wall: String,
    /// How long ago, or how long until.
    pub(super) distance: String,
    pub(super) is_past: bool,
}

/// The time of a snapshot, from which pages count.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) now: Timestamp,
    pub(super) zone: Tz,
}

impl Clock {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        Self { now: snapshot.view.at(), zone: snapshot.view.zone() }
    }

    pub(super) fn moment(self, at: Timestamp) -> Moment {
        let is_past = at <= self.now;
        Moment {
            machine: at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            wall: time::local(at, self.zone),
            distance: distance(at, self.now),
            is_past,
        }
    }
}

/// How far apart two times are, in two units: `3y16d`, `4d22h`, `12s`. `board.js` writes the same.
fn distance(at: Timestamp, now: Timestamp) -> String {
    let days = (at - now).num_days().abs();
    match (days / DAYS_OF_YEAR, days % DAYS_OF_YEAR) {
        (0, _) if at <= now => time::age(at, now),
        (0, _) => time::until(at, now),
        (years, 0) => format!("{years}y"),
        (years, days) => format!("{years}y{days}d"),
    }
}

/// A commit, with its page at the forge where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) short: String,
    pub(super) url: Option<String>,
}

impl Commit {
    pub(super) fn new(id: &str, page: Option<&String>) -> Self {
        Self { short: short(id), url: page.map(|page| format!("{page}{id}")) }
    }
}

fn short(id: &str) -> String {
    id.chars().take(7).collect()
}

/// Text from outside: bounded, and without what controls a terminal or reorders text. Templates escape the rest.
pub(super) fn shown(text: &str) -> String {
    quoted(&Printable::bounded(text, MOST_CHARS).to_string())
}

/// A sentence of the command line, where backticks are around code, with quotation marks.
pub(super) fn quoted(text: &str) -> String {
    let mut is_open = false;
    let mark = |character: char| match character {
        '`' => {
            is_open = !is_open;
            if is_open { '“' } else { '”' }
        }
        other => other,
    };
    text.chars().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_in_years() {
        let now: Timestamp = "2026-11-23T17:00:00Z".parse().unwrap();
        for (at, expected) in [
            ("2023-11-08T15:00:00Z", "3y16d"),
            ("2025-11-23T17:00:00Z", "1y"),
            ("2026-11-18T19:00:00Z", "4d22h"),
            ("2026-11-23T17:00:12Z", "12s"),
        ] {
            assert_eq!(distance(at.parse().unwrap(), now), expected, "{at}");
        }
    }

    #[test]
    fn backticks_become_quotation_marks() {
        assert_eq!(shown("add `approval: none` to `prod`"), "add “approval: none” to “prod”");
    }
}
