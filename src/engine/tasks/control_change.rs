//! Control files by command: written and removed by a commit, through the same push as promotions, so that they win and
//! lose races as promotions do.

use std::sync::Arc;

use chrono::{DurationRound as _, TimeDelta};

use crate::control;
use crate::model::{Class, CommitId, EnvironmentName, Fault, Publication, RepoPath, Tag, Timestamp};
use crate::policy::{Control, ControlKind};

use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::ports::{Clock, Ports, Publisher};
use crate::engine::deliver::delivery::{declined, pause_before};
use crate::engine::state::repository_state::RepositoryState;

mod message;

/// How often an order is given again when somebody else's push was first.
const MOST_ATTEMPTS: u32 = 6;

/// What is to become of control files.
#[derive(Clone, Debug)]
pub enum ControlChange {
    /// These are said from now on, each in the place of what was said before at the same place.
    Put(Vec<Control>),
    /// What was said before is said no more.
    Release(Release),
    /// What no longer counts goes.
    Sweep,
}

/// Which control files go: those that fit all that is named.
#[derive(Clone, Debug, Default)]
pub struct Release {
    /// The kinds; every one when there is none.
    pub kinds: Vec<ControlKind>,
    /// The services, exactly as the files name them; `**` is a file that names none. Whichever, when there is none.
    pub services: Vec<String>,
    /// The environments, exactly as the file names them in whatever order; whichever, when there is none.
    pub environments: Vec<EnvironmentName>,
    /// The version of a quarantine or an approval.
    pub version: Option<Tag>,
    /// The name of a freeze.
    pub freeze: Option<String>,
}

/// What became of an order.
#[derive(Clone, Debug)]
pub struct ControlChangeResult {
    /// By which commit; nothing, when nothing was to do or it was only tried.
    pub commit: Option<CommitId>,
    /// The files that are there now, with their text.
    pub written: Vec<(RepoPath, String)>,
    /// The files that are gone.
    pub removed: Vec<RepoPath>,
}

impl<P: Ports> Engine<P> {
    /// Carries out an order by one commit.
    ///
    /// # Errors
    /// When the repository can't be read or written, when the order names what is not there, or when the branch moves
    /// before every push.
    pub async fn order(
        &mut self,
        order: &ControlChange,
        by: &str,
        dry_run: bool,
    ) -> Result<ControlChangeResult, Fault> {
        for attempt in 1..=MOST_ATTEMPTS {
            let state = self.refresh().await?;
            let now = self.ports.clock.now();
            let at = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
            let mut ordered = self.plan_order(&state, order, at)?;
            if dry_run || (ordered.written.is_empty() && ordered.removed.is_empty()) {
                return Ok(ordered);
            }
            let draft = message::draft(&self.repository_policy.subject, order, &ordered, by);
            let (base, publisher) = (state.commit(), Arc::clone(&self.ports.publisher));
            match blocking(move || publisher.publish(base, &[draft], at)).await? {
                Publication::Pushed(commits) => {
                    ordered.commit = commits.last().copied();
                    return Ok(ordered);
                }
                Publication::Moved { .. } => {
                    tracing::info!(attempt, "the branch moved before the push; looking again");
                    self.ports.clock.sleep(pause_before(attempt)).await;
                }
                Publication::Declined { reason } => return Err(declined(&reason)),
            }
        }
        let message = format!("the branch moved before each of {MOST_ATTEMPTS} pushes");
        Err(Fault::new(Class::TryAgain, message).with_hint("nothing was pushed; try again"))
    }

    fn plan_order(
        &self,
        state: &RepositoryState,
        order: &ControlChange,
        now: Timestamp,
    ) -> Result<ControlChangeResult, Fault> {
        let mut ordered = ControlChangeResult { commit: None, written: Vec::new(), removed: Vec::new() };
        match order {
            ControlChange::Put(controls) => {
                for control in controls {
                    ordered.written.extend(self.put(state, control)?);
                }
            }
            ControlChange::Release(release) => ordered.removed = released(state, release),
            ControlChange::Sweep => {
                ordered.removed = state
                    .controls
                    .expired(self.repository_policy.zone(), now)
                    .map(|note| note.file.clone())
                    .collect();
            }
        }
        ordered.removed.sort();
        ordered.removed.dedup();
        Ok(ordered)
    }

