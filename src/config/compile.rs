//! Parses the texts that have a syntax of their own: ranges, tag patterns, schedules, time zones, times, globs. Does not
//! know which keys they come from.

use chrono::{NaiveDateTime, Weekday};
use chrono_tz::Tz;
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use super::diagnostic::{Diagnostics, InvalidValue};
use super::location::{Located, Location};
use super::raw;
use super::suggest;
use crate::model::{Printable, RepoPath};
use crate::policy::{self, Range, TimeOfDay, Window};

/// When the daemon looks for new versions.
pub type Schedule = Located<policy::Schedule>;

/// A range of versions.
pub type VersionRange = Located<Range>;

/// How to read the version from a tag.
pub type TagPattern = Located<policy::TagPattern>;

pub(super) fn schedule(text: &Located<String>, zone: Tz, diagnostics: &mut Diagnostics) -> Option<Schedule> {
    let result = policy::Schedule::parse(&text.value, zone)
        .map_err(|error| InvalidValue::new(format!("invalid schedule: {}", error.message()), error.hint()));
    diagnostics.ok_or_report(text.at, result).map(|value| Located { value, at: text.at })
}

/// Every day at a time of day.
pub(super) fn daily(text: &str, zone: Tz, at: Location) -> Result<Schedule, InvalidValue> {
    let time = time_of_day(text)?.to_string();
    // 24:00 is the beginning of the next day.
    let (hour, minute) =
        if time == "24:00" { ("0", "0") } else { time.split_once(':').unwrap_or(("0", "0")) };
    policy::Schedule::parse(&format!("{minute} {hour} * * *"), zone)
        .map(|value| Located { value, at })
        .map_err(|error| InvalidValue::new(format!("invalid time: {}", error.message()), error.hint()))
}

pub(super) fn version_range(text: &Located<String>, diagnostics: &mut Diagnostics) -> Option<VersionRange> {
    let result = text.value.parse::<Range>().map_err(|error| {
        InvalidValue::new(format!("invalid version range: {}", error.message()), error.hint())
    });
    diagnostics.ok_or_report(text.at, result).map(|value| Located { value, at: text.at })
}

pub(super) fn tag_pattern(text: &Located<String>, diagnostics: &mut Diagnostics) -> Option<TagPattern> {
    let result = text
        .value
        .parse::<policy::TagPattern>()
        .map_err(|error| InvalidValue::new(error.to_string(), error.hint()));
    diagnostics.ok_or_report(text.at, result).map(|value| Located { value, at: text.at })
}

pub(super) fn time_zone(text: &str) -> Result<Tz, InvalidValue> {
    text.parse::<Tz>().map_err(|_| {
        let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let hint = match suggest::nearest(text, names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write an IANA name such as `America/Santiago`, `Europe/Berlin` or `UTC`".to_owned(),
        };
        InvalidValue::new(format!("`{}` is not a time zone", Printable::bounded(text, 60)), hint)
    })
}

fn time_of_day(text: &str) -> Result<TimeOfDay, InvalidValue> {
    text.parse().map_err(|_| {
        InvalidValue::new(
            format!("`{}` is not a time of day", Printable::bounded(text, 40)),
            "write `HH:MM`, from `\"00:00\"` to `\"24:00\"`",
        )
    })
}

pub(super) fn local_time(text: &str) -> Result<NaiveDateTime, InvalidValue> {
    policy::read_wall_time(text).ok_or_else(|| {
        let hint = if text.ends_with('Z') || text.contains('+') {
            "write local time in `timezone`, without `Z` or an offset: `2026-12-18T00:00`"
        } else {
            "write a date and a time of day: `2026-12-18T00:00`"
        };
        InvalidValue::new(format!("`{}` is not a date and a time", Printable::bounded(text, 40)), hint)
    })
}

pub(super) fn window(raw: &Located<raw::Window>, diagnostics: &mut Diagnostics) -> Option<Window> {
    let days = days(raw.value.days.as_ref(), diagnostics);
    let from = diagnostics.ok_or_report(raw.value.from.at, time_of_day(&raw.value.from.value.0));
    let to = diagnostics.ok_or_report(raw.value.to.at, time_of_day(&raw.value.to.value.0));
    let (days, from, to) = (days?, from?, to?);
    let window =
        Window::new(days, from, to).map_err(|error| InvalidValue::new(error.to_string(), error.hint()));
    diagnostics.ok_or_report(raw.value.to.at, window)
}

fn days(raw: Option<&Located<Vec<raw::Day>>>, diagnostics: &mut Diagnostics) -> Option<Vec<Weekday>> {
    let Some(raw) = raw else { return Some(ALL_DAYS.map(|(_, weekday)| weekday).to_vec()) };
    if raw.value.is_empty() {
        diagnostics.error(
            raw.at,
            "the window has no day",
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

/// A glob over names with slashes: `*` and `?` match within one segment, `**` across segments.
pub(super) fn glob(text: &str, example: &str) -> Result<Glob, InvalidValue> {
    let hint = format!("write for example `{example}`");
    let shown = Printable::bounded(text, 80);
    if !text.contains('/') && !text.contains("**") {
        return Err(InvalidValue::new(format!("`{shown}` matches nothing: every name contains a `/`"), hint));
    }
    GlobBuilder::new(text)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|error| InvalidValue::new(format!("`{shown}` is not a glob: {}", error.kind()), hint))
}

/// Globs of file paths.
#[derive(Clone, Debug, Default)]
pub struct PathGlobs {
    /// The globs as written.
    pub texts: Vec<String>,
    set: GlobSet,
}

impl PathGlobs {
    /// Whether one of them matches the path.
    pub fn is_match(&self, path: &RepoPath) -> bool {
        self.set.is_match(path.as_str())
    }

    pub(super) fn compile(
        raw: &Located<Vec<Located<String>>>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let set = glob_set(raw, "clusters/*/tests/**", diagnostics)?;
        Some(Self { texts: raw.value.iter().map(|text| text.value.clone()).collect(), set })
    }
}

/// The globs of a list as one set; reports those that cannot be compiled.
pub(super) fn glob_set(
    raw: &Located<Vec<Located<String>>>,
    example: &str,
    diagnostics: &mut Diagnostics,
) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for text in &raw.value {
        if let Some(glob) = diagnostics.ok_or_report(text.at, glob(&text.value, example)) {
            set.add(glob);
        }
    }
    let built = set
        .build()
        .map_err(|_| InvalidValue::new("the globs are too large together", "write fewer or simpler globs"));
    diagnostics.ok_or_report(raw.at.start(), built)
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
            assert_eq!(time_zone(bad).unwrap_err().hint, format!("did you mean `{meant}`?"));
        }
        assert!(time_zone("").is_err());
    }

    #[test]
    fn a_star_matches_within_one_segment() {
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
