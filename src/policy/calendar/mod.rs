//! Windows and freezes, in the local time of a zone.
//!
//! Decides what a local time means when clocks change. A skipped time means the end of the gap. A repeated time means
//! its first occurrence for a start and its second for an end, so that whenever the clock shows a time inside a window
//! or a freeze, it is inside. Must not know gates.

mod freeze;
mod wall;
mod window;

pub use freeze::{Freeze, FreezeError};
pub use wall::{TimeOfDay, TimeOfDayError, ending, read_wall_time};
pub use window::{Window, WindowError, open_spans};

pub(super) use freeze::freeze_in_effect;
pub(super) use window::{Opening, opening};

#[cfg(test)]
mod tests;

use chrono_tz::Tz;

use crate::model::{EnvironmentName, Timestamp};

/// The first instant at or after `from` that is outside every freeze of the environment and inside a window; `None` if
/// no window opens within three weeks after a freeze.
pub(super) fn first_open<'a>(
    windows: &[Window],
    freezes: &(impl Iterator<Item = &'a Freeze> + Clone),
    environment: &EnvironmentName,
    zone: Tz,
    from: Timestamp,
) -> Option<Timestamp> {
    let mut instant = from;
    // Each iteration passes a freeze, or finds an opening that only another freeze can close.
    for _ in 0..=2 * freezes.clone().count() + 1 {
        if let Some(in_effect) = freeze_in_effect(freezes, environment, zone, instant) {
            instant = in_effect.until;
        }
        match opening(windows, zone, instant) {
            Opening::At(opens_at) => instant = opens_at?,
            Opening::Always | Opening::Now => return Some(instant),
        }
    }
    None
}
