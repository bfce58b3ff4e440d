//! The git room against real repositories.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod damage;
mod fetch;
mod hermetic;
mod history;
mod https;
mod publish;
mod races;
mod request;
mod signing;
mod source;
mod ssh;
mod stalls;
mod trees;

use chrono::DateTime;
use tidegate::git::{Mirror, Reach, Settings, Signature, Signing};
use tidegate::model::{CommitDraft, CommitId, FileEdit, RepoPath, Timestamp};
use tidegate::port::Repository as _;

use crate::support::git::Origin;

/// A file that promotions change.
const APP: &str = "clusters/prod/app.yaml";

fn settings(origin: &Origin, mirror: &str) -> Settings {
    Settings {
        url: origin.url(),
        reach: Reach::default(),
        branch: "main".parse().unwrap(),
        mirror: origin.beside(mirror),
        author: Signature { name: "tidegate".into(), email: "tidegate@vtr.cl".into() },
        signing: Signing::None,
        verify: None,
    }
}

fn open(origin: &Origin) -> Mirror {
    Mirror::open(settings(origin, "mirror")).unwrap()
}

/// A repository with one application and a mirror of it that was fetched.
fn fetched() -> (Origin, Mirror, CommitId) {
    let origin = Origin::with_files(&[(APP, "tag: v1.0.0\n"), ("clusters/prod/readme.md", "hello\n")]);
    let mirror = open(&origin);
    let head = mirror.fetch().unwrap().head;
    (origin, mirror, head)
}

fn paths(paths: &[&str]) -> Vec<RepoPath> {
    paths.iter().map(|path| path.parse().unwrap()).collect()
}

fn commit(id: &str) -> CommitId {
    id.parse().unwrap()
}

fn draft(message: &str, path: &str, content: &str) -> CommitDraft {
    let edit = FileEdit::rewrite(path.parse().unwrap(), content);
    CommitDraft { message: format!("{message}\n"), author: None, edits: vec![edit] }
}

fn noon() -> Timestamp {
    DateTime::from_timestamp(1_750_000_000, 0).unwrap()
}
