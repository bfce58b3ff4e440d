//! Windows and freezes on fixed clocks, also across changes of the clocks.

use chrono::{NaiveDateTime, Weekday};
use chrono_tz::Tz;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::model::Timestamp;

const UTC: &str = "UTC";
/// Back from 24:00 to 23:00 on 2026-04-04, forward from 00:00 to 01:00 on 2026-09-06.
const SANTIAGO: &str = "America/Santiago";
/// Forward from 02:00 to 03:00 on 2026-03-29, back from 03:00 to 02:00 on 2026-10-25.
const BERLIN: &str = "Europe/Berlin";
/// Back from 01:00 to 00:00 on 2026-11-01.
const HAVANA: &str = "America/Havana";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn wall(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn zone(name: &str) -> Tz {
    name.parse().unwrap()
}

/// `mon,tue 09:00-17:00`
fn window(text: &str) -> Window {
    let (days, times) = text.split_once(' ').unwrap();
    let (from, to) = times.split_once('-').unwrap();
    let days = days.split(',').map(|day| day.parse::<Weekday>().unwrap());
    Window::new(days, from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

#[rstest]
// 2026-03-02 is a Monday.
#[case::inside(UTC, "mon 09:00-17:00", "2026-03-02T12:00:00Z", "open")]
#[case::first_instant(UTC, "mon 09:00-17:00", "2026-03-02T09:00:00Z", "open")]
#[case::last_second(UTC, "mon 09:00-17:00", "2026-03-02T16:59:59Z", "open")]
#[case::end_is_outside(UTC, "mon 09:00-17:00", "2026-03-02T17:00:00Z", "2026-03-09T09:00:00Z")]
#[case::before_it(UTC, "mon 09:00-17:00", "2026-03-02T08:59:59Z", "2026-03-02T09:00:00Z")]
#[case::the_next_day(UTC, "mon,tue 09:00-17:00", "2026-03-02T18:00:00Z", "2026-03-03T09:00:00Z")]
#[case::over_the_weekend(UTC, "mon,tue,wed,thu 09:00-17:00", "2026-03-05T17:00:00Z", "2026-03-09T09:00:00Z")]
#[case::midnight_on_its_day(UTC, "fri 22:00-04:00", "2026-03-06T23:00:00Z", "open")]
#[case::midnight_on_the_next(UTC, "fri 22:00-04:00", "2026-03-07T03:59:59Z", "open")]
#[case::midnight_not_before_its_day(UTC, "fri 22:00-04:00", "2026-03-06T03:00:00Z", "2026-03-06T22:00:00Z")]
#[case::midnight_over(UTC, "fri 22:00-04:00", "2026-03-07T04:00:00Z", "2026-03-13T22:00:00Z")]
#[case::to_midnight(UTC, "fri 22:00-24:00", "2026-03-06T23:59:59Z", "open")]
#[case::at_midnight(UTC, "fri 22:00-24:00", "2026-03-07T00:00:00Z", "2026-03-13T22:00:00Z")]
#[case::zero_is_midnight_too(UTC, "fri 22:00-00:00", "2026-03-06T23:59:59Z", "open")]
#[case::whole_day(UTC, "fri 00:00-24:00", "2026-03-06T00:00:00Z", "open")]
#[case::in_its_zone(SANTIAGO, "mon 09:00-17:00", "2026-03-02T11:59:59Z", "2026-03-02T12:00:00Z")]
#[case::in_its_winter(SANTIAGO, "mon 09:00-17:00", "2026-06-01T12:30:00Z", "2026-06-01T13:00:00Z")]
#[case::day_of_the_zone(SANTIAGO, "sun 20:00-24:00", "2026-03-02T02:00:00Z", "open")]
#[case::gap_opens_at_its_end(BERLIN, "sun 02:30-05:00", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z")]
#[case::gap_is_open_after_it(BERLIN, "sun 02:30-05:00", "2026-03-29T01:00:00Z", "open")]
#[case::gap_closes_at_its_end(BERLIN, "sun 01:00-02:30", "2026-03-29T01:00:00Z", "2026-04-04T23:00:00Z")]
#[case::gap_swallows_the_window(BERLIN, "sun 02:10-02:50", "2026-03-28T12:00:00Z", "2026-04-05T00:10:00Z")]
#[case::twice_opens_first(BERLIN, "sun 02:30-05:00", "2026-10-25T00:29:59Z", "2026-10-25T00:30:00Z")]
#[case::twice_closes_when_put_back(BERLIN, "sun 02:30-05:00", "2026-10-25T01:15:00Z", "2026-10-25T01:30:00Z")]
#[case::twice_open_the_first_time(BERLIN, "sun 02:10-02:30", "2026-10-25T00:15:00Z", "open")]
#[case::twice_closed_between(BERLIN, "sun 02:10-02:30", "2026-10-25T00:45:00Z", "2026-10-25T01:10:00Z")]
#[case::twice_closed_before_the_second(
    BERLIN,
    "sun 02:10-02:30",
    "2026-10-25T01:05:00Z",
    "2026-10-25T01:10:00Z"
)]
#[case::twice_open_the_second_time(BERLIN, "sun 02:10-02:30", "2026-10-25T01:29:59Z", "open")]
#[case::twice_opens_when_put_back(BERLIN, "sun 01:00-02:30", "2026-10-25T00:45:00Z", "2026-10-25T01:00:00Z")]
#[case::twice_before_midnight(SANTIAGO, "sat 23:10-23:20", "2026-04-05T02:30:00Z", "2026-04-05T03:10:00Z")]
#[case::twice_closes_last(BERLIN, "sun 01:00-02:30", "2026-10-25T01:29:59Z", "open")]
#[case::twice_is_closed_after(BERLIN, "sun 01:00-02:30", "2026-10-25T01:30:00Z", "2026-11-01T00:00:00Z")]
#[case::gap_at_midnight(SANTIAGO, "sun 00:00-06:00", "2026-09-06T03:59:59Z", "2026-09-06T04:00:00Z")]
#[case::gap_at_the_end_of_the_day(
    SANTIAGO,
    "sat 20:00-24:00",
    "2026-09-06T04:00:00Z",
    "2026-09-12T23:00:00Z"
)]
#[case::last_hour_twice(SANTIAGO, "sat 22:00-24:00", "2026-04-05T03:30:00Z", "open")]
#[case::last_hour_twice_over(SANTIAGO, "sat 22:00-24:00", "2026-04-05T04:00:00Z", "2026-04-12T02:00:00Z")]
#[case::midnight_twice(HAVANA, "sat 20:00-24:00", "2026-11-01T04:30:00Z", "2026-11-08T01:00:00Z")]
#[case::midnight_twice_over(HAVANA, "sat 20:00-24:00", "2026-11-01T05:00:00Z", "2026-11-08T01:00:00Z")]
fn windows(#[case] zone_name: &str, #[case] text: &str, #[case] now: &str, #[case] expected: &str) {
    let found = opening(&[window(text)], zone(zone_name), at(now));
    let expected = if expected == "open" { Opening::Now } else { Opening::At(Some(at(expected))) };
    assert_eq!(found, expected);
}

