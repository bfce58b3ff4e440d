//! Pushes commits to the followed branch, with release notes and changelog files.

pub(super) mod changelog_files;
pub(super) mod declined;
pub(super) mod delivery;
pub(super) mod notes;
