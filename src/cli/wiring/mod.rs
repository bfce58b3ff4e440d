//! Wiring: a configuration becomes an engine with its parts.

mod git;
mod ports;
mod registries;
mod rulebook;
mod session;

pub(crate) use session::{Session, load};
