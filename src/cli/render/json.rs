//! Results for programs: the contract that `docs/json.md` describes.

use serde::Serialize;

use crate::engine::{
    EditPlan, Move, Mover, PassReport, Problem, Promoted, ProposedMove, PullRequestAction, PullRequestReport,
    RepositoryPolicy, Target, Unmerged,
};
use crate::model::{Intent, Outcome, Tag, Timestamp};
use crate::policy::{Answer, Decision, GateEvaluation, GateReport, NoCandidate};

use super::target_state::{Counts, TargetState, head, is_superseded, state_of};

mod explain;
mod status;

pub(crate) use explain::explain;
pub(crate) use status::status;

/// A pass.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pass {
    commit: String,
    head: String,
    at: Timestamp,
    counts: Counts,
    planned: Vec<PlannedPromotion>,
    promoted: Vec<Promotion>,
    pull_requests: Vec<PullRequest>,
    waiting: Vec<WaitingTarget>,
    without_candidate: Vec<TargetWithoutCandidate>,
    recovered: Vec<RecoveredPromotion>,
    problems: Vec<ProblemBody>,
    next_opening: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlannedPromotion {
    service: String,
    environment: String,
    image: String,
    from: String,
    to: String,
    digest: String,
    releases: usize,
    gates: Vec<Gate>,
    files: Vec<String>,
    quarantine_file: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Promotion {
    #[serde(rename = "promotion")]
    id: String,
    commit: String,
    service: String,
    environment: String,
    image: String,
    from: String,
    to: String,
    digest: String,
    quarantine_file: Option<String>,
}

/// An open pull request that would move a target.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenPullRequest {
    number: u64,
    url: String,
    opened_at: Timestamp,
    to: String,
}

pub(super) fn open_pull_request(unmerged: &Unmerged) -> OpenPullRequest {
    OpenPullRequest {
        number: unmerged.number,
        url: unmerged.url.clone(),
        opened_at: unmerged.opened_at,
        to: unmerged.tag.to_string(),
    }
}

/// A pull request, and what this pass does about it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PullRequest {
    number: Option<u64>,
    url: Option<String>,
    branch: String,
    environment: String,
    action: &'static str,
    done: bool,
    opened_at: Option<Timestamp>,
    close_reason: Option<String>,
    review: Option<String>,
    auto_merge_paused_by: Option<String>,
    changes: Vec<ProposedChange>,
}

