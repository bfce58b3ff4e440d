//! Movements of one image, written as `commit file before>after`; `-` is nothing, `v1+v2` is two tags.

use std::sync::Arc;

use super::Subject;
use super::held::HeldByPath;
use crate::model::{CommitId, FetchEvidence, Movement, MovingCommit, PinnedTag, RepoPath, Timestamp};

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

fn movement(sequence: u64, file: &str, before: &str, after: &str) -> Movement {
    let at: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let (service, image) = subject();
    Movement {
        sequence,
        commit: Arc::new(MovingCommit {
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
    }
}

pub(super) fn movements(text: &str) -> Vec<Movement> {
    let lines = text.split(';').map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines
        .map(|line| {
            let (before, after) = line[2].split_once('>').unwrap();
            movement(line[0].parse().unwrap(), line[1], before, after)
        })
        .collect()
}

/// What the files hold after all of these.
pub(super) fn held_after(movements: &[Movement]) -> HeldByPath {
    let mut held = HeldByPath::new();
    for movement in movements {
        match movement.after.as_slice() {
            [] => drop(held.remove(&movement.path)),
            after => drop(held.insert(movement.path.clone(), after.to_vec())),
        }
    }
    held
}
