//! `tidegate hold`, `pin`, `quarantine`, `approve`, `freeze` and `release`: control files by command.

mod approve;
mod put;
mod release;
mod session;

pub(super) use approve::approve;
pub(super) use put::{freeze, hold, pin, quarantine};
pub(super) use release::release;
