//! The YAML type of a plain scalar: text, or a type that a chart may print differently.
//!
//! Flux and Helm use Go's YAML parsers, which mix YAML 1.1 and 1.2. This is the union: a value that any of them reads as a
//! number, boolean, null or time has that type here.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlainReading {
    Text,
    Null,
    Boolean,
    Number,
    /// Text in Go's parsers, a time in others: safe to read, but written in quotes.
    Time,
}

impl PlainReading {
    pub(super) fn of(text: &str) -> Self {
        if is_null(text) {
            return Self::Null;
        }
        if is_boolean(text) {
            return Self::Boolean;
        }
        // Every number and time begins with one of these.
        if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
            return Self::Text;
        }
        if is_number(text) {
            return Self::Number;
        }
        if is_time(text) { Self::Time } else { Self::Text }
    }

    /// The type with its article, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Null => "a null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Time => "a time",
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn is_boolean(text: &str) -> bool {
    ["true", "false", "yes", "no", "on", "off", "y", "n"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if [".inf", ".nan"].iter().any(|word| unsigned.eq_ignore_ascii_case(word)) {
        return true;
    }
    match unsigned.as_bytes() {
        [b'0', b'x' | b'X', digits @ ..] => is_digits(digits, u8::is_ascii_hexdigit),
        [b'0', b'o' | b'O', digits @ ..] => is_digits(digits, |byte| (b'0'..=b'7').contains(byte)),
        [b'0', b'b' | b'B', digits @ ..] => is_digits(digits, |byte| matches!(byte, b'0' | b'1')),
        _ => is_float(unsigned) || is_base_sixty(unsigned),
    }
}

/// One or more digits, with `_` between or after them as YAML 1.1 allows.
fn is_digits(bytes: &[u8], is_digit: impl Fn(&u8) -> bool) -> bool {
    bytes.iter().any(&is_digit) && bytes.iter().all(|byte| is_digit(byte) || *byte == b'_')
}

/// `12`, `1.`, `1.10`, `.5`, `1e3`, `1.5E-3`, `1_000.5`.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let is_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        is_digits(digits.as_bytes(), u8::is_ascii_digit)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_part = |part: &str| part.is_empty() || is_digits(part.as_bytes(), u8::is_ascii_digit);
    is_exponent && is_part(whole) && is_part(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// `190:20:30` and `190:20:30.15`: base 60 numbers of YAML 1.1.
fn is_base_sixty(text: &str) -> bool {
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    rest.peek().is_some()
        && is_digits(first.as_bytes(), u8::is_ascii_digit)
        && rest.all(|part| {
            let (whole, fraction) = part.split_once('.').unwrap_or((part, "0"));
            whole.len() <= 2
                && is_digits(whole.as_bytes(), u8::is_ascii_digit)
                && (fraction.is_empty() || is_digits(fraction.as_bytes(), u8::is_ascii_digit))
        })
}

/// `2026-11-23`, optionally with a time of day.
fn is_time(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let mut parts = date.split('-');
    let mut is_part = |lengths: std::ops::RangeInclusive<usize>| {
        parts.next().is_some_and(|part| {
            lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    is_part(4..=4) && is_part(1..=2) && is_part(1..=2) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_go_and_libyaml() {
        for (text, reading) in [
            ("v1.0.0", PlainReading::Text),
            ("1.0.0", PlainReading::Text),
            ("1.2.3-rc.1", PlainReading::Text),
            ("sha-1234", PlainReading::Text),
            ("1234abc", PlainReading::Text),
            ("e3", PlainReading::Text),
            ("_1", PlainReading::Text),
            ("_", PlainReading::Text),
            ("0x", PlainReading::Text),
            ("0xg", PlainReading::Text),
            ("0b2", PlainReading::Text),
            ("1e", PlainReading::Text),
            ("1e3e4", PlainReading::Text),
            ("1.2e3.4", PlainReading::Text),
            ("nullable", PlainReading::Text),
            ("one", PlainReading::Text),
            ("2026-11-23-1", PlainReading::Text),
            ("20261123", PlainReading::Number),
            ("ghcr.io/vtr/app:1.10", PlainReading::Text),
            ("", PlainReading::Null),
            ("~", PlainReading::Null),
            ("null", PlainReading::Null),
            ("NULL", PlainReading::Null),
            ("true", PlainReading::Boolean),
            ("No", PlainReading::Boolean),
            ("y", PlainReading::Boolean),
            ("OFF", PlainReading::Boolean),
            ("1", PlainReading::Number),
            ("0", PlainReading::Number),
            ("0123", PlainReading::Number),
            ("089", PlainReading::Number),
            ("1.10", PlainReading::Number),
            ("1.", PlainReading::Number),
            ("1_000", PlainReading::Number),
            ("1e3", PlainReading::Number),
            ("12E4567", PlainReading::Number),
            ("1.5e-3", PlainReading::Number),
            ("0x10", PlainReading::Number),
            ("0o17", PlainReading::Number),
            ("0b11", PlainReading::Number),
            (".5", PlainReading::Number),
            ("-1", PlainReading::Number),
            (".inf", PlainReading::Number),
            (".NaN", PlainReading::Number),
            ("190:20:30", PlainReading::Number),
            ("12:30", PlainReading::Number),
            ("2026-11-23", PlainReading::Time),
            ("2026-1-2T10", PlainReading::Time),
        ] {
            assert_eq!(PlainReading::of(text), reading, "{text:?}");
        }
    }

    #[test]
    fn a_scalar_that_the_second_parser_reads_as_no_text_is_no_text() {
        for text in
            ["1.10", "1e3", "0x10", "0o7", "0b1", "null", "~", "true", "False", "12", "1.", "+1", "-.inf"]
        {
            let value: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
            assert!(!value.is_string(), "{text}");
            assert_ne!(PlainReading::of(text), PlainReading::Text, "{text}");
        }
    }
}
