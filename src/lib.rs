//! Tidegate carries a container image tag from "pushed to a registry" to "running in production" through Git alone.
//!
//! `ARCHITECTURE.md` describes the rooms and what each may know; `tests/architecture.rs` checks it.

pub mod changelog;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod control;
pub mod diagnosis;
pub mod engine;
pub mod forge;
pub mod git;
pub mod history;
pub mod init;
pub mod kustomize;
pub mod manifest;
pub mod metrics;
pub mod model;
pub mod notify;
pub mod policy;
pub mod port;
pub mod registry;
pub mod remote;
pub mod server;
pub mod simulation;
pub mod source;
pub mod store;
pub mod template;
pub mod view;
