//! What `deploy/` holds, rendered by Helm and kubectl, accepted by a real API server, and run.

pub(crate) mod api_server;
mod chart;
mod conventions;
mod example_repository;
mod image;
mod in_cluster;
pub(crate) mod monitoring;
pub(crate) mod tools;
mod units;
