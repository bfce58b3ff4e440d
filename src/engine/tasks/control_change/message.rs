//! What the commit of an order says.

use std::fmt::Write;

use crate::config::SubjectForm;
use crate::model::{CommitDraft, EnvironmentName, FileEdit, Printable, RepoPath};
use crate::policy::Control;

use super::{ControlChange, ControlChangeResult};

pub(super) fn draft(
    form: &SubjectForm,
    order: &ControlChange,
    ordered: &ControlChangeResult,
    by: &str,
) -> CommitDraft {
    let by = Printable::bounded(by.trim(), 200).to_string();
    let (subject, reason) = match order {
        ControlChange::Put(controls) => (said(controls), reason_of(controls)),
        ControlChange::Release(_) => (format!("release {}", files(&ordered.removed)), None),
        ControlChange::Sweep => (format!("sweep {} that no longer count", files(&ordered.removed)), None),
    };
    let mut message = form.finish(format!("chore(tidegate): {subject}"));
    message.push_str("\n\n");
    if let Some(reason) = reason {
        let _ = writeln!(message, "{}\n", Printable::bounded(&reason, 300));
    }
    for file in ordered.written.iter().map(|(file, _)| file).chain(&ordered.removed) {
        let _ = writeln!(message, "Tidegate-Control: {}", Printable::new(file.as_str()));
    }
    let _ = writeln!(message, "Tidegate-Requested-By: {by}");
    let written = ordered.written.iter().map(|(file, text)| FileEdit::write(file.clone(), text.clone()));
    let removed = ordered.removed.iter().map(|file| FileEdit::remove(file.clone()));
    CommitDraft { message, edits: written.chain(removed).collect() }
}

/// Why, when there is one reason for all.
fn reason_of(controls: &[Control]) -> Option<String> {
    let mut reasons = controls.iter().filter_map(Control::note).map(|note| note.reason.as_str());
    let first = reasons.next()?;
    reasons.all(|reason| reason == first).then(|| first.to_owned())
}

/// What controls say, as the subject of a commit.
fn said(controls: &[Control]) -> String {
    match controls {
        [one] => told(one),
        several if several.iter().all(|control| matches!(control, Control::Approval(_))) => {
            format!("approve {} images", several.len())
        }
        several => format!("write {} control files", several.len()),
    }
}

fn files(removed: &[RepoPath]) -> String {
    match removed {
        [one] => Printable::new(one.as_str()).to_string(),
        several => format!("{} control files", several.len()),
    }
}

/// What a control says, as the subject of a commit.
fn told(control: &Control) -> String {
    let scope = |environments: &[EnvironmentName]| match environments {
        [] => String::new(),
        some => format!(" in {}", some.iter().map(EnvironmentName::as_str).collect::<Vec<_>>().join(", ")),
    };
    let services = |pattern: Option<String>| pattern.unwrap_or_else(|| "everything".to_owned());
    match control {
        Control::Hold(hold) => {
            let whom = services(hold.covers.services.as_ref().map(ToString::to_string));
            format!("hold {whom}{}", scope(&hold.covers.environments))
        }
        Control::Pin(pin) => {
            let pinned = services(pin.covers.services.as_ref().map(ToString::to_string));
            format!("pin {pinned}{} to {}", scope(&pin.covers.environments), pin.versions)
        }
        Control::Quarantine(quarantine) => {
            format!("quarantine {} of {}", quarantine.version, quarantine.services)
        }
        Control::Approval(approval) => {
            format!("approve {} of {} for {}", approval.version, approval.service, approval.environment)
        }
        Control::Freeze(order) => {
            let name = Printable::bounded(order.freeze.name(), 60);
            let frozen = services(order.services.as_ref().map(ToString::to_string));
            format!("freeze {frozen}{} ({name})", scope(order.freeze.environments()))
        }
        Control::Unreadable(_) => "leave what cannot be read".to_owned(),
    }
}
