//! The replay: a clock that jumps from event to event, and at each of them the same decisions as the engine's, for the
//! targets that it concerns.
//!
//! What the registries got and what people did is as it was; what the policy did is decided anew. Cost follows events: a
//! target that nothing concerns is not looked at.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use chrono::{DurationRound as _, TimeDelta};

use crate::history::Subject;
use crate::model::{
    BY_SCHEDULE, ByTarget, CommitId, EnvironmentId, FetchEvidence, PromotionId, PromotionMark, TagChange,
    TagChangeCommit, TargetId, Timestamp,
};
use crate::policy::{Approved, Controls, SoakMode, TrainHold, UnsignedCommits};

use super::actual::arrived;
use super::controls::ControlFiles;
use super::layout::{Commit, Layout, is_scheduled, released};
use super::line::Line;
use super::person;
use super::policy::Policy;
use super::registry::{Push, Registry};
use super::report::{Arrival, Released, ReplayReport, StarvationPeriod, TargetReplay};
use super::ticks::Ticks;
use super::timeline::{ControlFileChange, Timeline};
use super::waiting::Waiting;

/// What would have come to the environments, had this policy been in force.
pub fn replay(timeline: &Timeline, policy: Policy<'_>) -> ReplayReport {
    let layout = Layout::of(timeline, policy);
    let mut replay = Replay::new(timeline, &layout);
    replay.begin();
    replay.run();
    replay.tell()
}

/// A replay under way.
pub(super) struct Replay<'a> {
    pub(super) policy: Policy<'a>,
    pub(super) registry: Registry<'a>,
    pub(super) targets: ByTarget<Target<'a>>,
    pub(super) controls: ControlFiles<'a>,
    pub(super) unsigned: UnsignedCommits,
    layout: &'a Layout<'a>,
    /// The targets of each image.
    of_image: Vec<Vec<TargetId>>,
    timeline: &'a Timeline,
    /// What happens, latest first.
    events: Vec<(Timestamp, Event<'a>)>,
    agenda: BinaryHeap<Reverse<(Timestamp, Wake)>>,
    ticks: Ticks<'a>,
    /// What the next pass decides: later environments first, since a train waits for them.
    pub(super) due: BTreeSet<(Reverse<EnvironmentId>, TargetId)>,
    /// The place of the next commit on the simulated line.
    sequence: u64,
}

/// A target while it is replayed.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) line: Line<'a>,
    pub(super) covering: Controls,
    /// The place of what its rules select.
    pub(super) selection: usize,
    pub(super) soak: std::time::Duration,
    pub(super) minimum_age: std::time::Duration,
    pub(super) soak_mode: SoakMode,
    pub(super) environment: EnvironmentId,
    pub(super) group: Option<usize>,
    /// The same image in the environment before.
    pub(super) before: Option<TargetId>,
    /// The same image in the environments right after.
    pub(super) after: Vec<TargetId>,
    /// What the environment before must keep for its sake, when soaks are counted as a train.
    pub(super) boards: Option<TrainHold>,
    pub(super) waiting: Option<Waiting>,
    pub(super) starved: Option<StarvationPeriod>,
    /// When it is decided again although nothing happens.
    pub(super) wake: Option<Timestamp>,
    story: TargetReplay,
}

/// Something that happens whatever the policy.
enum Event<'a> {
    Push(Push<'a>),
    Commit(&'a Commit<'a>),
    Control(&'a ControlFileChange),
}

/// Why a pass is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    /// Somebody looks at what has changed.
    Look,
    /// A control ceases to count.
    Expiry,
    /// Something opens for a target.
    Opening(TargetId),
}

