//! The actions of the daemon, as events that the scenario waits for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::cli::daemon::Listener;
use crate::engine::{PassReport, Promoted, RepositoryPolicy};
use crate::metrics::PassScope;
use crate::model::{Class, Fault, Timestamp};
use crate::policy::{Answer, Decision, GateEvaluation};
use crate::server::Health;

#[derive(Debug)]
pub(super) enum Event {
    /// A promotion is on the branch.
    Promoted(Promoted),
    /// A version waits, until `opens_at` if time alone opens its gates.
    Waits { target: Target, opens_at: Option<Timestamp> },
    /// A gate refuses a version.
    Refused { target: Target, reason: String },
    /// A pass, or a part of it, went wrong.
    Failed(Fault),
}

/// One version of one service on its way to one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) service: String,
    pub(super) environment: String,
    pub(super) tag: String,
}

/// Turns the reports of passes into events.
#[derive(Debug)]
pub(super) struct Reporter {
    events: UnboundedSender<Event>,
    health: Arc<Health>,
}

pub(super) fn reporter(health: Arc<Health>) -> (Reporter, UnboundedReceiver<Event>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Reporter { events: sender, health }, receiver)
}

impl Reporter {
    fn send(&self, event: Event) {
        // The receiver is gone once the scenario is over.
        let _ = self.events.send(event);
    }
}

impl Listener for Reporter {
    fn passed(&mut self, repository_policy: &RepositoryPolicy, report: &PassReport) {
        for promoted in &report.promoted {
            self.send(Event::Promoted(promoted.clone()));
        }
        let deployed = &report.evaluation.state.deployed;
        for (target, decision) in deployed.targets.iter().zip(&report.evaluation.decisions) {
            if let Some(Decision::Wait(evaluation)) = decision {
                let environment = &repository_policy.environments[target.environment].policy.name;
                self.send(waiting(target.service().to_string(), environment.to_string(), evaluation));
            }
        }
        for problem in report.problems.iter().filter(|problem| problem.is_error) {
            self.send(Event::Failed(Fault::new(problem.class, problem.to_string())));
        }
    }

    fn ended(&mut self, _scope: PassScope, failure: Option<Class>, _took: Duration) {
        self.health.pass_ended(failure.is_none(), None);
    }

    fn failed(&mut self, fault: Fault) {
        self.send(Event::Failed(fault));
    }
}

fn waiting(service: String, environment: String, evaluation: &GateEvaluation) -> Event {
    let target = Target { service, environment, tag: evaluation.candidate().tag.to_string() };
    // The digest gate comes after the soak gate, and names the cause.
    let refused = evaluation.closed().filter(|gate| gate.answer == Answer::Refused).last();
    match refused {
        Some(gate) => Event::Refused { target, reason: gate.reason.to_string() },
        None => Event::Waits { target, opens_at: evaluation.earliest() },
    }
}
