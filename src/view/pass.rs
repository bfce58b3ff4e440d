//! A pass as a document.

use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::{
    EditPlan, PassReport, Promoted, ProposedMove, PullRequestAction, PullRequestReport, RepositoryPolicy,
    Target, Verification,
};
use crate::model::{Intent, Outcome, TargetId, Timestamp};
use crate::policy::{Decision, GateEvaluation, NoCandidate, VerificationStatus};

use super::common::{Gate, ProblemBody, gate, problem};
use super::target_state::{Counts, TargetState, is_superseded, state_of};
use super::verification::{VerificationBody, verification};

/// A pass.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pass {
    pub(crate) commit: String,
    pub(crate) head: String,
    pub(crate) at: Timestamp,
    pub(crate) counts: Counts,
    pub(crate) planned: Vec<PlannedPromotion>,
    pub(crate) promoted: Vec<Promotion>,
    pub(crate) pull_requests: Vec<PullRequest>,
    pub(crate) waiting: Vec<WaitingTarget>,
    pub(crate) without_candidate: Vec<TargetWithoutCandidate>,
    /// What runs and has not become healthy, where environments have `verifyWithin`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) verifications: Vec<PendingVerification>,
    pub(crate) recovered: Vec<RecoveredPromotion>,
    pub(crate) problems: Vec<ProblemBody>,
    pub(crate) next_opening: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlannedPromotion {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) image: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) digest: String,
    pub(crate) releases: usize,
    pub(crate) gates: Vec<Gate>,
    pub(crate) files: Vec<String>,
    pub(crate) quarantine_file: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Promotion {
    #[serde(rename = "promotion")]
    pub(crate) id: String,
    pub(crate) commit: String,
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) image: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) digest: String,
    pub(crate) quarantine_file: Option<String>,
}

/// A pull request, and what this pass does about it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PullRequest {
    pub(crate) number: Option<u64>,
    pub(crate) url: Option<String>,
    pub(crate) branch: String,
    pub(crate) environment: String,
    pub(crate) action: &'static str,
    pub(crate) done: bool,
    pub(crate) opened_at: Option<Timestamp>,
    pub(crate) close_reason: Option<String>,
    pub(crate) review: Option<String>,
    pub(crate) auto_merge_paused_by: Option<String>,
    pub(crate) changes: Vec<ProposedChange>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ProposedChange {
    pub(crate) service: String,
    pub(crate) image: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WaitingTarget {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) image: String,
    pub(crate) from: Option<String>,
    pub(crate) to: String,
    pub(crate) state: TargetState,
    pub(crate) earliest: Option<Timestamp>,
    pub(crate) gates: Vec<Gate>,
}

/// A target for which something newer may be there, and is no candidate.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TargetWithoutCandidate {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) image: String,
    pub(crate) running: Option<String>,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecoveredPromotion {
    pub(crate) promotion: String,
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) to: String,
    pub(crate) commit: Option<String>,
}

/// A version that runs and has not become healthy.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct PendingVerification {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) image: String,
    pub(crate) tag: String,
    #[serde(flatten)]
    pub(crate) verification: VerificationBody,
}

/// A pass as a document.
pub(crate) fn pass(policy: &RepositoryPolicy, report: &PassReport) -> Pass {
    Pass {
        commit: report.evaluation.state.commit().to_string(),
        head: report.head().to_string(),
        at: report.evaluation.now,
        counts: Counts::of(policy, report),
        planned: report.planned.iter().map(|plan| planned(policy, plan)).collect(),
        promoted: report.promoted.iter().map(promotion).collect(),
        pull_requests: report.requests.iter().map(pull_request).collect(),
        waiting: waiting(policy, report),
        without_candidate: without_candidate(policy, report),
        verifications: verifications(policy, report),
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
            Some(Decision::Wait(gates)) if is_superseded(policy, report, target, gates) => None,
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

fn verifications(policy: &RepositoryPolicy, report: &PassReport) -> Vec<PendingVerification> {
    let all = report.evaluation.verifications().filter(|(_, one)| one.status != VerificationStatus::Passed);
    let one = |(target, one): (TargetId, &Verification)| {
        let target = &report.evaluation.state.deployed.targets[target];
        PendingVerification {
            service: target.service().to_string(),
            environment: policy.environments[target.environment].policy.name.to_string(),
            image: target.image().to_string(),
            tag: one.tag.to_string(),
            verification: verification(one),
        }
    };
    all.map(one).collect()
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
