//! Helpers of several rooms' tests: real parts, started and filled.

pub(crate) mod browser;
pub(crate) mod deployments;
pub(crate) mod described;
pub(crate) mod git;
pub(crate) mod git_http;
pub(crate) mod github;
pub(crate) mod github_api;
pub(crate) mod helm_repository;
pub(crate) mod inetd;
pub(crate) mod pulls;
pub(crate) mod registry;
pub(crate) mod relay;
pub(crate) mod releases;
pub(crate) mod sshd;
