//! Results as people and programs read them. Nothing here decides anything.

pub(crate) mod by_hand;
pub(crate) mod changelog;
pub(crate) mod control;
pub(crate) mod diff;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod json;
pub(crate) mod plan;
pub(crate) mod problems;
pub(crate) mod status;
mod table;
mod time;
