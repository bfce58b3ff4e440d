//! The index of tag changes, and what is read from it.

pub(super) mod deployments;
mod former_paths;

pub(super) mod index;
pub(super) mod moves;
pub(super) mod newest_first;
pub(super) mod reader;
pub(super) mod refresh;
pub(super) mod target_history;
