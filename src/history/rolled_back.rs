//! Rollbacks: the versions that people left by going lower.

use std::collections::HashMap;

use crate::model::{EnvironmentName, PinnedTag, RepoPath, TagChange, Version};
use crate::policy::{RolledBack, SelectionRules};

/// The versions that people left by going lower and that nobody brought back.
///
/// The author of a commit does not matter: a promotion never goes lower, so a message that claims to be one is not
/// believed. A file that lowers its version leaves it. A file that is removed, or that changes to a tag without a
/// version, leaves its version only once no other file holds it and some file begins with a lower one. A version that
/// a merged side branch lowered is left unless the branch holds it.
#[derive(Debug)]
pub(crate) struct Rollbacks {
    environment: EnvironmentName,
    left: HashMap<String, RolledBack>,
    /// Versions of files that hold none any more, until another file begins with one.
    let_go: Vec<Version>,
    /// The versions of each file on the branch.
    files: HashMap<RepoPath, Vec<Version>>,
}

/// A tag change, as versions.
struct Step<'a> {
    tag_change: &'a TagChange,
    before: Vec<Version>,
    after: Vec<Version>,
}

impl<'a> Step<'a> {
    fn of(tag_change: &'a TagChange, rules: &SelectionRules) -> Self {
        let versions =
            |held: &[PinnedTag]| held.iter().filter_map(|held| rules.version_of(&held.tag)).collect();
        Self { tag_change, before: versions(&tag_change.before), after: versions(&tag_change.after) }
    }
}

impl Rollbacks {
    /// Nobody rolled back in this environment.
    pub(crate) fn none(environment: &EnvironmentName) -> Self {
        Self {
            environment: environment.clone(),
            left: HashMap::new(),
            let_go: Vec::new(),
            files: HashMap::new(),
        }
    }

    /// The versions left by these tag changes, given oldest first.
    pub(crate) fn read(
        tag_changes: &[&TagChange],
        rules: &SelectionRules,
        environment: &EnvironmentName,
    ) -> Vec<RolledBack> {
        let mut rollbacks = Self::none(environment);
        for commit in tag_changes.chunk_by(|one, next| one.sequence == next.sequence) {
            rollbacks.take_in_commit(commit, rules);
        }
        rollbacks.left()
    }

    /// Adds the tag changes of one commit.
    pub(crate) fn take_in_commit(&mut self, commit: &[&TagChange], rules: &SelectionRules) {
        let steps: Vec<Step<'_>> = commit.iter().map(|tag_change| Step::of(tag_change, rules)).collect();
        if commit.iter().any(|tag_change| tag_change.is_beside) {
            for step in &steps {
                self.leave(step, step.before.clone(), false);
            }
            return;
        }
        for step in &steps {
            match step.after.as_slice() {
                [] => drop(self.files.remove(&step.tag_change.path)),
                after => drop(self.files.insert(step.tag_change.path.clone(), after.to_vec())),
            }
        }
        let gone = steps.iter().filter(|step| step.after.is_empty()).flat_map(|step| step.before.clone());
        self.let_go.extend(gone);
        for step in &steps {
            for version in &step.after {
                self.left.remove(&version.to_string());
            }
            if step.before.is_empty() && !step.after.is_empty() {
                let let_go = std::mem::take(&mut self.let_go);
                self.leave(step, let_go, false);
            } else {
                self.leave(step, step.before.clone(), true);
            }
        }
    }

    /// The versions that were left, ascending.
    pub(crate) fn left(&self) -> Vec<RolledBack> {
        let mut left: Vec<RolledBack> = self.left.values().cloned().collect();
        left.sort_by(|one, other| one.version.cmp(&other.version));
        left
    }

    /// Records those of `versions` as left that are higher than what the file holds now, and that no file holds (or
    /// all of them, with `even_if_held`).
    fn leave(&mut self, step: &Step<'_>, versions: Vec<Version>, even_if_held: bool) {
        let Some(highest) = step.after.iter().max() else { return };
        for version in versions.into_iter().filter(|version| version > highest) {
            if even_if_held || !self.files.values().any(|held| held.contains(&version)) {
                self.left
                    .insert(version.to_string(), verdict_on(version, step.tag_change, &self.environment));
            }
        }
    }
}

fn verdict_on(version: Version, tag_change: &TagChange, environment: &EnvironmentName) -> RolledBack {
    RolledBack {
        environment: environment.clone(),
        version,
        commit: tag_change.commit.id,
        // The requester, if Tidegate made the commit for a person; otherwise the author.
        author: tag_change
            .promotion
            .as_ref()
            .map_or(&tag_change.commit.author_name, |promotion| &promotion.requested_by)
            .clone(),
        at: tag_change.commit.committed_at,
    }
}

#[cfg(test)]
mod tests;
