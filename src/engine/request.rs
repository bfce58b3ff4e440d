//! What a pass is asked to do.

use crate::model::{BY_SCHEDULE, Digest, EnvironmentName, ImageName, ServiceName, ServicePattern, Tag};
use crate::policy::Insistence;

/// What a pass is asked to do, and by whom.
#[derive(Clone, Debug)]
pub struct Request {
    /// What may go.
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
    /// Some services by hand.
    Some(ByHand),
    /// One service goes back.
    Back(RollBack),
}

/// A promotion by hand.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// The services; those that ship in a set with one of them come along.
    pub services: Vec<ServicePattern>,
    /// Where to; each service's next environment when nothing is said.
    pub to: Option<EnvironmentName>,
    /// The tag; the one that would come by itself when nothing is said.
    pub tag: Option<Tag>,
    /// The image, for a service with several.
    pub image: Option<ImageName>,
    /// Gates that are closed and passed all the same.
    pub insistence: Insistence,
}

/// A way back by hand: to a version that ran there before.
#[derive(Clone, Debug)]
pub struct RollBack {
    /// The service.
    pub service: ServiceName,
    /// Where.
    pub environment: EnvironmentName,
    /// The tag; the last one that ran there well when nothing is said.
    pub to: Option<Tag>,
    /// The image, for a service with several.
    pub image: Option<ImageName>,
    /// Why; it stands in the commit and in the quarantine.
    pub reason: String,
    /// Whether the version that is left is quarantined in the same commit.
    pub quarantines: bool,
    /// The image that may come although the tag meant another one when it ran.
    pub accept_digest: Option<Digest>,
}

impl Request {
    /// Everything, on schedule.
    pub fn schedule() -> Self {
        Self { what: What::Everything, requested_by: BY_SCHEDULE.to_owned(), dry_run: false }
    }

    /// Everything, but nothing is written.
    pub fn plan() -> Self {
        Self { dry_run: true, ..Self::schedule() }
    }
}
