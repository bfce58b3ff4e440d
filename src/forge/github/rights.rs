//! What a token may do in the repository, as far as GitHub tells.

use crate::model::Fault;

use super::GitHub;
use super::wire::Repository;

/// What may be done, as far as GitHub tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Whether branches may be pushed, which opening a pull request needs too.
    pub may_push: bool,
    /// Whether nothing can be changed any more.
    pub is_archived: bool,
    /// Whether pull requests may merge by themselves; nothing when GitHub does not tell this token.
    pub allows_auto_merge: Option<bool>,
}

impl GitHub {
    /// What may be done in the repository.
    ///
    /// # Errors
    /// When GitHub can't be asked, or does not show the repository.
    pub async fn rights(&self) -> Result<Rights, Fault> {
        let path = self.path("");
        let repository: Repository = self.exchange.get(&path).await?;
        Ok(Rights {
            // GitHub leaves it out for some kinds of tokens; then only trying tells.
            may_push: repository.permissions.is_none_or(|permissions| permissions.push),
            is_archived: repository.archived,
            allows_auto_merge: repository.allow_auto_merge,
        })
    }
}
