//! Pull requests at GitHub and GitHub Enterprise: what is open, what was closed, and opening, amending and closing them.
//!
//! `exchange` asks, and `kept` has the answers that may not have changed. `wire` is what the answers look like.
//! Another forge is a folder beside this one.

mod exchange;
mod kept;
mod requests;
mod rights;
mod wire;

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use crate::model::{BranchName, Fault};

use super::api::Api;
use exchange::Exchange;

pub use rights::Rights;

/// Gives the token that is good now. It may block.
pub type Bearer = Arc<dyn Fn() -> Result<SecretString, Fault> + Send + Sync>;

/// Which repository, and how it is asked about.
pub struct GitHubSettings {
    /// `owner/name`.
    pub repository: String,
    /// The branch that pull requests go to.
    pub base: BranchName,
    /// The token.
    pub bearer: Bearer,
}

/// The pull requests of one repository to one branch.
pub struct GitHub {
    exchange: Exchange,
    repository: String,
    base: BranchName,
}

impl GitHub {
    /// The repository; asks nobody yet.
    pub fn new(api: Api, settings: GitHubSettings) -> Self {
        let GitHubSettings { repository, base, bearer } = settings;
        Self { exchange: Exchange::new(api, bearer), repository, base }
    }

    /// `owner/name`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    fn owner(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }

    fn path(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repository)
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GitHub").field("repository", &self.repository).finish_non_exhaustive()
    }
}
