//! The past runs of an environment, from its tag changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{PinnedTag, RepoPath, TagChange, Timestamp};
use crate::policy::{Candidate, PastRun, RolloutCommit, SelectionRules};

use super::held::{TagsByFile, as_slices, held_in};
use super::rollout_commit::rollout_commit_of;

/// Maximum number of earlier runs read.
const MOST_RUNS: usize = 500;

/// The versions that ran in all of an environment's folders that have the service now.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// Earlier runs, newest first.
    past: Vec<PastRun>,
    /// The tag that all folders hold now, and the change that introduced it.
    running: Option<PinnedTag>,
    began: Option<RolloutCommit>,
    /// The folders that have the service.
    present: Vec<bool>,
}

impl Runs {
    /// The runs so far. `tag_changes` come newest first.
    pub(crate) fn of<'a>(
        tag_changes: impl Iterator<Item = &'a TagChange>,
        folders: &[RepoPath],
        held: &'a TagsByFile,
        rules: &SelectionRules,
    ) -> Self {
        let mut files: BTreeMap<&RepoPath, &[PinnedTag]> = as_slices(held);
        let now = held_in(folders, &files);
        let mut running = in_every_folder(&now, &now);
        let mut runs = Self {
            running: running.cloned(),
            present: now.iter().map(|folder| !folder.is_empty()).collect(),
            ..Self::default()
        };
        let mut left_at: Option<Timestamp> = None;
        let mut tag_changes = tag_changes.peekable();
        while let Some(tag_change) = tag_changes.next().filter(|_| runs.past.len() < MOST_RUNS) {
            files.insert(&tag_change.path, &tag_change.before);
            if tag_changes.peek().is_some_and(|next| next.sequence == tag_change.sequence) {
                continue;
            }
            let before = in_every_folder(&now, &held_in(folders, &files));
            if before == running {
                continue;
            }
            if let Some(tag) = running {
                let rollout_commit = rollout_commit_of(tag_change, tag.digest.clone());
                match left_at {
                    Some(left_at) => runs.past.extend(past_run(tag, rollout_commit, left_at, rules)),
                    None => runs.began = Some(rollout_commit),
                }
            }
            (running, left_at) = (before, Some(tag_change.commit.committed_at));
        }
        runs
    }

    /// Adds a commit; `first` is its first tag change. Returns false if a folder gained or lost the service: then the
    /// runs must be read again.
    #[must_use]
    pub(crate) fn apply_commit(
        &mut self,
        first: &TagChange,
        folders: &[RepoPath],
        held: &TagsByFile,
        rules: &SelectionRules,
    ) -> bool {
        let now = held_in(folders, &as_slices(held));
        let is_present = now.iter().map(|folder| !folder.is_empty());
        if !is_present.eq(self.present.iter().copied()) {
            return false;
        }
        let running = in_every_folder(&now, &now);
        if running == self.running.as_ref() {
            return true;
        }
        if let (Some(tag), Some(began)) = (self.running.take(), self.began.take()) {
            let run = past_run(&tag, began, first.commit.committed_at, rules);
            self.past.splice(0..0, run);
            self.past.truncate(MOST_RUNS);
        }
        self.began = running.map(|tag| rollout_commit_of(first, tag.digest.clone()));
        self.running = running.cloned();
        true
    }

    /// Earlier runs, newest first.
    pub(crate) fn past(&self) -> &[PastRun] {
        &self.past
    }

    /// Moves the earlier runs out.
    pub(crate) fn into_past(self) -> Vec<PastRun> {
        self.past
    }
}

/// The tag that all folders with the service hold, if they agree.
fn in_every_folder<'a>(
    now: &[BTreeSet<&PinnedTag>],
    then: &[BTreeSet<&'a PinnedTag>],
) -> Option<&'a PinnedTag> {
    let is_missing = now.iter().zip(then).any(|(now, then)| !now.is_empty() && then.is_empty());
    let all: BTreeSet<&'a PinnedTag> = then.iter().flatten().copied().collect();
    let mut all = all.into_iter();
    match (all.next(), all.next()) {
        (Some(one), None) if !is_missing => Some(one),
        _ => None,
    }
}

fn past_run(
    tag: &PinnedTag,
    rollout_commit: RolloutCommit,
    left_at: Timestamp,
    rules: &SelectionRules,
) -> Option<PastRun> {
    let version = rules.version_of(&tag.tag)?;
    Some(PastRun { candidate: Candidate { tag: tag.tag.clone(), version }, rollout_commit, left_at })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::fixture::{held_after, path, tag_changes};

    fn rules() -> SelectionRules {
        SelectionRules::new("*".parse().unwrap(), None)
    }

    proptest! {
        /// Commits of `v1.0.0` to `v1.0.3`, or of nothing, in one or two of three files in two folders.
        #[test]
        fn taking_in_commit_by_commit_reads_the_same(
            commits in prop::collection::vec(prop::collection::btree_map(0..3_usize, 0..5_u8, 1..3), 1..12),
        ) {
            let files = ["a/x", "b/x", "b/y"];
            let mut text = Vec::new();
            let mut holds = ["-".to_owned(), "-".to_owned(), "-".to_owned()];
            for (sequence, commit) in commits.iter().enumerate() {
                for (file, version) in commit {
                    let after = if *version == 4 { "-".to_owned() } else { format!("v1.0.{version}") };
                    if holds[*file] != after {
                        text.push(format!("{sequence} {} {}>{after}", files[*file], holds[*file]));
                        holds[*file] = after;
                    }
                }
            }
            prop_assume!(!text.is_empty());
            let all = tag_changes(&text.join("; "));
            let folders = [path("a"), path("b")];
            let mut runs = Runs::default();
            for end in 1..=all.len() {
                let is_whole = all.get(end).is_none_or(|next| next.sequence != all[end - 1].sequence);
                if !is_whole {
                    continue;
                }
                let known = &all[..end];
                let held = held_after(known);
                let first = known.iter().find(|one| one.sequence == all[end - 1].sequence).unwrap();
                if !runs.apply_commit(first, &folders, &held, &rules()) {
                    runs = Runs::of(known.iter().rev(), &folders, &held, &rules());
                }
                let anew = Runs::of(known.iter().rev(), &folders, &held, &rules());
                prop_assert_eq!(runs.past(), anew.past());
            }
        }
    }
}