#[derive(Serialize)]
struct ProposedChange {
    service: String,
    image: String,
    from: String,
    to: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitingTarget {
    service: String,
    environment: String,
    image: String,
    from: Option<String>,
    to: String,
    state: TargetState,
    earliest: Option<Timestamp>,
    gates: Vec<Gate>,
}

/// A target for which something newer may be there, and is no candidate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetWithoutCandidate {
    service: String,
    environment: String,
    image: String,
    running: Option<String>,
    reason: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gate {
    #[serde(rename = "gate")]
    name: &'static str,
    answer: &'static str,
    opens_at: Option<Timestamp>,
    reason: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecoveredPromotion {
    promotion: String,
    service: String,
    environment: String,
    to: String,
    commit: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProblemBody {
    severity: &'static str,
    class: &'static str,
    message: String,
    hint: Option<String>,
    environment: Option<String>,
    service: Option<String>,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
}

/// A pass as JSON.
pub(crate) fn pass(policy: &RepositoryPolicy, report: &PassReport) -> Pass {
    Pass {
        commit: report.evaluation.state.commit().to_string(),
        head: head(report).to_string(),
        at: report.evaluation.now,
        counts: Counts::of(policy, report),
        planned: report.planned.iter().map(|plan| planned(policy, plan)).collect(),
        promoted: report.promoted.iter().map(promotion).collect(),
        pull_requests: report.requests.iter().map(pull_request).collect(),
        waiting: waiting(policy, report),
        without_candidate: without_candidate(policy, report),
        recovered: report.recovered.iter().map(recovered).collect(),
        problems: report.problems.iter().map(problem).collect(),
        next_opening: report.next_opening,
    }
}

fn planned(policy: &RepositoryPolicy, plan: &EditPlan) -> PlannedPromotion {
    let quarantine = plan.rollback.as_ref().and_then(|rollback| rollback.quarantine.as_ref());
    PlannedPromotion {
        service: plan.service.to_string(),
        environment: policy.environments[plan.environment].policy.name.to_string(),
        image: plan.image.to_string(),
        from: plan.approved.from().tag.to_string(),
        to: plan.approved.candidate().tag.to_string(),
        digest: plan.approved.digest().to_string(),
        releases: plan.approved.releases_count(),
        gates: plan.approved.gates().iter().map(gate).collect(),
        files: plan.files.iter().map(|file| file.path.to_string()).collect(),
        quarantine_file: quarantine.map(|(file, _)| file.to_string()),
    }
}

fn promotion(promoted: &Promoted) -> Promotion {
    Promotion {
        id: promoted.id.to_string(),
        commit: promoted.commit.to_string(),
        service: promoted.service.to_string(),
        environment: promoted.environment.to_string(),
        image: promoted.image.to_string(),
        from: promoted.from.to_string(),
        to: promoted.to.to_string(),
        digest: promoted.digest.to_string(),
        quarantine_file: promoted.quarantine.as_ref().map(ToString::to_string),
    }
}

fn pull_request(request: &PullRequestReport) -> PullRequest {
    let (action, close_reason) = match &request.state {
        PullRequestAction::Waits => ("none", None),
        PullRequestAction::Opens => ("open", None),
        PullRequestAction::Updates => ("update", None),
        PullRequestAction::Closes { why } => ("close", Some(why.clone())),
        PullRequestAction::Theirs => ("takenOver", None),
    };
    let change = |one: &ProposedMove| ProposedChange {
        service: one.service.to_string(),
        image: one.image.to_string(),
        from: one.from.to_string(),
        to: one.to.to_string(),
    };
    PullRequest {
        number: request.number,
        url: request.url.clone(),
        branch: request.branch.to_string(),
        environment: request.environment.to_string(),
        action,
        done: request.is_done,
        opened_at: request.opened_at,
        close_reason,
        review: request.review.clone(),
        auto_merge_paused_by: request.pause().map(str::to_owned),
        changes: request.moves.iter().map(change).collect(),
    }
}

fn waiting(policy: &RepositoryPolicy, report: &PassReport) -> Vec<WaitingTarget> {
    let deployed = &report.evaluation.state.deployed;
    let decided = deployed.targets.entries().zip(&report.evaluation.decisions);
    decided
        .filter_map(|((at, target), decision)| match decision {
            Some(Decision::Wait(_)) if is_superseded(policy, report, target) => None,
            Some(Decision::Wait(evaluation)) => {
                Some(waiting_target(policy, target, state_of(policy, report, at), evaluation))
            }
            _ => None,
        })
        .collect()
}

fn waiting_target(
    policy: &RepositoryPolicy,
    target: &Target,
    state: TargetState,
    evaluation: &GateEvaluation,
) -> WaitingTarget {
    WaitingTarget {
        service: target.service().to_string(),
        environment: policy.environments[target.environment].policy.name.to_string(),
        image: target.image().to_string(),
        from: target.running.first().map(|running| running.tag.to_string()),
        to: evaluation.candidate().tag.to_string(),
        state,
        earliest: evaluation.earliest(),
        gates: evaluation.reports().iter().map(gate).collect(),
    }
}

fn without_candidate(policy: &RepositoryPolicy, report: &PassReport) -> Vec<TargetWithoutCandidate> {
    let targets = report.evaluation.state.deployed.targets.iter().zip(&report.evaluation.decisions);
    let without = targets.filter_map(|(target, decision)| match decision {
        Some(Decision::Current { why }) if !why.is_up_to_date() => Some((target, why)),
        _ => None,
    });
    let one = |(target, why): (&Target, &NoCandidate)| TargetWithoutCandidate {
        service: target.service().to_string(),
        environment: policy.environments[target.environment].policy.name.to_string(),
        image: target.image().to_string(),
        running: target.running.first().map(|running| running.tag.to_string()),
        reason: why.to_string(),
    };
    without.map(one).collect()
}

fn gate(report: &GateReport) -> Gate {
    let (answer, opens_at) = match report.answer {
        Answer::Open => ("open", None),
        Answer::ClosedUntil(at) => ("closedUntil", Some(at)),
        Answer::Closed => ("closed", None),
        Answer::Refused => ("refused", None),
    };
    Gate { name: report.gate.as_str(), answer, opens_at, reason: report.reason.to_string() }
}

fn recovered((intent, outcome): &(Intent, Outcome)) -> RecoveredPromotion {
    RecoveredPromotion {
        promotion: intent.id.to_string(),
        service: intent.service.to_string(),
        environment: intent.environment.to_string(),
        to: intent.to.to_string(),
        commit: match outcome {
            Outcome::Landed(commit) => Some(commit.to_string()),
            Outcome::Abandoned => None,
        },
    }
}

fn problem(problem: &Problem) -> ProblemBody {
    let position = problem.place.as_ref().and_then(|place| place.position);
    ProblemBody {
        severity: if problem.is_error { "error" } else { "warning" },
        class: problem.class.as_str(),
        message: problem.message.clone(),
        hint: problem.hint.clone(),
        environment: problem.environment.as_ref().map(ToString::to_string),
        service: problem.service.as_ref().map(ToString::to_string),
        file: problem.place.as_ref().map(|place| place.path.to_string()),
        line: position.map(|(line, _)| line),
        column: position.map(|(_, column)| column),
    }
}

/// Changes of tags.
#[derive(Serialize)]
pub(crate) struct History {
    changes: Vec<Change>,
}

/// One change: by a promotion, or by a person's commit.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    at: Timestamp,
    commit: String,
    service: String,
    environment: String,
    image: String,
    from: Vec<String>,
    to: Vec<String>,
    promotion: Option<String>,
    requested_by: Option<String>,
    author: Option<String>,
    reason: Option<String>,
}

/// The history as JSON.
pub(crate) fn history(moves: &[Move]) -> History {
    let texts = |tags: &[Tag]| tags.iter().map(ToString::to_string).collect();
    let change = |one: &Move| {
        let (promotion, requested_by, author) = match &one.by {
            Mover::Tidegate { promotion, requested_by } => {
                (Some(promotion.clone()), Some(requested_by.clone()), None)
            }
            Mover::Person { author } => (None, None, Some(author.clone())),
        };
        Change {
            at: one.at,
            commit: one.commit.to_string(),
            service: one.service.to_string(),
            environment: one.environment.to_string(),
            image: one.image.to_string(),
            from: texts(&one.from),
            to: texts(&one.to),
            promotion,
            requested_by,
            author,
            reason: one.why.clone(),
        }
    };
    History { changes: moves.iter().map(change).collect() }
}