impl<'a> Replay<'a> {
    fn new(timeline: &'a Timeline, layout: &'a Layout<'a>) -> Self {
        let policy = layout.policy;
        let mut registry = Registry::new(timeline);
        let mut targets: ByTarget<Target<'a>> = ByTarget::new();
        for target in layout.targets.ids() {
            // Every image that a tag change names is known to the registries.
            let selection = layout.selects(&mut registry, target, timeline.from).unwrap_or_default();
            targets.push(Target::new(layout, target, selection));
        }
        let mut of_image = vec![Vec::new(); registry.len()];
        for (target, place) in layout.targets.entries() {
            if let Some(image) = registry.place(&place.subject.1) {
                of_image[image].push(target);
            }
        }
        let mut events: Vec<(Timestamp, Event<'a>)> = Vec::new();
        let pushes = registry.pushes(timeline.from, timeline.to);
        events.extend(pushes.into_iter().map(|push| (push.at, Event::Push(push))));
        let within = |at: Timestamp| timeline.from < at && at <= timeline.to;
        let commits = layout.commits.iter().filter(|commit| within(commit.at));
        events.extend(commits.map(|commit| (commit.at, Event::Commit(commit))));
        let controls = timeline.controls.iter().filter(|change| within(change.at));
        events.extend(controls.map(|change| (change.at, Event::Control(change))));
        // Stable, so that what happens at one time stays in its order.
        events.sort_by_key(|(at, _)| *at);
        events.reverse();
        Self {
            policy,
            registry,
            targets,
            controls: ControlFiles::none(policy.environments),
            unsigned: UnsignedCommits::new(),
            layout,
            of_image,
            timeline,
            events,
            agenda: BinaryHeap::new(),
            ticks: Ticks::new(policy.schedule),
            due: BTreeSet::new(),
            sequence: 0,
        }
    }

    /// Puts everything where it was, and has everything decided.
    fn begin(&mut self) {
        let from = self.timeline.from;
        let mut before: ByTarget<Vec<TagChange>> = self.targets.map(|_| Vec::new());
        for commit in self.layout.commits.iter().filter(|commit| commit.at <= from) {
            for (target, tag_change) in &commit.tag_changes {
                before[*target].push((*tag_change).clone());
            }
        }
        for (target, tag_changes) in self.targets.iter_mut().zip(before) {
            let last = tag_changes.last().map_or(0, |tag_change| tag_change.sequence + 1);
            self.sequence = self.sequence.max(last);
            target.line.begin(tag_changes);
            target.story.began_with = target.line.running().and_then(|running| running.first()).cloned();
        }
        let controls = self.timeline.controls.iter().filter(|change| change.at <= from);
        let expiries = self.controls.take_in(controls);
        self.expect(expiries);
        self.cover();
        self.targets.ids().for_each(|target| self.concern(target));
        self.agenda.push(Reverse((from, Wake::Look)));
    }

    fn run(&mut self) {
        loop {
            let event = self.events.last().map(|(at, _)| *at);
            let wake = self.agenda.peek().map(|Reverse((at, _))| *at);
            let Some(now) = event.into_iter().chain(wake).min() else { return };
            if now > self.timeline.to {
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
        for target in self.of_image[push.image].clone() {
            let before = self.targets[target].before.map(|before| &self.targets[before].line);
            let is_concerned = match (before, push.tag) {
                (Some(before), Some(tag)) => {
                    self.policy.soak_mode == SoakMode::Elapsed
                        || before.only().is_some_and(|only| only.tag == *tag)
                }
                _ => true,
            };
            if is_concerned {
                self.concern(target);
            }
        }
    }

    /// What people moved moves here too; what the policy moved is decided anew.
    fn commit(&mut self, commit: &Commit<'a>) {
        for of_target in commit.tag_changes.chunk_by(|one, next| one.0 == next.0) {
            let Some((target, _)) = of_target.first().copied() else { continue };
            let by_people: Vec<&TagChange> = of_target
                .iter()
                .map(|(_, tag_change)| *tag_change)
                .filter(|tag_change| !is_scheduled(tag_change))
                .collect();
            let Some(first) = by_people.first() else { continue };
            let rules = &self.layout.targets[target].rules;
            let line = &mut self.targets[target].line;
            let moves = person::moved_by(&by_people, line.held(), rules);
            let moves: Vec<TagChange> = moves
                .into_iter()
                .map(|(path, before, after)| TagChange {
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
                self.targets[target].story.arrivals.push(arrival);
            }
            self.sequence += 1;
            self.concern(target);
        }
    }

    /// The service and the image of a target.
    pub(super) fn subject_of(&self, target: TargetId) -> &Subject {
        &self.layout.targets[target].subject
    }

    /// A target is to be decided, and what looks at it.
    pub(super) fn concern(&mut self, target: TargetId) {
        self.due.insert((Reverse(self.targets[target].environment), target));
        for next in self.targets[target].after.clone() {
            self.due.insert((Reverse(self.targets[next].environment), next));
        }
    }

    fn expect(&mut self, expiries: Vec<Timestamp>) {
        let later = expiries.into_iter().filter(|at| *at > self.timeline.from);
        self.agenda.extend(later.map(|at| Reverse((at, Wake::Expiry))));
    }

    /// Finds again which controls cover what.
    fn cover(&mut self) {
        for at in self.targets.ids() {
            let environment = &self.policy.environments[self.targets[at].environment].policy.name;
            let covering = self.controls.all().covering(&self.layout.targets[at].subject.0, environment);
            if covering != self.targets[at].covering {
                self.targets[at].covering = covering;
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
                    let covered: Vec<TargetId> =
                        self.targets.ids().filter(|at| !self.targets[*at].covering.is_empty()).collect();
                    for target in covered {
                        self.concern(target);
                    }
                }
                Wake::Opening(target) if self.targets[target].wake == Some(at) => {
                    self.targets[target].wake = None;
                    self.due.insert((Reverse(self.targets[target].environment), target));
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
            while let Some((_, target)) = self.due.pop_first() {
                self.decide(target, now, &mut approved);
            }
            if approved.is_empty() {
                return;
            }
            for (target, approved) in approved {
                self.promote(target, &approved, now);
            }
        }
        let next = self.ticks.after(now);
        self.agenda.extend(next.map(|next| Reverse((next, Wake::Look))));
    }

    /// Decides for a target again at `at`, if not sooner.
    pub(super) fn wake_at(&mut self, target: TargetId, at: Option<Timestamp>) {
        self.targets[target].wake = at;
        self.agenda.extend(at.map(|at| Reverse((at, Wake::Opening(target)))));
    }

    fn promote(&mut self, target: TargetId, approved: &Approved, now: Timestamp) {
        // As the engine's commits, by whole seconds.
        let at = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
        let sequence = self.sequence;
        self.sequence += 1;
        let commit = Arc::new(TagChangeCommit {
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
            is_pushed_here: true,
        };
        let (service, image) = &self.layout.targets[target].subject;
        let raised = self.targets[target].line.raised(approved.candidate(), approved.digest());
        let moves: Vec<TagChange> = raised
            .into_iter()
            .map(|(path, before, after)| TagChange {
                sequence,
                commit: Arc::clone(&commit),
                path,
                service: service.clone(),
                image: image.clone(),
                before,
                after,
                promotion: Some(mark.clone()),
                is_beside: false,
                renamed_from: None,
            })
            .collect();
        let here = &mut self.targets[target];
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
        self.concern(target);
    }

    fn tell(self) -> ReplayReport {
        let (from, to) = (self.timeline.from, self.timeline.to);
        let registry = self.registry;
        let tell = |target: Target<'_>| TargetReplay {
            released: released(&registry, target.selection, from, to),
            waiting: target.waiting.map(|waiting| waiting.told()),
            starved: target.starved,
            ..target.story
        };
        ReplayReport { from, to, targets: self.targets.into_iter().map(tell).collect() }
    }
}

impl<'a> Target<'a> {
    fn new(layout: &'a Layout<'a>, target: TargetId, selection: usize) -> Self {
        let policy = layout.policy;
        let place = &layout.targets[target];
        let here = &policy.environments[place.environment];
        let find = |environment: EnvironmentId| layout.find(environment, &place.subject);
        let after = policy
            .environments
            .ids()
            .filter(|next| policy.environments[*next].before == Some(place.environment));
        Self {
            line: Line::new(&here.policy, &here.paths, Arc::clone(&place.rules)),
            covering: Controls::default(),
            selection,
            soak: policy.services.soak(&place.subject.0, &here.policy.name),
            minimum_age: policy.services.minimum_age(&place.subject.0, &here.policy.name),
            soak_mode: policy.soak_mode_of(&place.subject),
            environment: place.environment,
            group: policy.group_of(place.environment, &place.subject),
            before: here.before.and_then(find),
            after: after.filter_map(find).collect(),
            boards: None,
            waiting: None,
            starved: None,
            wake: None,
            story: layout.blank(target, Vec::<Released>::new()),
        }
    }
}

/// A name for a commit that nobody made. Nobody is shown it.
fn commit_id(sequence: u64) -> CommitId {
    let mut bytes = [0xff; 20];
    bytes[12..].copy_from_slice(&sequence.to_be_bytes());
    CommitId::from_bytes(bytes)
}
