//! Commits for tests.

use chrono::{TimeDelta, TimeZone as _, Utc};

use crate::model::{CommitId, Person, SourceCommit as Commit};

pub(crate) fn id(number: u8) -> CommitId {
    CommitId::from_bytes([number; 20])
}

/// A commit whose parent has the number before.
pub(crate) fn commit(number: u8, message: &str) -> Commit {
    let at = Utc.with_ymd_and_hms(2026, 11, 20, 9, 0, 0).unwrap() + TimeDelta::minutes(i64::from(number));
    Commit {
        id: id(number),
        parents: vec![id(number.wrapping_sub(1))],
        author: Person { name: "Ana Soto".into(), email: "ana@vtr.cl".into() },
        authored_at: at,
        committed_at: at,
        message: message.into(),
        is_relevant: true,
    }
}

/// A commit with these parents.
pub(crate) fn commit_on(number: u8, parents: &[u8], message: &str) -> Commit {
    Commit { parents: parents.iter().copied().map(id).collect(), ..commit(number, message) }
}

/// A commit by this author.
pub(crate) fn commit_by(number: u8, name: &str, message: &str) -> Commit {
    let email = format!("{}@users.noreply.github.com", name.replace(' ', "."));
    Commit { author: Person { name: name.into(), email }, ..commit(number, message) }
}

/// Linear history, newest first.
pub(crate) fn line(messages: &[&str]) -> Vec<Commit> {
    let numbered = messages.iter().rev().zip(1..).map(|(message, number)| commit(number, message));
    let mut commits: Vec<Commit> = numbered.collect();
    commits.reverse();
    commits
}
