//! Times as people say them.

use std::time::Duration;

use chrono_tz::Tz;

use crate::model::{Elapsed, Timestamp};

/// How long ago: `3d4h`, `12s`.
pub(super) fn age(then: Timestamp, now: Timestamp) -> String {
    Elapsed((now - then).to_std().unwrap_or(Duration::ZERO)).to_string()
}

/// How long until, rounded up to whole seconds: `21h58m`.
pub(super) fn until(then: Timestamp, now: Timestamp) -> String {
    let left = (then - now).to_std().unwrap_or(Duration::ZERO);
    let whole = if left.subsec_nanos() > 0 { left.as_secs() + 1 } else { left.as_secs() };
    Elapsed(Duration::from_secs(whole)).to_string()
}

/// A wall time in the configured zone: `Mon 2026-11-23 14:22`.
pub(crate) fn wall(at: Timestamp, zone: Tz) -> String {
    at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M:%S").to_string()
}
