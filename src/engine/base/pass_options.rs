//! What a pass is asked to do.

use std::time::Duration;

use crate::model::{BY_SCHEDULE, Digest, EnvironmentName, ImageName, ServiceName, ServicePattern, Tag};
use crate::policy::Overrides;

/// What a pass is asked to do, and by whom.
#[derive(Clone, Debug)]
pub struct PassOptions {
    /// What may go.
    pub mode: PassMode,
    /// Who asks, as it will stand in the commit.
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
    /// Some services by hand.
    Manual(ManualPromotion),
    /// One service goes back.
    Rollback(RollbackRequest),
}

/// The part of the repository that a pass is limited to.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The services, with the members of their groups; all of them when empty.
    pub services: Vec<ServicePattern>,
    /// The environments; all of them when empty.
    pub environments: Vec<EnvironmentName>,
}

/// A promotion by hand.
#[derive(Clone, Debug)]
pub struct ManualPromotion {
    /// The services; those that ship in a set with one of them come along.
    pub services: Vec<ServicePattern>,
    /// Where to; each service's next environment when nothing is said.
    pub to: Option<EnvironmentName>,
    /// The tag; the one that would come by itself when nothing is said.
    pub tag: Option<Tag>,
    /// The image, for a service with several.
    pub image: Option<ImageName>,
    /// Gates that are closed and passed all the same.
    pub overrides: Overrides,
}

/// A way back by hand: to a version that ran there before.
#[derive(Clone, Debug)]
pub struct RollbackRequest {
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

impl PassOptions {
    /// What a pass of the daemon waits for a registry: a late answer leads to another pass.
    pub const DAEMON_WAIT: Duration = Duration::from_secs(2);

    /// What a command waits that shows what is there, or that needs no registry.
    pub const SHORT_WAIT: Duration = Duration::from_millis(700);

    /// What a command waits that does one pass.
    pub const COMMAND_WAIT: Duration = Duration::from_secs(20);

    /// Everything, on schedule.
    pub fn schedule() -> Self {
        Self {
            mode: PassMode::Scheduled,
            requested_by: BY_SCHEDULE.to_owned(),
            dry_run: false,
            registry_wait: Self::DAEMON_WAIT,
            recovers: true,
        }
    }

    /// Everything, to show where it stands.
    pub fn status() -> Self {
        Self { registry_wait: Self::SHORT_WAIT, ..Self::plan() }
    }

    /// Everything, but nothing is written.
    pub fn plan() -> Self {
        Self { dry_run: true, registry_wait: Self::COMMAND_WAIT, recovers: false, ..Self::schedule() }
    }
}
