//! What follows when a promoted version does not become healthy in time: a hold or a rollback, each by one commit that names the
//! promotion.

use std::collections::BTreeMap;

use crate::control;
use crate::engine::base::pass_options::{PassMode, PassOptions, RollbackRequest};
use crate::engine::base::problem::Problem;
use crate::engine::decide::verification::Verification;
use crate::model::{
    BY_VERIFICATION, Class, CommitId, EnvironmentName, Fault, PromotionId, ServiceName, Timestamp,
};
use crate::policy::{Control, Coverage, Hold, Note, OnFailure};
use crate::port::Ports;

use super::control_change::{ControlChange, UnhealthyHold};
use super::engine::Engine;
use super::report::PassReport;

/// A service whose promotion failed, and what follows.
struct Failure {
    service: ServiceName,
    environment: EnvironmentName,
    promotions: Vec<PromotionId>,
    follows: OnFailure,
    reason: String,
}

impl<P: Ports> Engine<P> {
    /// Answers the failures that a pass found, each once. What moved the branch meanwhile leaves them to the next pass.
    pub(super) async fn answer_failures(&mut self, report: &mut PassReport, options: &PassOptions) {
        if !report.promoted.is_empty() {
            return;
        }
        let mut head = report.evaluation.state.commit();
        for failure in self.failures(report) {
            let answered = match failure.follows {
                OnFailure::Report => continue,
                OnFailure::Hold => self.hold(&failure, head, report.evaluation.now).await,
                OnFailure::RollBack => Box::pin(self.roll_back(&failure, head, report, options)).await,
            };
            match answered {
                Ok(commit) => head = commit,
                Err(fault) => {
                    let problem = Problem::from_fault(&fault).into_warning();
                    report.problems.push(problem.of(&failure.environment, &failure.service));
                }
            }
        }
    }

    /// The failures that something follows from, one for each service in each environment.
    fn failures(&self, report: &PassReport) -> Vec<Failure> {
        let mut failures: BTreeMap<(EnvironmentName, ServiceName), Failure> = BTreeMap::new();
        let evaluation = &report.evaluation;
        for (target, verification) in &evaluation.verifications {
            let Some(follows) = Verification::follows(verification) else { continue };
            let deployed = &evaluation.state.deployed.targets[*target];
            let environment = &self.repository_policy.environments[deployed.environment].policy.name;
            let key = (environment.clone(), deployed.service().clone());
            let failure = failures.entry(key).or_insert_with(|| Failure {
                service: deployed.service().clone(),
                environment: environment.clone(),
                promotions: Vec::new(),
                follows,
                reason: verification.reason(),
            });
            failure.promotions.extend(verification.promotion);
        }
        failures.into_values().collect()
    }

    /// Holds the service in the environment. Returns the commit.
    async fn hold(&mut self, failure: &Failure, head: CommitId, now: Timestamp) -> Result<CommitId, Fault> {
        let nowhere = control::folder()
            .ok_or_else(|| Fault::new(Class::Failed, "the folder of control files is no valid path"))?;
        let note = Note {
            file: nowhere,
            by: format!("tidegate ({BY_VERIFICATION})"),
            at: now,
            reason: failure.reason.clone(),
            expires: None,
        };
        let services = Some(failure.service.clone().into());
        let covers = Coverage { services, environments: vec![failure.environment.clone()] };
        let hold = UnhealthyHold {
            control: Control::Hold(Hold { note, covers }),
            promotions: failure.promotions.clone(),
            decided_on: head,
        };
        let change = ControlChange::HoldUnhealthy(Box::new(hold));
        let result = Box::pin(self.change_controls(&change, BY_VERIFICATION, false)).await?;
        Ok(result.commit.unwrap_or(head))
    }

    /// Rolls the service back in the environment. Returns the commit.
    async fn roll_back(
        &mut self,
        failure: &Failure,
        head: CommitId,
        report: &mut PassReport,
        options: &PassOptions,
    ) -> Result<CommitId, Fault> {
        let request = RollbackRequest {
            service: failure.service.clone(),
            environment: failure.environment.clone(),
            to: None,
            image: None,
            reason: failure.reason.clone(),
            quarantines: true,
            accept_digest: None,
            order_override: None,
            decided_on: Some(head),
        };
        let options = PassOptions {
            mode: PassMode::Rollback(request),
            requested_by: BY_VERIFICATION.to_owned(),
            recovers: false,
            ..options.clone()
        };
        let mut done = Box::pin(self.promote(&options, None)).await?;
        let commit = done.promoted.last().map_or(head, |one| one.commit);
        report.promoted.append(&mut done.promoted);
        Ok(commit)
    }
}
