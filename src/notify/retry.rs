//! How long a channel pauses after a failure, and `Retry-After`.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use chrono::DateTime;

use crate::model::Timestamp;

const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause that Tidegate chooses, and that it grants to others.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// The pauses of a channel: doubling, with jitter, without an end.
pub(super) fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .build()
}

/// `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3), within bounds.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = DateTime::parse_from_rfc2822(text.get(..64).unwrap_or(text)).ok()?;
        date.to_utc().signed_duration_since(now).to_std().unwrap_or(Duration::ZERO)
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_never_end() {
        let pauses: Vec<Duration> = pauses().take(200).collect();
        assert!(pauses[0] >= FIRST_PAUSE && pauses[0] <= 2 * FIRST_PAUSE, "{:?}", pauses[0]);
        assert!(pauses[7] > pauses[0]);
        assert_eq!(pauses.len(), 200);
        assert!(pauses.iter().all(|pause| *pause <= 2 * LONGEST_PAUSE));
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        for (text, seconds) in [
            ("30", Some(30)),
            (" 0 ", Some(0)),
            ("999999", Some(3_600)),
            ("Mon, 30 Nov 2026 12:01:00 GMT", Some(60)),
            ("Mon, 30 Nov 2026 11:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
