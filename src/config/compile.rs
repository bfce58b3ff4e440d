//! Texts with a meaning of their own (ranges, tag patterns, schedules, zones, times, globs) to values. The one place
//! that turns the policy's texts into the policy's types; must not know which keys they come from.

use chrono::{NaiveDateTime, Weekday};
use chrono_tz::Tz;
use globset::{Glob, GlobBuilder};

use super::location::Located;
use super::problem::{Findings, Wrong};
use super::raw;
use super::{duration, suggest};
use crate::model::Printable;
use crate::policy::{self, Range, TimeOfDay, Window};

/// When the daemon looks for new versions, and where it is written.
pub type Schedule = Located<policy::Schedule>;

/// A range of versions, and where it is written.
pub type VersionRange = Located<Range>;

/// A pattern of tags, and where it is written.
pub type TagPattern = Located<policy::TagPattern>;

pub(super) fn schedule(text: &Located<String>, zone: Tz, findings: &mut Findings) -> Option<Schedule> {
    let result = policy::Schedule::parse(&text.value, zone)
        .map_err(|error| (format!("cannot read the schedule: {}", error.message()), error.hint().to_owned()));
    findings.take(text.at, result).map(|value| Located { value, at: text.at })
}

pub(super) fn version_range(text: &Located<String>, findings: &mut Findings) -> Option<VersionRange> {
    let result = text
        .value
        .parse::<Range>()
        .map_err(|error| (format!("cannot read the range: {}", error.message()), error.hint().to_owned()));
    findings.take(text.at, result).map(|value| Located { value, at: text.at })
}

pub(super) fn tag_pattern(text: &Located<String>, findings: &mut Findings) -> Option<TagPattern> {
    let result = text
        .value
        .parse::<policy::TagPattern>()
        .map_err(|error| (error.to_string(), error.hint().to_owned()));
    findings.take(text.at, result).map(|value| Located { value, at: text.at })
}

pub(super) fn time_zone(text: &str) -> Result<Tz, Wrong> {
    text.parse::<Tz>().map_err(|_| {
        let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let hint = match suggest::nearest(text, names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write an IANA name such as `America/Santiago`, `Europe/Berlin` or `UTC`".to_owned(),
        };
        (format!("`{}` is not a time zone", Printable::bounded(text, 60)), hint)
    })
}

/// A length of time as the configuration writes it.
///
/// # Errors
/// When it is none: what is wrong, and what to write instead.
pub fn length_of_time(text: &str) -> Result<std::time::Duration, Wrong> {
    duration::parse(text).map_err(|error| {
        let shown = Printable::bounded(text, 40);
        let hint = match error {
            duration::DurationError::NoUnit => {
                format!("write the unit: `{shown}s`, `{shown}m` or `{shown}h`")
            }
            duration::DurationError::TooLong => "write at most `365d`".to_owned(),
            _ => "write whole numbers with `d`, `h`, `m` or `s`, the largest first: `24h`, `1h30m`, `5s`"
                .to_owned(),
        };
        (format!("`{shown}` {error}"), hint)
    })
}

fn time_of_day(text: &str) -> Result<TimeOfDay, Wrong> {
    text.parse().map_err(|_| {
        (
            format!("`{}` is not a time of day", Printable::bounded(text, 40)),
            "write `HH:MM`, from `\"00:00\"` to `\"24:00\"`".to_owned(),
        )
    })
}

pub(super) fn local_time(text: &str) -> Result<NaiveDateTime, Wrong> {
    policy::read_wall_time(text).ok_or_else(|| {
        let hint = if text.ends_with('Z') || text.contains('+') {
            "write the time of `timezone`, without `Z` or an offset: `2026-12-18T00:00`"
        } else {
            "write a date and a time of day: `2026-12-18T00:00`"
        };
        (format!("`{}` is not a date and a time", Printable::bounded(text, 40)), hint.to_owned())
    })
}

pub(super) fn window(raw: &Located<raw::Window>, findings: &mut Findings) -> Option<Window> {
    let days = days(raw.value.days.as_ref(), findings);
    let from = findings.take(raw.value.from.at, time_of_day(&raw.value.from.value.0));
    let to = findings.take(raw.value.to.at, time_of_day(&raw.value.to.value.0));
    let (days, from, to) = (days?, from?, to?);
    let window = Window::new(days, from, to).map_err(|error| (error.to_string(), error.hint().to_owned()));
    findings.take(raw.value.to.at, window)
}

