//! Reading what moved: commits of the first-parent line become movements of tags.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::history::{Ledger, Subject};
use crate::model::{
    BlobId, CommitId, CommitInfo, Content, Fault, FetchEvidence, FileChange, HistoryEnd, ImageName, Movement,
    MovingCommit, PinnedTag, RepoPath, ServiceName,
};

use super::flux::Resolver;
use super::message::{Trailers, read_trailers};
use super::ports::Repository;
use super::rulebook::Rulebook;
use super::snapshot::{Reading, Snapshot};

/// What each image of each service held, in one file.
type Holdings = HashMap<Subject, BTreeSet<PinnedTag>>;

/// Movements that are not in a ledger yet.
#[derive(Debug)]
pub(crate) struct News {
    /// Whether they stand in place of all that was known: it is the first reading, or the branch was rewritten.
    pub(crate) replaces: bool,
    /// Oldest first.
    pub(crate) movements: Vec<Movement>,
}

impl News {
    /// A branch that was rewritten tells nothing of what it held before. What was known of that, and is no longer so,
    /// becomes a movement of the commit that is there now: a version that is gone by force was left, as by a commit.
    pub(crate) fn tell_rewriting(&mut self, forgotten: &Ledger, head: CommitId, evidence: FetchEvidence) {
        let mut now = Ledger::empty(head);
        now.append(head, self.movements.clone());
        let held_now = now.last_held();
        let commit = Arc::new(MovingCommit {
            id: head,
            committed_at: evidence.fetched_at,
            parent_committed_at: None,
            author_name: "somebody who rewrote the branch".to_owned(),
            fetched: evidence,
        });
        let movement = |((subject, path), before): ((&Subject, &RepoPath), &[PinnedTag])| {
            let after = held_now.get(&(subject, path)).copied().unwrap_or_default();
            (before != after).then(|| Movement {
                sequence: now.next_sequence(),
                commit: Arc::clone(&commit),
                path: path.clone(),
                service: subject.0.clone(),
                image: subject.1.clone(),
                before: before.to_vec(),
                after: after.to_vec(),
                promotion: None,
            })
        };
        let mut told: Vec<Movement> = forgotten.last_held().into_iter().filter_map(movement).collect();
        told.sort_by(|one, other| one.path.cmp(&other.path));
        self.movements.extend(told);
    }
}

/// Where a reading begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since {
    /// The last commit that is known.
    pub(crate) commit: CommitId,
    /// The place that the next one has on the line.
    pub(crate) sequence: u64,
}

/// A commit, with no more of it than is needed.
struct Moved {
    commit: MovingCommit,
    trailers: Vec<Trailers>,
    changes: Vec<FileChange>,
}

/// Reads what moved after `since` up to the snapshot; all of history, when there is no `since` or it is no longer on
/// the branch. `evidence` tells when the commits after `since` were fetched.
///
/// A commit that `earlier` knows, when all of history is read again, came when it says.
pub(crate) fn read_news(
    repository: &impl Repository,
    rulebook: &Rulebook,
    snapshot: &Snapshot,
    since: Option<Since>,
    resolver: &Resolver,
    evidence: FetchEvidence,
    earlier: impl FnOnce() -> HashMap<CommitId, FetchEvidence>,
) -> Result<News, Fault> {
    let mut commits: Vec<Moved> = Vec::new();
    let until = since.map(|since| since.commit);
    let end = repository.history(snapshot.commit, until, &rulebook.scope(), &mut |info, changes| {
        commits.push(Moved::new(&info, changes, evidence));
        ControlFlow::Continue(())
    })?;
    let mut is_aside = false;
    if let Some(since) = since.filter(|_| end == HistoryEnd::UntilNotFound)
        && repository.contains(since.commit, snapshot.commit)?
    {
        // What is known is still on the branch, beside the line of first parents: somebody merged it into work of their
        // own, as `git pull` does. Nothing was taken away, and what differs came by that merge.
        is_aside = true;
        let changes = repository.changed_files(since.commit, snapshot.commit, &rulebook.scope())?;
        commits = vec![Moved::aside(snapshot.commit, changes, evidence)];
    }
    commits.reverse();
    let holdings = read_holdings(repository, snapshot, &commits, resolver)?;
    let (replaces, first) = match since {
        Some(since) if end != HistoryEnd::UntilNotFound || is_aside => (false, since.sequence),
        _ => (true, 0),
    };
    if replaces {
        let earlier = earlier();
        for moved in &mut commits {
            moved.commit.fetched = earlier.get(&moved.commit.id).copied().unwrap_or(evidence);
        }
    }
    let movements = (first..)
        .zip(commits)
        .flat_map(|(sequence, moved)| moved.into_movements(sequence, &holdings, rulebook))
        .collect();
    Ok(News { replaces, movements })
}

