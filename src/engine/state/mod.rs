//! One commit of the GitOps repository, read: files, deployed state, control files and Flux policies.

pub(super) mod control_files;
pub(super) mod deployed;
pub(super) mod flux_policies;
mod notes;
pub(super) mod repository_state;
pub(super) mod snapshot;
pub(super) mod target_history;
pub(super) mod unmatched_names;
