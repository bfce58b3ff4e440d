//! A range as text, to be kept: what the source repository said about two images. Notes are made of it anew each time, so
//! that changed rules need nothing to be read again.

use serde::{Deserialize, Serialize};

use crate::model::{CommitId, Person, Relation, SourceCommit, SourceRange, Timestamp};

/// The form of what is kept. Another one is not read.
const FORM: u32 = 1;

/// What the source repository said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) from: Knew,
    pub(super) to: Knew,
    pub(super) range: SourceRange,
    pub(super) releases: Vec<(CommitId, String)>,
}

/// A commit, and the tag that it was found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Knew {
    pub(super) commit: CommitId,
    pub(super) tag: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Written {
    form: u32,
    from: (String, Option<String>),
    to: (String, Option<String>),
    relation: Way,
    commits: Vec<Line>,
    lost: Vec<Line>,
    is_cut: bool,
    releases: Vec<(String, String)>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
enum Way {
    Forward,
    Backward,
    Diverged,
    Unrelated,
}

#[derive(Deserialize, Serialize)]
struct Line {
    id: String,
    parents: Vec<String>,
    name: String,
    email: String,
    authored: Timestamp,
    committed: Timestamp,
    message: String,
    relevant: bool,
}

impl Kept {
    pub(super) fn write(&self) -> Option<String> {
        let written = Written {
            form: FORM,
            from: (self.from.commit.to_string(), self.from.tag.clone()),
            to: (self.to.commit.to_string(), self.to.tag.clone()),
            relation: match self.range.relation {
                Relation::Forward => Way::Forward,
                Relation::Backward => Way::Backward,
                Relation::Diverged => Way::Diverged,
                Relation::Unrelated => Way::Unrelated,
            },
            commits: self.range.commits.iter().map(line).collect(),
            lost: self.range.lost.iter().map(line).collect(),
            is_cut: self.range.is_cut,
            releases: self.releases.iter().map(|(id, name)| (id.to_string(), name.clone())).collect(),
        };
        serde_json::to_string(&written).ok()
    }

    /// What was kept; nothing when it can't be read any more.
    pub(super) fn read(text: &str) -> Option<Self> {
        let form: Written = serde_json::from_str(text).ok().filter(|form: &Written| form.form == FORM)?;
        let knew = |(id, tag): (String, Option<String>)| Some(Knew { commit: id.parse().ok()?, tag });
        let releases = form.releases.into_iter().map(|(id, name)| Some((id.parse().ok()?, name)));
        Some(Self {
            from: knew(form.from)?,
            to: knew(form.to)?,
            range: SourceRange {
                relation: match form.relation {
                    Way::Forward => Relation::Forward,
                    Way::Backward => Relation::Backward,
                    Way::Diverged => Relation::Diverged,
                    Way::Unrelated => Relation::Unrelated,
                },
                commits: form.commits.into_iter().map(commit).collect::<Option<_>>()?,
                lost: form.lost.into_iter().map(commit).collect::<Option<_>>()?,
                is_cut: form.is_cut,
            },
            releases: releases.collect::<Option<_>>()?,
        })
    }
}

fn line(commit: &SourceCommit) -> Line {
    Line {
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

fn commit(line: Line) -> Option<SourceCommit> {
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
