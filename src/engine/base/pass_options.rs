//! The options of a pass.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{
    BY_SCHEDULE, CommitId, Digest, EnvironmentName, ImageName, ServiceName, ServicePattern, Tag,
};
use crate::policy::{Override, Overrides};

/// The options of a pass.
#[derive(Clone, Debug)]
pub struct PassOptions {
    /// What may be promoted.
    pub mode: PassMode,
    /// Who requests it, as commits name them.
    pub requested_by: String,
    /// Whether to stop before anything is written.
    pub dry_run: bool,
    /// How long a registry may be silent before the pass goes on without it.
    pub registry_wait: Duration,
    /// Whether to settle the intents of an interrupted pass; only while no other process does a pass on the same store.
    pub recovers: bool,
}

/// What may be promoted.
#[derive(Clone, Debug)]
pub enum PassMode {
    /// Everything that every gate lets through.
    Scheduled,
    /// What every gate lets through, of some services and environments.
    Scoped(Scope),
    /// Some services, requested by a person.
    Manual(ManualPromotion),
    /// One service, to an earlier version.
    Rollback(RollbackRequest),
}

/// The part of the repository that a pass is limited to.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The services, with the members of their groups; all if empty.
    pub services: Vec<ServicePattern>,
    /// The environments; all if empty.
    pub environments: Vec<EnvironmentName>,
    /// The images, with the members of their services' groups; all if empty.
    pub images: BTreeSet<ImageName>,
}

/// A manual promotion.
#[derive(Clone, Debug)]
pub struct ManualPromotion {
    /// The services; the members of their groups come along.
    pub services: Vec<ServicePattern>,
    /// The environment; each service's next one by default.
    pub to: Option<EnvironmentName>,
    /// The tag; the nominated candidate by default.
    pub tag: Option<Tag>,
    /// The image, for a service with several.
    pub image: Option<ImageName>,
    /// Closed gates to pass.
    pub overrides: Overrides,
}

/// A rollback to a version that ran before.
#[derive(Clone, Debug)]
pub struct RollbackRequest {
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The tag; the last one that ran well by default.
    pub to: Option<Tag>,
    /// The image, for a service with several.
    pub image: Option<ImageName>,
    /// The reason, for the commit and the quarantine.
    pub reason: String,
    /// Whether the same commit quarantines the version rolled back from.
    pub quarantines: bool,
    /// A digest to accept although the tag had another one when it ran.
    pub accept_digest: Option<Digest>,
    /// Allows a tag that never ran there; an override of the order gate.
    pub order_override: Option<Override>,
    /// Set for a version that failed its verification: the head at which that was decided. On any other, nothing is rolled back.
    pub decided_on: Option<CommitId>,
}

impl PassOptions {
    /// For a pass that promotes: a late answer leads to another pass.
    pub const PASS_WAIT: Duration = Duration::from_millis(1200);

    /// For a command that shows the state, or that needs no registry.
    pub const SHORT_WAIT: Duration = Duration::from_millis(700);

    /// Everything, on schedule.
    pub fn schedule() -> Self {
        Self {
            mode: PassMode::Scheduled,
            requested_by: BY_SCHEDULE.to_owned(),
            dry_run: false,
            registry_wait: Self::PASS_WAIT,
            recovers: true,
        }
    }

    /// What every gate lets through, of some images, on behalf of the schedule.
    pub fn images(images: BTreeSet<ImageName>) -> Self {
        Self { mode: PassMode::Scoped(Scope { images, ..Scope::default() }), ..Self::schedule() }
    }

    /// Everything, to show its state.
    pub fn status() -> Self {
        Self { registry_wait: Self::SHORT_WAIT, ..Self::plan() }
    }

    /// Everything, without writing.
    pub fn plan() -> Self {
        Self { dry_run: true, recovers: false, ..Self::schedule() }
    }
}
