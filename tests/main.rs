//! What crosses rooms, against real parts: one binary, so that it links once.

mod architecture;
mod changelog;
mod config;
mod demo;
mod deploy;
mod forge;
mod git;
mod init;
mod journey;
mod manifest;
mod notify;
mod registry;
mod store;
mod support;
