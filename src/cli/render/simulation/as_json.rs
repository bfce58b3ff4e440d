//! Replays as programs read them.

use serde::Serialize;

use crate::model::{EnvironmentName, Timestamp};
use crate::simulation::{Arrival, Figures, Lead, TargetReplay};

use super::{Arm, Outcome};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Simulation {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    watched_since: Option<Timestamp>,
    merged_at_once: Vec<String>,
    reviewed_at_once: Vec<String>,
    policies: Vec<Told>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    name: String,
    environments: Vec<Place>,
    arrivals: Vec<Came>,
    skipped: Vec<Skipped>,
    waiting: Vec<Waits>,
    starved: Vec<Starves>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    environment: String,
    arrivals: usize,
    by_people: usize,
    lead: Option<Took>,
    skipped: usize,
    pending: usize,
    starved: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Took {
    count: usize,
    median_seconds: u64,
    p90_seconds: u64,
    max_seconds: u64,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Where {
    service: String,
    environment: String,
    image: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Came {
    #[serde(flatten)]
    place: Where,
    from: Option<String>,
    to: String,
    at: Timestamp,
    by_schedule: bool,
    due_since: Option<Timestamp>,
    waited: Vec<WaitedFor>,
}

#[derive(Serialize)]
struct WaitedFor {
    gate: String,
    seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Skipped {
    #[serde(flatten)]
    place: Where,
    tag: String,
    released_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Waits {
    #[serde(flatten)]
    place: Where,
    tag: String,
    since: Timestamp,
    gate: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Starves {
    #[serde(flatten)]
    place: Where,
    superseded: usize,
    since: Timestamp,
    until: Timestamp,
}

/// The comparison for programs.
pub(crate) fn json(outcome: &Outcome) -> impl Serialize + use<> {
    let story = outcome.arms.first().map(|arm| &arm.story);
    Simulation {
        from: story.map(|story| story.from),
        to: story.map(|story| story.to),
        watched_since: outcome.watched_since,
        merged_at_once: outcome.merged_at_once.iter().map(ToString::to_string).collect(),
        reviewed_at_once: outcome.reviewed_at_once.iter().map(ToString::to_string).collect(),
        policies: outcome.arms.iter().map(|arm| told(arm, &outcome.environments)).collect(),
    }
}

fn told(arm: &Arm, environments: &[EnvironmentName]) -> Told {
    let targets = || arm.story.targets.iter();
    Told {
        name: arm.name.clone(),
        environments: environments.iter().map(|name| place(arm, name)).collect(),
        arrivals: targets()
            .flat_map(|target| target.arrivals.iter().map(move |arrival| came(target, arrival)))
            .collect(),
        skipped: targets()
            .flat_map(|target| {
                target.skipped().map(move |skipped| Skipped {
                    place: place_of(target),
                    tag: skipped.candidate.tag.to_string(),
                    released_at: skipped.at,
                })
            })
            .collect(),
        waiting: targets()
            .filter_map(|target| {
                target.waiting.as_ref().map(|waiting| Waits {
                    place: place_of(target),
                    tag: waiting.candidate.tag.to_string(),
                    since: waiting.since,
                    gate: waiting.gate.map(|gate| gate.to_string()),
                })
            })
            .collect(),
        starved: targets()
            .filter_map(|target| {
                target.starved.map(|starved| Starves {
                    place: place_of(target),
                    superseded: starved.superseded_count,
                    since: starved.since,
                    until: starved.until,
                })
            })
            .collect(),
    }
}

fn place(arm: &Arm, environment: &EnvironmentName) -> Place {
    let figures = Figures::of(&arm.story, environment);
    Place {
        environment: environment.to_string(),
        arrivals: figures.arrivals,
        by_people: figures.by_people,
        lead: figures.lead.map(|Lead { count, median, p90, max }| Took {
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

fn place_of(target: &TargetReplay) -> Where {
    Where {
        service: target.service.to_string(),
        environment: target.environment.to_string(),
        image: target.image.to_string(),
    }
}

fn came(target: &TargetReplay, arrival: &Arrival) -> Came {
    Came {
        place: place_of(target),
        from: arrival.from.as_ref().map(|from| from.tag.to_string()),
        to: arrival.candidate.tag.to_string(),
        at: arrival.at,
        by_schedule: arrival.by_schedule,
        due_since: arrival.due_since,
        waited: arrival
            .waited
            .iter()
            .map(|(gate, time)| WaitedFor { gate: gate.to_string(), seconds: time.as_secs() })
            .collect(),
    }
}
