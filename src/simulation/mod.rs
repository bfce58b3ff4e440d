//! Simulation: a policy replayed over what happened. Knows no IO, no clock and no async: the time is that of the events.
//!
//! A [`Chronicle`] is what happened, as data. [`replay()`] lets a [`Policy`] decide over it, with the same gates as the engine;
//! [`as_it_was`] tells what really came where; both end in [`Story`], of which [`Figures`] tell how long versions took.
//! [`write()`] and [`read()`] keep a chronicle in a file.

mod actual;
mod chronicle;
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
mod story;
mod ticks;
mod waiting;

#[cfg(test)]
mod tests;

pub use actual::as_it_was;
pub use chronicle::{Chronicle, ControlChange, Followed, ImageChronicle, Seen, TagChronicle};
pub use figures::{Figures, Lead};
pub use policy::{Policy, uncovered};
pub use recording::{MOST_BYTES, RecordingError, read, write};
pub use replay::replay;
pub use story::{Arrival, Released, Starved, Story, TrackStory, Waiting};
