//! The engine: one pass from observation to record, and the ports it needs. Knows no HTTP, no SQL, no libgit2.
//!
//! A pass is [`Engine::pass`]: look at the repository, ask the registries, decide, plan the edits, push them, and write
//! down what became of it. Each step has a file of its own, in that order: `refresh`, `poll`, `assess`, `edit_plan`,
//! `deliver`, and, for what people are to merge, `requests`.

mod agreed;
mod assess;
mod by_hand;
mod called;
mod changelog_files;
mod control_files;
mod deliver;
mod deployed;
mod digests;
mod edit_plan;
mod explain;
#[cfg(test)]
mod fake;
mod flux;
mod history;
mod index;
mod message;
mod news;
mod notes;
mod order;
mod pass;
mod past;
mod poll;
mod ports;
mod problem;
mod refresh;
mod releases;
mod repository_policy;
mod repository_state;
mod request;
mod requests;
mod roll_back;
mod signatures;
mod snapshot;
mod timeline;
mod together;

use std::fmt;
use std::sync::Arc;

use crate::model::{CommitId, Timestamp};

pub use crate::policy::{Environment, Group, ServiceRules, ServiceSettings};
pub use agreed::ConfirmedPlan;
pub use assess::Evaluation;
pub use deployed::{DeployedState, Target};
pub use edit_plan::{EditPlan, PlannedFile, Rollback};
pub use explain::{CandidateStatus, Explained, Explanation, Question, TargetStatus, ToldGate, Verdict};
pub use history::{HistoryQuery, Move, Mover};
pub use notes::NotesPolicy;
pub use order::{ControlChange, ControlChangeResult, Release};
pub use pass::{PassReport, Promoted};
pub use ports::{
    Changelog, Clock, Forge, NotesWanted, Ports, Publisher, Registry, Repository, Store, TaggedImage,
};
pub use problem::{Place, Problem};
pub use releases::{DueRelease, ReleasePer};
pub use repository_policy::{Batch, RepositoryPolicy};
pub use repository_state::RepositoryState;
pub use request::{ManualPromotion, PassMode, PassOptions, RollbackRequest};
pub use requests::{
    Grouping, Proposal, ProposedMove, PullRequestAction, PullRequestPolicy, PullRequestReport, PullRequests,
    Unmerged,
};
pub use timeline::Period;

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
    selections: poll::Selections,
    noted: poll::Noted,
    requests: requests::Memory,
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
