//! Makes the pull requests fit what was decided.

pub(super) mod auto_merge;
pub(super) mod body;
pub(super) mod carry_over;
pub(super) mod changelog;
pub(super) mod desired;
pub(super) mod obsolete;
pub(super) mod report;
pub(super) mod write;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(super) mod tests;
