//! A range of commits as text for the cache. Notes are made of it anew each time, so that changed rules need no request.

use serde::{Deserialize, Serialize};

use crate::model::{CommitId, Person, Relation, SourceCommit, SourceRange, Timestamp};

/// Entries of another version are ignored.
const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CachedRange {
    pub(super) from: CachedCommit,
    pub(super) to: CachedCommit,
    pub(super) range: SourceRange,
    pub(super) releases: Vec<(CommitId, String)>,
}

/// A commit, and the tag that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CachedCommit {
    pub(super) commit: CommitId,
    pub(super) tag: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct StoredRange {
    format: u32,
    from: (String, Option<String>),
    to: (String, Option<String>),
    relation: StoredRelation,
    commits: Vec<StoredCommit>,
    lost: Vec<StoredCommit>,
    is_cut: bool,
    releases: Vec<(String, String)>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
enum StoredRelation {
    Forward,
    Backward,
    Diverged,
    Unrelated,
}

#[derive(Deserialize, Serialize)]
struct StoredCommit {
    id: String,
    parents: Vec<String>,
    name: String,
    email: String,
    authored: Timestamp,
    committed: Timestamp,
    message: String,
    relevant: bool,
}

impl CachedRange {
    pub(super) fn write(&self) -> Option<String> {
        let stored = StoredRange {
            format: FORMAT,
            from: (self.from.commit.to_string(), self.from.tag.clone()),
            to: (self.to.commit.to_string(), self.to.tag.clone()),
            relation: match self.range.relation {
                Relation::Forward => StoredRelation::Forward,
                Relation::Backward => StoredRelation::Backward,
                Relation::Diverged => StoredRelation::Diverged,
                Relation::Unrelated => StoredRelation::Unrelated,
            },
            commits: self.range.commits.iter().map(line).collect(),
            lost: self.range.lost.iter().map(line).collect(),
            is_cut: self.range.is_cut,
            releases: self.releases.iter().map(|(id, name)| (id.to_string(), name.clone())).collect(),
        };
        serde_json::to_string(&stored).ok()
    }

    /// Parses a cached range; nothing when it is of another format.
    pub(super) fn read(text: &str) -> Option<Self> {
        let format: StoredRange =
            serde_json::from_str(text).ok().filter(|format: &StoredRange| format.format == FORMAT)?;
        let cached =
            |(id, tag): (String, Option<String>)| Some(CachedCommit { commit: id.parse().ok()?, tag });
        let releases = format.releases.into_iter().map(|(id, name)| Some((id.parse().ok()?, name)));
        Some(Self {
            from: cached(format.from)?,
            to: cached(format.to)?,
            range: SourceRange {
                relation: match format.relation {
                    StoredRelation::Forward => Relation::Forward,
                    StoredRelation::Backward => Relation::Backward,
                    StoredRelation::Diverged => Relation::Diverged,
                    StoredRelation::Unrelated => Relation::Unrelated,
                },
                commits: format.commits.into_iter().map(commit).collect::<Option<_>>()?,
                lost: format.lost.into_iter().map(commit).collect::<Option<_>>()?,
                is_cut: format.is_cut,
            },
            releases: releases.collect::<Option<_>>()?,
        })
    }
}

fn line(commit: &SourceCommit) -> StoredCommit {
    StoredCommit {
        id: commit.id.to_string(),
        parents: commit.parents.iter().map(ToString::to_string).collect(),
        name: commit.author.name.clone(),
        email: commit.author.email.clone(),
        authored: commit.authored_at,
        committed: commit.committed_at,
        message: commit.message.clone(),
        relevant: commit.is_relevant,
    }
}

fn commit(line: StoredCommit) -> Option<SourceCommit> {
    let parents = line.parents.iter().map(|id| id.parse().ok());
    Some(SourceCommit {
        id: line.id.parse().ok()?,
        parents: parents.collect::<Option<_>>()?,
        author: Person { name: line.name, email: line.email },
        authored_at: line.authored,
        committed_at: line.committed,
        message: line.message,
        is_relevant: line.relevant,
    })
}
