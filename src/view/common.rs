//! What several documents have: gates, problems, open pull requests.

use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::{Problem, TargetHealth, Unmerged};
use crate::model::{Health, Timestamp};
use crate::policy::{Answer, GateReport};

/// An open pull request that would move a target.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenPullRequest {
    pub(crate) number: u64,
    pub(crate) url: String,
    pub(crate) opened_at: Timestamp,
    pub(crate) to: String,
}

pub(crate) fn open_pull_request(unmerged: &Unmerged) -> OpenPullRequest {
    OpenPullRequest {
        number: unmerged.number,
        url: unmerged.url.clone(),
        opened_at: unmerged.opened_at,
        to: unmerged.tag.to_string(),
    }
}

/// What the clusters of an environment say about what runs there.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HealthBody {
    pub(crate) state: HealthState,
    /// Since when it has been healthy.
    pub(crate) since: Option<Timestamp>,
    /// Why it is not healthy, or not known.
    pub(crate) reason: Option<String>,
}

/// Whether what runs is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum HealthState {
    Healthy,
    Unhealthy,
    Unknown,
}

pub(crate) fn health(health: &TargetHealth) -> HealthBody {
    let (state, reason) = match &health.now {
        Health::Healthy => (HealthState::Healthy, None),
        Health::Unhealthy(why) => (HealthState::Unhealthy, Some(why.to_string())),
        Health::Unknown(why) => (HealthState::Unknown, Some(why.clone())),
    };
    HealthBody { state, since: health.healthy_since(), reason }
}

/// What a gate says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Gate {
    #[serde(rename = "gate")]
    pub(crate) name: &'static str,
    pub(crate) answer: GateAnswer,
    pub(crate) opens_at: Option<Timestamp>,
    pub(crate) reason: String,
}

/// The answer of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum GateAnswer {
    Open,
    ClosedUntil,
    Closed,
    Refused,
}

/// What could not be read, matched or done.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProblemBody {
    pub(crate) severity: &'static str,
    pub(crate) class: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<usize>,
    pub(crate) column: Option<usize>,
}

pub(crate) fn gate(report: &GateReport) -> Gate {
    let (answer, opens_at) = match report.answer {
        Answer::Open => (GateAnswer::Open, None),
        Answer::ClosedUntil(at) => (GateAnswer::ClosedUntil, Some(at)),
        Answer::Closed => (GateAnswer::Closed, None),
        Answer::Refused => (GateAnswer::Refused, None),
    };
    Gate { name: report.gate.as_str(), answer, opens_at, reason: report.reason.to_string() }
}

pub(crate) fn problem(problem: &Problem) -> ProblemBody {
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
