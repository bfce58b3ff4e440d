//! How often the API may be asked: what its answers say of it, and until when it is left alone.
//!
//! GitHub counts requests by the hour (`x-ratelimit-*`), and slows down who asks too much at once (`retry-after`, or no
//! header at all). Nobody here waits for either: what can't be asked now is done in another way, or later.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;

use crate::model::{Class, Fault, Timestamp};

/// How long the API is left alone when it says that this was too much and not for how long. GitHub asks for a minute.
const PAUSE: Duration = Duration::from_mins(1);

/// The longest that a header is believed.
const MOST: Duration = Duration::from_hours(1);

/// What is known of the limits of one login.
#[derive(Debug, Default)]
pub(super) struct Limit(Mutex<FactContext>);

#[derive(Clone, Copy, Debug, Default)]
struct FactContext {
    /// Until when nothing is asked.
    until: Option<Instant>,
    /// Of how many requests how many are left, until the count begins anew.
    left: Option<(u64, u64, Instant)>,
}

impl Limit {
    /// Refuses while the API is left alone.
    pub(super) fn check(&self, url: &str) -> Result<(), Fault> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rest) = known.until.and_then(|until| until.checked_duration_since(Instant::now())) else {
            return Ok(());
        };
        let message = format!("{url} asked to be left alone for {}s more", rest.as_secs().max(1));
        Err(Fault::new(Class::TryAgain, message))
    }

    /// Whether more than a tenth of the hour's requests are left: what can be had in another way leaves these to what
    /// can't.
    pub(super) fn has_plenty(&self) -> bool {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.left {
            Some((of, left, until)) if Instant::now() < until => left.saturating_mul(10) > of,
            _ => true,
        }
    }

    /// Takes in what an answer says. `is_refused` is whether it was 403 or 429.
    pub(super) fn hear(&self, headers: &HeaderMap, is_refused: bool, now: Timestamp) {
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

    /// Leaves the API alone for as long as it is custom when it says no more than that this was too much.
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

    fn heard(headers: &[(&'static str, &'static str)], is_refused: bool) -> Limit {
        let limit = Limit::default();
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        limit.hear(&headers, is_refused, chrono::DateTime::from_timestamp(NOW, 0).unwrap());
        limit
    }

    fn seconds(limit: &Limit) -> Option<u64> {
        let fault = limit.check("https://api.github.com").err()?;
        let text = fault.to_string();
        text.rsplit(' ').nth(1)?.trim_end_matches('s').parse().ok()
    }

    #[test]
    fn what_the_headers_say_is_kept_to() {
        const RESET: (&str, &str) = ("x-ratelimit-reset", "1795521700");
        let plenty = [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4999"), RESET];
        assert_eq!(seconds(&heard(&plenty, false)), None);
        assert!(heard(&plenty, false).has_plenty());
        let few = [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "500"), RESET];
        assert_eq!((seconds(&heard(&few, false)), heard(&few, false).has_plenty()), (None, false));
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
