//! The replay: a clock that jumps from event to event, and at each of them the same decisions as the engine's, for the
//! tracks that it concerns.
//!
//! What the registries got and what people did is as it was; what the policy did is decided anew. Cost follows events: a
//! track that nothing concerns is not looked at.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use chrono::{DurationRound as _, TimeDelta};

use crate::history::Subject;
use crate::model::{
    BY_SCHEDULE, CommitId, FetchEvidence, Movement, MovingCommit, PromotionId, PromotionMark, Timestamp,
};
use crate::policy::{Approved, Boarding, Controls, SoakMode, Unsigned};

use super::actual::arrived;
use super::chronicle::{Chronicle, ControlChange};
use super::controls::ControlFiles;
use super::layout::{Commit, Layout, is_scheduled, released};
use super::line::Line;
use super::person;
use super::policy::Policy;
use super::registry::{Push, Registry};
use super::story::{Arrival, Released, Starved, Story, TrackStory};
use super::ticks::Ticks;
use super::waiting::Waiting;

/// What would have come to the environments, had this policy been in force.
pub fn replay(chronicle: &Chronicle, policy: Policy<'_>) -> Story {
    let layout = Layout::of(chronicle, policy);
    let mut replay = Replay::new(chronicle, &layout);
    replay.begin();
    replay.run();
    replay.tell()
}

/// A replay under way.
pub(super) struct Replay<'a> {
    pub(super) policy: Policy<'a>,
    pub(super) registry: Registry<'a>,
    pub(super) tracks: Vec<Track<'a>>,
    pub(super) controls: ControlFiles<'a>,
    pub(super) unsigned: Unsigned,
    layout: &'a Layout<'a>,
    /// The tracks of each image.
    of_image: Vec<Vec<usize>>,
    chronicle: &'a Chronicle,
    /// What happens, latest first.
    events: Vec<(Timestamp, Event<'a>)>,
    agenda: BinaryHeap<Reverse<(Timestamp, Wake)>>,
    ticks: Ticks<'a>,
    /// What the next pass decides: later environments first, since a train waits for them.
    pub(super) due: BTreeSet<(Reverse<usize>, usize)>,
    /// The place of the next commit on the simulated line.
    sequence: u64,
}

/// A track while it is replayed.
#[derive(Debug)]
pub(super) struct Track<'a> {
    pub(super) line: Line<'a>,
    pub(super) covering: Controls,
    /// The place of what its rules select.
    pub(super) selection: usize,
    pub(super) soak: std::time::Duration,
    pub(super) soak_mode: SoakMode,
    pub(super) environment: usize,
    pub(super) group: Option<usize>,
    /// The same image in the environment before.
    pub(super) before: Option<usize>,
    /// The same image in the environments right after.
    pub(super) after: Vec<usize>,
    /// What the environment before must keep for its sake, when soaks are counted as a train.
    pub(super) boards: Option<Boarding>,
    pub(super) waiting: Option<Waiting>,
    pub(super) starved: Option<Starved>,
    /// When it is decided again although nothing happens.
    pub(super) wake: Option<Timestamp>,
    story: TrackStory,
}

/// Something that happens whatever the policy.
enum Event<'a> {
    Push(Push<'a>),
    Commit(&'a Commit<'a>),
    Control(&'a ControlChange),
}

/// Why a pass is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    /// Somebody looks at what has changed.
    Look,
    /// A control ceases to count.
    Expiry,
    /// Something opens for a track.
    Opening(usize),
}

