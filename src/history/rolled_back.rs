//! Rollbacks: versions that people replaced by lower ones.

use std::collections::{BTreeSet, HashMap};

use crate::model::{EnvironmentName, PinnedTag, RepoPath, TagChange, Version};
use crate::policy::{RolledBack, SelectionRules};

/// The versions that people rolled back from and that nobody restored.
///
/// The author of a commit does not matter: a promotion never lowers a version, so a message that claims to be one does not
/// count. Lowering the version of a file is a rollback from it. Removing a file, or changing it to a tag without a version,
/// is one only if no other file has the version and some file is added with a lower one. A version that a merged side branch
/// lowered counts as rolled back unless the branch has it.
#[derive(Debug)]
pub(crate) struct Rollbacks {
    environment: EnvironmentName,
    left: HashMap<String, RolledBack>,
    /// Versions of files that hold none any more, until another file begins with one.
    removed: Vec<Version>,
    /// The versions of each file on the branch.
    files: HashMap<RepoPath, Vec<Version>>,
}

/// A tag change, as versions.
struct VersionChange<'a> {
    tag_change: &'a TagChange,
    before: Vec<Version>,
    after: Vec<Version>,
}

impl<'a> VersionChange<'a> {
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
            removed: Vec::new(),
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
            rollbacks.apply_commit(commit, rules);
        }
        rollbacks.left()
    }

    /// Adds the tag changes of one commit.
    pub(crate) fn apply_commit(&mut self, commit: &[&TagChange], rules: &SelectionRules) {
        let changes: Vec<VersionChange<'_>> =
            commit.iter().map(|tag_change| VersionChange::of(tag_change, rules)).collect();
        if commit.iter().any(|tag_change| tag_change.is_beside) {
            for change in &changes {
                self.leave(change, change.before.clone(), false);
            }
            return;
        }
        for change in &changes {
            match change.after.as_slice() {
                [] => drop(self.files.remove(&change.tag_change.path)),
                after => drop(self.files.insert(change.tag_change.path.clone(), after.to_vec())),
            }
        }
        let gone =
            changes.iter().filter(|change| change.after.is_empty()).flat_map(|change| change.before.clone());
        self.removed.extend(gone);
        // What is only moved to another file, or stands under another name, is not restored.
        let carried: BTreeSet<&Version> = changes.iter().flat_map(|change| &change.before).collect();
        for change in &changes {
            for version in change.after.iter().filter(|version| !carried.contains(version)) {
                self.left.remove(&version.to_string());
            }
            if change.before.is_empty() && !change.after.is_empty() {
                let removed = std::mem::take(&mut self.removed);
                self.leave(change, removed, false);
            } else {
                self.leave(change, change.before.clone(), true);
            }
        }
    }

    /// The versions that were left, ascending.
    pub(crate) fn left(&self) -> Vec<RolledBack> {
        let mut left: Vec<RolledBack> = self.left.values().cloned().collect();
        left.sort_by(|one, other| one.version.cmp(&other.version));
        left
    }

    /// Records rollbacks from those of `versions` that are higher than the current version of the file and that no file has
    /// (with `regardless`: even if a file has them).
    fn leave(&mut self, change: &VersionChange<'_>, versions: Vec<Version>, regardless: bool) {
        let Some(highest) = change.after.iter().max() else { return };
        for version in versions.into_iter().filter(|version| version > highest) {
            if regardless || !self.files.values().any(|held| held.contains(&version)) {
                self.left
                    .insert(version.to_string(), rollback(version, change.tag_change, &self.environment));
            }
        }
    }
}

fn rollback(version: Version, tag_change: &TagChange, environment: &EnvironmentName) -> RolledBack {
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
