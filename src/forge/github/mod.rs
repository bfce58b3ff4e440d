//! Pull requests of GitHub and GitHub Enterprise.
//!
//! `connection` sends requests, `cache` holds unchanged responses, `wire` is the JSON, `pull_requests` the operations.

mod cache;
mod connection;
mod pull_requests;
mod wire;

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use crate::model::{BranchName, Fault};

use super::api::Api;
use connection::Connection;
use wire::Repository;

/// Returns a valid token. May block.
pub type Bearer = Arc<dyn Fn() -> Result<SecretString, Fault> + Send + Sync>;

pub struct GitHubSettings {
    /// `owner/name`.
    pub repository: String,
    /// The base branch of pull requests.
    pub base: BranchName,
    /// The token.
    pub bearer: Bearer,
}

/// The pull requests of one repository to one branch.
pub struct GitHub {
    connection: Connection,
    repository: String,
    base: BranchName,
}

/// Permissions and settings of the repository, as far as GitHub reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Whether the token may push, which pull requests need too.
    pub may_push: bool,
    pub is_archived: bool,
    /// Whether auto-merge is allowed; `None` if GitHub hides it from this token.
    pub allows_auto_merge: Option<bool>,
}

impl GitHub {
    /// Creates the client; sends nothing.
    pub fn new(api: Api, settings: GitHubSettings) -> Self {
        let GitHubSettings { repository, base, bearer } = settings;
        Self { connection: Connection::new(api, bearer), repository, base }
    }

    /// `owner/name`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// See [`Api::hourly_limit`].
    pub fn hourly_limit(&self) -> Option<(u64, u64)> {
        self.connection.hourly_limit()
    }

    /// Reads the token's permissions.
    ///
    /// # Errors
    /// When GitHub is unreachable or hides the repository.
    pub async fn rights(&self) -> Result<Rights, Fault> {
        let path = self.path("");
        let repository: Repository = self.connection.get(&path).await?;
        Ok(Rights {
            // GitHub omits it for some kinds of tokens; then only an attempt shows.
            may_push: repository.permissions.is_none_or(|permissions| permissions.push),
            is_archived: repository.archived,
            allows_auto_merge: repository.allow_auto_merge,
        })
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
