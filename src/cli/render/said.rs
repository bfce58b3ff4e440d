//! What people say by control files, in a line.

use chrono_tz::Tz;

use crate::model::{EnvironmentName, Printable, Timestamp};
use crate::policy::{Control, Note, ShownTime};

/// A control as people read it, without who said it.
pub(crate) fn what(control: &Control) -> String {
    match control {
        Control::Hold(hold) => {
            format!("hold of {}{}", whom(hold.covers.services.as_ref()), place(&hold.covers.environments))
        }
        Control::Pin(pin) => {
            let whom = whom(pin.covers.services.as_ref());
            format!("pin of {whom}{} to {}", place(&pin.covers.environments), pin.versions)
        }
        Control::Quarantine(quarantine) => {
            format!("quarantine of {} of {}", quarantine.version, whom(Some(&quarantine.services)))
        }
        Control::Approval(approval) => {
            format!("approval of {} of {} in {}", approval.version, approval.service, approval.environment)
        }
        Control::Freeze(order) => {
            let (from, to) = order.freeze.span();
            let (from, to) = (from.format("%Y-%m-%d %H:%M"), to.format("%Y-%m-%d %H:%M"));
            let name = Printable::bounded(order.freeze.name(), 60);
            let whom = whom(order.services.as_ref());
            format!("freeze ({name}) of {whom}{} from {from} to {to}", place(order.freeze.environments()))
        }
        Control::Unreadable(unreadable) => format!("unreadable, so the {} gate is closed", unreadable.gate),
    }
}

/// The kind of a control, as a word.
pub(super) fn kind(control: &Control) -> &'static str {
    match control {
        Control::Hold(_) => "hold",
        Control::Pin(_) => "pin",
        Control::Quarantine(_) => "quarantine",
        Control::Approval(_) => "approval",
        Control::Freeze(_) => "freeze",
        Control::Unreadable(_) => "unreadable",
    }
}

/// Who said something, why, where it stands and until when.
pub(crate) fn who(note: &Note, zone: Tz) -> String {
    let (by, reason) = (Printable::bounded(&note.by, 60), Printable::bounded(&note.reason, 200));
    let shown = |at: Timestamp| ShownTime { at, zone };
    let until = note.expires.map(|at| format!(", until {}", shown(at))).unwrap_or_default();
    format!("by {by} at {}: {reason} ({}{until})", shown(note.at), Printable::new(note.file.as_str()))
}

fn whom(pattern: Option<&crate::model::ServicePattern>) -> String {
    pattern.map_or_else(|| "everything".to_owned(), ToString::to_string)
}

fn place(environments: &[EnvironmentName]) -> String {
    match environments {
        [] => String::new(),
        some => format!(" in {}", some.iter().map(EnvironmentName::as_str).collect::<Vec<_>>().join(", ")),
    }
}
