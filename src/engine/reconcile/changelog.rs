//! Entries of what is proposed in a changelog file: where the file is of one environment alone, and all that goes into it goes by
//! one pull request. Two that added to one file would put each other in conflict with every merge.

use crate::engine::Engine;
use crate::engine::base::ports::Ports;
use crate::engine::plan::edit_plan::EditPlan;
use crate::model::{CommitId, Fault, Held, RepoPath};

use crate::engine::base::repository_policy::Grouping;
use crate::engine::reconcile::report::{PullRequestReport, PullRequestState};

impl<P: Ports> Engine<P> {
    /// The changelog file to which the pull request of these promotions adds, if one does.
    pub(in crate::engine) fn changelog_of(&self, plans: &[EditPlan]) -> Option<&RepoPath> {
        let first = plans.first()?;
        let file = self.repository_policy.changelog_files.get(&first.environment)?;
        let is_shared =
            self.repository_policy.changelog_files.values().filter(|other| *other == file).count() > 1;
        let is_one =
            self.repository_policy.requests.get(&first.environment)?.grouping == Grouping::Environment;
        let goes_back = plans.iter().any(|plan| plan.beside.is_some());
        (is_one && !is_shared && !goes_back).then_some(file)
    }

    /// Whether what a branch has of a changelog file is what is there now, and no less: else both would be in conflict.
    pub(in crate::engine) async fn is_on_top_of(
        &self,
        base: CommitId,
        file: &RepoPath,
        there: Option<&[u8]>,
    ) -> Result<bool, Fault> {
        Ok(match self.held(base, file).await? {
            Held::Bytes(now) => there.is_some_and(|there| adds_to(&now, there)),
            Held::Nothing | Held::Unusable(_) => true,
        })
    }
}

impl PullRequestReport {
    /// Whether a commit is to be made of its plans.
    pub(in crate::engine) fn is_to_be_made(&self) -> bool {
        matches!(self.standing, PullRequestState::Missing | PullRequestState::Outdated(_))
    }
}

/// Whether a text is another one with something put into it, or the same.
fn adds_to(text: &[u8], with_more: &[u8]) -> bool {
    let same = |(one, other): &(&u8, &u8)| one == other;
    let above = text.iter().zip(with_more).take_while(same).count();
    let below = text.iter().rev().zip(with_more.iter().rev()).take_while(same).count();
    with_more.len() >= text.len() && above + below >= text.len()
}

#[cfg(test)]
mod tests;
