//! Control changes by command: a commit that writes or removes control files, pushed by the same compare-and-swap as
//! promotions.

use std::fmt::Write;
use std::sync::Arc;

use chrono::{DurationRound as _, TimeDelta};

use crate::control;
use crate::engine::base::blocking::blocking;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::deliver::delivery::declined;
use crate::engine::message::{failed_line, with_reason};
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{
    BRANCH_TRAILER, CommitDraft, CommitId, EnvironmentName, Fault, FileEdit, Printable, PromotionId,
    Publication, RepoPath, ServicePattern, Tag, Timestamp,
};
use crate::policy::{Control, ControlKind};
use crate::port::{Clock, Ports, Publisher};

use super::attempts::Attempts;
use super::engine::Engine;

/// A change of control files.
#[derive(Clone, Debug)]
pub enum ControlChange {
    /// Writes these, each replacing the file at the same path.
    Put(Vec<Control>),
    /// `tidegate release`: removes control files.
    Release(Release),
    /// Removes expired control files.
    Sweep,
    /// Holds a service because its promotion failed the verification.
    HoldUnhealthy(Box<UnhealthyHold>),
}

/// A hold that follows from a failed verification.
#[derive(Clone, Debug)]
pub struct UnhealthyHold {
    /// The hold.
    pub(super) control: Control,
    /// The promotions that failed.
    pub(super) promotions: Vec<PromotionId>,
    /// The head at which that was decided. On any other, nothing is written.
    pub(super) decided_on: CommitId,
}

/// Which control files to remove: those that match everything that is named.
#[derive(Clone, Debug, Default)]
pub struct Release {
    /// The kinds; all if empty.
    pub kinds: Vec<ControlKind>,
    /// The services, exactly as the files name them; `**` matches a file that names none. Any if empty.
    pub services: Vec<String>,
    /// The environments, exactly as the file names them, in any order; any if empty.
    pub environments: Vec<EnvironmentName>,
    /// The version of a quarantine or an approval.
    pub version: Option<Tag>,
    /// The name of a freeze.
    pub freeze: Option<String>,
}

/// The result of a control change.
#[derive(Clone, Debug)]
pub struct ControlChangeResult {
    /// The commit; none if nothing changed or it was a dry run.
    pub commit: Option<CommitId>,
    /// The written files, with their text.
    pub written: Vec<(RepoPath, String)>,
    /// The removed files.
    pub removed: Vec<RepoPath>,
}

impl<P: Ports> Engine<P> {
    /// Changes control files by one commit.
    ///
    /// # Errors
    /// When the repository can't be read or written, when the change names what is not there, or when the branch moves
    /// before every push.
    pub async fn change_controls(
        &mut self,
        change: &ControlChange,
        by: &str,
        dry_run: bool,
    ) -> Result<ControlChangeResult, Fault> {
        let mut attempts = Attempts::default();
        loop {
            let state = self.refresh().await?;
            let now = self.ports.clock.now();
            let at = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
            let mut result = plan(&self.repository_policy, &state, change, at)?;
            if dry_run || (result.written.is_empty() && result.removed.is_empty()) {
                return Ok(result);
            }
            self.mandate.check(state.commit())?;
            let author = self.mandate.author.clone();
            let mut draft = CommitDraft { author, ..draft(&self.repository_policy, change, &result, by) };
            if let Some(reason) = &self.mandate.reason {
                draft.message = with_reason(&draft.message, reason);
            }
            let (base, publisher) = (state.commit(), Arc::clone(&self.ports.publisher));
            match blocking(move || Ok(publisher.publish(base, &[draft], at)?)).await? {
                Publication::Pushed(commits) => {
                    result.commit = commits.last().copied();
                    self.mandate.seen = None;
                    return Ok(result);
                }
                Publication::Moved { .. } => attempts.branch_moved(&*self.ports.clock).await?,
                Publication::Declined { reason } => return Err(declined(&reason)),
            }
        }
    }
}

fn plan(
    repository_policy: &RepositoryPolicy,
    state: &RepositoryState,
    change: &ControlChange,
    now: Timestamp,
) -> Result<ControlChangeResult, Fault> {
    let mut result = ControlChangeResult { commit: None, written: Vec::new(), removed: Vec::new() };
    match change {
        ControlChange::Put(controls) => {
            for control in controls {
                result.written.extend(put(repository_policy, state, control)?);
            }
        }
        ControlChange::Release(release) => result.removed = released(state, release),
        ControlChange::HoldUnhealthy(hold) if hold.decided_on == state.commit() => {
            result.written.extend(put(repository_policy, state, &hold.control)?);
        }
        ControlChange::HoldUnhealthy(_) => {}
        ControlChange::Sweep => {
            let expired = state.controls.expired(repository_policy.zone(), now);
            result.removed = expired.map(|note| note.file.clone()).collect();
        }
    }
    result.removed.sort();
    result.removed.dedup();
    Ok(result)
}

