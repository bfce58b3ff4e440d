//! The GitHub API: app tokens, token expiry, commit ranges, pull requests, releases, statuses and deployments.
//!
//! Must not know Git. GitHub Enterprise differs by its URL alone.

mod api;
mod app;
mod compare;
mod deployments;
mod github;
mod rate_limit;
mod releases;

pub use api::{Api, ApiSettings};
pub use app::App;
pub use compare::{Commits, RepositoryAccess};
pub use deployments::{CommitStatus, DeploymentDraft, Deployments};
pub use github::{Bearer, GitHub, GitHubSettings, Rights};
pub use releases::{Published, ReleaseDraft, Releases};
