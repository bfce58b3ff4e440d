//! The table as programs read it.

use serde::Serialize;

use crate::cli::render::status::{Row, StatusTable};
use crate::model::Timestamp;
use crate::policy::{Decision, Freeze};

use super::explain::{Said, Starving, said, starving};
use super::{Gate, InRequest, Told, gate, in_request, told};

/// The table.
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

/// The table as JSON.
pub(crate) fn status(table: &StatusTable<'_>) -> Status {
    let service = |row: &Row| ServiceStatus {
        service: row.service.to_string(),
        image: row.image.to_string(),
        environments: row.targets.iter().flatten().map(|at| environment(table, *at)).collect(),
    };
    let evaluation = &table.report.evaluation;
    Status {
        commit: evaluation.state.commit().to_string(),
        at: evaluation.now,
        services: table.rows.iter().map(service).collect(),
        controls: table.controls(evaluation.now).iter().map(|one| said(one, table.policy.zone())).collect(),
        freezes: table.freezes(evaluation.now).into_iter().map(frozen).collect(),
        problems: table.report.problems.iter().map(told).collect(),
        next_opening: table.report.next_opening,
    }
}

fn environment(table: &StatusTable<'_>, at: usize) -> EnvironmentStatus {
    let evaluation = &table.report.evaluation;
    let target = &evaluation.state.deployed.targets[at];
    let rollout_commit = evaluation.state.rollout_commit(at);
    let status = EnvironmentStatus {
        environment: table.policy.environments[target.environment].policy.name.to_string(),
        running: target.running.iter().map(|running| running.tag.to_string()).collect(),
        since: rollout_commit.map(|rollout_commit| rollout_commit.committed_at),
        commit: rollout_commit.map(|rollout_commit| rollout_commit.commit.to_string()),
        state: "undecided",
        why: None,
        next: None,
        earliest: None,
        gates: Vec::new(),
        starvation: None,
        request: table.unmerged(at).as_ref().map(in_request),
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
