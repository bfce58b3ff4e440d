//! What history tells of a track. Read for those that it matters to: where nothing newer is there, it decides nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::history::{self, Runs, Subject, WaysBack, newest_under};
use crate::model::{Fault, Movement};
use crate::policy::{Landing, MovedBack, PastRun};

use super::Engine;
use super::board::Track;
use super::ports::{Ports, Store};
use super::refresh::blocking;
use super::rulebook::Rulebook;
use super::view::View;

/// Of how many images of services the history is read together.
const SUBJECTS_A_TIME: usize = 1_000;

/// What history tells of a track.
#[derive(Debug)]
pub(crate) struct Past {
    /// The movement by which the track came to hold exactly what it holds now.
    pub(super) arrival: Option<Movement>,
    /// The same, as policy sees it.
    pub(super) landing: Option<Landing>,
    /// The versions that were left by going lower and not brought back, in the track's environment and in those before it.
    pub(super) moved_back: Vec<MovedBack>,
    /// What ran before what runs now, newest first.
    pub(super) runs: Vec<PastRun>,
}

impl Past {
    /// Reads the past of a track from all movements of its image, oldest first.
    fn of(track: &Track, rulebook: &Rulebook, movements: &[Movement]) -> Self {
        let paths = &rulebook.environments[track.environment].paths;
        let arrival = history::landing(newest_under(movements, paths), paths, &track.held);
        let chain = std::iter::successors(Some(track.environment), |at| rulebook.environments[*at].before);
        let left_in = |environment: usize| {
            let environment = &rulebook.environments[environment];
            let movements = newest_under(movements, &environment.paths).collect();
            WaysBack::read(movements, &track.rules, &environment.policy.name)
        };
        Self {
            landing: arrival.map(|movement| history::landing_of(movement, track.pinned_digest())),
            arrival: arrival.cloned(),
            moved_back: chain.flat_map(left_in).collect(),
            runs: Runs::of(newest_under(movements, paths), paths, &track.held, &track.rules).into_past(),
        }
    }
}

impl<P: Ports> Engine<P> {
    /// Reads the past of these tracks, and of the same images in every other environment, where it is not known yet.
    ///
    /// # Errors
    /// When the store can't be read, or its history is not the one of the view any more.
    pub async fn learn(
        &self,
        view: &Arc<View>,
        tracks: impl IntoIterator<Item = usize>,
    ) -> Result<(), Fault> {
        let unknown = tracks.into_iter().filter(|track| view.past_of(*track).is_none());
        let subjects: BTreeSet<&Subject> = unknown.map(|track| &view.board.tracks[track].subject).collect();
        let subjects: Vec<Subject> = subjects.into_iter().cloned().collect();
        for some in subjects.chunks(SUBJECTS_A_TIME) {
            let movements = view.heed(self.ports.store.movements_of(view.end, some).await)?;
            let (view, rulebook) = (Arc::clone(view), Arc::clone(&self.rulebook));
            let some = some.to_vec();
            blocking(move || {
                view.remember(&rulebook, &some, movements);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

impl View {
    /// Takes in all movements of these images, oldest first.
    fn remember(&self, rulebook: &Rulebook, subjects: &[Subject], movements: Vec<Movement>) {
        let mut of_each: HashMap<Subject, Vec<Movement>> = HashMap::new();
        for movement in movements {
            let subject = (movement.service.clone(), movement.image.clone());
            of_each.entry(subject).or_default().push(movement);
        }
        for subject in subjects {
            let movements = of_each.get(subject).map(Vec::as_slice).unwrap_or_default();
            for environment in 0..rulebook.environments.len() {
                if let Some(track) = self.board.place(environment, subject) {
                    self.learn(track, || Arc::new(Past::of(&self.board.tracks[track], rulebook, movements)));
                }
            }
        }
    }
}
