//! The status as a document.

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{TargetId, Timestamp};
use crate::policy::{Decision, Freeze, GateReport, Reason, SoakReason, ending};

use super::common::{
    Gate, HealthBody, OpenPullRequest, ProblemBody, gate, health, open_pull_request, problem,
};
use super::explain::{ControlBody, StarvationBody, control_body, starvation_body};
use super::status_table::{Row, StatusTable};
use super::target_state::{TargetState, state_of};
use super::time;
use super::verification::{VerificationBody, verification};

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) commit: String,
    pub(crate) at: Timestamp,
    pub(crate) services: Vec<ServiceStatus>,
    pub(crate) controls: Vec<ControlBody>,
    pub(crate) freezes: Vec<FreezeBody>,
    pub(crate) problems: Vec<ProblemBody>,
    pub(crate) next_opening: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceStatus {
    pub(crate) service: String,
    pub(crate) image: String,
    pub(crate) environments: Vec<EnvironmentStatus>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvironmentStatus {
    pub(crate) environment: String,
    pub(crate) running: Vec<String>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) commit: Option<String>,
    pub(crate) state: EnvironmentState,
    pub(crate) reason: Option<String>,
    pub(crate) next: Option<String>,
    pub(crate) earliest: Option<Timestamp>,
    pub(crate) gates: Vec<Gate>,
    pub(crate) soak: Option<SoakBody>,
    pub(crate) starvation: Option<StarvationBody>,
    pub(crate) pull_request: Option<OpenPullRequest>,
    /// Only where the environment has a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) health: Option<HealthBody>,
    /// Only where the environment has `verifyWithin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verification: Option<VerificationBody>,
}

/// How long what comes next has run in the environment before.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SoakBody {
    pub(crate) environment: String,
    pub(crate) since: Timestamp,
    pub(crate) lasted_seconds: u64,
    pub(crate) needed_seconds: u64,
    pub(crate) ends_at: Option<Timestamp>,
}

/// Where a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum EnvironmentState {
    /// Nothing newer may come.
    UpToDate,
    /// The next pass moves or proposes it.
    Open,
    /// Open but for the review of its pull request.
    InReview,
    /// Time alone opens its gates.
    Waiting,
    /// Somebody must act.
    Blocked,
    /// A gate or the edit refuses it for safety.
    Refused,
    /// Approved, and not written.
    Failed,
    /// The registry did not answer.
    Undecided,
}

impl EnvironmentState {
    /// Every state, the worst last.
    pub(crate) const ALL: [Self; 8] = [
        Self::UpToDate,
        Self::Open,
        Self::InReview,
        Self::Waiting,
        Self::Undecided,
        Self::Blocked,
        Self::Failed,
        Self::Refused,
    ];

    /// As the document says it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::UpToDate => "upToDate",
            Self::Open => "open",
            Self::InReview => "inReview",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Undecided => "undecided",
        }
    }
}

impl Status {
    /// Whether it says the same as another one, at whatever time.
    pub(crate) fn differs_only_in_time(&self, other: &Self) -> bool {
        let Self { commit, at: _, services, controls, freezes, problems, next_opening } = self;
        (commit, services, controls, freezes, problems, next_opening)
            == (
                &other.commit,
                &other.services,
                &other.controls,
                &other.freezes,
                &other.problems,
                &other.next_opening,
            )
    }
}

/// What people decreed, and the configured freezes in effect.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the document calls it so")]
pub(crate) struct Controls {
    pub(crate) commit: String,
    pub(crate) at: Timestamp,
    pub(crate) controls: Vec<ControlBody>,
    pub(crate) freezes: Vec<FreezeBody>,
}

impl Controls {
    /// Those of a status.
    pub(crate) fn of(status: &Status) -> Self {
        Self {
            commit: status.commit.clone(),
            at: status.at,
            controls: status.controls.clone(),
            freezes: status.freezes.clone(),
        }
    }
}

/// A freeze of the configuration, in wall times of the configured zone.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct FreezeBody {
    pub(crate) name: String,
    pub(crate) environments: Vec<String>,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl FreezeBody {
    /// When it begins and ends; none where the clocks skip its beginning.
    pub(crate) fn span(&self, zone: Tz) -> Option<(Timestamp, Timestamp)> {
        let from = time::instant(self.from.parse().ok()?, zone)?;
        Some((from, ending(self.to.parse().ok()?, zone)))
    }
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
        soak: None,
        starvation: None,
        pull_request: table.unmerged(at).as_ref().map(open_pull_request),
        health: evaluation.health_of(at).map(health),
        verification: evaluation.verification_of(at).map(verification),
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
            soak: evaluation.reports().iter().find_map(soak),
            starvation: evaluation.starvation().map(starvation_body),
            ..status
        },
        Some(Decision::Current { why }) => EnvironmentStatus { reason: Some(why.to_string()), ..status },
    }
}

fn state(table: &StatusTable<'_>, at: TargetId) -> EnvironmentState {
    match (state_of(table.policy, table.report, at), &table.report.evaluation.decisions[at]) {
        (TargetState::Moving | TargetState::Proposed, Some(Decision::Promote(approved)))
            if approved.awaits_review() =>
        {
            EnvironmentState::InReview
        }
        (TargetState::Moving | TargetState::Proposed, _) => EnvironmentState::Open,
        (TargetState::Waiting, _) => EnvironmentState::Waiting,
        (TargetState::Blocked, _) => EnvironmentState::Blocked,
        (TargetState::Refused, _) => EnvironmentState::Refused,
        (TargetState::Failed, _) => EnvironmentState::Failed,
        (TargetState::Undecided, _) => EnvironmentState::Undecided,
        (TargetState::UpToDate, _) => EnvironmentState::UpToDate,
    }
}

fn soak(report: &GateReport) -> Option<SoakBody> {
    let Reason::Soak(SoakReason::Soaking(time) | SoakReason::Soaked(time)) = &report.reason else {
        return None;
    };
    Some(SoakBody {
        environment: time.environment.to_string(),
        since: time.since.at,
        lasted_seconds: time.lasted.as_secs(),
        needed_seconds: time.needed.as_secs(),
        ends_at: time.ends_at,
    })
}

pub(crate) fn freeze_body(freeze: &Freeze) -> FreezeBody {
    let (from, to) = freeze.span();
    FreezeBody {
        name: freeze.name().to_owned(),
        environments: freeze.environments().iter().map(ToString::to_string).collect(),
        from: from.format("%Y-%m-%dT%H:%M:%S").to_string(),
        to: to.format("%Y-%m-%dT%H:%M:%S").to_string(),
    }
}
