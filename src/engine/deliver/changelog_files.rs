//! Changelog files in the repository: each promotion's commit adds what it brings to the file of its environment, read
//! anew from the commit that the promotion is made on. A file that can't be kept holds nobody up.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::changelog::{FileError, KeepAChangelog};
use crate::model::{CommitId, Fault, Held, RepoPath, Timestamp};

use super::delivery;
use super::notes::{MOST_IN_A_COMMIT, Told};
use crate::engine::Engine;
use crate::engine::base::blocking::blocking;
use crate::engine::base::ports::{Ports, Repository};
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::plan::edit_plan::EditPlan;

/// How much text one pass makes at most: each commit has the whole file anew.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A file while commits add to it.
enum Text {
    Is(Vec<u8>),
    /// It takes nothing more, which was told.
    Over,
}

impl<P: Ports> Engine<P> {
    /// Gives each commit's plans the files that it adds to. What can't be kept is told, and the promotions go without.
    pub(in crate::engine) async fn keep_changelogs(
        &self,
        base: CommitId,
        plans: &mut [EditPlan],
        told: &Told,
        at: Timestamp,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut texts = BTreeMap::new();
        for (file, places) in files_of(&self.repository_policy, plans) {
            let without = |why: &str| without(&self.repository_policy, &file, &plans[places[0]], why);
            let text = match self.held(base, &file).await {
                Ok(Held::Nothing) => Text::Is(Vec::new()),
                Ok(Held::Bytes(bytes)) => Text::Is(bytes),
                Ok(Held::Unusable(why)) => {
                    problems.push(without(why));
                    Text::Over
                }
                Err(fault) => {
                    problems.push(without(&fault.in_one_line()));
                    Text::Over
                }
            };
            texts.insert(file, text);
        }
        let day = at.with_timezone(&self.repository_policy.zone()).date_naive();
        problems.extend(grow(&self.repository_policy, plans, told, day, texts));
        problems
    }

    /// What a commit has of a file.
    pub(in crate::engine) async fn held(&self, commit: CommitId, file: &RepoPath) -> Result<Held, Fault> {
        let (repository, file) = (Arc::clone(&self.ports.repository), file.clone());
        blocking(move || repository.held(commit, &file)).await
    }
}

fn grow(
    repository_policy: &RepositoryPolicy,
    plans: &mut [EditPlan],
    told: &Told,
    day: NaiveDate,
    mut texts: BTreeMap<RepoPath, Text>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut bytes_made = 0;
    let lengths: Vec<usize> = delivery::commits(repository_policy, plans).map(<[EditPlan]>::len).collect();
    let mut rest = plans;
    for length in lengths {
        let (together, after) = rest.split_at_mut(length);
        rest = after;
        for (file, places) in files_of(repository_policy, together) {
            let Some(Text::Is(before)) = texts.get(&file) else { continue };
            let made = add(repository_policy, &file, &places, together, told, day).insert_into(before);
            bytes_made += made.as_ref().map_or(0, Vec::len);
            let without = |why: &str| without(repository_policy, &file, &together[places[0]], why);
            let trouble = match &made {
                Err(error) => Some(without(&error.to_string()).hint(hint(*error))),
                Ok(_) if bytes_made > MOST_BYTES => Some(without("there are too many commits in one push")),
                Ok(_) => None,
            };
            if let Some(problem) = trouble {
                problems.push(problem);
                texts.insert(file, Text::Over);
                continue;
            }
            let (Ok(made), Some(last)) = (made, places.last()) else { continue };
            if made != *before {
                together[*last].changelog = Some((file.clone(), Arc::from(made.as_slice())));
            }
            if let Some(left_out) = places.len().checked_sub(MOST_IN_A_COMMIT).filter(|count| *count > 0) {
                let why = format!(
                    "of one commit's promotions it takes {MOST_IN_A_COMMIT}; {left_out} are left out"
                );
                problems.push(Problem::warning(why).at(&file, None));
            }
            texts.insert(file, Text::Is(made));
        }
    }
    problems
}

/// The files that the promotions of one commit add to, with the places of these.
fn files_of(repository_policy: &RepositoryPolicy, together: &[EditPlan]) -> BTreeMap<RepoPath, Vec<usize>> {
    let mut files: BTreeMap<RepoPath, Vec<usize>> = BTreeMap::new();
    for (at, plan) in together.iter().enumerate() {
        if let Some(file) = repository_policy.changelog_files.get(&plan.environment) {
            files.entry(file.clone()).or_default().push(at);
        }
    }
    files
}

/// What one commit adds to a file.
fn add(
    repository_policy: &RepositoryPolicy,
    file: &RepoPath,
    places: &[usize],
    together: &[EditPlan],
    told: &Told,
    day: NaiveDate,
) -> KeepAChangelog {
    let is_shared = repository_policy.changelog_files.values().filter(|other| *other == file).count() > 1;
    let sections = places.iter().filter_map(|at| {
        let plan = &together[*at];
        let environment = repository_policy.environments[plan.environment].policy.name.as_str();
        Some(KeepAChangelog::of_promotion(told.of(plan)?, is_shared.then_some(environment), day))
    });
    sections.collect()
}

/// Said of the first promotion that goes without its changelog.
fn without(repository_policy: &RepositoryPolicy, file: &RepoPath, plan: &EditPlan, why: &str) -> Problem {
    let environment = &repository_policy.environments[plan.environment].policy.name;
    Problem::warning(format!("what changed is not in this changelog: {why}"))
        .of(environment, &plan.service)
        .at(file, None)
}

fn hint(error: FileError) -> &'static str {
    match error {
        FileError::NotUtf8 => "write it in UTF-8, or remove it, and the next promotion begins it anew",
        FileError::TooLarge => "move what is old in it to another file",
    }
}

#[cfg(test)]
mod tests;
