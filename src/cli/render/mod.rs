//! Results for people and programs. Nothing here decides anything.

mod blockers;
pub(crate) mod by_hand;
pub(crate) mod changelog;
pub(crate) mod check;
pub(crate) mod control;
pub(crate) mod diagnose;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod plan;
pub(crate) mod problems;
mod pull_requests;
pub(crate) mod simulation;
#[cfg(test)]
mod snapshots;
pub(crate) mod status;
mod table;
pub(crate) mod token;

pub(crate) use table::fit;

use crate::view::control::NameStyles;

use super::output::{BOLD, CYAN, GREEN};

/// How a terminal sets off names in what a control file says.
const COLOURED: NameStyles = NameStyles { service: BOLD, environment: CYAN, version: GREEN };