    /// Where a control is written and how; nothing when just that is said already.
    fn put(&self, state: &RepositoryState, control: &Control) -> Result<Option<(RepoPath, String)>, Fault> {
        for name in control.environments() {
            self.environment_called(name)?;
        }
        let (place, text) = file_of(control)?;
        let is_said = state.control_at(&place).is_some_and(|there| says_the_same(there, control));
        Ok((!is_said).then_some((place, text)))
    }
}

/// The place of a control's file, and its text. What would not be read again must not be written: it would close a gate
/// that nobody meant to close.
pub(in crate::engine) fn file_of(control: &Control) -> Result<(RepoPath, String), Fault> {
    let cannot = || Fault::new(Class::Usage, "this cannot be written as a control file");
    let (place, text) =
        (control::place(control).ok_or_else(cannot)?, control::write(control).ok_or_else(cannot)?);
    match control::read(&place, text.as_bytes()) {
        Control::Unreadable(unreadable) => {
            Err(Fault::new(Class::Usage, format!("nobody could read that: {}", unreadable.problem)))
        }
        _ => Ok((place, text)),
    }
}

/// Whether two controls say the same, whoever said it when.
fn says_the_same(there: &Control, control: &Control) -> bool {
    let (Some(one), Some(other)) = (there.note(), control.note()) else { return false };
    let are_notes_equal = one.reason == other.reason && one.expires == other.expires;
    are_notes_equal
        && match (there, control) {
            (Control::Hold(one), Control::Hold(other)) => one.covers == other.covers,
            (Control::Pin(one), Control::Pin(other)) => {
                one.covers == other.covers && one.versions == other.versions
            }
            (Control::Quarantine(one), Control::Quarantine(other)) => {
                one.services == other.services && one.version == other.version
            }
            (Control::Approval(one), Control::Approval(other)) => one.digest == other.digest,
            (Control::Freeze(one), Control::Freeze(other)) => {
                one.freeze == other.freeze && one.services == other.services
            }
            _ => false,
        }
}

/// The files that a release is about.
fn released(state: &RepositoryState, release: &Release) -> Vec<RepoPath> {
    let all = state.snapshot.controls.iter();
    all.filter(|(_, control)| fits(control, release)).map(|(file, _)| file.clone()).collect()
}

fn are_same(some: &[EnvironmentName], others: &[EnvironmentName]) -> bool {
    some.iter().all(|name| others.contains(name)) && others.iter().all(|name| some.contains(name))
}

fn fits(control: &Control, release: &Release) -> bool {
    let kind = match control {
        Control::Hold(_) => ControlKind::Hold,
        Control::Pin(_) => ControlKind::Pin,
        Control::Quarantine(_) => ControlKind::Quarantine,
        Control::Approval(_) => ControlKind::Approval,
        Control::Freeze(_) => ControlKind::Freeze,
        // Nobody can tell what it says; it is removed by a commit of somebody who has read it.
        Control::Unreadable(_) => return false,
    };
    let service = match control {
        Control::Hold(hold) => hold.covers.services.as_ref().map(ToString::to_string),
        Control::Pin(pin) => pin.covers.services.as_ref().map(ToString::to_string),
        Control::Quarantine(quarantine) => Some(quarantine.services.to_string()),
        Control::Approval(approval) => Some(approval.service.to_string()),
        Control::Freeze(order) => order.services.as_ref().map(ToString::to_string),
        Control::Unreadable(_) => None,
    };
    let version = match control {
        Control::Quarantine(quarantine) => Some(&quarantine.version),
        Control::Approval(approval) => Some(&approval.version),
        _ => None,
    };
    let freeze = match control {
        Control::Freeze(order) => Some(order.freeze.name()),
        _ => None,
    };
    let environments = control.environments();
    (release.kinds.is_empty() || release.kinds.contains(&kind))
        && (release.services.is_empty()
            || release.services.iter().any(|wanted| wanted == service.as_deref().unwrap_or("**")))
        && (release.environments.is_empty() || are_same(&release.environments, environments))
        && release.version.as_ref().is_none_or(|wanted| version == Some(wanted))
        && release.freeze.as_ref().is_none_or(|wanted| freeze == Some(wanted))
}

#[cfg(test)]
mod tests;
