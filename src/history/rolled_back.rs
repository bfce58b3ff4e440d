//! Rollbacks: which versions an environment was moved back from, read from its tag changes.

use std::collections::HashMap;

use crate::model::{EnvironmentName, PinnedTag, TagChange, Version};
use crate::policy::{RolledBack, SelectionRules};

/// The versions that were left by going lower and that nobody brought back.
///
/// Whoever made the commit: a promotion never goes lower, so a message that says it was one is not believed. A file
/// that ceases to hold any version and a later one that begins with a lower one are a way back too, be it in one
/// commit, as when a file is moved, or in several, as by way of a tag that is no version.
#[derive(Debug)]
pub(crate) struct Rollbacks {
    environment: EnvironmentName,
    left: HashMap<String, RolledBack>,
    /// The versions of files that hold none any more, until another file begins with one.
    let_go: Vec<Version>,
}

/// One tag change, by the versions before and after it.
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
    /// Nobody has gone back in this environment.
    pub(crate) fn none(environment: &EnvironmentName) -> Self {
        Self { environment: environment.clone(), left: HashMap::new(), let_go: Vec::new() }
    }

    /// What was left by these tag changes, which come newest first.
    pub(crate) fn read(
        mut tag_changes: Vec<&TagChange>,
        rules: &SelectionRules,
        environment: &EnvironmentName,
    ) -> Vec<RolledBack> {
        tag_changes.reverse();
        let mut ways = Self::none(environment);
        for commit in tag_changes.chunk_by(|one, next| one.sequence == next.sequence) {
            ways.take_in_commit(commit, rules);
        }
        ways.left()
    }

    /// Takes in the tag changes of one commit.
    pub(crate) fn take_in_commit(&mut self, commit: &[&TagChange], rules: &SelectionRules) {
        let steps: Vec<Step<'_>> = commit.iter().map(|tag_change| Step::of(tag_change, rules)).collect();
        let gone = steps.iter().filter(|step| step.after.is_empty());
        self.let_go.extend(gone.flat_map(|step| step.before.clone()));
        for step in &steps {
            self.take_in(step);
        }
    }

    /// The versions that were left, ascending.
    pub(crate) fn left(&self) -> Vec<RolledBack> {
        let mut left: Vec<RolledBack> = self.left.values().cloned().collect();
        left.sort_by(|one, other| one.version.cmp(&other.version));
        left
    }

    fn take_in(&mut self, step: &Step<'_>) {
        let Some(highest) = step.after.iter().max() else { return };
        for version in &step.after {
            self.left.remove(&version.to_string());
        }
        let before =
            if step.before.is_empty() { std::mem::take(&mut self.let_go) } else { step.before.clone() };
        let is_left = |version: &Version| version > highest && version.is_same_variant(highest);
        for version in before.into_iter().filter(is_left) {
            self.left.insert(version.to_string(), verdict_on(version, step.tag_change, &self.environment));
        }
    }
}

fn verdict_on(version: Version, tag_change: &TagChange, environment: &EnvironmentName) -> RolledBack {
    RolledBack {
        environment: environment.clone(),
        version,
        commit: tag_change.commit.id,
        // Who asked for it, when it was done by command: the commit is Tidegate's then.
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
