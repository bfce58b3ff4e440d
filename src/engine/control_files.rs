//! The control files of a commit, as far as they concern the environments that there are.

use crate::control;
use crate::model::{Class, Printable, RepoPath};
use crate::policy::{Control, Controls, Coverage, EnvironmentPolicy, GateName, UnreadableControl};

use super::problem::Problem;
use super::rulebook::Rulebook;
use super::signatures::UnsignedFiles;
use super::snapshot::Snapshot;

/// The folder of control files.
pub(crate) fn folder() -> Option<RepoPath> {
    control::FOLDER.parse().ok()
}

/// The controls of a snapshot. One that names an environment that is not there, or that is no regular file, is as good as
/// one that can't be read: what it was to close stays closed.
pub(crate) fn controls_of(snapshot: &Snapshot, unsigned: &UnsignedFiles, rulebook: &Rulebook) -> Controls {
    let counting = snapshot.controls.iter().filter(|(file, _)| !unsigned.contains_key(*file));
    let read = counting.map(|(_, control)| known_or_unreadable(control, rulebook));
    let left_alone = snapshot.left_alone.iter().filter_map(|entry| {
        let file: RepoPath = entry.path.parse().ok()?;
        is_control(&file).then(|| {
            Control::Unreadable(UnreadableControl {
                file,
                gate: GateName::Hold,
                covers: Coverage::default(),
                problem: "it is not a regular file".to_owned(),
            })
        })
    });
    read.chain(left_alone).collect()
}

/// Whether a file lies where control files do.
pub(crate) fn is_control(file: &RepoPath) -> bool {
    file.as_str().strip_prefix(control::FOLDER).is_some_and(|rest| rest.starts_with('/'))
}

/// What does not count, since nobody who is allowed to signed it.
pub(crate) fn unsigned_problems(unsigned: &UnsignedFiles) -> impl Iterator<Item = Problem> {
    unsigned.iter().map(|(file, because)| {
        Problem::error(Class::Refused, format!("the control file does not count: {because}"))
            .at(file, None)
            .hint("commit it again, signed by somebody whom git.verify allows to")
    })
}

/// What is wrong with control files.
pub(crate) fn problems(controls: &Controls) -> impl Iterator<Item = Problem> {
    controls.unreadable().map(|unreadable| {
        let closes = format!(
            "the control file cannot be read, so it keeps the {} gate closed: {}",
            unreadable.gate, unreadable.problem
        );
        Problem::error(Class::Refused, closes)
            .at(&unreadable.file, None)
            .hint("mend the file, or remove it by a commit; docs/control-files.md has the form")
    })
}

fn known_or_unreadable(control: &Control, rulebook: &Rulebook) -> Control {
    let (services, environments, gate) = match control {
        Control::Hold(hold) => (&hold.covers.services, hold.covers.environments.as_slice(), GateName::Hold),
        Control::Pin(pin) => (&pin.covers.services, pin.covers.environments.as_slice(), GateName::Hold),
        Control::Freeze(order) => (&order.services, order.freeze.environments(), GateName::Freeze),
        Control::Approval(approval) => {
            (&None, std::slice::from_ref(&approval.environment), GateName::Approval)
        }
        Control::Quarantine(_) | Control::Unreadable(_) => return control.clone(),
    };
    let Some(unknown) = environments.iter().find(|name| rulebook.find(name).is_none()) else {
        return control.clone();
    };
    let names: Vec<&str> = rulebook.environments.iter().map(name_of).collect();
    Control::Unreadable(UnreadableControl {
        file: control.file().clone(),
        gate,
        covers: Coverage { services: services.clone(), environments: Vec::new() },
        problem: format!(
            "there is no environment {}; there is {}",
            Printable::bounded(unknown.as_str(), 63),
            names.join(", ")
        ),
    })
}

fn name_of(environment: &super::rulebook::Environment) -> &str {
    let EnvironmentPolicy { name, .. } = &environment.policy;
    name.as_str()
}
