//! The replay: a clock that jumps from event to event, and at each of them the engine's decisions for the targets that
//! it concerns.
//!
//! Registries and people do what they did; only the policy decides anew. Cost follows events: a target without events
//! is not decided.

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
use super::health::{RecordedHealth, ReplayedHealth};
use super::layout::{Commit, Layout, is_scheduled, released};
use super::line::Line;
use super::person;
use super::policy::Policy;
use super::registry::{Push, Registry};
use super::report::{Arrival, Released, ReplayReport, StarvationPeriod, TargetReplay};
use super::ticks::Ticks;
use super::timeline::{ControlFileChange, Timeline};
use super::waiting::Waiting;

/// The versions that would have reached the environments under this policy.
pub fn replay(timeline: &Timeline, policy: Policy<'_>) -> ReplayReport {
    let layout = Layout::of(timeline, policy);
    let mut replay = Replay::new(timeline, &layout);
    replay.begin();
    replay.run();
    replay.tell()
}

/// A replay in progress.
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
    /// Coming events, latest first.
    events: Vec<(Timestamp, Event<'a>)>,
    agenda: BinaryHeap<Reverse<(Timestamp, Wake)>>,
    ticks: Ticks<'a>,
    /// Targets to decide in the next pass: later environments first, because a train waits for them.
    pub(super) due: BTreeSet<(Reverse<EnvironmentId>, TargetId)>,
    /// Position of the next commit on the simulated line.
    sequence: u64,
}

/// A target during the replay.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) line: Line<'a>,
    pub(super) covering: Controls,
    /// Its selection.
    pub(super) selection: usize,
    pub(super) soak: std::time::Duration,
    pub(super) minimum_age: std::time::Duration,
    pub(super) soak_mode: SoakMode,
    pub(super) environment: EnvironmentId,
    pub(super) group: Option<usize>,
    /// The same image in the previous environment.
    pub(super) before: Option<TargetId>,
    /// The same image in the environments right after.
    pub(super) after: Vec<TargetId>,
    /// The version that the previous environment must keep for it in a train.
    pub(super) boards: Option<TrainHold>,
    /// What was recorded of its health, if somebody looked.
    recorded_health: Option<RecordedHealth>,
    /// The health of what it runs, as of the last decision that depends on it.
    pub(super) health: Option<ReplayedHealth>,
    pub(super) waiting: Option<Waiting>,
    pub(super) starved: Option<StarvationPeriod>,
    /// When it is decided again without an event.
    pub(super) wake: Option<Timestamp>,
    story: TargetReplay,
}

/// An event that does not depend on the policy.
enum Event<'a> {
    Push(Push<'a>),
    Commit(&'a Commit<'a>),
    Control(&'a ControlFileChange),
}

/// The reason for a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    /// The schedule.
    Look,
    /// A control file expires.
    Expiry,
    /// A gate opens for a target.
    Opening(TargetId),
}

impl<'a> Replay<'a> {
    fn new(timeline: &'a Timeline, layout: &'a Layout<'a>) -> Self {
        let policy = layout.policy;
        let mut registry = Registry::new(timeline);
        let mut targets: ByTarget<Target<'a>> = ByTarget::new();
        for target in layout.targets.ids() {
            // Every image of a tag change is in the registries.
            let selection = layout.selects(&mut registry, target, timeline.from).unwrap_or_default();
            let recorded_health = RecordedHealth::of(timeline, layout, target);
            targets.push(Target { recorded_health, ..Target::new(layout, target, selection) });
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
        // A stable sort keeps simultaneous events in order.
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

    /// Applies everything before the period, and marks all targets for decision.
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
        let expiries = self.controls.apply(controls);
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
                let expiries = self.controls.apply(std::iter::once(*change));
                self.expect(expiries);
                self.cover();
            }
        }
        if let Some(noticed_at) = self.ticks.notices(at).filter(|_| !self.due.is_empty()) {
            self.agenda.push(Reverse((noticed_at, Wake::Look)));
        }
    }

    /// A tag appeared or moved: it concerns the targets of that image, and those that wait for the tag.
    fn push(&mut self, push: Push<'a>) {
        let is_admitted = push.tag.is_none_or(|tag| self.registry.add_tag(push.image, tag));
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

    /// Applies people's changes; those that the policy made are decided anew.
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
            line.apply_commit(moves, &by_people);
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

    /// Service and image of a target.
    pub(super) fn subject_of(&self, target: TargetId) -> &Subject {
        &self.layout.targets[target].subject
    }

    /// Marks a target for decision, and the targets that depend on it.
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

    /// Finds the targets that each control file covers.
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

    /// Takes due events from the agenda. Returns whether to make a pass.
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

    /// Decides everything that is due and applies it, and repeats that for the targets concerned: the daemon wakes
    /// when a version that it just promoted has soaked.
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

    /// Decides for a target again at `at`, or sooner.
    pub(super) fn wake_at(&mut self, target: TargetId, at: Option<Timestamp>) {
        self.targets[target].wake = at;
        self.agenda.extend(at.map(|at| Reverse((at, Wake::Opening(target)))));
    }

    /// Looks at the health of what the previous environment runs.
    pub(super) fn see_health_before(&mut self, target: TargetId, now: Timestamp) {
        let Some(before) = self.targets[target].before else { return };
        let there = &mut self.targets[before];
        there.health = there.recorded_health.as_ref().and_then(|recorded| recorded.at(&there.line, now));
    }

    fn promote(&mut self, target: TargetId, approved: &Approved, now: Timestamp) {
        // Whole seconds, like the engine's commits.
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
        here.line.apply_commit(moves, &[]);
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
            waiting: target.waiting.map(|waiting| waiting.report()),
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
            recorded_health: None,
            health: None,
            waiting: None,
            starved: None,
            wake: None,
            story: layout.blank(target, Vec::<Released>::new()),
        }
    }
}

/// A stand-in for the id of a simulated commit; never shown.
fn commit_id(sequence: u64) -> CommitId {
    let mut bytes = [0xff; 20];
    bytes[12..].copy_from_slice(&sequence.to_be_bytes());
    CommitId::from_bytes(bytes)
}