/// The path and text of a control's file; none if an equal one is there.
fn put(
    repository_policy: &RepositoryPolicy,
    state: &RepositoryState,
    control: &Control,
) -> Result<Option<(RepoPath, String)>, Fault> {
    for name in control.environments() {
        repository_policy.environment_named(name)?;
    }
    let (place, text) = control::file_of(control)?;
    let is_there = state.control_at(&place).is_some_and(|there| is_equal(there, control));
    Ok((!is_there).then_some((place, text)))
}

/// Whether two controls have the same effect and reason, whoever wrote them when.
fn is_equal(there: &Control, control: &Control) -> bool {
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

fn released(state: &RepositoryState, release: &Release) -> Vec<RepoPath> {
    let all = state.snapshot.controls.iter();
    all.filter(|(_, control)| matches(control, release)).map(|(file, _)| file.clone()).collect()
}

fn are_same(some: &[EnvironmentName], others: &[EnvironmentName]) -> bool {
    some.iter().all(|name| others.contains(name)) && others.iter().all(|name| some.contains(name))
}

fn matches(control: &Control, release: &Release) -> bool {
    // The meaning of an unreadable file is unknown; a person must read and remove it.
    let Some(kind) = control.kind() else { return false };
    let service = match control {
        Control::Approval(approval) => Some(approval.service.to_string()),
        other => other.services().map(ToString::to_string),
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

/// The commit of a change.
fn draft(
    repository_policy: &RepositoryPolicy,
    change: &ControlChange,
    result: &ControlChangeResult,
    by: &str,
) -> CommitDraft {
    let by = Printable::bounded(by.trim(), 200).to_string();
    let (subject, reason) = match change {
        ControlChange::Put(controls) => (subject(controls), reason_of(controls)),
        ControlChange::HoldUnhealthy(hold) => {
            (subject_of(&hold.control), reason_of(std::slice::from_ref(&hold.control)))
        }
        ControlChange::Release(_) => (format!("release {}", shown_files(&result.removed)), None),
        ControlChange::Sweep => (format!("remove expired {}", shown_files(&result.removed)), None),
    };
    let mut message = repository_policy.subject.finish(format!("chore(tidegate): {subject}"));
    message.push_str("\n\n");
    if let Some(reason) = reason {
        let _ = writeln!(message, "{}\n", Printable::bounded(&reason, 300));
    }
    for file in result.written.iter().map(|(file, _)| file).chain(&result.removed) {
        let _ = writeln!(message, "Tidegate-Control: {}", Printable::new(file.as_str()));
    }
    let _ = writeln!(message, "{BRANCH_TRAILER}: {}", Printable::bounded(&repository_policy.branch, 300));
    let _ = writeln!(message, "Tidegate-Requested-By: {by}");
    if let ControlChange::HoldUnhealthy(hold) = change {
        for promotion in &hold.promotions {
            let _ = writeln!(message, "{}", failed_line(*promotion));
        }
    }
    let written = result.written.iter().map(|(file, text)| FileEdit::write(file.clone(), text.clone()));
    let removed = result.removed.iter().map(|file| FileEdit::remove(file.clone()));
    CommitDraft { message, author: None, edits: written.chain(removed).collect() }
}

/// The reason, if all have the same.
fn reason_of(controls: &[Control]) -> Option<String> {
    let mut reasons = controls.iter().filter_map(Control::note).map(|note| note.reason.as_str());
    let first = reasons.next()?;
    reasons.all(|reason| reason == first).then(|| first.to_owned())
}

fn subject(controls: &[Control]) -> String {
    match controls {
        [one] => subject_of(one),
        several if several.iter().all(|control| matches!(control, Control::Approval(_))) => {
            format!("approve {} images", several.len())
        }
        several => format!("write {} control files", several.len()),
    }
}

fn shown_files(removed: &[RepoPath]) -> String {
    match removed {
        [one] => Printable::new(one.as_str()).to_string(),
        several => format!("{} control files", several.len()),
    }
}

fn subject_of(control: &Control) -> String {
    let services = control.services().map_or("everything", ServicePattern::as_str);
    let environments: Vec<&str> = control.environments().iter().map(EnvironmentName::as_str).collect();
    let scope = match environments.as_slice() {
        [] => services.to_owned(),
        some => format!("{services} in {}", some.join(", ")),
    };
    match control {
        Control::Hold(_) => format!("hold {scope}"),
        Control::Pin(pin) => format!("pin {scope} to {}", pin.versions),
        Control::Quarantine(quarantine) => {
            format!("quarantine {} of {scope}", quarantine.version)
        }
        Control::Approval(approval) => {
            format!("approve {} of {} for {}", approval.version, approval.service, approval.environment)
        }
        Control::Freeze(order) => {
            format!("freeze {scope} ({})", Printable::bounded(order.freeze.name(), 60))
        }
        Control::Unreadable(_) => "keep an unreadable control file".to_owned(),
    }
}

#[cfg(test)]
mod tests;