impl<'a> Replay<'a> {
    fn new(chronicle: &'a Chronicle, layout: &'a Layout<'a>) -> Self {
        let policy = layout.policy;
        let mut registry = Registry::new(chronicle);
        let mut tracks: Vec<Track<'a>> = Vec::with_capacity(layout.tracks.len());
        for track in 0..layout.tracks.len() {
            // Every image that a movement names is known to the registries.
            let selection = layout.selects(&mut registry, track, chronicle.from).unwrap_or_default();
            tracks.push(Track::new(layout, track, selection));
        }
        let mut of_image = vec![Vec::new(); registry.len()];
        for (track, place) in layout.tracks.iter().enumerate() {
            if let Some(image) = registry.place(&place.subject.1) {
                of_image[image].push(track);
            }
        }
        let mut events: Vec<(Timestamp, Event<'a>)> = Vec::new();
        let pushes = registry.pushes(chronicle.from, chronicle.to);
        events.extend(pushes.into_iter().map(|push| (push.at, Event::Push(push))));
        let within = |at: Timestamp| chronicle.from < at && at <= chronicle.to;
        let commits = layout.commits.iter().filter(|commit| within(commit.at));
        events.extend(commits.map(|commit| (commit.at, Event::Commit(commit))));
        let controls = chronicle.controls.iter().filter(|change| within(change.at));
        events.extend(controls.map(|change| (change.at, Event::Control(change))));
        // Stable, so that what happens at one time stays in its order.
        events.sort_by_key(|(at, _)| *at);
        events.reverse();
        Self {
            policy,
            registry,
            tracks,
            controls: ControlFiles::none(policy.environments),
            unsigned: Unsigned::new(),
            layout,
            of_image,
            chronicle,
            events,
            agenda: BinaryHeap::new(),
            ticks: Ticks::new(policy.schedule),
            due: BTreeSet::new(),
            sequence: 0,
        }
    }

    /// Puts everything where it was, and has everything decided.
    fn begin(&mut self) {
        let from = self.chronicle.from;
        let mut before: Vec<Vec<Movement>> = vec![Vec::new(); self.tracks.len()];
        for commit in self.layout.commits.iter().filter(|commit| commit.at <= from) {
            for (track, movement) in &commit.movements {
                before[*track].push((*movement).clone());
            }
        }
        for (track, movements) in self.tracks.iter_mut().zip(before) {
            let last = movements.last().map_or(0, |movement| movement.sequence + 1);
            self.sequence = self.sequence.max(last);
            track.line.begin(movements);
            track.story.began_with = track.line.running().and_then(|running| running.first()).cloned();
        }
        let controls = self.chronicle.controls.iter().filter(|change| change.at <= from);
        let expiries = self.controls.take_in(controls);
        self.expect(expiries);
        self.cover();
        (0..self.tracks.len()).for_each(|track| self.concern(track));
        self.agenda.push(Reverse((from, Wake::Look)));
    }

    fn run(&mut self) {
        loop {
            let event = self.events.last().map(|(at, _)| *at);
            let wake = self.agenda.peek().map(|Reverse((at, _))| *at);
            let Some(now) = event.into_iter().chain(wake).min() else { return };
            if now > self.chronicle.to {
                return;
            }
            while let Some((at, event)) = self.events.pop_if(|(at, _)| *at <= now) {
                self.happen(at, &event);
            }
            if self.wakes(now) {
                self.pass(now);
            }
        }
    }

    fn happen(&mut self, at: Timestamp, event: &Event<'a>) {
        match event {
            Event::Push(push) => self.push(*push),
            Event::Commit(commit) => self.commit(commit),
            Event::Control(change) => {
                let expiries = self.controls.take_in(std::iter::once(*change));
                self.expect(expiries);
                self.cover();
            }
        }
        if let Some(noticed_at) = self.ticks.notices(at).filter(|_| !self.due.is_empty()) {
            self.agenda.push(Reverse((noticed_at, Wake::Look)));
        }
    }

    /// Something came to a registry: it concerns what takes from there, and what waits for it to be there.
    fn push(&mut self, push: Push<'a>) {
        let is_admitted = push.tag.is_none_or(|tag| self.registry.take_in(push.image, tag));
        if !is_admitted {
            return;
        }
        for track in self.of_image[push.image].clone() {
            let before = self.tracks[track].before.map(|before| &self.tracks[before].line);
            let is_concerned = match (before, push.tag) {
                (Some(before), Some(tag)) => {
                    self.policy.soak_mode == SoakMode::Elapsed
                        || before.only().is_some_and(|only| only.tag == *tag)
                }
                _ => true,
            };
            if is_concerned {
                self.concern(track);
            }
        }
    }

    /// What people moved moves here too; what the policy moved is decided anew.
    fn commit(&mut self, commit: &Commit<'a>) {
        for of_track in commit.movements.chunk_by(|one, next| one.0 == next.0) {
            let Some((track, _)) = of_track.first().copied() else { continue };
            let by_people: Vec<&Movement> = of_track
                .iter()
                .map(|(_, movement)| *movement)
                .filter(|movement| !is_scheduled(movement))
                .collect();
            let Some(first) = by_people.first() else { continue };
            let rules = &self.layout.tracks[track].rules;
            let line = &mut self.tracks[track].line;
            let moves = person::moved_by(&by_people, line.held(), rules);
            let moves: Vec<Movement> = moves
                .into_iter()
                .map(|(path, before, after)| Movement {
                    sequence: self.sequence,
                    path,
                    before,
                    after,
                    ..(*first).clone()
                })
                .collect();
            let before = line.running().map(<[_]>::to_vec);
            line.take_in(moves, &by_people);
            if let Some((from, candidate)) = arrived(before.as_deref(), line.running()) {
                let arrival = Arrival {
                    candidate: candidate.clone(),
                    from: Some(from.clone()),
                    at: commit.at,
                    by_schedule: false,
                    due_since: None,
                    waited: Vec::new(),
                };
                self.tracks[track].story.arrivals.push(arrival);
            }
            self.sequence += 1;
            self.concern(track);
        }
    }

    /// The service and the image of a track.
    pub(super) fn subject_of(&self, track: usize) -> &Subject {
        &self.layout.tracks[track].subject
    }

    /// A track is to be decided, and what looks at it.
    pub(super) fn concern(&mut self, track: usize) {
        self.due.insert((Reverse(self.tracks[track].environment), track));
        for next in self.tracks[track].after.clone() {
            self.due.insert((Reverse(self.tracks[next].environment), next));
        }
    }

    fn expect(&mut self, expiries: Vec<Timestamp>) {
        let later = expiries.into_iter().filter(|at| *at > self.chronicle.from);
        self.agenda.extend(later.map(|at| Reverse((at, Wake::Expiry))));
    }

    /// Finds again which controls cover what.
    fn cover(&mut self) {
        for at in 0..self.tracks.len() {
            let environment = &self.policy.environments[self.tracks[at].environment].policy.name;
            let covering = self.controls.all().covering(&self.layout.tracks[at].subject.0, environment);
            if covering != self.tracks[at].covering {
                self.tracks[at].covering = covering;
                self.concern(at);
            }
        }
    }

    /// Takes what is due at `now` off the agenda. Tells whether a pass is to be made.
    fn wakes(&mut self, now: Timestamp) -> bool {
        let mut is_awake = false;
        while self.agenda.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some(Reverse((at, wake))) = self.agenda.pop() else { break };
            match wake {
                Wake::Look => {}
                Wake::Expiry => {
                    let covered: Vec<usize> =
                        (0..self.tracks.len()).filter(|at| !self.tracks[*at].covering.is_empty()).collect();
                    for track in covered {
                        self.concern(track);
                    }
                }
                Wake::Opening(track) if self.tracks[track].wake == Some(at) => {
                    self.tracks[track].wake = None;
                    self.due.insert((Reverse(self.tracks[track].environment), track));
                }
                Wake::Opening(_) => continue,
            }
            is_awake = true;
        }
        is_awake
    }

