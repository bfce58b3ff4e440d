//! The bytes to change.

pub(super) mod edit_plan;
