//! The repository as one pass sees it: what runs, since when, and who moved it. The same for as long as the branch
//! does not move.

use std::sync::OnceLock;

use crate::model::{CommitId, Movement};
use crate::policy::{Fetched, Landing, MovedBack};

use super::board::{Board, Track};
use super::flux::Resolver;
use super::ledger::Ledger;
use super::moved_back;
use super::rulebook::Rulebook;
use super::snapshot::Snapshot;

/// The repository at one commit, with its history.
#[derive(Debug)]
pub struct View {
    /// What runs.
    pub board: Board,
    pub(crate) snapshot: Snapshot,
    pub(crate) resolver: Resolver,
    pub(crate) ledger: Ledger,
    /// For each track, filled when it is first asked for.
    landings: Vec<OnceLock<Option<Landing>>>,
    moved_back: Vec<OnceLock<Vec<MovedBack>>>,
}

impl View {
    pub(crate) fn new(snapshot: Snapshot, resolver: Resolver, ledger: Ledger, rulebook: &Rulebook) -> Self {
        let board = Board::of(&snapshot, &resolver, rulebook);
        let landings = board.tracks.iter().map(|_| OnceLock::new()).collect();
        let moved_back = board.tracks.iter().map(|_| OnceLock::new()).collect();
        Self { board, snapshot, resolver, ledger, landings, moved_back }
    }

    /// The commit that is seen.
    pub fn commit(&self) -> CommitId {
        self.board.commit
    }

    /// The commit by which a track came to hold exactly what it holds now.
    pub fn landing(&self, rulebook: &Rulebook, track: usize) -> Option<&Landing> {
        let landing = self.landings[track].get_or_init(|| {
            let track = &self.board.tracks[track];
            let paths = &rulebook.environments[track.environment].paths;
            self.ledger
                .landing(&track.subject, paths, &track.held)
                .map(|movement| landing_of(movement, track))
        });
        landing.as_ref()
    }

    /// The versions that a person left by going lower, and that nobody brought back.
    pub fn moved_back(&self, rulebook: &Rulebook, track: usize) -> &[MovedBack] {
        self.moved_back[track].get_or_init(|| {
            let track = &self.board.tracks[track];
            let environment = &rulebook.environments[track.environment];
            let movements = self.ledger.of(&track.subject, &environment.paths).collect();
            moved_back::read(movements, &track.rules, &environment.policy.name)
        })
    }
}

fn landing_of(movement: &Movement, track: &Track) -> Landing {
    let pinned = track.held.values().flatten().find_map(|held| held.digest.clone());
    let promoted = movement.promotion.as_ref().and_then(|promotion| promotion.digest.clone());
    Landing {
        commit: movement.commit.id,
        committed_at: movement.commit.committed_at,
        parent_committed_at: movement.commit.parent_committed_at,
        fetched: Some(Fetched {
            absent_at: movement.commit.fetched.absent_at,
            fetched_at: movement.commit.fetched.fetched_at,
        }),
        // What the file pins is what runs, whatever a message says.
        digest: pinned.or(promoted),
        by_tidegate: movement.promotion.is_some(),
        author: movement.commit.author_name.clone(),
    }
}
