//! What an environment ran before what it runs now, read from its movements.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Digest, Movement, PinnedTag, RepoPath, Timestamp};
use crate::policy::{Candidate, Fetched, Landing, PastRun, SelectionRules};

use super::ledger::{HeldByPath, Ledger, Subject, held_in};

/// The most runs that are looked back on. What is further back has been replaced so often that nobody waits for it.
const MOST_RUNS: usize = 500;

/// The versions that ran in every one of `folders` that has the service now, and run no more, newest first.
pub(crate) fn past_runs(
    ledger: &Ledger,
    subject: &Subject,
    folders: &[RepoPath],
    held: &HeldByPath,
    rules: &SelectionRules,
) -> Vec<PastRun> {
    let mut files: BTreeMap<&RepoPath, &[PinnedTag]> =
        held.iter().map(|(path, tags)| (path, tags.as_slice())).collect();
    let now = held_in(folders, &files);
    let mut running = in_every_folder(&now, held_in(folders, &files));
    let mut left_at: Option<Timestamp> = None;
    let mut runs = Vec::new();
    let mut movements = ledger.of(subject, folders).peekable();
    while let Some(movement) = movements.next().filter(|_| runs.len() < MOST_RUNS) {
        files.insert(&movement.path, &movement.before);
        if movements.peek().is_some_and(|next| next.sequence == movement.sequence) {
            continue;
        }
        let before = in_every_folder(&now, held_in(folders, &files));
        if before == running {
            continue;
        }
        if let (Some(tag), Some(left_at)) = (running, left_at) {
            runs.extend(run(tag, movement, left_at, rules));
        }
        (running, left_at) = (before, Some(movement.commit.committed_at));
    }
    runs
}

/// The one tag that all folders hold, if they do: those that have the service now, at least.
fn in_every_folder<'a>(
    now: &[BTreeSet<&PinnedTag>],
    then: Vec<BTreeSet<&'a PinnedTag>>,
) -> Option<&'a PinnedTag> {
    let is_missing = now.iter().zip(&then).any(|(now, then)| !now.is_empty() && then.is_empty());
    let all: BTreeSet<&PinnedTag> = then.into_iter().flatten().collect();
    let mut all = all.into_iter();
    match (all.next(), all.next()) {
        (Some(one), None) if !is_missing => Some(one),
        _ => None,
    }
}

fn run(tag: &PinnedTag, movement: &Movement, left_at: Timestamp, rules: &SelectionRules) -> Option<PastRun> {
    let version = rules.version_of(&tag.tag)?;
    let candidate = Candidate { tag: tag.tag.clone(), version };
    Some(PastRun { candidate, landing: landing_of(movement, tag.digest.clone()), left_at })
}

/// How a movement brought a version, which the files may pin to a digest.
pub(crate) fn landing_of(movement: &Movement, pinned: Option<Digest>) -> Landing {
    let promoted = movement.promotion.as_ref().and_then(|promotion| promotion.digest.clone());
    Landing {
        commit: movement.commit.id,
        committed_at: movement.commit.committed_at,
        parent_committed_at: movement.commit.parent_committed_at,
        fetched: Some(Fetched {
            absent_at: movement.commit.fetched.absent_at,
            fetched_at: movement.commit.fetched.fetched_at,
        }),
        // What the file pins is what runs, whatever a message says.
        digest: pinned.or(promoted),
        by_tidegate: movement.promotion.is_some(),
        author: movement.commit.author_name.clone(),
    }
}
