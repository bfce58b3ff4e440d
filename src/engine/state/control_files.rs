//! The control files of a commit: which count, and what is wrong with the others.

use std::collections::BTreeMap;

use crate::control;
use crate::engine::base::ports::Repository;
use crate::model::{Class, CommitId, EnvironmentName, Fault, RepoPath};
use crate::policy::{Control, Controls, Coverage, GateName, UnreadableControl};

use super::snapshot::Snapshot;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;

/// Control files that do not count because no allowed key signed them, each with the reason.
pub(crate) type UnsignedFiles = BTreeMap<RepoPath, String>;

/// The control files of `head` that do not count.
pub(crate) fn unsigned_files<'a>(
    repository: &impl Repository,
    head: CommitId,
    files: impl Iterator<Item = &'a RepoPath>,
) -> Result<UnsignedFiles, Fault> {
    let mut unsigned = UnsignedFiles::new();
    if !repository.requires_signatures() {
        return Ok(unsigned);
    }
    for file in files {
        let commit = repository.last_change(head, file)?;
        if let Some(because) = repository.unsigned(commit)? {
            unsigned.insert(file.clone(), format!("commit {}: {because}", commit.short()));
        }
    }
    Ok(unsigned)
}

/// The controls of a snapshot. One that names an unknown environment, or that is not a regular file, counts as unreadable:
/// the gate that it may have meant stays closed.
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
        control::is_control_file(&file).then(|| {
            Control::Unreadable(UnreadableControl {
                file,
                gate: GateName::Hold,
                covers: Coverage::default(),
                problem: "not a regular file".to_owned(),
                position: None,
            })
        })
    });
    read.chain(left_alone).collect()
}

pub(crate) fn unsigned_problems(unsigned: &UnsignedFiles) -> impl Iterator<Item = Problem> {
    unsigned.iter().map(|(file, because)| {
        Problem::error(Class::Refused, format!("the control file is ignored: {because}"))
            .at(file, None)
            .hint("commit it again with a signature that git.verify allows")
    })
}

pub(crate) fn problems(controls: &Controls) -> impl Iterator<Item = Problem> {
    controls.unreadable().map(|unreadable| {
        let closes = format!(
            "the control file is invalid and keeps the {} gate closed: {}",
            unreadable.gate, unreadable.problem
        );
        Problem::error(Class::Refused, closes)
            .at(&unreadable.file, unreadable.position)
            .hint("correct or remove the file; docs/control-files.md describes the format")
    })
}
