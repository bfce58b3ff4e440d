//! The rate limit of one login, from the headers of responses.
//!
//! GitHub counts requests by the hour (`x-ratelimit-*`), and throttles bursts (`retry-after`, or no header at all).
//! Nothing here waits: the caller takes another way or a later pass.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;

use crate::model::{Class, Fault, Timestamp};

/// The pause after a burst limit without a header: one minute, as GitHub recommends.
const PAUSE: Duration = Duration::from_mins(1);

/// Caps a stated pause.
const MOST: Duration = Duration::from_hours(1);

#[derive(Debug, Default)]
pub(super) struct RateLimit(Mutex<LimitState>);

#[derive(Clone, Copy, Debug, Default)]
struct LimitState {
    /// The end of a pause.
    until: Option<Instant>,
    /// Limit, remaining requests, and when the count resets.
    left: Option<(u64, u64, Instant)>,
}

impl RateLimit {
    /// Fails during a pause.
    pub(super) fn check(&self, url: &str) -> Result<(), Fault> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rest) = known.until.and_then(|until| until.checked_duration_since(Instant::now())) else {
            return Ok(());
        };
        let message = format!("{url} asked for a pause of {}s", rest.as_secs().max(1));
        Err(Fault::new(Class::TryAgain, message))
    }

    /// Whether more than a tenth of the hourly requests is left; the rest is for what only the API can do.
    pub(super) fn has_headroom(&self) -> bool {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.left {
            Some((of, left, until)) if Instant::now() < until => left.saturating_mul(10) > of,
            _ => true,
        }
    }

    /// The hourly limit and the number of requests left, by the last response.
    pub(super) fn known(&self) -> Option<(u64, u64)> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.left.map(|(of, left, _)| (of, left))
    }

    /// Reads a response's headers; `is_refused` means a 403 or 429.
    pub(super) fn update(&self, headers: &HeaderMap, is_refused: bool, now: Timestamp) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let began = Instant::now();
        let resets = number("x-ratelimit-reset").map(|at| {
            let seconds = at.saturating_sub(u64::try_from(now.timestamp()).unwrap_or_default());
            began + Duration::from_secs(seconds).min(MOST)
        });
        let left = number("x-ratelimit-remaining");
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(of), Some(left), Some(resets)) = (number("x-ratelimit-limit"), left, resets) {
            known.left = Some((of, left, resets));
        }
        let after = number("retry-after").map(|seconds| began + Duration::from_secs(seconds).min(MOST));
        let until = match (is_refused, after, left) {
            (true, Some(after), _) => Some(after),
            (true, None, Some(0)) => resets.or(Some(began + PAUSE)),
            (false, _, Some(0)) => resets,
            _ => return,
        };
        known.until = known.until.max(until);
    }

    /// Pauses after a burst limit without a header.
    pub(super) fn pause(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.until = known.until.max(Some(Instant::now() + PAUSE));
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    const NOW: i64 = 1_795_521_600;

    fn heard(headers: &[(&'static str, &'static str)], is_refused: bool) -> RateLimit {
        let limit = RateLimit::default();
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        limit.update(&headers, is_refused, chrono::DateTime::from_timestamp(NOW, 0).unwrap());
        limit
    }

    fn seconds(limit: &RateLimit) -> Option<u64> {
        let fault = limit.check("https://api.github.com").err()?;
        let text = fault.to_string();
        text.rsplit(' ').next()?.trim_end_matches('s').parse().ok()
    }

    #[test]
    fn the_limits_in_the_headers_are_respected() {
        const RESET: (&str, &str) = ("x-ratelimit-reset", "1795521700");
        let plenty = [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4999"), RESET];
        assert_eq!(seconds(&heard(&plenty, false)), None);
        assert!(heard(&plenty, false).has_headroom());
        let few = [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "500"), RESET];
        assert_eq!((seconds(&heard(&few, false)), heard(&few, false).has_headroom()), (None, false));
        let last = [("x-ratelimit-remaining", "0"), RESET];
        for is_refused in [false, true] {
            assert!(matches!(seconds(&heard(&last, is_refused)), Some(98..=100)));
        }
        assert!(matches!(seconds(&heard(&[("retry-after", "30")], true)), Some(28..=30)));
        assert_eq!(seconds(&heard(&[("retry-after", "30")], false)), None);
        assert!(matches!(seconds(&heard(&[("retry-after", "99999999999")], true)), Some(3590..=3600)));
        assert_eq!(seconds(&heard(&[], true)), None, "a token that may not is no limit");
    }
}
