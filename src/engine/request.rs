//! What a pass is asked to do.

use crate::model::{EnvironmentName, ImageName, ServiceName, Tag};
use crate::policy::Override;

/// What a pass is asked to do, and by whom.
#[derive(Clone, Debug)]
pub struct Request {
    /// Everything that may go, or one service by hand.
    pub what: What,
    /// Who asks, as it will stand in the commit.
    pub requested_by: String,
    /// Whether to stop before anything is written.
    pub dry_run: bool,
}

/// What may be promoted.
#[derive(Clone, Debug)]
pub enum What {
    /// Everything that every gate lets through.
    Everything,
    /// One service.
    One(ByHand),
}

/// A promotion by hand.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// The service.
    pub service: ServiceName,
    /// Where to.
    pub environment: EnvironmentName,
    /// The tag; the one that would come by itself when nothing is said.
    pub tag: Option<Tag>,
    /// The image, for a service with several.
    pub image: Option<ImageName>,
    /// Gates that are closed and passed all the same.
    pub overrides: Vec<Override>,
}

impl Request {
    /// Everything, on schedule.
    pub fn schedule() -> Self {
        Self { what: What::Everything, requested_by: "schedule".to_owned(), dry_run: false }
    }

    /// Everything, but nothing is written.
    pub fn plan() -> Self {
        Self { dry_run: true, ..Self::schedule() }
    }
}