fn days(raw: Option<&Located<Vec<raw::Day>>>, findings: &mut Findings) -> Option<Vec<Weekday>> {
    let Some(raw) = raw else { return Some(ALL_DAYS.map(|(_, weekday)| weekday).to_vec()) };
    if raw.value.is_empty() {
        findings.error(
            raw.at,
            "the window opens on no day",
            "name days, such as `[mon, tue]`, or leave `days` out",
        );
        return None;
    }
    Some(ALL_DAYS.iter().filter(|(day, _)| raw.value.contains(day)).map(|(_, weekday)| *weekday).collect())
}

const ALL_DAYS: [(raw::Day, Weekday); 7] = [
    (raw::Day::Mon, Weekday::Mon),
    (raw::Day::Tue, Weekday::Tue),
    (raw::Day::Wed, Weekday::Wed),
    (raw::Day::Thu, Weekday::Thu),
    (raw::Day::Fri, Weekday::Fri),
    (raw::Day::Sat, Weekday::Sat),
    (raw::Day::Sun, Weekday::Sun),
];

/// A glob over names with `/` in them: `*` and `?` stay within one part, `**` does not.
pub(super) fn glob(text: &str, example: &str) -> Result<Glob, Wrong> {
    let hint = format!("write for example `{example}`");
    let shown = Printable::bounded(text, 80);
    if !text.contains('/') && !text.contains("**") {
        return Err((format!("`{shown}` can match nothing, since every name has a `/` in it"), hint));
    }
    GlobBuilder::new(text)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|error| (format!("`{shown}` is not a glob: {}", error.kind()), hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        for text in ["00:00", "09:05", "23:59", "24:00"] {
            assert_eq!(time_of_day(text).unwrap().to_string(), text);
        }
        for bad in
            ["", "9:00", "09:0", "24:01", "25:00", "09:60", "0900", "09:00:00", "+9:00", "09: 0", "٠٩:٠٠"]
        {
            assert!(time_of_day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn local_times() {
        for (text, read) in [
            ("2026-12-18T00:00", "2026-12-18 00:00:00"),
            ("2026-12-18T23:59:30", "2026-12-18 23:59:30"),
            ("2028-02-29T12:00", "2028-02-29 12:00:00"),
        ] {
            assert_eq!(local_time(text).unwrap().to_string(), read);
        }
        for bad in [
            "",
            "2026-12-18",
            "2026-12-18 00:00",
            "2026-12-18T24:00",
            "2026-02-29T00:00",
            "2026-13-01T00:00",
            "2026-12-18T00:00Z",
            "2026-12-18T00:00-03:00",
            "2026-12-18T00:00:60",
            "26-12-18T00:00",
            "2026-12-18T0:00",
        ] {
            assert!(local_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn zones() {
        assert_eq!(time_zone("America/Santiago"), Ok(chrono_tz::America::Santiago));
        for (bad, meant) in [("america/santiago", "America/Santiago"), ("Europe/Berln", "Europe/Berlin")] {
            assert_eq!(time_zone(bad).unwrap_err().1, format!("did you mean `{meant}`?"));
        }
        assert!(time_zone("").is_err());
    }

    #[test]
    fn stars_stay_within_one_part() {
        let matches =
            |glob: &str, name: &str| super::glob(glob, "").unwrap().compile_matcher().is_match(name);
        for (text, name, expected) in [
            ("mobile-*/*", "mobile-backend/api", true),
            ("mobile-*/*", "common/api", false),
            ("common/api", "common/api", true),
            ("*/api", "common/api", true),
            ("ghcr.io/*", "ghcr.io/vtr/app", false),
            ("ghcr.io/**", "ghcr.io/vtr/app", true),
            ("**", "ghcr.io/vtr/app", true),
            ("common/{a,b}", "common/b", true),
            ("common/?", "common/ab", false),
        ] {
            assert_eq!(matches(text, name), expected, "{text} {name}");
        }
        for bad in ["", "*", "api", "common/[a", "common/{a"] {
            assert!(glob(bad, "").is_err(), "{bad}");
        }
    }
}
