//! Retry delays, and `Retry-After` as registries send it.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::DateTime;

use super::settings::Limits;
use crate::model::Timestamp;

/// Caps waits from headers, so that no arithmetic overflows.
const LONGEST: Duration = Duration::from_hours(24);

/// The delays before each retry: doubling, jittered, `limits.retries` at most.
pub(super) fn delays(limits: &Limits) -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(limits.first_retry_delay)
        .with_max_delay(limits.max_retry_delay)
        .with_max_times(limits.retries)
        .build()
}

/// Parses `Retry-After`: seconds or a date (RFC 9110, section 10.2.3), or a Go duration, which is what ghcr.io sends
/// (`1.16ms`).
pub(super) fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(LONGEST, |seconds| Duration::from_secs(seconds).min(LONGEST)));
    }
    if let Ok(date) = DateTime::parse_from_rfc2822(text) {
        let wait = date.to_utc().signed_duration_since(now);
        return Some(wait.to_std().unwrap_or(Duration::ZERO).min(LONGEST));
    }
    parse_go_duration(text)
}

/// Parses Go's `time.Duration` format: `1h2m3.5s`, `1.16ms`, `250µs`.
fn parse_go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total_seconds = 0.0;
    while !rest.is_empty() {
        let unit_at = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at(unit_at);
        let unit_len = after
            .find(|character: char| character.is_ascii_digit() || character == '.')
            .unwrap_or(after.len());
        let (unit, remaining) = after.split_at(unit_len);
        total_seconds += number.parse::<f64>().ok()? * seconds_in(unit)?;
        rest = remaining;
    }
    if text.is_empty() {
        return None;
    }
    Some(Duration::try_from_secs_f64(total_seconds).unwrap_or(LONGEST).min(LONGEST))
}

fn seconds_in(unit: &str) -> Option<f64> {
    Some(match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        // The micro sign and the Greek letter: Go prints the first and reads both.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::zero("0", Some(0.0))]
    #[case::seconds("120", Some(120.0))]
    #[case::padded(" 7 ", Some(7.0))]
    #[case::ghcr("1.16ms", Some(0.001_16))]
    #[case::micro("250\u{b5}s", Some(0.000_25))]
    #[case::micro_ascii("250us", Some(0.000_25))]
    #[case::nano("10ns", Some(1e-8))]
    #[case::compound("1h2m3.5s", Some(3723.5))]
    #[case::date("Wed, 21 Oct 2026 07:28:00 GMT", Some(60.0))]
    #[case::past_date("Wed, 21 Oct 2015 07:28:00 GMT", Some(0.0))]
    #[case::no_end_of_seconds("99999999999999999999999", Some(86_400.0))]
    #[case::no_end_of_hours("999999999999999999h", Some(86_400.0))]
    #[case::empty("", None)]
    #[case::words("soon", None)]
    #[case::negative("-1", None)]
    #[case::negative_duration("-1s", None)]
    #[case::unit_alone("ms", None)]
    #[case::fraction_without_unit("1.5", None)]
    #[case::two_points("1.2.3s", None)]
    #[case::unknown_unit("3d", None)]
    fn retry_after(#[case] text: &str, #[case] seconds: Option<f64>) {
        let now = "2026-10-21T07:27:00Z".parse().unwrap();
        assert_eq!(parse_retry_after(text, now), seconds.map(Duration::from_secs_f64));
    }

    #[test]
    fn delays_grow_and_end() {
        let limits = Limits { retries: 4, ..Limits::default() };
        let waits: Vec<Duration> = delays(&limits).collect();
        assert_eq!(waits.len(), 4);
        for (wait, least_ms) in waits.iter().zip([250, 500, 1_000, 2_000]) {
            let least = Duration::from_millis(least_ms);
            assert!(
                *wait >= least && *wait <= 2 * least,
                "{wait:?} is jittered between {least:?} and twice it"
            );
        }
    }
}
