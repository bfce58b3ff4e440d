//! Changes of control files as JSON; `docs/json.md` describes the fields.

use serde::Serialize;

use crate::control;
use crate::engine::ControlChangeResult;
use crate::model::{EnvironmentName, RepoPath, Timestamp};
use crate::policy::{Control, ControlKind};

use super::RenderContext;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ControlFiles {
    dry_run: bool,
    commit: Option<String>,
    written: Vec<ControlFile>,
    removed: Vec<ControlFile>,
    nothing_to_do: Option<String>,
}

/// A control file; fields that its kind does not have are null.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ControlFile {
    file: String,
    kind: Option<&'static str>,
    service: Option<String>,
    environments: Vec<String>,
    versions: Option<String>,
    version: Option<String>,
    digest: Option<String>,
    name: Option<String>,
    from: Option<String>,
    to: Option<String>,
    reason: Option<String>,
    by: Option<String>,
    at: Option<Timestamp>,
    expires: Option<Timestamp>,
    content: Option<String>,
}

pub(crate) fn nothing(dry_run: bool, why: &str) -> ControlFiles {
    let nothing_to_do = Some(why.to_owned());
    ControlFiles { dry_run, commit: None, written: Vec::new(), removed: Vec::new(), nothing_to_do }
}

/// What was written and removed, or would be.
pub(crate) fn json(context: &RenderContext<'_>, change: &ControlChangeResult) -> ControlFiles {
    let written = |(file, text): &(RepoPath, String)| ControlFile {
        content: Some(text.clone()),
        ..of(file, &control::read(file, text.as_bytes()))
    };
    let removed = |file: &RepoPath| match context.state.control_at(file) {
        Some(control) => of(file, control),
        None => ControlFile { file: file.to_string(), ..ControlFile::default() },
    };
    ControlFiles {
        dry_run: context.dry_run,
        commit: change.commit.map(|commit| commit.to_string()),
        written: change.written.iter().map(written).collect(),
        removed: change.removed.iter().map(removed).collect(),
        nothing_to_do: None,
    }
}

fn of(file: &RepoPath, control: &Control) -> ControlFile {
    let note = control.note();
    let common = ControlFile {
        file: file.to_string(),
        kind: control.kind().map(ControlKind::as_word),
        reason: note.map(|note| note.reason.clone()),
        by: note.map(|note| note.by.clone()),
        at: note.map(|note| note.at),
        expires: note.and_then(|note| note.expires),
        ..ControlFile::default()
    };
    let names = |environments: &[EnvironmentName]| environments.iter().map(ToString::to_string).collect();
    match control {
        Control::Hold(hold) => ControlFile {
            service: hold.covers.services.as_ref().map(ToString::to_string),
            environments: names(&hold.covers.environments),
            ..common
        },
        Control::Pin(pin) => ControlFile {
            service: pin.covers.services.as_ref().map(ToString::to_string),
            environments: names(&pin.covers.environments),
            versions: Some(pin.versions.to_string()),
            ..common
        },
        Control::Quarantine(quarantine) => ControlFile {
            service: Some(quarantine.services.to_string()),
            version: Some(quarantine.version.to_string()),
            ..common
        },
        Control::Approval(approval) => ControlFile {
            service: Some(approval.service.to_string()),
            environments: vec![approval.environment.to_string()],
            version: Some(approval.version.to_string()),
            digest: Some(approval.digest.to_string()),
            ..common
        },
        Control::Freeze(order) => {
            let (from, to) = order.freeze.span();
            let form = "%Y-%m-%dT%H:%M:%S";
            ControlFile {
                service: order.services.as_ref().map(ToString::to_string),
                environments: names(order.freeze.environments()),
                name: Some(order.freeze.name().to_owned()),
                from: Some(from.format(form).to_string()),
                to: Some(to.format(form).to_string()),
                ..common
            }
        }
        Control::Unreadable(_) => common,
    }
}
