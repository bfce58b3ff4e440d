//! Every promotion, one line each: when under the one policy, and when under the other.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use chrono_tz::Tz;

use crate::cli::output::{BOLD, CYAN, DIM, GREEN, YELLOW};
use crate::cli::render::table::{self, Cell};
use crate::model::{Elapsed, EnvironmentName, ImageName, Printable, ServiceName, Tag, Timestamp};
use crate::policy::GateName;
use crate::simulation::{Arrival, ReplayReport, TargetReplay};
use crate::view::time;

use super::{Comparison, Run};

/// Arrivals so close to one another count as simultaneous: no schedule looks more often.
const SAME_SECONDS: i64 = 60;

/// One promotion, in both runs.
type Key<'a> = (&'a EnvironmentName, &'a ServiceName, &'a ImageName, &'a Tag);

#[derive(Default)]
struct Sides<'a> {
    one: Option<&'a Arrival>,
    other: Option<&'a Arrival>,
}

impl Sides<'_> {
    fn at(&self) -> Option<Timestamp> {
        self.one.into_iter().chain(self.other).map(|arrival| arrival.at).min()
    }
}

pub(super) fn render(comparison: &Comparison, zone: Tz, most: usize) -> String {
    let Some((one, other)) = comparison.compared() else { return String::new() };
    let mut sides: HashMap<Key<'_>, Sides<'_>> = HashMap::new();
    for (key, arrival) in arrivals(&one.report) {
        sides.entry(key).or_default().one.get_or_insert(arrival);
    }
    for (key, arrival) in arrivals(&other.report) {
        sides.entry(key).or_default().other.get_or_insert(arrival);
    }
    let in_order: BTreeMap<(Option<Timestamp>, Key<'_>), Sides<'_>> =
        sides.into_iter().map(|(key, sides)| ((sides.at(), key), sides)).collect();
    let mut text = String::new();
    let left_out = in_order.len().saturating_sub(most);
    if !in_order.is_empty() {
        let mut rows = vec![head(one, other)];
        rows.extend(in_order.iter().skip(left_out).map(|((_, key), sides)| row(*key, sides, zone)));
        text.push('\n');
        text.push_str(&table::render(&rows));
    }
    if left_out > 0 {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{DIM}{left_out} earlier ones; -v lists all{DIM:#}");
    }
    for run in comparison.runs.iter().skip(1) {
        starved(run, zone, &mut text);
        if left_out == 0 && most == usize::MAX {
            skipped(run, &mut text);
        }
    }
    text
}

fn arrivals(report: &ReplayReport) -> impl Iterator<Item = (Key<'_>, &Arrival)> {
    report.targets.iter().flat_map(|target| {
        let key = |arrival| (&target.environment, &target.service, &target.image, tag_of(arrival));
        target.arrivals.iter().map(move |arrival| (key(arrival), arrival))
    })
}

fn tag_of(arrival: &Arrival) -> &Tag {
    &arrival.candidate.tag
}

fn head(one: &Run, other: &Run) -> Vec<Cell> {
    let name = |run: &Run| Printable::bounded(&run.name, 40).to_string().to_uppercase();
    let words =
        ["ENVIRONMENT".to_owned(), "SERVICE".to_owned(), "VERSION".to_owned(), name(one), name(other)];
    let words = words.into_iter().chain(["WAITED FOR".to_owned()]);
    words.map(|word| Cell::styled(word, BOLD)).collect()
}

fn row((environment, service, _, tag): Key<'_>, sides: &Sides<'_>, zone: Tz) -> Vec<Cell> {
    let arrival = sides.other.or(sides.one);
    let from = arrival.and_then(|arrival| arrival.from.as_ref());
    let version = from.map_or_else(|| tag.to_string(), |from| format!("{} -> {tag}", from.tag));
    let when = |side: Option<&Arrival>| match side {
        Some(arrival) if arrival.by_schedule => Cell::plain(time::local(arrival.at, zone)),
        Some(arrival) => Cell::styled(format!("{} by hand", time::local(arrival.at, zone)), CYAN),
        None => Cell::styled("never", YELLOW),
    };
    let other = match (sides.one, sides.other) {
        (Some(one), Some(other)) => compared(one, other, zone),
        (_, other) => when(other),
    };
    vec![
        Cell::plain(environment.to_string()),
        Cell::plain(service.to_string()),
        Cell::plain(version),
        when(sides.one),
        other,
        Cell::styled(sides.other.map(|arrival| waited(&arrival.waited)).unwrap_or_default(), DIM),
    ]
}

/// Its arrival in the other run, and the difference.
fn compared(one: &Arrival, other: &Arrival, zone: Tz) -> Cell {
    let seconds = (other.at - one.at).num_seconds();
    if seconds.abs() <= SAME_SECONDS {
        return Cell::styled("the same", DIM);
    }
    let by = Elapsed(std::time::Duration::from_secs(seconds.unsigned_abs()));
    let at = time::local(other.at, zone);
    match seconds {
        1.. => Cell::styled(format!("{at} ({by} later)"), YELLOW),
        _ => Cell::styled(format!("{at} ({by} sooner)"), GREEN),
    }
}

fn waited(waited: &[(GateName, std::time::Duration)]) -> String {
    let gates: Vec<String> = waited.iter().map(|(gate, time)| format!("{gate} {}", Elapsed(*time))).collect();
    gates.join(", ")
}

/// The versions that never came, because a higher one did.
fn skipped(run: &Run, text: &mut String) {
    const MOST_TAGS: usize = 20;
    for target in &run.report.targets {
        let tags: Vec<&str> = target.skipped().map(|released| released.candidate.tag.as_str()).collect();
        if tags.is_empty() {
            continue;
        }
        let shown = tags[..tags.len().min(MOST_TAGS)].join(", ");
        let more = match tags.len().saturating_sub(MOST_TAGS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let name = Printable::bounded(&run.name, 40);
        let (service, environment) = (&target.service, &target.environment);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{DIM}skipped{DIM:#} {service} in {environment} under {name}: {shown}{more}");
    }
}

fn starved(run: &Run, zone: Tz, text: &mut String) {
    let line = |target: &TargetReplay| {
        let starved = target.starved?;
        Some(format!(
            "{YELLOW}starved{YELLOW:#} {} in {} under {}: {} versions in a row were replaced within their soak, \
             since {}\n",
            target.service,
            target.environment,
            Printable::bounded(&run.name, 40),
            starved.superseded_count,
            time::local(starved.since, zone)
        ))
    };
    let lines: Vec<String> = run.report.targets.iter().filter_map(line).collect();
    let most = 10;
    if !lines.is_empty() {
        text.push('\n');
    }
    text.extend(lines.iter().take(most).map(String::as_str));
    if lines.len() > most {
        let _ = writeln!(text, "{DIM}... and {} more services; -o json lists all{DIM:#}", lines.len() - most);
    }
}