/// Reads every blob that a change names, once, but for those that the snapshot has read already.
fn read_holdings(
    repository: &impl Repository,
    snapshot: &Snapshot,
    commits: &[Moved],
    resolver: &Resolver,
) -> Result<HashMap<BlobId, Holdings>, Fault> {
    let changed: BTreeSet<BlobId> = commits
        .iter()
        .flat_map(|moved| &moved.changes)
        .flat_map(|change| [change.before, change.after])
        .flatten()
        .collect();
    let mut holdings: HashMap<BlobId, Holdings> = HashMap::with_capacity(changed.len());
    for file in snapshot.files.values().filter(|file| changed.contains(&file.blob)) {
        holdings.entry(file.blob).or_insert_with(|| holdings_of(&file.reading, resolver));
    }
    let unread: Vec<BlobId> = changed.into_iter().filter(|blob| !holdings.contains_key(blob)).collect();
    let read = repository
        .read_each(&unread, |_, content: Content<'_>| holdings_of(&Reading::of(content), resolver))?;
    holdings.extend(unread.into_iter().zip(read));
    Ok(holdings)
}

fn holdings_of(reading: &Reading, resolver: &Resolver) -> Holdings {
    let mut holdings = Holdings::new();
    for field in reading.manifest().map(|manifest| manifest.fields.as_slice()).unwrap_or_default() {
        if let Some(image) = resolver.image_of(field) {
            let pinned = PinnedTag { tag: field.tag.clone(), digest: field.digest.clone() };
            holdings.entry((field.service.clone(), image.clone())).or_default().insert(pinned);
        }
    }
    holdings
}

impl Moved {
    fn new(info: &CommitInfo, changes: Vec<FileChange>, fetched: FetchEvidence) -> Self {
        let commit = MovingCommit {
            id: info.id,
            committed_at: info.committed_at,
            parent_committed_at: info.parent_committed_at,
            author_name: info.author_name.chars().take(200).collect(),
            fetched,
        };
        Self { commit, trailers: told_by(info), changes }
    }

    /// What differs since a head that lies beside the line: nobody can tell by which commit, so that it counts from the
    /// fetch that brought it.
    fn aside(head: CommitId, changes: Vec<FileChange>, fetched: FetchEvidence) -> Self {
        let commit = MovingCommit {
            id: head,
            committed_at: fetched.fetched_at,
            parent_committed_at: None,
            author_name: "somebody who merged the branch into their own work".to_owned(),
            fetched,
        };
        Self { commit, trailers: Vec::new(), changes }
    }

    fn into_movements(
        self,
        sequence: u64,
        holdings: &HashMap<BlobId, Holdings>,
        rulebook: &Rulebook,
    ) -> Vec<Movement> {
        let commit = Arc::new(self.commit);
        let nothing = Holdings::new();
        let told = by_subject(&self.trailers);
        let held = |blob: Option<BlobId>| blob.and_then(|blob| holdings.get(&blob)).unwrap_or(&nothing);
        let mut movements = Vec::new();
        for change in &self.changes {
            let (before, after) = (held(change.before), held(change.after));
            let subjects: BTreeSet<&Subject> = before.keys().chain(after.keys()).collect();
            for subject in subjects.into_iter().filter(|subject| before.get(*subject) != after.get(*subject))
            {
                let tags =
                    |side: &Holdings| side.get(subject).into_iter().flatten().cloned().collect::<Vec<_>>();
                let after = tags(after);
                let is_it =
                    |told: &&&Trailers| stands_for(told, &after) && lies_in(told, &change.path, rulebook);
                let promotion = told.get(&(&subject.0, &subject.1)).into_iter().flatten().find(is_it);
                movements.push(Movement {
                    sequence,
                    commit: Arc::clone(&commit),
                    path: change.path.clone(),
                    service: subject.0.clone(),
                    image: subject.1.clone(),
                    before: tags(before),
                    promotion: promotion.map(|told| told.mark.clone()),
                    after,
                });
            }
        }
        movements
    }
}

/// The promotions that a commit tells of: itself, or, of a merge, the newest commit that it brought and that tells of any.
fn told_by(info: &CommitInfo) -> Vec<Trailers> {
    let messages = std::iter::once(&info.message).chain(&info.merged);
    messages.map(|message| read_trailers(message)).find(|told| !told.is_empty()).unwrap_or_default()
}

/// The promotions that a commit tells of, by what they moved. One commit may tell of thousands.
fn by_subject(trailers: &[Trailers]) -> HashMap<(&ServiceName, &ImageName), Vec<&Trailers>> {
    let mut told: HashMap<_, Vec<&Trailers>> = HashMap::new();
    for one in trailers {
        told.entry((&one.service, &one.image.name)).or_default().push(one);
    }
    told
}

/// Whether a promotion of the same subject is the movement that the commit made: a message that was carried over to
/// another change does not count.
fn stands_for(told: &Trailers, after: &[PinnedTag]) -> bool {
    after.iter().any(|held| Some(&held.tag) == told.image.tag.as_ref())
}

/// Whether a promotion went into the environment that a file lies in. An environment of which nobody knows any more may
/// have been this one, under another name.
fn lies_in(told: &Trailers, file: &RepoPath, rulebook: &Rulebook) -> bool {
    let here = rulebook.environment_of(file);
    here.is_some_and(|here| here.policy.name == told.environment)
        || rulebook.find(&told.environment).is_none()
}

#[cfg(test)]
mod tests;
