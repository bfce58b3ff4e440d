//! Results for people and programs. Nothing here decides anything.

mod blockers;
pub(crate) mod by_hand;
pub(crate) mod changelog;
pub(crate) mod control;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod json;
pub(crate) mod plan;
pub(crate) mod problems;
mod pull_requests;
mod remedy;
pub(crate) mod simulation;
#[cfg(test)]
mod snapshots;
pub(crate) mod status;
mod table;
pub(crate) mod target_state;
pub(crate) mod time;

pub(crate) use table::fit;

/// How `explain --wait` ended.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Waited {
    /// `reached`, `lost` or `timeout`.
    pub(crate) outcome: &'static str,
    pub(crate) seconds: u64,
}
