//! Tag changes of one image, written as `commit file before>after`; `-` is nothing, `v1+v2` is two tags.

use std::sync::Arc;

use super::Subject;
use super::held::TagsByFile;
use crate::model::{CommitId, FetchEvidence, PinnedTag, RepoPath, TagChange, TagChangeCommit, Timestamp};

pub(super) fn subject() -> Subject {
    ("common/app".parse().unwrap(), "ghcr.io/vtr/app".parse().unwrap())
}

pub(super) fn path(text: &str) -> RepoPath {
    text.parse().unwrap()
}

pub(super) fn tags(text: &str) -> Vec<PinnedTag> {
    let tags = text.split('+').filter(|tag| *tag != "-");
    tags.map(|tag| PinnedTag { tag: tag.parse().unwrap(), digest: None }).collect()
}

fn tag_change(sequence: u64, file: &str, before: &str, after: &str) -> TagChange {
    let at: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let (service, image) = subject();
    TagChange {
        sequence,
        commit: Arc::new(TagChangeCommit {
            id: CommitId::from_bytes([u8::try_from(sequence).unwrap(); 20]),
            committed_at: at,
            parent_committed_at: None,
            author_name: "Ana".into(),
            fetched: FetchEvidence { absent_at: None, fetched_at: at },
        }),
        path: path(file),
        service,
        image,
        before: tags(before),
        after: tags(after),
        promotion: None,
        is_beside: false,
        renamed_from: None,
    }
}

pub(super) fn tag_changes(text: &str) -> Vec<TagChange> {
    let lines = text.split(';').map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines
        .map(|line| {
            let (before, after) = line[2].split_once('>').unwrap();
            tag_change(line[0].parse().unwrap(), line[1], before, after)
        })
        .collect()
}

/// The tags in the files after all of these changes.
pub(super) fn held_after(tag_changes: &[TagChange]) -> TagsByFile {
    let mut held = TagsByFile::new();
    for tag_change in tag_changes {
        match tag_change.after.as_slice() {
            [] => drop(held.remove(&tag_change.path)),
            after => drop(held.insert(tag_change.path.clone(), after.to_vec())),
        }
    }
    held
}
