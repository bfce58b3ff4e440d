//! Decides what may be promoted: tag lists, digests, facts, gates, groups, manual promotions and rollbacks.

pub(super) mod artifacts;
pub(super) mod digest_requests;
pub(super) mod digests;
pub(super) mod evaluation;
pub(super) mod facts;
pub(super) mod groups;
pub(super) mod health;
pub(super) mod manual;
pub(super) mod poll;
pub(super) mod requests;
pub(super) mod rollback;
pub(super) mod verification;
mod warnings;