    /// Decides all that is due, then does what was decided; and again what that concerns, since the daemon is awake when
    /// what it has promoted has soaked.
    fn pass(&mut self, now: Timestamp) {
        for _ in 0..=self.policy.environments.len() {
            let mut approved = Vec::new();
            while let Some((_, track)) = self.due.pop_first() {
                self.decide(track, now, &mut approved);
            }
            if approved.is_empty() {
                return;
            }
            for (track, approved) in approved {
                self.promote(track, &approved, now);
            }
        }
        let next = self.ticks.after(now);
        self.agenda.extend(next.map(|next| Reverse((next, Wake::Look))));
    }

    /// Decides for a track again at `at`, if not sooner.
    pub(super) fn wake_at(&mut self, track: usize, at: Option<Timestamp>) {
        self.tracks[track].wake = at;
        self.agenda.extend(at.map(|at| Reverse((at, Wake::Opening(track)))));
    }

    fn promote(&mut self, track: usize, approved: &Approved, now: Timestamp) {
        // As the engine's commits, by whole seconds.
        let at = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
        let sequence = self.sequence;
        self.sequence += 1;
        let commit = Arc::new(MovingCommit {
            id: commit_id(sequence),
            committed_at: at,
            parent_committed_at: None,
            author_name: "tidegate".to_owned(),
            fetched: FetchEvidence { absent_at: None, fetched_at: now },
        });
        let mark = PromotionMark {
            id: PromotionId::from_uuid(uuid::Uuid::from_u128(u128::from(sequence))),
            requested_by: BY_SCHEDULE.to_owned(),
            digest: Some(approved.digest().clone()),
        };
        let (service, image) = &self.layout.tracks[track].subject;
        let raised = self.tracks[track].line.raised(approved.candidate(), approved.digest());
        let moves: Vec<Movement> = raised
            .into_iter()
            .map(|(path, before, after)| Movement {
                sequence,
                commit: Arc::clone(&commit),
                path,
                service: service.clone(),
                image: image.clone(),
                before,
                after,
                promotion: Some(mark.clone()),
            })
            .collect();
        let here = &mut self.tracks[track];
        here.line.take_in(moves, &[]);
        let (since, waited) = Waiting::end(here.waiting.take(), &approved.candidate().tag, now);
        here.story.arrivals.push(Arrival {
            candidate: approved.candidate().clone(),
            from: Some(approved.from().clone()),
            at,
            by_schedule: true,
            due_since: Some(since),
            waited,
        });
        self.concern(track);
    }

