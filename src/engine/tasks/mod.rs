//! What the engine is asked to do: a pass, a control change, an explanation, history, releases, a timeline.

pub(super) mod arrivals;
pub(super) mod attempts;
pub(super) mod confirmed_plan;
pub(super) mod control_change;
pub(super) mod engine;
pub(super) mod explain;
pub(super) mod pass;
pub(super) mod releases;
pub(super) mod report;
pub(super) mod timeline;
mod verification;
