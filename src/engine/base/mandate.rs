//! On whose behalf the engine writes, and on what they saw.

use crate::model::{Class, CommitId, Fault};

/// On whose behalf the engine writes. By default on its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mandate {
    /// The author of commits on the followed branch; the committer stays Tidegate.
    pub author: Option<String>,
    /// Why, for commits that do not say so themselves.
    pub reason: Option<String>,
    /// The head of the branch that they saw: nothing is written on another one.
    pub seen: Option<CommitId>,
}

impl Mandate {
    /// Checks that the branch is still as they saw it.
    pub(in crate::engine) fn check(&self, head: CommitId) -> Result<(), Fault> {
        match self.seen {
            Some(seen) if seen != head => {
                let message = format!("the branch moved from {} to {}", seen.short(), head.short());
                Err(Fault::new(Class::TryAgain, message).with_hint("nothing was changed; look again"))
            }
            _ => Ok(()),
        }
    }
}
