//! The repository as one pass sees it: what runs, since when, and who moved it. The same for as long as the branch
//! does not move.

use std::sync::OnceLock;

use crate::history::{self, Ledger, Runs, WaysBack};
use crate::model::{CommitId, RepoPath};
use crate::policy::{Control, Controls, Landing, MovedBack, PastRun};

use super::board::Board;
use super::control_files;
use super::flux::Resolver;
use super::rulebook::Rulebook;
use super::signatures::UnsignedFiles;
use super::snapshot::Snapshot;

/// The repository at one commit, with its history.
#[derive(Debug)]
pub struct View {
    /// What runs.
    pub board: Board,
    /// What people said by control files.
    pub controls: Controls,
    /// The control files that do not count, since nobody who is allowed to signed them.
    pub(crate) unsigned_controls: UnsignedFiles,
    pub(crate) snapshot: Snapshot,
    pub(crate) resolver: Resolver,
    pub(crate) ledger: Ledger,
    /// For each track, filled when it is first asked for.
    landings: Vec<OnceLock<Option<Landing>>>,
    moved_back: Vec<OnceLock<Vec<MovedBack>>>,
    past: Vec<OnceLock<Vec<PastRun>>>,
    covering: Vec<OnceLock<Controls>>,
}

impl View {
    pub(crate) fn new(
        snapshot: Snapshot,
        resolver: Resolver,
        ledger: Ledger,
        unsigned: UnsignedFiles,
        rulebook: &Rulebook,
    ) -> Self {
        fn empty<T>(count: usize) -> Vec<OnceLock<T>> {
            std::iter::repeat_with(OnceLock::new).take(count).collect()
        }
        let mut board = Board::of(&snapshot, &resolver, rulebook);
        let controls = control_files::controls_of(&snapshot, &unsigned, rulebook);
        board.problems.extend(control_files::unsigned_problems(&unsigned));
        board.problems.extend(control_files::problems(&controls));
        let tracks = board.tracks.len();
        Self {
            board,
            controls,
            unsigned_controls: unsigned,
            snapshot,
            resolver,
            ledger,
            landings: empty(tracks),
            moved_back: empty(tracks),
            past: empty(tracks),
            covering: empty(tracks),
        }
    }

    /// What the control file at a place says, if there is one.
    pub fn control_at(&self, file: &RepoPath) -> Option<&Control> {
        self.snapshot.controls.get(file)
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
            history::landing(self.ledger.of(&track.subject, paths), paths, &track.held)
                .map(|movement| history::landing_of(movement, track.pinned_digest()))
        });
        landing.as_ref()
    }

    /// The versions that a person left by going lower, and that nobody brought back: in the track's environment, and in
    /// those before it.
    pub fn moved_back(&self, rulebook: &Rulebook, track: usize) -> &[MovedBack] {
        self.moved_back[track].get_or_init(|| {
            let track = &self.board.tracks[track];
            let here = Some(track.environment);
            let chain = std::iter::successors(here, |at| rulebook.environments[*at].before);
            let left_in = |environment: usize| {
                let environment = &rulebook.environments[environment];
                let movements = self.ledger.of(&track.subject, &environment.paths).collect();
                WaysBack::read(movements, &track.rules, &environment.policy.name)
            };
            chain.flat_map(left_in).collect()
        })
    }

    /// What the track's environment ran before what it runs now, newest first.
    pub fn past(&self, rulebook: &Rulebook, track: usize) -> &[PastRun] {
        self.past[track].get_or_init(|| {
            let track = &self.board.tracks[track];
            let paths = &rulebook.environments[track.environment].paths;
            Runs::of(self.ledger.of(&track.subject, paths), paths, &track.held, &track.rules).into_past()
        })
    }

    /// The controls that cover a track.
    pub fn covering(&self, rulebook: &Rulebook, track: usize) -> &Controls {
        if self.controls.is_empty() {
            return Controls::NONE;
        }
        self.covering[track].get_or_init(|| {
            let track = &self.board.tracks[track];
            let environment = &rulebook.environments[track.environment].policy.name;
            self.controls.covering(track.service(), environment)
        })
    }
}
