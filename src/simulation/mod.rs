//! Simulation: a policy replayed over what happened. Knows no IO, no clock and no async: the time is that of the events.
//!
//! A [`Timeline`] is what happened, as data. [`replay()`] lets a [`Policy`] decide over it, with the same gates as the engine;
//! [`as_it_was`] tells what really came where; both end in [`ReplayReport`], of which [`Figures`] tell how long versions took.
//! [`write()`] and [`read()`] keep a timeline in a file.

mod actual;
mod controls;
mod decide;
mod figures;
mod layout;
mod line;
mod person;
mod policy;
mod recording;
mod registry;
mod replay;
mod report;
mod ticks;
mod timeline;
mod waiting;

#[cfg(test)]
mod tests;

pub use actual::as_it_was;
pub use figures::{Figures, Lead};
pub use policy::{Policy, uncovered};
pub use recording::{MOST_BYTES, RecordingError, read, write};
pub use replay::replay;
pub use report::{Arrival, Released, ReplayReport, StarvationPeriod, TargetReplay, Waiting};
pub use timeline::{ControlFileChange, Followed, ImageTimeline, Seen, TagTimeline, Timeline};
