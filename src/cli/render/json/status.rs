//! The board as programs read it.

use serde::Serialize;

use crate::cli::render::status::{Board, Row};
use crate::model::Timestamp;
use crate::policy::{Decision, Freeze};

use super::explain::{Said, Starving, said, starving};
use super::{Gate, InRequest, Told, gate, in_request, told};

/// The board.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    commit: String,
    at: Timestamp,
    services: Vec<ServiceStatus>,
    controls: Vec<Said>,
    freezes: Vec<Frozen>,
    problems: Vec<Told>,
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
    why: Option<String>,
    next: Option<String>,
    earliest: Option<Timestamp>,
    gates: Vec<Gate>,
    starvation: Option<Starving>,
    request: Option<InRequest>,
}

/// A freeze of the configuration. Its times are those of the configured zone's clocks.
#[derive(Serialize)]
struct Frozen {
    name: String,
    environments: Vec<String>,
    from: String,
    to: String,
}

/// The board as JSON.
pub(crate) fn status(board: &Board<'_>) -> Status {
    let service = |row: &Row| ServiceStatus {
        service: row.service.to_string(),
        image: row.image.to_string(),
        environments: row.targets.iter().flatten().map(|at| environment(board, *at)).collect(),
    };
    let evaluation = &board.report.evaluation;
    Status {
        commit: evaluation.state.commit().to_string(),
        at: evaluation.now,
        services: board.rows.iter().map(service).collect(),
        controls: board.controls(evaluation.now).iter().map(said).collect(),
        freezes: board.freezes(evaluation.now).into_iter().map(frozen).collect(),
        problems: board.report.problems.iter().map(told).collect(),
        next_opening: board.report.next_opening,
    }
}

fn environment(board: &Board<'_>, at: usize) -> EnvironmentStatus {
    let evaluation = &board.report.evaluation;
    let target = &evaluation.state.deployed.targets[at];
    let rollout_commit = evaluation.state.rollout_commit(at);
    let status = EnvironmentStatus {
        environment: board.repository_policy.environments[target.environment].policy.name.to_string(),
        running: target.running.iter().map(|running| running.tag.to_string()).collect(),
        since: rollout_commit.map(|rollout_commit| rollout_commit.committed_at),
        commit: rollout_commit.map(|rollout_commit| rollout_commit.commit.to_string()),
        state: "undecided",
        why: None,
        next: None,
        earliest: None,
        gates: Vec::new(),
        starvation: None,
        request: board.unmerged(at).as_ref().map(in_request),
    };
    match &evaluation.decisions[at] {
        None => status,
        Some(Decision::Promote(approved)) => EnvironmentStatus {
            state: if approved.awaits_review() { "inReview" } else { "open" },
            next: Some(approved.candidate().tag.to_string()),
            earliest: (!approved.awaits_review()).then_some(evaluation.now),
            gates: approved.gates().iter().map(gate).collect(),
            ..status
        },
        Some(Decision::Wait(evaluation)) => EnvironmentStatus {
            state: "waiting",
            next: Some(evaluation.candidate().tag.to_string()),
            earliest: evaluation.earliest(),
            gates: evaluation.reports().iter().map(gate).collect(),
            starvation: evaluation.starvation().map(starving),
            ..status
        },
        Some(Decision::Current { why }) => {
            EnvironmentStatus { state: "current", why: Some(why.to_string()), ..status }
        }
    }
}

fn frozen(freeze: &Freeze) -> Frozen {
    let (from, to) = freeze.span();
    Frozen {
        name: freeze.name().to_owned(),
        environments: freeze.environments().iter().map(ToString::to_string).collect(),
        from: from.format("%Y-%m-%dT%H:%M:%S").to_string(),
        to: to.format("%Y-%m-%dT%H:%M:%S").to_string(),
    }
}
