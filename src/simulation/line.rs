//! One image of one service in one environment, as a line of commits changes it: the tags in its files, the rollout
//! commit, earlier runs and rollbacks.

use std::sync::Arc;

use crate::history::{self, Rollbacks, Runs, TagsByFile};
use crate::model::{PinnedTag, RepoPath, TagChange};
use crate::policy::{
    Candidate, EnvironmentPolicy, PreviousRunning, RolledBack, RolloutCommit, SelectionRules,
};

/// The state of a target.
#[derive(Debug)]
pub(super) struct Line<'a> {
    folders: &'a [RepoPath],
    rules: Arc<SelectionRules>,
    held: TagsByFile,
    /// Tag changes, oldest first.
    tag_changes: Vec<TagChange>,
    /// The distinct running versions, ascending; `None` if one of them cannot be read.
    running: Option<Vec<Candidate>>,
    rollout_commit: Option<RolloutCommit>,
    runs: Runs,
    rollbacks: Rollbacks,
    left: Vec<RolledBack>,
}

impl<'a> Line<'a> {
    /// A target without files.
    pub(super) fn new(
        environment: &EnvironmentPolicy,
        folders: &'a [RepoPath],
        rules: Arc<SelectionRules>,
    ) -> Self {
        Self {
            folders,
            rules,
            held: TagsByFile::new(),
            tag_changes: Vec::new(),
            running: Some(Vec::new()),
            rollout_commit: None,
            runs: Runs::default(),
            rollbacks: Rollbacks::none(&environment.name),
            left: Vec::new(),
        }
    }

    /// Applies everything before the period, oldest first.
    pub(super) fn begin(&mut self, tag_changes: Vec<TagChange>) {
        for tag_change in &tag_changes {
            hold(&mut self.held, &tag_change.path, &tag_change.after);
        }
        for commit in tag_changes.chunk_by(|one, next| one.sequence == next.sequence) {
            self.rollbacks.apply_commit(&commit.iter().collect::<Vec<_>>(), &self.rules);
        }
        self.left = self.rollbacks.left();
        self.tag_changes = tag_changes;
        self.runs = Runs::of(self.tag_changes.iter().rev(), self.folders, &self.held, &self.rules);
        self.read();
    }

    /// Applies the tag changes of one commit, including the rollbacks that it implies.
    pub(super) fn apply_commit(&mut self, commit: Vec<TagChange>, rollbacks: &[&TagChange]) {
        if !rollbacks.is_empty() {
            self.rollbacks.apply_commit(rollbacks, &self.rules);
            self.left = self.rollbacks.left();
        }
        let first = self.tag_changes.len();
        for tag_change in commit {
            hold(&mut self.held, &tag_change.path, &tag_change.after);
            self.tag_changes.push(tag_change);
        }
        let Some(tag_change) = self.tag_changes.get(first) else { return };
        if !self.runs.apply_commit(tag_change, self.folders, &self.held, &self.rules) {
            self.runs = Runs::of(self.tag_changes.iter().rev(), self.folders, &self.held, &self.rules);
        }
        self.read();
    }

    fn read(&mut self) {
        self.running = running(&self.held, &self.rules);
        let landed = history::rollout_commit(self.tag_changes.iter().rev(), self.folders, &self.held);
        let pinned = || history::pinned_digest(&self.held);
        self.rollout_commit = landed.map(|tag_change| history::rollout_commit_of(tag_change, pinned()));
    }

    /// Its selection rules.
    pub(super) fn rules(&self) -> &SelectionRules {
        &self.rules
    }

    /// The tags of each file.
    pub(super) fn held(&self) -> &TagsByFile {
        &self.held
    }

    /// The running versions; `None` if there are none, or one of them is unknown.
    pub(super) fn running(&self) -> Option<&[Candidate]> {
        self.running.as_deref().filter(|running| !running.is_empty())
    }

