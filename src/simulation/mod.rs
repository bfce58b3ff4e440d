//! Simulation: replays the past under a policy. Knows no IO, no clock and no async: time is that of the events.
//!
//! A [`Timeline`] is the past, as data. [`replay()`] lets a [`Policy`] decide over it, with the engine's own gates;
//! [`as_it_was`] reads what really happened. Both return a [`ReplayReport`], from which [`Figures`] are computed.
//! [`write()`] and [`read()`] store a timeline in a file.

mod actual;
mod controls;
mod decide;
mod figures;
mod health;
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