    fn tell(self) -> Story {
        let (from, to) = (self.chronicle.from, self.chronicle.to);
        let registry = self.registry;
        let tell = |track: Track<'_>| TrackStory {
            released: released(&registry, track.selection, from, to),
            waiting: track.waiting.map(|waiting| waiting.told()),
            starved: track.starved,
            ..track.story
        };
        Story { from, to, tracks: self.tracks.into_iter().map(tell).collect() }
    }
}

impl<'a> Track<'a> {
    fn new(layout: &'a Layout<'a>, track: usize, selection: usize) -> Self {
        let policy = layout.policy;
        let place = &layout.tracks[track];
        let here = &policy.environments[place.environment];
        let find = |environment: usize| layout.find(environment, &place.subject);
        let after = (0..policy.environments.len())
            .filter(|next| policy.environments[*next].before == Some(place.environment));
        Self {
            line: Line::new(&here.policy, &here.paths, Arc::clone(&place.rules)),
            covering: Controls::default(),
            selection,
            soak: policy.services.soak(&place.subject.0, &here.policy.name),
            soak_mode: policy.soak_mode_of(&place.subject),
            environment: place.environment,
            group: policy.group_of(place.environment, &place.subject),
            before: here.before.and_then(find),
            after: after.filter_map(find).collect(),
            boards: None,
            waiting: None,
            starved: None,
            wake: None,
            story: layout.blank(track, Vec::<Released>::new()),
        }
    }
}

/// A name for a commit that nobody made. Nobody is shown it.
fn commit_id(sequence: u64) -> CommitId {
    let mut bytes = [0xff; 20];
    bytes[12..].copy_from_slice(&sequence.to_be_bytes());
    CommitId::from_bytes(bytes)
}