#[test]
fn no_windows_are_always_open_and_several_open_with_the_first() {
    let now = at("2026-03-02T18:00:00Z");
    assert_eq!(opening(&[], Tz::UTC, now), Opening::Always);
    let several = [window("thu 09:00-10:00"), window("tue 09:00-10:00"), window("wed 01:00-02:00")];
    assert_eq!(opening(&several, Tz::UTC, now), Opening::At(Some(at("2026-03-03T09:00:00Z"))));
}

#[rstest]
#[case::no_day("", "09:00", "10:00", WindowError::NoDay)]
#[case::empty("mon", "09:00", "09:00", WindowError::Empty("09:00".parse().unwrap()))]
#[case::begins_at_the_end("mon", "24:00", "09:00", WindowError::BeginsAtTheEnd)]
fn windows_that_make_no_sense(
    #[case] day: &str,
    #[case] from: &str,
    #[case] to: &str,
    #[case] expected: WindowError,
) {
    let days = day.parse::<Weekday>().ok();
    assert_eq!(Window::new(days, from.parse().unwrap(), to.parse().unwrap()), Err(expected));
}

#[test]
fn times_of_day() {
    for good in ["00:00", "09:30", "23:59", "24:00"] {
        assert_eq!(good.parse::<TimeOfDay>().unwrap().to_string(), good);
    }
    for bad in ["", "9:00", "09:0", "24:01", "25:00", "09:60", "09-00", "+9:00", "0900", "09:00:00"] {
        assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
    }
}

#[test]
fn a_window_is_shown_in_the_order_of_the_week() {
    assert_eq!(window("thu,mon 09:00-17:00").to_string(), "Mon, Thu 09:00-17:00");
}

fn freeze(name: &str, environments: &[&str], from: &str, to: &str) -> Freeze {
    let environments = environments.iter().map(|name| name.parse().unwrap()).collect();
    Freeze::new(name, environments, wall(from), wall(to)).unwrap()
}

