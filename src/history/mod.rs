//! History: what moved, and what can be read from that: when a version came to run everywhere, what ran before, and what
//! was moved back from.
//!
//! Owns how movements are read. Knows no Git, no files and no clock: the engine brings the movements, and a simulation makes
//! its own.

#[cfg(test)]
mod fixture;
mod held;
mod landing;
mod moved_back;
mod runs;

pub(crate) use held::{HeldByPath, is_pinned_apart, pinned_digest};
pub(crate) use landing::{landing, landing_of};
pub(crate) use moved_back::WaysBack;
pub(crate) use runs::Runs;

use crate::model::{ImageName, Movement, RepoPath, ServiceName};

/// A service's image, wherever it runs.
pub(crate) type Subject = (ServiceName, ImageName);

/// Those of one image's movements, which come oldest first, that lie under one of these paths, newest first.
pub(crate) fn newest_under<'a>(
    movements: &'a [Movement],
    paths: &'a [RepoPath],
) -> impl Iterator<Item = &'a Movement> {
    movements.iter().rev().filter(|movement| paths.iter().any(|path| movement.path.is_within(path)))
}
