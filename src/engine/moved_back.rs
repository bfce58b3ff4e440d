//! Rollbacks: which versions an environment was moved back from, read from its movements.

use std::collections::HashMap;

use crate::model::{EnvironmentName, Movement, PinnedTag, Version};
use crate::policy::{MovedBack, SelectionRules};

/// The versions that were left by going lower and that nobody brought back, ascending. `movements` come newest first.
///
/// Whoever made the commit: a promotion never goes lower, so a message that says it was one is not believed. A file
/// that ceases to hold any version and a later one that begins with a lower one are a way back too, be it in one
/// commit, as when a file is moved, or in several, as by way of a tag that is no version.
pub(crate) fn read(
    mut movements: Vec<&Movement>,
    rules: &SelectionRules,
    environment: &EnvironmentName,
) -> Vec<MovedBack> {
    movements.reverse();
    let mut reading = Reading { environment, left: HashMap::new(), let_go: Vec::new() };
    for commit in movements.chunk_by(|one, next| one.sequence == next.sequence) {
        let steps: Vec<Step<'_>> = commit.iter().map(|movement| Step::of(movement, rules)).collect();
        reading
            .let_go
            .extend(steps.iter().filter(|step| step.after.is_empty()).flat_map(|step| step.before.clone()));
        for step in &steps {
            reading.take_in(step);
        }
    }
    let mut left: Vec<MovedBack> = reading.left.into_values().collect();
    left.sort_by(|one, other| one.version.cmp(&other.version));
    left
}

struct Reading<'a> {
    environment: &'a EnvironmentName,
    left: HashMap<String, MovedBack>,
    /// The versions of files that hold none any more, until another file begins with one.
    let_go: Vec<Version>,
}

/// One movement, by the versions before and after it.
struct Step<'a> {
    movement: &'a Movement,
    before: Vec<Version>,
    after: Vec<Version>,
}

impl<'a> Step<'a> {
    fn of(movement: &'a Movement, rules: &SelectionRules) -> Self {
        let versions =
            |held: &[PinnedTag]| held.iter().filter_map(|held| rules.version_of(&held.tag)).collect();
        Self { movement, before: versions(&movement.before), after: versions(&movement.after) }
    }
}

impl Reading<'_> {
    fn take_in(&mut self, step: &Step<'_>) {
        let Some(highest) = step.after.iter().max() else { return };
        for version in &step.after {
            self.left.remove(&version.to_string());
        }
        let before =
            if step.before.is_empty() { std::mem::take(&mut self.let_go) } else { step.before.clone() };
        for version in before.into_iter().filter(|version| version > highest) {
            self.left.insert(version.to_string(), verdict_on(version, step.movement, self.environment));
        }
    }
}

fn verdict_on(version: Version, movement: &Movement, environment: &EnvironmentName) -> MovedBack {
    MovedBack {
        environment: environment.clone(),
        version,
        commit: movement.commit.id,
        author: movement.commit.author_name.clone(),
        at: movement.commit.committed_at,
    }
}

#[cfg(test)]
mod tests;
