//! The controls that cover one service in one environment.

use std::sync::Arc;

use chrono_tz::Tz;

use crate::model::{Digest, EnvironmentName, RepoPath, ServiceName, Tag, Timestamp, Version};

use super::control::{
    Approval, Control, Coverage, FreezeControl, Hold, Note, Pin, Quarantine, UnreadableControl,
};
use crate::policy::calendar::Freeze;
use crate::policy::gate_name::GateName;
use crate::policy::select::Candidate;

/// Controls by their kind: of a whole repository, or those that cover one service in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    holds: Vec<Arc<Hold>>,
    pins: Vec<Arc<Pin>>,
    quarantines: Vec<Arc<Quarantine>>,
    approvals: Vec<Arc<Approval>>,
    freezes: Vec<Arc<FreezeControl>>,
    unreadable: Vec<Arc<UnreadableControl>>,
}

impl Controls {
    /// No control at all.
    pub const NONE: &'static Self = &Self {
        holds: Vec::new(),
        pins: Vec::new(),
        quarantines: Vec::new(),
        approvals: Vec::new(),
        freezes: Vec::new(),
        unreadable: Vec::new(),
    };

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self == Self::NONE
    }

    /// Those that cover a service in an environment, expired or not.
    #[must_use]
    pub fn covering(&self, service: &ServiceName, environment: &EnvironmentName) -> Self {
        fn those<T>(all: &[Arc<T>], is_meant: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
            all.iter().filter(|one| is_meant(one)).map(Arc::clone).collect()
        }
        let covers = |coverage: &Coverage| coverage.covers(service, environment);
        Self {
            holds: those(&self.holds, |hold| covers(&hold.covers)),
            pins: those(&self.pins, |pin| covers(&pin.covers)),
            quarantines: those(&self.quarantines, |one| one.services.matches(service)),
            approvals: those(&self.approvals, |approval| {
                approval.service == *service && approval.environment == *environment
            }),
            freezes: those(&self.freezes, |order| {
                order.freeze.covers(environment)
                    && order.services.as_ref().is_none_or(|services| services.matches(service))
            }),
            unreadable: those(&self.unreadable, |unreadable| covers(&unreadable.covers)),
        }
    }

    /// The first expiry after `now`.
    pub fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        self.notes().filter_map(|note| note.expires).filter(|expires| *expires > now).min()
    }

    /// The expired controls.
    pub fn expired(&self, zone: Tz, now: Timestamp) -> impl Iterator<Item = &Note> {
        let thawed = self.freezes.iter().filter(move |order| order.freeze.is_over(zone, now));
        let notes = self.notes().filter(move |note| !note.is_in_force(now));
        notes.chain(thawed.map(|order| &order.note))
    }

    /// The controls that have not ended at `now`, by file. A freeze that has not begun is included.
    pub fn standing(&self, zone: Tz, now: Timestamp) -> Vec<Control> {
        fn of<T: Clone>(all: &[Arc<T>], as_control: fn(T) -> Control) -> impl Iterator<Item = Control> {
            all.iter().map(move |one| as_control(T::clone(one)))
        }
        let holds = of(&self.holds, Control::Hold).chain(of(&self.pins, Control::Pin));
        let versions =
            of(&self.quarantines, Control::Quarantine).chain(of(&self.approvals, Control::Approval));
        let is_over = |control: &Control| match control {
            Control::Freeze(order) => order.freeze.is_over(zone, now),
            _ => control.note().is_some_and(|note| !note.is_in_force(now)),
        };
        let all = holds.chain(versions).chain(of(&self.freezes, Control::Freeze));
        let mut standing: Vec<Control> = all.filter(|control| !is_over(control)).collect();
        standing.sort_by(|one, other| one.file().cmp(other.file()));
        standing
    }

    /// The unreadable files.
    pub fn unreadable(&self) -> impl Iterator<Item = &UnreadableControl> {
        self.unreadable.iter().map(Arc::as_ref)
    }

    /// Whether a version is quarantined, even by an expired control.
    pub fn quarantines(&self, candidate: &Candidate) -> bool {
        self.quarantines.iter().any(|one| one.covers(candidate))
    }

    /// The file by which a person keeps a version as it is: a hold or a pin in force, or a file that may be one.
    pub fn hand_on(&self, now: Timestamp) -> Option<&RepoPath> {
        let holds = self.holds.iter().map(|hold| &hold.note);
        let pins = self.pins.iter().map(|pin| &pin.note);
        let in_force = holds.chain(pins).find(|note| note.is_in_force(now)).map(|note| &note.file);
        in_force.or_else(|| self.unreadable.first().map(|unreadable| &unreadable.file))
    }

    fn notes(&self) -> impl Iterator<Item = &Note> {
        let holds = self.holds.iter().map(|hold| &hold.note);
        let pins = self.pins.iter().map(|pin| &pin.note);
        let quarantines = self.quarantines.iter().map(|quarantine| &quarantine.note);
        let approvals = self.approvals.iter().map(|approval| &approval.note);
        let freezes = self.freezes.iter().map(|order| &order.note);
        holds.chain(pins).chain(quarantines).chain(approvals).chain(freezes)
    }

    pub(in crate::policy) fn holds(&self, now: Timestamp) -> impl Iterator<Item = &Hold> {
        self.holds.iter().map(Arc::as_ref).filter(move |hold| hold.note.is_in_force(now))
    }

    /// The pin that excludes a candidate; of several, the first by file.
    pub(in crate::policy) fn pin_against(&self, candidate: &Candidate, now: Timestamp) -> Option<&Pin> {
        self.pin_against_version(&candidate.version, now)
    }

    pub(in crate::policy) fn pin_against_version(&self, version: &Version, now: Timestamp) -> Option<&Pin> {
        let pins = self.pins.iter().map(Arc::as_ref).filter(|pin| pin.note.is_in_force(now));
        let against = pins.filter(|pin| !pin.versions.admits(version));
        against.min_by_key(|pin| &pin.note.file)
    }

    /// Whether a control that closes the hold or quarantine gate to a candidate was written after `since`.
    pub(in crate::policy) fn speak_since(
        &self,
        since: Timestamp,
        gate: GateName,
        candidate: &Candidate,
        now: Timestamp,
    ) -> bool {
        let is_since = |note: &Note| note.is_in_force(now) && note.at > since;
        let pins = self.pins.iter().filter(|pin| !pin.versions.admits(&candidate.version));
        match gate {
            GateName::Hold => {
                self.holds.iter().map(|hold| &hold.note).chain(pins.map(|pin| &pin.note)).any(is_since)
            }
            _ => self.quarantine_of(candidate, now).any(|one| is_since(&one.note)),
        }
    }

    pub(in crate::policy) fn quarantine_of(
        &self,
        candidate: &Candidate,
        now: Timestamp,
    ) -> impl Iterator<Item = &Quarantine> {
        let quarantines = self.quarantines.iter().map(Arc::as_ref);
        quarantines.filter(move |one| one.note.is_in_force(now) && one.covers(candidate))
    }

    /// Whether a quarantine of the candidate is in force.
    pub(in crate::policy) fn is_quarantined(&self, candidate: &Candidate, now: Timestamp) -> bool {
        self.quarantine_of(candidate, now).next().is_some()
    }

    /// Whether an approval of this image exists, expired or not.
    pub fn approves(&self, tag: &Tag, digest: &Digest) -> bool {
        self.approvals.iter().any(|approval| approval.version == *tag && approval.digest == *digest)
    }

    /// The approvals of a candidate's tag, for any digest.
    pub(in crate::policy) fn approvals_of(
        &self,
        candidate: &Candidate,
        now: Timestamp,
    ) -> impl Iterator<Item = &Approval> {
        let approvals = self.approvals.iter().map(Arc::as_ref);
        approvals.filter(move |one| one.note.is_in_force(now) && one.version == candidate.tag)
    }

    pub(in crate::policy) fn freeze_orders(&self) -> impl Iterator<Item = &FreezeControl> + Clone {
        self.freezes.iter().map(Arc::as_ref)
    }

    pub(in crate::policy) fn freezes(&self) -> impl Iterator<Item = &Freeze> + Clone {
        self.freeze_orders().map(|order| &order.freeze)
    }

    pub(in crate::policy) fn unreadable_for(&self, gate: GateName) -> Option<&UnreadableControl> {
        let closing = self.unreadable.iter().map(Arc::as_ref).filter(|unreadable| unreadable.gate == gate);
        closing.min_by_key(|unreadable| &unreadable.file)
    }
}

impl FromIterator<Control> for Controls {
    fn from_iter<I: IntoIterator<Item = Control>>(controls: I) -> Self {
        let mut all = Self::default();
        for control in controls {
            match control {
                Control::Hold(hold) => all.holds.push(Arc::new(hold)),
                Control::Pin(pin) => all.pins.push(Arc::new(pin)),
                Control::Quarantine(quarantine) => all.quarantines.push(Arc::new(quarantine)),
                Control::Approval(approval) => all.approvals.push(Arc::new(approval)),
                Control::Freeze(order) => all.freezes.push(Arc::new(order)),
                Control::Unreadable(unreadable) => all.unreadable.push(Arc::new(unreadable)),
            }
        }
        all
    }
}
