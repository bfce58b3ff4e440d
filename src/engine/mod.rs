//! The engine: one pass from observation to record, and the ports it needs. Knows no HTTP, no SQL, no libgit2.
//!
//! A pass is [`Engine::pass`]. The folders below are its steps, each importing only folders before it: `message`, `base`,
//! `state`, `history`, `plan`, `proposals`, `decide`, `deliver`, `reconcile` and `tasks`.

mod base;
mod decide;
mod deliver;
#[cfg(test)]
mod fake;
mod history;
mod message;
mod plan;
mod proposals;
mod reconcile;
mod state;
mod tasks;

use std::fmt;
use std::sync::Arc;

use crate::model::{CommitId, Timestamp};

pub use crate::policy::{Environment, Group, ServiceRules, ServiceSettings};
pub use base::pass_options::{ManualPromotion, PassMode, PassOptions, RollbackRequest, Scope};
pub use base::ports::{
    Changelog, Clock, Forge, NotesWanted, Ports, Publisher, Registry, Repository, Store, TaggedImage,
};
pub use base::problem::{Place, Problem};
pub use base::repository_policy::{Batch, Grouping, NotesPolicy, PullRequestPolicy, RepositoryPolicy};
pub use decide::evaluation::Evaluation;
pub use history::moves::{HistoryQuery, Move, Mover};
pub use plan::edit_plan::{EditPlan, PlannedFile, Rollback};
pub use proposals::pull_requests::{Proposal, ProposedMove, PullRequests, Unmerged};
pub use reconcile::report::{PullRequestAction, PullRequestReport};
pub use state::deployed::{DeployedState, Target};
pub use state::repository_state::RepositoryState;
pub use state::suggestions::services_like;
pub use tasks::confirmed_plan::ConfirmedPlan;
pub use tasks::control_change::{ControlChange, ControlChangeResult, Release};
pub use tasks::explain::{
    CandidateStatus, Explained, Explanation, Question, TargetStatus, ToldGate, Verdict,
};
pub use tasks::pass::{PassReport, Promoted};
pub use tasks::releases::{DueRelease, ReleasePer};
pub use tasks::timeline::Period;

/// The parts in hand.
pub struct Parts<P: Ports> {
    /// Asks registries.
    pub registry: Arc<P::Registry>,
    /// Reads the repository.
    pub repository: Arc<P::Repository>,
    /// Writes to the repository.
    pub publisher: Arc<P::Publisher>,
    /// Keeps what was seen and what is about to be done.
    pub store: Arc<P::Store>,
    /// Tells what changed between two images.
    pub changelog: Arc<P::Changelog>,
    /// Reads and writes pull requests; there is one where some environment's promotions are proposed by them.
    pub forge: Option<Arc<P::Forge>>,
    /// Tells the time.
    pub clock: Arc<P::Clock>,
}

/// The engine. It remembers what it read from one pass to the next, and nothing that it could not read again.
pub struct Engine<P: Ports> {
    ports: Parts<P>,
    repository_policy: Arc<RepositoryPolicy>,
    memory: Memory,
}

#[derive(Debug, Default)]
struct Memory {
    state: Option<Arc<RepositoryState>>,
    last_seen: Option<(CommitId, Timestamp)>,
    selections: decide::poll::Selections,
    noted: decide::poll::Noted,
    requests: proposals::fetch::Memory,
}

impl<P: Ports> Engine<P> {
    /// An engine that has seen nothing yet.
    pub fn new(ports: Parts<P>, repository_policy: Arc<RepositoryPolicy>) -> Self {
        Self { ports, repository_policy, memory: Memory::default() }
    }

    /// The policy that it goes by.
    pub fn repository_policy(&self) -> &RepositoryPolicy {
        &self.repository_policy
    }
}

impl<P: Ports> fmt::Debug for Engine<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").field("rulebook", &self.repository_policy).finish_non_exhaustive()
    }
}

impl<P: Ports> fmt::Debug for Parts<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Parts").finish_non_exhaustive()
    }
}
