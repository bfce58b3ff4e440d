//! Replays as JSON.

use serde::Serialize;

use crate::model::{EnvironmentName, Timestamp};
use crate::simulation::{Arrival, Figures, Lead, TargetReplay};

use super::{Comparison, Run};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Simulation {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    watched_since: Option<Timestamp>,
    merged_at_once: Vec<String>,
    reviewed_at_once: Vec<String>,
    policies: Vec<PolicyBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyBody {
    name: String,
    environments: Vec<EnvironmentFigures>,
    arrivals: Vec<ArrivalBody>,
    skipped: Vec<SkippedBody>,
    waiting: Vec<WaitingBody>,
    starved: Vec<StarvationBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EnvironmentFigures {
    environment: String,
    arrivals: usize,
    by_people: usize,
    lead: Option<LeadTime>,
    skipped: usize,
    pending: usize,
    starved: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LeadTime {
    count: usize,
    median_seconds: u64,
    p90_seconds: u64,
    max_seconds: u64,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetBody {
    service: String,
    environment: String,
    image: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArrivalBody {
    #[serde(flatten)]
    target: TargetBody,
    from: Option<String>,
    to: String,
    at: Timestamp,
    by_schedule: bool,
    due_since: Option<Timestamp>,
    waited: Vec<GateWait>,
}

#[derive(Serialize)]
struct GateWait {
    gate: String,
    seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SkippedBody {
    #[serde(flatten)]
    target: TargetBody,
    tag: String,
    released_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitingBody {
    #[serde(flatten)]
    target: TargetBody,
    tag: String,
    since: Timestamp,
    gate: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StarvationBody {
    #[serde(flatten)]
    target: TargetBody,
    superseded: usize,
    since: Timestamp,
    until: Timestamp,
}

/// The comparison for programs.
pub(crate) fn json(comparison: &Comparison) -> impl Serialize + use<> {
    let report = comparison.runs.first().map(|run| &run.report);
    Simulation {
        from: report.map(|report| report.from),
        to: report.map(|report| report.to),
        watched_since: comparison.watched_since,
        merged_at_once: comparison.merged_at_once.iter().map(ToString::to_string).collect(),
        reviewed_at_once: comparison.reviewed_at_once.iter().map(ToString::to_string).collect(),
        policies: comparison.runs.iter().map(|run| policy(run, &comparison.environments)).collect(),
    }
}

fn policy(run: &Run, environments: &[EnvironmentName]) -> PolicyBody {
    let targets = || run.report.targets.iter();
    PolicyBody {
        name: run.name.clone(),
        environments: environments.iter().map(|name| figures(run, name)).collect(),
        arrivals: targets()
            .flat_map(|target| target.arrivals.iter().map(move |arrival| arrival_body(target, arrival)))
            .collect(),
        skipped: targets()
            .flat_map(|target| {
                target.skipped().map(move |skipped| SkippedBody {
                    target: target_body(target),
                    tag: skipped.candidate.tag.to_string(),
                    released_at: skipped.at,
                })
            })
            .collect(),
        waiting: targets()
            .filter_map(|target| {
                target.waiting.as_ref().map(|waiting| WaitingBody {
                    target: target_body(target),
                    tag: waiting.candidate.tag.to_string(),
                    since: waiting.since,
                    gate: waiting.gate.map(|gate| gate.to_string()),
                })
            })
            .collect(),
        starved: targets()
            .filter_map(|target| {
                target.starved.map(|starved| StarvationBody {
                    target: target_body(target),
                    superseded: starved.superseded_count,
                    since: starved.since,
                    until: starved.until,
                })
            })
            .collect(),
    }
}

fn figures(run: &Run, environment: &EnvironmentName) -> EnvironmentFigures {
    let figures = Figures::of(&run.report, environment);
    EnvironmentFigures {
        environment: environment.to_string(),
        arrivals: figures.arrivals,
        by_people: figures.by_people,
        lead: figures.lead.map(|Lead { count, median, p90, max }| LeadTime {
            count,
            median_seconds: median.as_secs(),
            p90_seconds: p90.as_secs(),
            max_seconds: max.as_secs(),
        }),
        skipped: figures.skipped,
        pending: figures.pending,
        starved: figures.starved,
    }
}

fn target_body(target: &TargetReplay) -> TargetBody {
    TargetBody {
        service: target.service.to_string(),
        environment: target.environment.to_string(),
        image: target.image.to_string(),
    }
}

fn arrival_body(target: &TargetReplay, arrival: &Arrival) -> ArrivalBody {
    ArrivalBody {
        target: target_body(target),
        from: arrival.from.as_ref().map(|from| from.tag.to_string()),
        to: arrival.candidate.tag.to_string(),
        at: arrival.at,
        by_schedule: arrival.by_schedule,
        due_since: arrival.due_since,
        waited: arrival
            .waited
            .iter()
            .map(|(gate, time)| GateWait { gate: gate.to_string(), seconds: time.as_secs() })
            .collect(),
    }
}
