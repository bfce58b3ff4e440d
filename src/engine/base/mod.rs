//! What every step of the engine builds on: the policy of the repository, problems and the options of a pass.

pub(super) mod blocking;
pub(super) mod context;
pub(super) mod mandate;
pub(super) mod pass_options;
pub(super) mod problem;
pub(super) mod repository_policy;
