//! The control files of a commit, as far as they concern the environments that there are.

use crate::control;
use crate::model::{Class, EnvironmentName, RepoPath};
use crate::policy::{Control, Controls, Coverage, GateName, UnreadableControl};

use super::signatures::UnsignedFiles;
use super::snapshot::Snapshot;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;

/// The folder of control files.
pub(crate) fn folder() -> Option<RepoPath> {
    control::FOLDER.parse().ok()
}

/// The controls of a snapshot. One that names an environment that is not there, or that is no regular file, is as good as
/// one that can't be read: what it was to close stays closed.
pub(crate) fn controls_of(
    snapshot: &Snapshot,
    unsigned: &UnsignedFiles,
    repository_policy: &RepositoryPolicy,
) -> Controls {
    let known: Vec<&EnvironmentName> =
        repository_policy.environments.iter().map(|environment| &environment.policy.name).collect();
    let counting = snapshot.controls.iter().filter(|(file, _)| !unsigned.contains_key(*file));
    let read = counting.map(|(_, control)| control.clone().among(&known));
    let left_alone = snapshot.left_alone.iter().filter_map(|entry| {
        let file: RepoPath = entry.path.parse().ok()?;
        is_control(&file).then(|| {
            Control::Unreadable(UnreadableControl {
                file,
                gate: GateName::Hold,
                covers: Coverage::default(),
                problem: "it is not a regular file".to_owned(),
                position: None,
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
            .at(&unreadable.file, unreadable.position)
            .hint("mend the file, or remove it by a commit; docs/control-files.md has the form")
    })
}
