//! Decides what may go: tag lists, digests, facts, gates, groups, manual promotions and rollbacks.

pub(super) mod digests;
pub(super) mod evaluation;
pub(super) mod groups;
pub(super) mod manual;
pub(super) mod poll;
pub(super) mod rollback;
pub(super) mod signatures;
