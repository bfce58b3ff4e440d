//! The engine: one pass from observation to record, and the ports it needs. Knows no HTTP, no SQL, no libgit2.
//!
//! A pass is [`Engine::pass`]: look at the repository, ask the registries, decide, plan the edits, push them, and write
//! down what became of it. Each step has a file of its own, in that order: `refresh`, `poll`, `assess`, `edit_plan`,
//! `deliver`, and, for what people are to merge, `requests`.

mod agreed;
mod assess;
mod board;
mod by_hand;
mod called;
mod changelog_files;
mod chronicle;
mod control_files;
mod deliver;
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
mod request;
mod requests;
mod roll_back;
mod rulebook;
mod signatures;
mod snapshot;
mod together;
mod view;

use std::fmt;
use std::sync::Arc;

use crate::model::{CommitId, Timestamp};

pub use crate::policy::{Environment, Group, ServiceRules, ServiceSettings};
pub use agreed::Agreed;
pub use assess::Assessment;
pub use board::{Board, Track};
pub use chronicle::Period;
pub use edit_plan::{EditPlan, PlannedFile, WayBack};
pub use explain::{Explained, Explanation, Outlook, Prospect, Question, ToldGate, Verdict};
pub use history::{HistoryQuery, Move, Mover};
pub use notes::NotesPolicy;
pub use order::{Order, Ordered, Release};
pub use pass::{PassReport, Promoted};
pub use ports::{
    Changelog, Clock, Forge, NotesWanted, Ports, Publisher, Registry, Repository, Store, TaggedImage,
};
pub use problem::{Place, Problem};
pub use releases::{DueRelease, ReleasePer};
pub use request::{ByHand, Request, RollBack, What};
pub use requests::{
    Grouping, Proposal, ProposedMove, RequestReport, RequestRules, RequestState, Requests, Unmerged,
};
pub use rulebook::{Batch, Rulebook};
pub use view::View;

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
    rulebook: Arc<Rulebook>,
    memory: Memory,
}

#[derive(Debug, Default)]
struct Memory {
    view: Option<Arc<View>>,
    last_seen: Option<(CommitId, Timestamp)>,
    selections: poll::Selections,
    noted: poll::Noted,
    requests: requests::Memory,
}

impl<P: Ports> Engine<P> {
    /// An engine that has seen nothing yet.
    pub fn new(ports: Parts<P>, rulebook: Arc<Rulebook>) -> Self {
        Self { ports, rulebook, memory: Memory::default() }
    }

    /// The policy that it goes by.
    pub fn rulebook(&self) -> &Rulebook {
        &self.rulebook
    }
}

impl<P: Ports> fmt::Debug for Engine<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").field("rulebook", &self.rulebook).finish_non_exhaustive()
    }
}

impl<P: Ports> fmt::Debug for Parts<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Parts").finish_non_exhaustive()
    }
}
