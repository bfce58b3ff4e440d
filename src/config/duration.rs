//! Durations as the configuration and the command line write them: `24h`, `1h30m`.

use std::time::Duration;

use super::diagnostic::{Diagnostics, InvalidValue};
use super::location::Located;
use super::raw;
use crate::model::Printable;

const MAX: Duration = Duration::from_hours(365 * 24);

/// The units in seconds, the largest first.
const UNITS: [(char, u64); 4] = [('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];

/// Parses whole numbers with the units `d`, `h`, `m` and `s`, the largest first, of at most 365 days in total.
///
/// # Errors
/// When the text is not such a duration: what is wrong, and what to write instead.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidValue> {
    parse(text).map_err(|error| {
        let shown = Printable::bounded(text, 40);
        let (message, hint) = match error {
            DurationError::NoUnit => {
                ("has no unit", format!("write the unit: `{shown}s`, `{shown}m` or `{shown}h`"))
            }
            DurationError::TooLong => ("is longer than 365 days", "write at most `365d`".to_owned()),
            DurationError::Order => ("does not name each unit once, the largest first", form()),
            DurationError::Form => ("is not a duration", form()),
        };
        InvalidValue::new(format!("`{shown}` {message}"), hint)
    })
}

fn form() -> String {
    "write whole numbers with `d`, `h`, `m` or `s`, the largest first: `24h`, `1h30m`, `5s`".to_owned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DurationError {
    Form,
    NoUnit,
    Order,
    TooLong,
}

fn parse(text: &str) -> Result<Duration, DurationError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DurationError::NoUnit);
    }
    let mut rest = text;
    let mut units = UNITS.as_slice();
    let mut seconds = 0_u64;
    while !rest.is_empty() {
        let (count, unit, after) = first_part(rest)?;
        let index = units.iter().position(|(name, _)| *name == unit).ok_or(DurationError::Order)?;
        let part = count.checked_mul(units[index].1).ok_or(DurationError::TooLong)?;
        seconds = seconds.checked_add(part).ok_or(DurationError::TooLong)?;
        units = &units[index + 1..];
        rest = after;
    }
    let duration = Duration::from_secs(seconds);
    match duration {
        _ if text.is_empty() => Err(DurationError::Form),
        _ if duration > MAX => Err(DurationError::TooLong),
        _ => Ok(duration),
    }
}

/// The number and the unit at the start, and the rest.
fn first_part(text: &str) -> Result<(u64, char, &str), DurationError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let unit = rest.chars().next().ok_or(DurationError::Form)?;
    if digits == 0 || !UNITS.iter().any(|(name, _)| *name == unit) {
        return Err(DurationError::Form);
    }
    let count = number.parse().map_err(|_| DurationError::TooLong)?;
    Ok((count, unit, &rest[unit.len_utf8()..]))
}

/// The duration as written, or the default.
pub(super) fn duration(
    raw: Option<&Located<raw::DurationText>>,
    default: Duration,
    diagnostics: &mut Diagnostics,
) -> Option<Duration> {
    match raw {
        Some(text) => diagnostics.ok_or_report(text.at, parse_duration(&text.value.0)),
        None => Some(default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("5s", 5),
            ("90m", 5_400),
            ("24h", 86_400),
            ("1h30m", 5_400),
            ("2d", 172_800),
            ("1d2h3m4s", 93_784),
            ("0s", 0),
            ("365d", 31_536_000),
            ("8760h", 31_536_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, error) in [
            ("", DurationError::Form),
            ("h", DurationError::Form),
            ("1 h", DurationError::Form),
            ("1.5h", DurationError::Form),
            ("-1h", DurationError::Form),
            ("1w", DurationError::Form),
            ("1hour", DurationError::Form),
            ("1h30", DurationError::Form),
            ("500ms", DurationError::Form),
            ("1é", DurationError::Form),
            ("24", DurationError::NoUnit),
            ("30m1h", DurationError::Order),
            ("1h1h", DurationError::Order),
            ("366d", DurationError::TooLong),
            ("365d1s", DurationError::TooLong),
            ("99999999999999999999d", DurationError::TooLong),
            ("18446744073709551615d", DurationError::TooLong),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
