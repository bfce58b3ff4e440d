//! The control files of a commit: which count, and what is wrong with the others.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::nearest;
use crate::control;
use crate::model::{
    BlobId, Class, CommitId, Content, EnvironmentName, Fault, LeftAloneKind, Printable, RepoPath,
    ServiceName, ServicePattern, SignatureCheck, is_control_path,
};
use crate::policy::{Control, Controls, Coverage, GateName, UnreadableControl};
use crate::port::Repository;

use super::snapshot::Snapshot;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;

/// Commits read at once.
const COMMITS_PER_PART: usize = 4_000;

/// The control files whose newest change nobody signed who is allowed to.
pub(crate) type UnsignedFiles = BTreeMap<RepoPath, UnsignedFile>;

/// A control file whose newest change does not count.
#[derive(Clone, Debug)]
pub(crate) struct UnsignedFile {
    /// The commit, and what is wrong with its signature.
    pub(crate) because: String,
    /// What the last signed text says; `None` where there was none, or a signed commit removed it.
    pub(crate) signed: Option<Control>,
}

/// Where the newest change of a control file leaves it.
#[derive(Default)]
struct Unsigned {
    because: String,
    /// The last signed text.
    signed: Option<BlobId>,
    /// A merge dropped that text; it lies beside the line.
    is_dropped: bool,
    is_there: bool,
}

/// Finds the control files up to `head`, removed ones too, whose newest change is not signed.
pub(crate) fn unsigned_files(repository: &impl Repository, head: CommitId) -> Result<UnsignedFiles, Fault> {
    let Some(folder) = control::folder().filter(|_| repository.requires_signatures()) else {
        return Ok(UnsignedFiles::new());
    };
    let because = |commit: CommitId| {
        Ok::<_, Fault>(match repository.signed(commit)? {
            SignatureCheck::Invalid { reason } => Some(format!("commit {}: {reason}", commit.short())),
            SignatureCheck::Valid => None,
        })
    };
    let mut settled: BTreeSet<RepoPath> = BTreeSet::new();
    let mut unsigned: BTreeMap<RepoPath, Unsigned> = BTreeMap::new();
    let line = repository.line(head, None)?.commits;
    for part in line.rchunks(COMMITS_PER_PART) {
        for changed in repository.changes(part, std::slice::from_ref(&folder))?.into_iter().rev() {
            let commit = changed.commit.id;
            for change in changed.changes {
                if settled.contains(&change.path) {
                    continue;
                }
                if let Some(because) = because(commit)? {
                    let is_there = change.after.is_some();
                    let new = || Unsigned { because, is_there, ..Unsigned::default() };
                    unsigned.entry(change.path).or_insert_with(new);
                    continue;
                }
                if let Some(unsigned) = unsigned.get_mut(&change.path) {
                    unsigned.signed = change.after;
                }
                settled.insert(change.path);
            }
            // What somebody signed beside the line, and an unsigned merge dropped.
            for (beside, changes) in
                changed.merged.into_iter().rev().filter(|(beside, _)| beside.id != commit)
            {
                for change in changes {
                    if settled.contains(&change.path)
                        || unsigned.contains_key(&change.path)
                        || because(beside.id)?.is_some()
                    {
                        continue;
                    }
                    if let (Some(because), Some(text)) = (because(commit)?, change.after) {
                        let dropped =
                            Unsigned { because, signed: Some(text), is_dropped: true, is_there: false };
                        unsigned.insert(change.path.clone(), dropped);
                    }
                    settled.insert(change.path);
                }
            }
        }
    }
    // What came and went unsigned matters to nobody.
    unsigned.retain(|_, file| file.signed.is_some() || file.is_there);
    let blobs: Vec<BlobId> = unsigned.values().filter_map(|file| file.signed).collect();
    let texts = repository.read_each(&blobs, |_, content| match content {
        Content::Bytes(text) => text.to_vec(),
        // What cannot be read keeps its gate closed.
        _ => Vec::new(),
    })?;
    let mut texts = texts.into_iter();
    let read = |(path, file): (RepoPath, Unsigned)| {
        let signed = file.signed.and_then(|_| texts.next()).map(|text| control::read(&path, &text));
        // An approval opens a gate: one that never was on the line does not.
        let is_void = file.is_dropped && matches!(signed, Some(Control::Approval(_)));
        (!is_void).then_some((path, UnsignedFile { because: file.because, signed }))
    };
    Ok(unsigned.into_iter().filter_map(read).collect())
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
    let signed = unsigned.values().filter_map(|file| file.signed.as_ref());
    let read =
        counting.map(|(_, control)| control).chain(signed).map(|control| control.clone().among(&known));
    let left_alone = snapshot.left_alone.iter().filter_map(|entry| {
        // A name that is not UTF-8 is shown with replacements; one that is unsafe is no path.
        let file: RepoPath = entry.path.parse().ok().or_else(control::folder)?;
        is_control_path(entry.path.as_bytes()).then(|| {
            let problem = match entry.kind {
                LeftAloneKind::Submodule => "it is a submodule",
                LeftAloneKind::SymbolicLink => "it is a symbolic link",
                LeftAloneKind::NotUtf8 => "its name is not UTF-8",
                LeftAloneKind::Unsafe => "its path is not safe to follow",
            };
            Control::Unreadable(UnreadableControl {
                file,
                gate: GateName::Hold,
                covers: Coverage::default(),
                problem: problem.to_owned(),
                position: None,
            })
        })
    });
    read.chain(left_alone).collect()
}

pub(crate) fn unsigned_problems(unsigned: &UnsignedFiles) -> impl Iterator<Item = Problem> {
    unsigned.iter().map(|(file, UnsignedFile { because, signed })| {
        let what = match signed {
            Some(_) => "the last signed text of the control file counts",
            None => "the control file is ignored",
        };
        Problem::error(Class::Refused, format!("{what}: {because}"))
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

/// An error for each control file that names a service which is nowhere: it closes nothing. An approval of a service that is
/// gone is a warning, since it opens nothing either.
pub(crate) fn unmatched(controls: &[&Control], services: &BTreeSet<ServiceName>) -> Vec<Problem> {
    let all = services.iter().map(ToString::to_string).collect::<Vec<_>>();
    let problem = |control: &&Control| {
        let (kind, pattern) = match control {
            Control::Hold(hold) => ("hold", hold.covers.services.clone()?),
            Control::Pin(pin) => ("pin", pin.covers.services.clone()?),
            Control::Quarantine(quarantine) => ("quarantine", quarantine.services.clone()),
            Control::Approval(approval) => ("approval", ServicePattern::from(approval.service.clone())),
            Control::Freeze(_) | Control::Unreadable(_) => return None,
        };
        if services.iter().any(|service| pattern.matches(service)) {
            return None;
        }
        let shown = Printable::bounded(pattern.as_str(), 120).to_string();
        let message = format!("the {kind} covers nothing: no service matches `{shown}`");
        let hint = match nearest(pattern.as_str(), all.iter().map(String::as_str)) {
            Some(near) => {
                format!("did you mean `{}`? Otherwise remove the file", Printable::bounded(near, 120))
            }
            None => "correct the name or remove the file".to_owned(),
        };
        let problem = Problem::error(Class::Refused, message).at(control.file(), None).hint(hint);
        Some(if matches!(control, Control::Approval(_)) { problem.into_warning() } else { problem })
    };
    controls.iter().filter_map(problem).collect()
}
