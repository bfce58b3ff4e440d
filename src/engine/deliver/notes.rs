//! What changed, for the commits of a pass: asked for all promotions at once, and waited for no longer than the policy says.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::changelog::{Heading, Notes, Remark};

use crate::engine::Engine;
use crate::engine::base::ports::{Changelog, NotesWanted, Ports};
use crate::engine::plan::edit_plan::EditPlan;

/// How many promotions are asked about at once.
const AT_ONCE: usize = 8;

/// Of how many promotions a commit tells what changed. Nobody reads more in one message, and nothing is asked that is not
/// told.
pub(in crate::engine) const MOST_IN_A_COMMIT: usize = 50;

/// The notes of a pass, kept while it decides again.
#[derive(Debug, Default)]
pub(in crate::engine) struct Told {
    notes: HashMap<NotesWanted, Notes>,
}

impl Told {
    /// The notes of a plan, if notes are wanted.
    pub(in crate::engine) fn of(&self, plan: &EditPlan) -> Option<&Notes> {
        self.notes.get(&wanted(plan))
    }
}

impl<P: Ports> Engine<P> {
    /// Asks what changed by each of the plans whose commit will tell it and that was not asked about yet.
    ///
    /// It never fails and never takes longer than the limit: a promotion whose notes are late goes without, and says so.
    pub(in crate::engine) async fn tell_changes(&self, commits: &[&[EditPlan]], told: &mut Told) {
        let Some(policy) = self.repository_policy.notes else { return };
        let missing: Vec<NotesWanted> = commits
            .iter()
            .flat_map(|together| together.iter().take(MOST_IN_A_COMMIT))
            .map(wanted)
            .filter(|wanted| !told.notes.contains_key(wanted))
            .collect();
        let mut asked = JoinSet::new();
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        for wanted in missing.clone() {
            let (changelog, turns) = (Arc::clone(&self.ports.changelog), Arc::clone(&turns));
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
                    Ok((wanted, notes)) => drop(told.notes.insert(wanted, notes)),
                    // What went wrong within one is no reason to hold a promotion back; it is told as late.
                    Err(error) => tracing::error!(%error, "the notes of a promotion were given up"),
                }
            }
        };
        // Not the engine's clock: what is bounded here is this process's waiting, which a test does not wait for.
        let _ = tokio::time::timeout(policy.time_limit, collect).await;
        asked.abort_all();
        for wanted in missing {
            let late = || without(&wanted, policy.time_limit);
            told.notes.entry(wanted.clone()).or_insert_with(late);
        }
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
