//! The repository as one pass sees it: what runs, since when, and who moved it. The same for as long as the branch
//! does not move.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::history::Subject;
use crate::model::{CommitId, Fault, IndexEnd, RepoPath};
use crate::policy::{Control, Controls, Landing, MovedBack, PastRun};

use super::board::Board;
use super::control_files;
use super::flux::Resolver;
use super::past::Past;
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
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) resolver: Resolver,
    /// The end of the kept history, which is this commit.
    pub(crate) end: IndexEnd,
    /// For each track, filled when it is first asked for.
    pasts: Vec<OnceLock<Arc<Past>>>,
    covering: Vec<OnceLock<Controls>>,
    /// Set when the kept history could not be read: another process may have made it anew.
    is_stale: AtomicBool,
}

impl View {
    pub(crate) fn new(
        snapshot: Arc<Snapshot>,
        resolver: Resolver,
        end: IndexEnd,
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
            end,
            pasts: empty(tracks),
            covering: empty(tracks),
            is_stale: AtomicBool::new(false),
        }
    }

    /// Passes on what was read of the kept history, and notes when it could not be: then this view is not used again.
    pub(super) fn heed<T>(&self, read: Result<T, Fault>) -> Result<T, Fault> {
        self.is_stale.fetch_or(read.is_err(), Ordering::Relaxed);
        read
    }

    /// Whether it must be taken anew even if the branch is where it was.
    pub(super) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Relaxed)
    }

    /// Takes over what an earlier view knows of the past of tracks that are the same, but for those that moved since.
    pub(super) fn take_over(&self, last: &Self, moved: &BTreeSet<Subject>) {
        for (at, track) in self.board.tracks.iter().enumerate() {
            if moved.contains(&track.subject) {
                continue;
            }
            let Some(before) = last.board.place(track.environment, &track.subject) else { continue };
            let was = &last.board.tracks[before];
            if let Some(past) = last.pasts[before].get()
                && was.held == track.held
                && was.rules == track.rules
            {
                self.learn(at, || Arc::clone(past));
            }
        }
    }

    pub(super) fn learn(&self, track: usize, past: impl FnOnce() -> Arc<Past>) {
        self.pasts[track].get_or_init(past);
    }

    /// What history tells of a track, if it was [learned](super::Engine::learn).
    pub(crate) fn past_of(&self, track: usize) -> Option<&Past> {
        self.pasts[track].get().map(Arc::as_ref)
    }

    /// What the control file at a place says, if there is one.
    pub fn control_at(&self, file: &RepoPath) -> Option<&Control> {
        self.snapshot.controls.get(file)
    }

    /// The commit that is seen.
    pub fn commit(&self) -> CommitId {
        self.board.commit
    }

    /// The commit by which a track came to hold exactly what it holds now; nothing where its past was not learned.
    pub fn landing(&self, track: usize) -> Option<&Landing> {
        self.past_of(track)?.landing.as_ref()
    }

    /// The versions that a person left by going lower, and that nobody brought back: in the track's environment, and in
    /// those before it; none where its past was not learned.
    pub fn moved_back(&self, track: usize) -> &[MovedBack] {
        self.past_of(track).map(|past| past.moved_back.as_slice()).unwrap_or_default()
    }

    /// What the track's environment ran before what it runs now, newest first; nothing where its past was not learned.
    pub fn past(&self, track: usize) -> &[PastRun] {
        self.past_of(track).map(|past| past.runs.as_slice()).unwrap_or_default()
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
