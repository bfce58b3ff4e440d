//! What the history of tag changes says of one target.

use crate::model::TagChange;
use crate::policy::{PastRun, RolledBack, RolloutCommit};

#[derive(Debug)]
pub(crate) struct TargetHistory {
    /// The tag change by which the target came to hold exactly what it holds now.
    pub(in crate::engine) arrival: Option<TagChange>,
    /// The commit of `arrival`, as the policy reads it.
    pub(in crate::engine) rollout_commit: Option<RolloutCommit>,
    /// The versions that people rolled back from and did not bring back, in the target's environment and in those before it.
    pub(in crate::engine) rolled_back: Vec<RolledBack>,
    /// What ran before the running version, newest first.
    pub(in crate::engine) runs: Vec<PastRun>,
}
