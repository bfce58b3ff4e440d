//! Release notes for the commits of a pass: requested for all promotions at once, with one time limit.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::changelog::{Heading, Notes, Remark};

use crate::engine::base::repository_policy::NotesPolicy;
use crate::engine::plan::edit_plan::EditPlan;
use crate::port::{Changelog, NotesWanted};

/// Maximum requests for notes at once.
const AT_ONCE: usize = 8;

/// Maximum promotions per commit that carry release notes.
pub(in crate::engine) const MOST_PER_COMMIT: usize = 50;

/// The notes of a pass, kept across its attempts.
#[derive(Debug, Default)]
pub(in crate::engine) struct NotesByPlan {
    notes: HashMap<NotesWanted, Notes>,
}

impl NotesByPlan {
    /// The notes of a plan, if the policy wants notes.
    pub(in crate::engine) fn of(&self, plan: &EditPlan) -> Option<&Notes> {
        self.notes.get(&wanted(plan))
    }
}

/// Requests the notes that these commits will carry and that are not there yet.
///
/// Never fails and never takes longer than the limit: a promotion whose notes are late goes without, and its commit says so.
pub(in crate::engine) async fn fetch<C: Changelog>(
    changelog: &Arc<C>,
    policy: Option<NotesPolicy>,
    commits: &[&[EditPlan]],
    known: &mut NotesByPlan,
) {
    let Some(policy) = policy else { return };
    let missing: Vec<NotesWanted> = commits
        .iter()
        .flat_map(|plans| plans.iter().take(MOST_PER_COMMIT))
        .map(wanted)
        .filter(|wanted| !known.notes.contains_key(wanted))
        .collect();
    let mut asked = JoinSet::new();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    for wanted in missing.clone() {
        let (changelog, turns) = (Arc::clone(changelog), Arc::clone(&turns));
        asked.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire().await;
            let notes = changelog.notes(&wanted).await;
            (wanted, notes)
        });
    }
    let collect = async {
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok((wanted, notes)) => drop(known.notes.insert(wanted, notes)),
                // Counts as late.
                Err(error) => tracing::error!(%error, "fetching release notes panicked"),
            }
        }
    };
    // Real time, not the engine's clock: this bounds how long the process waits.
    let _ = tokio::time::timeout(policy.time_limit, collect).await;
    asked.abort_all();
    for wanted in missing {
        let late = || without(&wanted, policy.time_limit);
        known.notes.entry(wanted.clone()).or_insert_with(late);
    }
}

fn wanted(plan: &EditPlan) -> NotesWanted {
    NotesWanted {
        service: plan.service.clone(),
        image: plan.image.clone(),
        from: plan.approved.from().tag.clone(),
        to: plan.approved.candidate().tag.clone(),
        digest: plan.approved.digest().clone(),
    }
}

fn without(wanted: &NotesWanted, limit: Duration) -> Notes {
    let heading = Heading::new(wanted.service.to_string(), wanted.from.as_str(), wanted.to.as_str());
    Notes::without_commits(heading, vec![Remark::TimedOut { seconds: limit.as_secs() }])
}

#[cfg(test)]
mod tests;