    /// The one version that runs everywhere.
    pub(super) fn only(&self) -> Option<&Candidate> {
        match self.running()? {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Its facts for the later environment.
    pub(super) fn as_before(&self) -> PreviousRunning<'_> {
        match (self.running(), &self.rollout_commit) {
            (None, _) | (Some([_]), None) => PreviousRunning::Missing,
            (Some([candidate]), Some(rollout_commit)) if !history::is_pinned_apart(&self.held) => {
                PreviousRunning::One { candidate, rollout_commit: Some(rollout_commit) }
            }
            (Some(running), _) => PreviousRunning::Several(running),
        }
    }

    /// Earlier runs, newest first.
    pub(super) fn past(&self) -> &[crate::policy::PastRun] {
        self.runs.past()
    }

    /// Versions that people rolled back from and that nobody restored.
    pub(super) fn left(&self) -> &[RolledBack] {
        &self.left
    }

    /// The tags of the files after a promotion replaces every lower version.
    pub(super) fn raised(
        &self,
        candidate: &Candidate,
        digest: &crate::model::Digest,
    ) -> Vec<(RepoPath, Vec<PinnedTag>, Vec<PinnedTag>)> {
        let raise = |held: &PinnedTag| match self.rules.version_of(&held.tag) {
            Some(version) if candidate.version.may_follow(&version) => {
                PinnedTag { tag: candidate.tag.clone(), digest: held.digest.as_ref().map(|_| digest.clone()) }
            }
            _ => held.clone(),
        };
        let raised = self.held.iter().map(|(path, held)| {
            let mut after: Vec<PinnedTag> = held.iter().map(raise).collect();
            after.sort();
            after.dedup();
            (path.clone(), held.clone(), after)
        });
        raised.filter(|(_, before, after)| before != after).collect()
    }
}

/// Replaces the tags of a file.
pub(super) fn hold(held: &mut TagsByFile, path: &RepoPath, tags: &[PinnedTag]) {
    if tags.is_empty() {
        held.remove(path);
    } else if let Some(known) = held.get_mut(path) {
        known.clear();
        known.extend_from_slice(tags);
    } else {
        held.insert(path.clone(), tags.to_vec());
    }
}

/// The distinct versions of the tags, ascending; `None` if one is no version.
pub(super) fn running(held: &TagsByFile, rules: &SelectionRules) -> Option<Vec<Candidate>> {
    let mut running: Vec<Candidate> = Vec::new();
    for pinned in held.values().flatten() {
        let candidate = Candidate { tag: pinned.tag.clone(), version: rules.version_of(&pinned.tag)? };
        if !running.contains(&candidate) {
            running.push(candidate);
        }
    }
    running.sort_by(|one, other| one.version.cmp(&other.version));
    Some(running)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Arc<SelectionRules> {
        Arc::new(SelectionRules::new("*".parse().unwrap(), None))
    }

    #[test]
    fn only_what_is_lower_is_raised_and_pins_follow() {
        let digest: crate::model::Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        let other: crate::model::Digest = format!("sha256:{}", "b".repeat(64)).parse().unwrap();
        let held = |tag: &str, digest: Option<&crate::model::Digest>| PinnedTag {
            tag: tag.parse().unwrap(),
            digest: digest.cloned(),
        };
        let folders = ["p".parse().unwrap()];
        let environment = EnvironmentPolicy {
            name: "prod".parse().unwrap(),
            after: None,
            freezes: Vec::new(),
            windows: Vec::new(),
            zone: chrono_tz::Tz::UTC,
            approval: crate::policy::ApprovalPolicy::NotRequired,
        };
        let mut line = Line::new(&environment, &folders, rules());
        hold(&mut line.held, &"p/a".parse().unwrap(), &[held("v1.0.0", Some(&other)), held("v3.0.0", None)]);
        hold(&mut line.held, &"p/b".parse().unwrap(), &[held("v3.0.0", None)]);
        let candidate = Candidate { tag: "v2.0.0".parse().unwrap(), version: "2.0.0".parse().unwrap() };
        let raised = line.raised(&candidate, &digest);
        assert_eq!(raised.len(), 1);
        assert_eq!(raised[0].2, [held("v2.0.0", Some(&digest)), held("v3.0.0", None)]);
    }
}
