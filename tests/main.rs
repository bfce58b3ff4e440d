//! What crosses rooms, against real parts: one binary, so that it links once.

mod config;
mod git;
mod manifest;
mod registry;
mod store;
mod support;