#[rstest]
#[case::before(SANTIAGO, "2026-12-18T02:59:59Z", None)]
#[case::first_instant(SANTIAGO, "2026-12-18T03:00:00Z", Some("2027-01-04T03:00:00Z"))]
#[case::last_second(SANTIAGO, "2027-01-04T02:59:59Z", Some("2027-01-04T03:00:00Z"))]
#[case::over(SANTIAGO, "2027-01-04T03:00:00Z", None)]
fn a_freeze_is_half_open(#[case] zone_name: &str, #[case] now: &str, #[case] until: Option<&str>) {
    let freezes = [freeze("christmas", &["prod"], "2026-12-18T00:00:00", "2027-01-04T00:00:00")];
    let found = freeze_in_effect(&freezes.iter(), &"prod".parse().unwrap(), zone(zone_name), at(now));
    assert_eq!(found.map(|in_effect| in_effect.until), until.map(at));
}

#[rstest]
#[case::from_the_first_of_two("2026-10-25T00:30:00Z", true)]
#[case::to_the_second_of_two("2026-10-25T01:29:59Z", true)]
#[case::over("2026-10-25T01:30:00Z", false)]
fn a_freeze_in_an_hour_that_occurs_twice_covers_both(#[case] now: &str, #[case] frozen: bool) {
    let freezes = [freeze("switch", &[], "2026-10-25T02:20:00", "2026-10-25T02:30:00")];
    let found = freeze_in_effect(&freezes.iter(), &"prod".parse().unwrap(), zone(BERLIN), at(now));
    assert_eq!(found.is_some(), frozen);
}

#[test]
fn freezes_cover_environments_and_follow_on() {
    let freezes = [
        freeze("short", &["prod"], "2026-05-01T00:00:00", "2026-05-02T00:00:00"),
        freeze("long", &[], "2026-05-01T12:00:00", "2026-05-03T00:00:00"),
        freeze("next", &["prod"], "2026-05-03T00:00:00", "2026-05-04T00:00:00"),
        freeze("later", &["prod"], "2026-05-05T00:00:00", "2026-05-06T00:00:00"),
    ];
    let in_effect = |environment: &str, now: &str| {
        freeze_in_effect(&freezes.iter(), &environment.parse().unwrap(), Tz::UTC, at(now))
            .map(|found| (found.freeze.name(), found.until))
    };
    assert_eq!(in_effect("prod", "2026-05-01T01:00:00Z"), Some(("short", at("2026-05-04T00:00:00Z"))));
    assert_eq!(in_effect("prod", "2026-05-01T13:00:00Z"), Some(("long", at("2026-05-04T00:00:00Z"))));
    assert_eq!(in_effect("staging", "2026-05-01T13:00:00Z"), Some(("long", at("2026-05-03T00:00:00Z"))));
    assert_eq!(in_effect("staging", "2026-05-01T01:00:00Z"), None);
    assert_eq!(in_effect("prod", "2026-05-04T00:00:00Z"), None);
}

#[test]
fn a_freeze_ends_after_it_begins() {
    let same = wall("2026-05-01T00:00:00");
    assert_eq!(Freeze::new("x", vec![], same, same), Err(FreezeError::Empty { from: same, to: same }));
}

proptest! {
    /// In any zone: a closed window stays closed until just before the reported opening, and is open then.
    #[test]
    fn the_next_opening_is_the_next(
        zone_name in prop::sample::select(vec![UTC, SANTIAGO, BERLIN, HAVANA, "America/St_Johns", "Australia/Lord_Howe"]),
        day in 0_usize..7,
        from in 0_u16..24 * 4,
        to in 1_u16..=24 * 4,
        // Two years from the first instant of 2026.
        second in 1_767_225_600_i64..1_830_297_600,
        share in 0.0..1.0,
    ) {
        prop_assume!(from != to);
        let time = |quarters: u16| format!("{:02}:{:02}", quarters / 4, quarters % 4 * 15).parse().unwrap();
        let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
        let windows = [Window::new([days[day]], time(from), time(to)).unwrap()];
        let now = Timestamp::from_timestamp(second, 0).unwrap();
        if let Opening::At(opens_at) = opening(&windows, zone(zone_name), now) {
            let opens_at = opens_at.unwrap();
            prop_assert!(now < opens_at);
            prop_assert_eq!(opening(&windows, zone(zone_name), opens_at), Opening::Now);
            #[expect(clippy::cast_possible_truncation, reason = "a share of a number of seconds that is exact in a float")]
            let between = now + (opens_at - now - chrono::Duration::seconds(1)).max(chrono::Duration::zero())
                * (share * 1000.0) as i32 / 1000;
            prop_assert_eq!(opening(&windows, zone(zone_name), between), Opening::At(Some(opens_at)));
        }
    }
}
