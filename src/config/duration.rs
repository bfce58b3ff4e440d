//! Lengths of time as the configuration writes them: `24h`, `1h30m`. Pure.

use std::time::Duration;

use thiserror::Error;

/// The longest length of time that is taken.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// The units, the largest first, in seconds.
const UNITS: [(char, u64); 4] = [('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];

/// Why a text is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum DurationError {
    #[error("is not a length of time")]
    Form,
    #[error("has no unit")]
    NoUnit,
    #[error("does not name each unit once, the largest first")]
    Order,
    #[error("is longer than 365 days")]
    TooLong,
}

/// Reads whole numbers with the units `d`, `h`, `m` and `s`, the largest first, of at most 365 days together.
pub(super) fn parse(text: &str) -> Result<Duration, DurationError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DurationError::NoUnit);
    }
    let mut rest = text;
    let mut units_left = UNITS.as_slice();
    let mut seconds = 0_u64;
    while !rest.is_empty() {
        let (count, unit, after) = first_part(rest)?;
        let place = units_left.iter().position(|(name, _)| *name == unit).ok_or(DurationError::Order)?;
        let part = count.checked_mul(units_left[place].1).ok_or(DurationError::TooLong)?;
        seconds = seconds.checked_add(part).ok_or(DurationError::TooLong)?;
        units_left = &units_left[place + 1..];
        rest = after;
    }
    let length = Duration::from_secs(seconds);
    match length {
        _ if text.is_empty() => Err(DurationError::Form),
        _ if length > LONGEST => Err(DurationError::TooLong),
        _ => Ok(length),
    }
}

/// The number and the unit at the start, and what follows.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
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
    fn what_is_none() {
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
