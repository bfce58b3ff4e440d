//! The result of a pass, for metrics.

use crate::engine::{DeployedState, PassReport, RepositoryPolicy};
use crate::metrics::{Decided, GateCount, Running, TargetCount};
use crate::policy::{Answer, Decision, GateName};

/// The decision of the last pass about an image of a service.
const STATES: [&str; 5] = ["current", "waiting", "refused", "promotable", "unknown"];

const GATE_STATES: [&str; 2] = ["closed", "refused"];

/// Every tag that runs.
pub(super) fn running(policy: &RepositoryPolicy, deployed: &DeployedState) -> Vec<Running> {
    let active = deployed.targets.iter().filter(|target| target.inactive.is_none());
    let running = active.flat_map(|target| {
        let environment = policy.environments[target.environment].policy.name.to_string();
        let (service, image) = (target.service().to_string(), target.image().to_string());
        target.running.iter().map(move |one| Running {
            environment: environment.clone(),
            service: service.clone(),
            image: image.clone(),
            tag: one.tag.to_string(),
        })
    });
    running.collect()
}

/// How many images of services are in each state, and how many each gate blocks: every combination, zeros included.
pub(super) fn decided(policy: &RepositoryPolicy, report: &PassReport) -> Decided {
    let mut states = policy.environments.map(|_| [0_usize; STATES.len()]);
    let mut gates = policy.environments.map(|_| [[0_usize; GATE_STATES.len()]; GateName::ALL.len()]);
    let targets = report.evaluation.state.deployed.targets.iter().zip(&report.evaluation.decisions);
    for (target, decision) in targets {
        let state = match decision {
            Some(Decision::Current { .. }) => 0,
            Some(Decision::Wait(evaluation)) => {
                let mut is_refused = false;
                for gate in evaluation.closed() {
                    let refused = gate.answer == Answer::Refused;
                    is_refused |= refused;
                    gates[target.environment][place(gate.gate)][usize::from(refused)] += 1;
                }
                1 + usize::from(is_refused)
            }
            Some(Decision::Promote(_)) => 3,
            None => 4,
        };
        states[target.environment][state] += 1;
    }
    let targets = states.iter().enumerate().flat_map(|(environment, counts)| {
        let named = STATES.iter().zip(counts);
        named.map(move |(state, count)| TargetCount { environment, state, count: *count })
    });
    let gates = gates.iter().enumerate().flat_map(|(environment, counts)| {
        GateName::ALL.iter().zip(counts).flat_map(move |(gate, counts)| {
            let named = GATE_STATES.iter().zip(counts);
            named.map(move |(state, count)| GateCount {
                environment,
                gate: gate.as_str(),
                state,
                count: *count,
            })
        })
    });
    Decided { targets: targets.collect(), gates: gates.collect() }
}

fn place(gate: GateName) -> usize {
    GateName::ALL.iter().position(|one| *one == gate).unwrap_or_default()
}
