//! GitHub: logging in as an app, what a token says of itself, the commits between two of them, pull requests, and
//! releases.
//!
//! Nothing here knows Git: tokens go to its transport, and commits come from the API. GitHub Enterprise is the same under
//! another address.

mod api;
mod app;
mod compare;
mod github;
mod jwt;
mod limit;
mod releases;

pub use api::{Api, ApiSettings};
pub use app::App;
pub use compare::{Asked, Commits};
pub use github::{Bearer, GitHub, GitHubSettings, Rights};
pub use releases::{Published, ReleaseDraft, Releases};
