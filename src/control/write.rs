//! Renders a control as the text of its file.

use serde::Serialize;

use super::form;
use super::place::place;
use super::read::read;
use crate::model::{Class, EnvironmentName, Fault, RepoPath, Timestamp};
use crate::policy::{Control, ControlKind, Note};

/// The text of a control's file; `None` for an unreadable one.
pub fn write(control: &Control) -> Option<String> {
    let note = control.note()?;
    match control {
        Control::Hold(hold) => yaml(&form::Hold {
            kind: ControlKind::Hold.as_str().to_owned(),
            service: hold.covers.services.as_ref().map(ToString::to_string),
            environments: names(&hold.covers.environments),
            reason: note.reason.clone(),
            by: note.by.clone(),
            at: instant(note.at),
            expires: expires(note),
        }),
        Control::Pin(pin) => yaml(&form::Pin {
            kind: ControlKind::Pin.as_str().to_owned(),
            service: pin.covers.services.as_ref().map_or_else(|| "**".to_owned(), ToString::to_string),
            environments: names(&pin.covers.environments),
            versions: pin.versions.to_string(),
            reason: note.reason.clone(),
            by: note.by.clone(),
            at: instant(note.at),
            expires: expires(note),
        }),
        Control::Quarantine(quarantine) => yaml(&form::Quarantine {
            kind: ControlKind::Quarantine.as_str().to_owned(),
            service: quarantine.services.to_string(),
            version: quarantine.version.to_string(),
            reason: note.reason.clone(),
            by: note.by.clone(),
            at: instant(note.at),
            expires: expires(note),
        }),
        Control::Approval(approval) => yaml(&form::Approval {
            kind: ControlKind::Approval.as_str().to_owned(),
            service: approval.service.to_string(),
            environment: approval.environment.to_string(),
            version: approval.version.to_string(),
            digest: approval.digest.to_string(),
            reason: note.reason.clone(),
            by: note.by.clone(),
            at: instant(note.at),
            expires: expires(note),
        }),
        Control::Freeze(order) => {
            let (from, to) = order.freeze.span();
            yaml(&form::Freeze {
                kind: ControlKind::Freeze.as_str().to_owned(),
                name: order.freeze.name().to_owned(),
                service: order.services.as_ref().map(ToString::to_string),
                environments: names(order.freeze.environments()),
                from: from.format("%Y-%m-%dT%H:%M:%S").to_string(),
                to: to.format("%Y-%m-%dT%H:%M:%S").to_string(),
                reason: note.reason.clone(),
                by: note.by.clone(),
                at: instant(note.at),
                expires: expires(note),
            })
        }
        Control::Unreadable(_) => None,
    }
}

/// The path and the text of a control's file.
///
/// # Errors
/// If the text does not parse: an invalid file would close a gate by mistake.
pub fn file_of(control: &Control) -> Result<(RepoPath, String), Fault> {
    let cannot = || Fault::new(Class::Usage, "this cannot be written as a control file");
    let (place, text) = (place(control).ok_or_else(cannot)?, write(control).ok_or_else(cannot)?);
    match read(&place, text.as_bytes()) {
        Control::Unreadable(unreadable) => {
            let message = format!("this would make an invalid control file: {}", unreadable.problem);
            Err(Fault::new(Class::Usage, message))
        }
        _ => Ok((place, text)),
    }
}

fn yaml(form: &impl Serialize) -> Option<String> {
    serde_yaml::to_string(form).ok()
}

fn names(environments: &[EnvironmentName]) -> Vec<String> {
    environments.iter().map(ToString::to_string).collect()
}

fn expires(note: &Note) -> Option<String> {
    note.expires.map(instant)
}

fn instant(at: Timestamp) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
