//! What a pass writes: the push of its promotions and its pull requests, with their release notes.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DurationRound as _, TimeDelta};

use crate::engine::base::context::Context;
use crate::engine::base::pass_options::PassMode;
use crate::engine::base::repository_policy::{NotesPolicy, RepositoryPolicy};
use crate::engine::deliver::changelog_files::add_changelogs;
use crate::engine::deliver::delivery::{Delivery, Requester, commits, deliver};
use crate::engine::deliver::notes::NotesByPlan;
use crate::engine::plan::edit_plan::EditPlan;
use crate::engine::reconcile::write::{self, Writing};
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{CommitId, Fault, Timestamp};
use crate::port::Ports;

use crate::engine::tasks::report::{PassReport, Promoted};

/// How long a rollback waits for release notes.
const ROLLBACK_NOTES_WAIT: Duration = Duration::from_millis(500);

/// How a pass of this kind reads release notes: a rollback does not wait for them.
pub(super) fn notes_policy(policy: Option<NotesPolicy>, mode: &PassMode) -> Option<NotesPolicy> {
    let is_rollback = matches!(mode, PassMode::Rollback(_));
    policy.map(|policy| NotesPolicy {
        time_limit: if is_rollback { policy.time_limit.min(ROLLBACK_NOTES_WAIT) } else { policy.time_limit },
        ..policy
    })
}

/// The plans by commit.
pub(super) fn commits_of<'a>(
    report: &'a PassReport,
    repository_policy: &'a RepositoryPolicy,
) -> Vec<&'a [EditPlan]> {
    let proposed = report.requests.iter().map(|request| request.plans.as_slice());
    commits(repository_policy, &report.planned).chain(proposed).collect()
}

/// The outcome of a pass's push.
pub(super) enum Pushed {
    /// These plans landed; none if nothing was planned.
    Yes(Vec<EditPlan>),
    BranchMoved,
    Declined {
        reason: String,
    },
}

/// Pushes what is planned.
pub(super) async fn push<P: Ports>(
    context: Context<'_, P>,
    publisher: &Arc<P::Publisher>,
    report: &mut PassReport,
    by: Requester<'_>,
    notes: &NotesByPlan,
) -> Result<Pushed, Fault> {
    if report.planned.is_empty() {
        return Ok(Pushed::Yes(Vec::new()));
    }
    let (base, at) = (report.evaluation.state.commit(), to_the_second(report.evaluation.now));
    let unwritten = add_changelogs(context, base, &mut report.planned, notes, at).await;
    report.problems.extend(unwritten);
    Ok(match deliver(context, publisher, base, &report.planned, notes, (by, at)).await? {
        Delivery::Landed(commits) => {
            let plans = report.planned.clone();
            record(context.policy, report, commits, at);
            Pushed::Yes(plans)
        }
        Delivery::Moved => Pushed::BranchMoved,
        Delivery::Declined { reason } => Pushed::Declined { reason },
    })
}

/// Applies what is planned about pull requests.
pub(super) async fn propose<P: Ports>(
    context: Context<'_, P>,
    publisher: &Arc<P::Publisher>,
    report: &mut PassReport,
    requested_by: &str,
    notes: &NotesByPlan,
) {
    let (base, at) = (report.evaluation.state.commit(), to_the_second(report.evaluation.now));
    let writing = Writing { publisher, base, at, notes, requested_by };
    let problems = write::apply(context, &mut report.requests, &writing).await;
    report.problems.extend(problems);
}

fn to_the_second(at: Timestamp) -> Timestamp {
    at.duration_trunc(TimeDelta::seconds(1)).unwrap_or(at)
}

/// Moves the planned promotions of a report to the promoted ones.
fn record(
    repository_policy: &RepositoryPolicy,
    report: &mut PassReport,
    commits: Vec<CommitId>,
    at: Timestamp,
) {
    let plans = std::mem::take(&mut report.planned);
    let state = &report.evaluation.state;
    let soaks = plans.iter().filter_map(|plan| next_soak_end(repository_policy, state, plan, at));
    report.next_opening = soaks.chain(report.next_opening).min();
    let promoted = plans.into_iter().zip(commits);
    report.promoted = promoted.map(|(plan, commit)| promotion(repository_policy, plan, commit)).collect();
}

/// When the first soak ends that a promotion at `at` starts.
fn next_soak_end(
    repository_policy: &RepositoryPolicy,
    state: &RepositoryState,
    plan: &EditPlan,
    at: Timestamp,
) -> Option<Timestamp> {
    let subject = (plan.service.clone(), plan.image.clone());
    let after = repository_policy.after(plan.environment);
    let soaks = after.filter_map(|next| Some(state.deployed.target(next, &subject)?.soak));
    soaks.min().and_then(|soak| at.checked_add_signed(TimeDelta::from_std(soak).ok()?))
}

fn promotion(repository_policy: &RepositoryPolicy, plan: EditPlan, commit: CommitId) -> Promoted {
    Promoted {
        id: plan.id,
        commit,
        environment: repository_policy.environments[plan.environment].policy.name.clone(),
        service: plan.service,
        image: plan.image,
        from: plan.approved.from().tag.clone(),
        to: plan.approved.candidate().tag.clone(),
        digest: plan.approved.digest().clone(),
        quarantine: plan.rollback.and_then(|rollback| rollback.quarantine).map(|(file, _)| file),
    }
}
