//! Changelog files in the repository: each promotion's commit adds its notes to the file of its environment, read from the
//! commit that the promotion is made on. A file that cannot be written holds back nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::changelog::{FileError, KeepAChangelog};
use crate::model::{CommitId, Fault, Held, RepoPath, Timestamp};

use super::delivery;
use super::notes::{MOST_PER_COMMIT, NotesByPlan};
use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::plan::edit_plan::EditPlan;
use crate::port::{Ports, Repository};

/// Maximum text written in one pass: each commit has the whole file.
const MOST_BYTES: usize = 64 * 1024 * 1024;

enum Text {
    Is(Vec<u8>),
    /// Nothing more is added; a problem says why.
    Closed,
}

/// Sets in each commit's plans the changelog files that it writes. A file that cannot be written becomes a problem, and the
/// promotions go without it.
pub(in crate::engine) async fn add_changelogs<P: Ports>(
    context: Context<'_, P>,
    base: CommitId,
    plans: &mut [EditPlan],
    notes: &NotesByPlan,
    at: Timestamp,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut texts = BTreeMap::new();
    for (file, places) in files_of(context.policy, plans) {
        let without = |why: &str| without(context.policy, &file, &plans[places[0]], why);
        let text = match held(context.repository, base, &file).await {
            Ok(Held::Nothing) => Text::Is(Vec::new()),
            Ok(Held::Bytes(bytes)) => Text::Is(bytes),
            Ok(Held::Unusable(why)) => {
                problems.push(without(why));
                Text::Closed
            }
            Err(fault) => {
                problems.push(without(&fault.in_one_line()));
                Text::Closed
            }
        };
        texts.insert(file, text);
    }
    let day = at.with_timezone(&context.policy.zone()).date_naive();
    problems.extend(grow(context.policy, plans, notes, day, texts));
    problems
}

/// What a commit has at a path.
pub(in crate::engine) async fn held<R: Repository>(
    repository: &Arc<R>,
    commit: CommitId,
    file: &RepoPath,
) -> Result<Held, Fault> {
    let (repository, file) = (Arc::clone(repository), file.clone());
    blocking(move || Ok(repository.held(commit, &file)?)).await
}

fn grow(
    repository_policy: &RepositoryPolicy,
    plans: &mut [EditPlan],
    notes: &NotesByPlan,
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
            let made = add(repository_policy, &file, &places, together, notes, day).insert_into(before);
            bytes_made += made.as_ref().map_or(0, Vec::len);
            let without = |why: &str| without(repository_policy, &file, &together[places[0]], why);
            let failure = match &made {
                Err(error) => Some(without(&error.to_string()).hint(hint(*error))),
                Ok(_) if bytes_made > MOST_BYTES => Some(without("there are too many commits in one push")),
                Ok(_) => None,
            };
            if let Some(problem) = failure {
                problems.push(problem);
                texts.insert(file, Text::Closed);
                continue;
            }
            let (Ok(made), Some(last)) = (made, places.last()) else { continue };
            if made != *before {
                together[*last].changelog = Some((file.clone(), Arc::from(made.as_slice())));
            }
            if let Some(left_out) = places.len().checked_sub(MOST_PER_COMMIT).filter(|count| *count > 0) {
                let why =
                    format!("a commit adds at most {MOST_PER_COMMIT} promotions; {left_out} are left out");
                problems.push(Problem::warning(why).at(&file, None));
            }
            texts.insert(file, Text::Is(made));
        }
    }
    problems
}

/// The files that the plans of one commit add to, with the indexes of those plans.
fn files_of(repository_policy: &RepositoryPolicy, together: &[EditPlan]) -> BTreeMap<RepoPath, Vec<usize>> {
    let mut files: BTreeMap<RepoPath, Vec<usize>> = BTreeMap::new();
    for (at, plan) in together.iter().enumerate() {
        if let Some(file) = repository_policy.changelog_files.get(&plan.environment) {
            files.entry(file.clone()).or_default().push(at);
        }
    }
    files
}

fn add(
    repository_policy: &RepositoryPolicy,
    file: &RepoPath,
    places: &[usize],
    together: &[EditPlan],
    notes: &NotesByPlan,
    day: NaiveDate,
) -> KeepAChangelog {
    let is_shared = repository_policy.changelog_files.values().filter(|other| *other == file).count() > 1;
    let sections = places.iter().filter_map(|at| {
        let plan = &together[*at];
        let environment = repository_policy.environments[plan.environment].policy.name.as_str();
        Some(KeepAChangelog::from_promotion(notes.of(plan)?, is_shared.then_some(environment), day))
    });
    sections.collect()
}

/// Names the first promotion that goes without its changelog.
fn without(repository_policy: &RepositoryPolicy, file: &RepoPath, plan: &EditPlan, why: &str) -> Problem {
    let environment = &repository_policy.environments[plan.environment].policy.name;
    Problem::warning(format!("the changelog was not written: {why}"))
        .of(environment, &plan.service)
        .at(file, None)
}

fn hint(error: FileError) -> &'static str {
    match error {
        FileError::NotUtf8 => "convert it to UTF-8, or remove it and the next promotion starts a new one",
        FileError::TooLarge => "move old entries to another file",
    }
}

#[cfg(test)]
mod tests;
