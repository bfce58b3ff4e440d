//! A timeline as SVG: windows, freezes, promotions past and forecast. Everything in it is also on the page as text.

use chrono::{Datelike as _, TimeDelta};

use super::common::{Clock, shown};
use crate::model::Timestamp;
use crate::view::time;

/// The width of the drawing.
const WIDTH: i64 = 1000;

/// The most marks of one kind; those that fall on one point of the drawing are one.
const MOST_MARKS: usize = 200;

/// A drawing, in whole units from 0 to `WIDTH`.
pub(super) struct Timeline {
    pub(super) open: Vec<Bar>,
    pub(super) freezes: Vec<Bar>,
    pub(super) past: Vec<Point>,
    pub(super) forecast: Vec<Point>,
    pub(super) days: Vec<Day>,
    pub(super) now: i64,
    /// What it shows, for those who do not see it.
    pub(super) summary: String,
}

pub(super) struct Bar {
    pub(super) x: i64,
    pub(super) width: i64,
    pub(super) label: String,
}

pub(super) struct Point {
    pub(super) x: i64,
    pub(super) label: String,
}

pub(super) struct Day {
    pub(super) x: i64,
    pub(super) label: String,
}

/// A stretch of time with a name.
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) label: String,
}

/// Something at a time.
pub(super) struct Mark {
    pub(super) at: Timestamp,
    pub(super) label: String,
}

impl Timeline {
    pub(super) fn new(
        from: Timestamp,
        until: Timestamp,
        clock: Clock,
        open: &[(Timestamp, Timestamp)],
        freezes: impl Iterator<Item = Span>,
        past: impl Iterator<Item = Mark>,
        forecast: impl Iterator<Item = Mark>,
    ) -> Self {
        let length = (until - from).num_seconds().max(1);
        let x = |at: Timestamp| ((at - from).num_seconds() * WIDTH / length).clamp(0, WIDTH);
        let bar = |begin: Timestamp, end: Timestamp, label: String| Bar {
            x: x(begin),
            width: (x(end) - x(begin)).max(2),
            label,
        };
        let is_shown = |at: Timestamp| from <= at && at <= until;
        let points = |marks: &mut dyn Iterator<Item = Mark>| {
            let mut points: Vec<Point> = Vec::new();
            let mut sorted: Vec<Mark> = marks.filter(|mark| is_shown(mark.at)).collect();
            sorted.sort_by_key(|mark| mark.at);
            let count = sorted.len();
            for mark in sorted {
                let is_full = points.len() >= MOST_MARKS;
                match points.last_mut().filter(|last| last.x == x(mark.at)) {
                    // One point for several; its label stays short.
                    Some(last) if last.label.len() < 200 => {
                        last.label = format!("{}, {}", last.label, shown(&mark.label));
                    }
                    None if !is_full => points.push(Point { x: x(mark.at), label: shown(&mark.label) }),
                    _ => {}
                }
            }
            (points, count)
        };
        let (past, past_count) = points(&mut { past });
        let (forecast, forecast_count) = points(&mut { forecast });
        let freezes: Vec<Bar> = freezes
            .filter(|freeze| freeze.from < until && freeze.until > from)
            .map(|freeze| bar(freeze.from, freeze.until, shown(&freeze.label)))
            .collect();
        let open: Vec<Bar> = open
            .iter()
            .map(|(opens, closes)| {
                let label = format!("{} to {}", clock.moment(*opens).wall, clock.moment(*closes).wall);
                bar(*opens, *closes, label)
            })
            .collect();
        let summary = format!(
            "{} from {} to {}: {} open, {}, {past_count} changes so far, {forecast_count} promotions forecast",
            "Timeline",
            clock.moment(from).wall,
            clock.moment(until).wall,
            counted(open.len(), "window"),
            counted(freezes.len(), "freeze"),
        );
        let days = days(from, until, clock).map(|(at, label)| Day { x: x(at), label }).collect();
        Self { open, freezes, past, forecast, days, now: x(clock.now), summary }
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The days that begin between two times, as the zone has them.
fn days(from: Timestamp, until: Timestamp, clock: Clock) -> impl Iterator<Item = (Timestamp, String)> {
    let first = from.with_timezone(&clock.zone).date_naive();
    (1..=(until - from).num_days() + 1).filter_map(move |day| {
        let date = first.checked_add_signed(TimeDelta::days(day))?;
        let at = time::instant(date.and_hms_opt(0, 0, 0)?, clock.zone)?;
        (at < until).then(|| (at, format!("{} {}", date.weekday(), date.day())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn everything_is_inside_the_drawing() {
        let (from, until) = (at("2026-03-01T00:00:00Z"), at("2026-03-05T00:00:00Z"));
        let clock = Clock { now: at("2026-03-02T00:00:00Z"), zone: chrono_tz::UTC };
        let span = |from: &str, until: &str| Span { from: at(from), until: at(until), label: "x".to_owned() };
        let mark = |text: &str| Mark { at: at(text), label: "common/api to v1".to_owned() };
        let freezes = [
            span("2020-01-01T00:00:00Z", "2026-03-01T12:00:00Z"),
            span("2026-03-04T00:00:00Z", "2030-01-01T00:00:00Z"),
            span("2031-01-01T00:00:00Z", "2032-01-01T00:00:00Z"),
        ];
        let past = [mark("2026-03-01T12:00:00Z"), mark("2026-03-01T12:00:01Z"), mark("2020-03-01T12:00:00Z")];
        let open = [(from, at("2026-03-02T00:00:00Z"))];
        let drawing = Timeline::new(
            from,
            until,
            clock,
            &open,
            freezes.into_iter(),
            past.into_iter(),
            [mark("2026-03-03T00:00:00Z")].into_iter(),
        );
        let bars: Vec<(i64, i64)> = drawing.freezes.iter().map(|bar| (bar.x, bar.width)).collect();
        assert_eq!(bars, [(0, 125), (750, 250)]);
        assert_eq!(drawing.past.iter().map(|point| point.x).collect::<Vec<_>>(), [125], "two are one point");
        assert_eq!(drawing.past[0].label, "common/api to v1, common/api to v1");
        assert_eq!((drawing.forecast[0].x, drawing.now), (500, 250));
        let days: Vec<&str> = drawing.days.iter().map(|day| day.label.as_str()).collect();
        assert_eq!(days, ["Mon 2", "Tue 3", "Wed 4"]);
    }
}
