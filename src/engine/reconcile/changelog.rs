//! Changelog entries in pull requests: only where the file belongs to one environment and that environment has one pull request.
//! Two pull requests that add to one file would conflict with every merge.

use crate::engine::base::context::Context;
use crate::engine::base::repository_policy::{Grouping, RepositoryPolicy};
use crate::engine::deliver::changelog_files::held;
use crate::engine::plan::edit_plan::EditPlan;
use crate::model::{CommitId, Fault, Held, RepoPath};
use crate::port::Ports;

/// The changelog file that the pull request of these plans adds to.
pub(in crate::engine) fn file_of<'p>(
    repository_policy: &'p RepositoryPolicy,
    plans: &[EditPlan],
) -> Option<&'p RepoPath> {
    let first = plans.first()?;
    let file = repository_policy.changelog_files.get(&first.environment)?;
    let is_shared = repository_policy.changelog_files.values().filter(|other| *other == file).count() > 1;
    let is_one = repository_policy.requests.get(&first.environment)?.grouping == Grouping::Environment;
    let goes_back = plans.iter().any(|plan| plan.rollback.is_some());
    (is_one && !is_shared && !goes_back).then_some(file)
}

/// Whether a branch's changelog file is the one at `base` with additions: else the two would conflict.
pub(in crate::engine) async fn is_on_top_of<P: Ports>(
    context: Context<'_, P>,
    base: CommitId,
    file: &RepoPath,
    there: Option<&[u8]>,
) -> Result<bool, Fault> {
    Ok(match held(context.repository, base, file).await? {
        Held::Bytes(now) => there.is_some_and(|there| adds_to(&now, there)),
        Held::Nothing | Held::Unusable(_) => true,
    })
}

/// Whether `with_more` is `text` with something inserted, or the same.
fn adds_to(text: &[u8], with_more: &[u8]) -> bool {
    let same = |(one, other): &(&u8, &u8)| one == other;
    let above = text.iter().zip(with_more).take_while(same).count();
    let below = text.iter().rev().zip(with_more.iter().rev()).take_while(same).count();
    with_more.len() >= text.len() && above + below >= text.len()
}

#[cfg(test)]
mod tests;
