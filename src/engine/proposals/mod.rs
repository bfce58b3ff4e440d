//! Pull requests as they are: what is open, what people closed, and how they reviewed it.

pub(super) mod fetch;
pub(super) mod marks;
pub(super) mod pull_requests;
pub(super) mod refusals;
pub(super) mod reviews;
mod unreviewed;
