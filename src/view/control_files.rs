//! Changes of control files as JSON; `docs/json.md` describes the fields.

use schemars::JsonSchema;
use serde::Serialize;

use crate::control;
use crate::engine::{ControlChangeResult, RepositoryState};
use crate::model::{EnvironmentName, RepoPath, Timestamp};
use crate::policy::{Control, ControlKind};

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ControlFiles {
    pub(crate) dry_run: bool,
    pub(crate) commit: Option<String>,
    pub(crate) written: Vec<ControlFile>,
    pub(crate) removed: Vec<ControlFile>,
    pub(crate) nothing_to_do: Option<String>,
}

/// A control file; fields that its kind does not have are null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ControlFile {
    pub(crate) file: String,
    pub(crate) kind: Option<&'static str>,
    pub(crate) service: Option<String>,
    pub(crate) environments: Vec<String>,
    pub(crate) versions: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) digest: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) by: Option<String>,
    pub(crate) at: Option<Timestamp>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) content: Option<String>,
}

/// The document of a command that had nothing to do.
pub(crate) fn no_control_files(dry_run: bool, why: &str) -> ControlFiles {
    let nothing_to_do = Some(why.to_owned());
    ControlFiles { dry_run, commit: None, written: Vec::new(), removed: Vec::new(), nothing_to_do }
}

/// What was written and removed, or would be, in a repository that was like `before`.
pub(crate) fn control_files(
    before: &RepositoryState,
    change: &ControlChangeResult,
    dry_run: bool,
) -> ControlFiles {
    let written = |(file, text): &(RepoPath, String)| ControlFile {
        content: Some(text.clone()),
        ..of(file, &control::read(file, text.as_bytes()))
    };
    let removed = |file: &RepoPath| match before.control_at(file) {
        Some(control) => of(file, control),
        None => ControlFile { file: file.to_string(), ..ControlFile::default() },
    };
    ControlFiles {
        dry_run,
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
