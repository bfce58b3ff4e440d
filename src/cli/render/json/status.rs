//! The status as JSON.

use serde::Serialize;

use crate::cli::render::status::{Row, StatusTable};
use crate::cli::render::target_state::{TargetState, state_of};
use crate::model::{TargetId, Timestamp};
use crate::policy::{Decision, Freeze};

use super::explain::{ControlBody, StarvationBody, control_body, starvation_body};
use super::{Gate, OpenPullRequest, ProblemBody, gate, open_pull_request, problem};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    commit: String,
    at: Timestamp,
    services: Vec<ServiceStatus>,
    controls: Vec<ControlBody>,
    freezes: Vec<FreezeBody>,
    problems: Vec<ProblemBody>,
    next_opening: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceStatus {
    service: String,
    image: String,
    environments: Vec<EnvironmentStatus>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EnvironmentStatus {
    environment: String,
    running: Vec<String>,
    since: Option<Timestamp>,
    commit: Option<String>,
    state: &'static str,
    reason: Option<String>,
    next: Option<String>,
    earliest: Option<Timestamp>,
    gates: Vec<Gate>,
    starvation: Option<StarvationBody>,
    pull_request: Option<OpenPullRequest>,
}

/// A freeze of the configuration, in wall times of the configured zone.
#[derive(Serialize)]
struct FreezeBody {
    name: String,
    environments: Vec<String>,
    from: String,
    to: String,
}

pub(crate) fn status(table: &StatusTable<'_>) -> Status {
    let service = |row: &Row| ServiceStatus {
        service: row.service.to_string(),
        image: row.image.to_string(),
        environments: row.targets.iter().flatten().map(|at| environment(table, *at)).collect(),
    };
    let evaluation = &table.report.evaluation;
    let controls = table.controls(evaluation.now);
    Status {
        commit: evaluation.state.commit().to_string(),
        at: evaluation.now,
        services: table.rows.iter().map(service).collect(),
        controls: controls.iter().map(|one| control_body(one, table.policy.zone())).collect(),
        freezes: table.freezes(evaluation.now).into_iter().map(freeze_body).collect(),
        problems: table.report.problems.iter().map(problem).collect(),
        next_opening: table.report.next_opening,
    }
}

fn environment(table: &StatusTable<'_>, at: TargetId) -> EnvironmentStatus {
    let evaluation = &table.report.evaluation;
    let target = &evaluation.state.deployed.targets[at];
    let rollout_commit = evaluation.state.rollout_commit(at);
    let status = EnvironmentStatus {
        environment: table.policy.environments[target.environment].policy.name.to_string(),
        running: target.running.iter().map(|running| running.tag.to_string()).collect(),
        since: rollout_commit.map(|rollout_commit| rollout_commit.committed_at),
        commit: rollout_commit.map(|rollout_commit| rollout_commit.commit.to_string()),
        state: state(table, at),
        reason: None,
        next: None,
        earliest: None,
        gates: Vec::new(),
        starvation: None,
        pull_request: table.unmerged(at).as_ref().map(open_pull_request),
    };
    match &evaluation.decisions[at] {
        None => status,
        Some(Decision::Promote(approved)) => EnvironmentStatus {
            next: Some(approved.candidate().tag.to_string()),
            earliest: (!approved.awaits_review()).then_some(evaluation.now),
            gates: approved.gates().iter().map(gate).collect(),
            ..status
        },
        Some(Decision::Wait(evaluation)) => EnvironmentStatus {
            next: Some(evaluation.candidate().tag.to_string()),
            earliest: evaluation.earliest(),
            gates: evaluation.reports().iter().map(gate).collect(),
            starvation: evaluation.starvation().map(starvation_body),
            ..status
        },
        Some(Decision::Current { why }) => EnvironmentStatus { reason: Some(why.to_string()), ..status },
    }
}

fn state(table: &StatusTable<'_>, at: TargetId) -> &'static str {
    match (state_of(table.policy, table.report, at), &table.report.evaluation.decisions[at]) {
        (TargetState::Moving | TargetState::Proposed, Some(Decision::Promote(approved)))
            if approved.awaits_review() =>
        {
            "inReview"
        }
        (TargetState::Moving | TargetState::Proposed, _) => "open",
        (TargetState::Waiting, _) => "waiting",
        (TargetState::Blocked, _) => "blocked",
        (TargetState::Refused, _) => "refused",
        (TargetState::Failed, _) => "failed",
        (TargetState::Undecided, _) => "undecided",
        (TargetState::UpToDate, _) => "upToDate",
    }
}

fn freeze_body(freeze: &Freeze) -> FreezeBody {
    let (from, to) = freeze.span();
    FreezeBody {
        name: freeze.name().to_owned(),
        environments: freeze.environments().iter().map(ToString::to_string).collect(),
        from: from.format("%Y-%m-%dT%H:%M:%S").to_string(),
        to: to.format("%Y-%m-%dT%H:%M:%S").to_string(),
    }
}
