//! Unix cron by tables, and against a minute-by-minute walk.

use chrono::{Datelike, Duration, NaiveDateTime, Offset, TimeZone, Timelike};
use chrono_tz::Tz;
use proptest::prelude::*;
use rstest::rstest;

use super::{Schedule, expressions};
use crate::model::{Fault, Timestamp};

/// Back from 24:00 to 23:00 on 2026-04-04, forward from 00:00 to 01:00 on 2026-09-06.
const SANTIAGO: &str = "America/Santiago";
/// Forward from 02:00 to 03:00 on 2026-03-29, back from 03:00 to 02:00 on 2026-10-25.
const BERLIN: &str = "Europe/Berlin";

fn schedule(text: &str, zone: &str) -> Schedule {
    Schedule::parse(text, zone.parse().unwrap()).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[rstest]
#[case::every_minute("* * * * *", "2026-03-02T12:00:30Z", "2026-03-02T12:01:00Z")]
#[case::strictly_after("* * * * *", "2026-03-02T12:01:00Z", "2026-03-02T12:02:00Z")]
#[case::every_second("* * * * * *", "2026-03-02T12:00:30Z", "2026-03-02T12:00:31Z")]
#[case::seconds_first("*/20 * * * * *", "2026-03-02T12:00:30Z", "2026-03-02T12:00:40Z")]
#[case::step("*/15 * * * *", "2026-03-02T12:16:00Z", "2026-03-02T12:30:00Z")]
#[case::step_of_a_range("10-40/15 * * * *", "2026-03-02T12:26:00Z", "2026-03-02T12:40:00Z")]
#[case::list("5,50 9,17 * * *", "2026-03-02T09:50:00Z", "2026-03-02T17:05:00Z")]
#[case::list_of_ranges("0 1-2,22-23 * * *", "2026-03-02T03:00:00Z", "2026-03-02T22:00:00Z")]
#[case::month_by_name("0 0 1 Jan,JUL *", "2026-03-02T12:00:00Z", "2026-07-01T00:00:00Z")]
#[case::leap_day("0 0 29 2 *", "2026-03-02T12:00:00Z", "2028-02-29T00:00:00Z")]
#[case::months_with_31_days("0 0 31 * *", "2026-03-31T12:00:00Z", "2026-05-31T00:00:00Z")]
#[case::either_day_the_weekday("0 0 13 * fri", "2026-03-02T12:00:00Z", "2026-03-06T00:00:00Z")]
#[case::either_day_the_date("0 0 10 * fri", "2026-03-07T12:00:00Z", "2026-03-10T00:00:00Z")]
#[case::both_with_a_star("0 0 */2 * mon", "2026-03-03T12:00:00Z", "2026-03-09T00:00:00Z")]
#[case::hourly("@hourly", "2026-03-02T12:00:30Z", "2026-03-02T13:00:00Z")]
#[case::daily("@daily", "2026-03-02T12:00:30Z", "2026-03-03T00:00:00Z")]
#[case::midnight("@midnight", "2026-03-02T12:00:30Z", "2026-03-03T00:00:00Z")]
#[case::weekly("@weekly", "2026-03-02T12:00:30Z", "2026-03-08T00:00:00Z")]
#[case::monthly(" @Monthly ", "2026-03-02T12:00:30Z", "2026-04-01T00:00:00Z")]
#[case::yearly("@yearly", "2026-03-02T12:00:30Z", "2027-01-01T00:00:00Z")]
#[case::annually("@annually", "2026-03-02T12:00:30Z", "2027-01-01T00:00:00Z")]
fn comes_next(#[case] text: &str, #[case] after: &str, #[case] expected: &str) {
    assert_eq!(schedule(text, "UTC").next_after(at(after)), Some(at(expected)));
}

/// The days on which something comes in the week that begins on Monday 2026-03-02.
#[rstest]
#[case::monday_to_friday("1-5", "Mon Tue Wed Thu Fri")]
#[case::friday_to_sunday("5-7", "Fri Sat Sun")]
#[case::all("0-7", "Mon Tue Wed Thu Fri Sat Sun")]
#[case::star("*", "Mon Tue Wed Thu Fri Sat Sun")]
#[case::zero("0", "Sun")]
#[case::seven("7", "Sun")]
#[case::one("1", "Mon")]
#[case::step_from_sunday("*/2", "Tue Thu Sat Sun")]
#[case::step_from_monday("1-7/2", "Mon Wed Fri Sun")]
#[case::step_of_seven("*/7", "Sun")]
#[case::names("MON-fri", "Mon Tue Wed Thu Fri")]
#[case::name_to_sunday("Fri-Sun", "Fri Sat Sun")]
#[case::sunday_to_name("sun-tue", "Mon Tue Sun")]
#[case::mixed("sat,1,sun", "Mon Sat Sun")]
#[case::number_and_name("1-wed", "Mon Tue Wed")]
fn days_of_the_week(#[case] field: &str, #[case] expected: &str) {
    let schedule = schedule(&format!("0 12 * * {field}"), "UTC");
    let mut instant = at("2026-03-02T00:00:00Z");
    let mut days = Vec::new();
    while let Some(next) = schedule.next_after(instant).filter(|next| *next < at("2026-03-09T00:00:00Z")) {
        days.push(next.format("%a").to_string());
        instant = next;
    }
    assert_eq!(days.join(" "), expected);
}

#[test]
fn days_are_alternatives_only_when_neither_begins_with_a_star() {
    assert_eq!(expressions("0 0 1 1 1").unwrap(), ["0 0 0 1 1 *", "0 0 0 * 1 2"]);
    assert_eq!(expressions("0 0 1 1 */6").unwrap(), ["0 0 0 1 1 1,7"]);
    assert_eq!(expressions("0 0 */30 1 7").unwrap(), ["0 0 0 1,31 1 1"]);
}

#[rstest]
#[case::in_its_zone("0 9 * * *", SANTIAGO, "2026-03-02T11:59:59Z", "2026-03-02T12:00:00Z")]
#[case::in_its_winter("0 9 * * *", SANTIAGO, "2026-06-02T12:00:00Z", "2026-06-02T13:00:00Z")]
#[case::skipped_comes_after_the_gap("30 2 * * *", BERLIN, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z")]
#[case::and_then_as_usual("30 2 * * *", BERLIN, "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z")]
#[case::skipped_midnight("@daily", SANTIAGO, "2026-09-05T12:00:00Z", "2026-09-06T04:00:00Z")]
#[case::skipped_midnight_is_once("@daily", SANTIAGO, "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z")]
#[case::twice_first("30 2 * * *", BERLIN, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z")]
#[case::twice_again("30 2 * * *", BERLIN, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")]
#[case::every_minute_of_the_second("* * * * *", BERLIN, "2026-10-25T00:59:00Z", "2026-10-25T01:00:00Z")]
#[case::on_over_the_gap("* * * * *", BERLIN, "2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z")]
#[case::years_ahead("30 2 29 2 *", BERLIN, "2026-03-02T12:00:00Z", "2028-02-29T01:30:00Z")]
fn clocks_change(#[case] text: &str, #[case] zone: &str, #[case] after: &str, #[case] expected: &str) {
    assert_eq!(schedule(text, zone).next_after(at(after)), Some(at(expected)));
}

#[test]
fn a_schedule_ends_with_the_century() {
    assert_eq!(schedule("@yearly", "UTC").next_after(at("2100-06-01T00:00:00Z")), None);
}

#[rstest]
#[case::empty("", 0, "the number of fields is 0")]
#[case::four_fields("* * * *", 7, "the number of fields is 4")]
#[case::seven_fields("0 * * * * * 2026", 12, "the number of fields is 7")]
#[case::minute_60("60 * * * *", 0, "`60` is not a minute")]
#[case::hour_24("0 24 * * *", 2, "`24` is not an hour")]
#[case::day_0("0 0 0 * *", 4, "`0` is not a day of the month")]
#[case::month_13("0 0 1  13 *", 7, "`13` is not a month")]
#[case::day_8("0 0 * * 1,8", 10, "`8` is not a day of the week")]
#[case::name_in_the_wrong_field("mon * * * *", 0, "`mon` is not a minute")]
#[case::unknown_name("0 0 * * mo", 8, "`mo` is not a day of the week")]
#[case::signed("+5 * * * *", 0, "`+5` is not a minute")]
#[case::empty_item("1,,2 * * * *", 2, "`` is not a minute")]
#[case::question_mark("0 0 ? * 1", 4, "`?` is not a day of the month")]
#[case::last("0 0 L * *", 4, "`L` is not a day of the month")]
#[case::nth("0 0 * * 1#2", 8, "`1#2` is not a day of the week")]
#[case::step_of_a_number("5/15 * * * *", 0, "a step follows a range or `*`")]
#[case::step_of_nothing("*/0 * * * *", 0, "the step is not a number that the field has room for")]
#[case::step_too_far("*/60 * * * *", 0, "the step is not a number that the field has room for")]
#[case::backwards("0 22-3 * * *", 2, "the range goes backwards")]
#[case::backwards_days("0 0 * * sat-mon", 8, "the range goes backwards")]
#[case::reboot(" @reboot", 1, "there is no such word")]
#[case::never("0 0 30 2 *", 0, "no day is ever like that")]
#[case::an_escape("\u{1b}[m * * * *", 0, "`\\u{1b}[m` is not a minute")]
fn refuses(#[case] text: &str, #[case] offset: usize, #[case] message: &str) {
    let error = Schedule::parse(text, Tz::UTC).unwrap_err();
    assert_eq!((error.message(), error.offset()), (message, offset));
    assert!(!error.hint().is_empty());
}

#[test]
fn an_error_shows_what_to_write() {
    let fault = |text: &str| Fault::from(Schedule::parse(text, Tz::UTC).unwrap_err());
    assert_eq!(fault("0 22-3 * * *").hint(), Some("write `22-23,0-3`"));
    assert_eq!(fault("5/15 * * * *").hint(), Some("write `5-59/…`"));
    assert_eq!(fault("0 0 * * mo").hint(), Some("write 0 to 7, sun to sat, or `*`"));
    assert_eq!(fault("60 * * * *").to_string(), "cannot read the schedule: `60` is not a minute");
}

#[test]
fn a_schedule_is_shown_as_written() {
    assert_eq!(schedule(" 0 9 * *  1-5", "UTC").to_string(), "0 9 * *  1-5");
}

/// Expressions with what they mean, in code.
type Meaning = (&'static str, fn(NaiveDateTime) -> bool);

const MEANINGS: [Meaning; 7] = [
    ("* * * * *", |_| true),
    ("*/7 * * * *", |wall| wall.minute() % 7 == 0),
    ("30 2 * * *", |wall| (wall.hour(), wall.minute()) == (2, 30)),
    ("15,45 0,1,23 * * *", |wall| [0, 1, 23].contains(&wall.hour()) && [15, 45].contains(&wall.minute())),
    ("0 0 * * *", |wall| (wall.hour(), wall.minute()) == (0, 0)),
    ("0 3 29 * 6", |wall| {
        (wall.hour(), wall.minute()) == (3, 0)
            && (wall.day() == 29 || wall.weekday().num_days_from_monday() == 5)
    }),
    ("0-20/10 1-3 * 3-10 0,6", |wall| {
        wall.minute() <= 20
            && wall.minute() % 10 == 0
            && (1..=3).contains(&wall.hour())
            && (3..=10).contains(&wall.month())
            && wall.weekday().num_days_from_monday() >= 5
    }),
];

/// Walks minute by minute for ten days.
fn walked(zone: Tz, after: Timestamp, meant: fn(NaiveDateTime) -> bool) -> Option<Timestamp> {
    let wall = |at: Timestamp| at.naive_utc() + zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    (1..=10 * 24 * 60).map(|minutes| after + Duration::minutes(minutes)).find(|at| {
        let (mut shown, last) = (wall(*at - Duration::minutes(1)), wall(*at));
        if last <= shown {
            return meant(last);
        }
        // One minute, or all that were skipped.
        std::iter::from_fn(|| {
            shown += Duration::minutes(1);
            (shown <= last).then_some(shown)
        })
        .any(meant)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_next_time_matches_a_walk_by_the_minute(
        meaning in prop::sample::select(MEANINGS.to_vec()),
        zone_name in prop::sample::select(vec!["UTC", SANTIAGO, BERLIN, "America/Havana", "Australia/Lord_Howe"]),
        // A change of the clocks in one of the zones, and up to two days around it.
        change in prop::sample::select(vec![
            "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-04-05T03:00:00Z", "2026-09-06T04:00:00Z",
            "2026-03-08T05:00:00Z", "2026-11-01T05:00:00Z", "2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z",
        ]),
        minutes in -2880_i64..2880,
    ) {
        let (text, meant) = meaning;
        let after = at(change) + Duration::minutes(minutes);
        if let Some(expected) = walked(zone_name.parse().unwrap(), after, meant) {
            prop_assert_eq!(schedule(text, zone_name).next_after(after), Some(expected));
        }
    }

    #[test]
    fn reading_never_panics(text in "[ *0-9,/a-z@?#-]{0,24}|\\PC{0,24}") {
        let _ = Schedule::parse(&text, Tz::UTC);
    }
}
