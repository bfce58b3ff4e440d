//! Counts the versions that came to the branch since the last pass, whoever brought them.

use crate::engine::{Deployment, PassReport};
use crate::metrics::{self, Direction};
use crate::model::IndexEnd;

use super::wiring::Session;

/// Remembers up to where the branch was counted.
#[derive(Debug, Default)]
pub(crate) struct DeploymentCounter {
    counted: Option<IndexEnd>,
}

impl DeploymentCounter {
    /// Counts what is new in the state that a pass decided on. The first state counts nothing: nobody knows what an earlier
    /// process counted of it.
    pub(super) async fn count(&mut self, session: &Session, report: &PassReport) {
        let state = &report.evaluation.state;
        for environment in &session.engine.repository_policy().environments {
            session.metrics.deployments.begin(environment.policy.name.as_str());
        }
        let Some(last) = self.counted.replace(state.index_end()) else { return };
        if last == state.index_end() {
            return;
        }
        match session.engine.deployments_since(state, last).await {
            Ok(deployments) => {
                for deployment in &deployments {
                    session.metrics.deployments.count(&counted(deployment));
                }
            }
            // Metrics lose a little; the branch has it all.
            Err(fault) => tracing::debug!(error = %fault.in_one_line(), "cannot count deployments"),
        }
    }
}

fn counted(deployment: &Deployment) -> metrics::Deployment {
    metrics::Deployment {
        environment: deployment.environment.to_string(),
        direction: if deployment.is_rollback { Direction::Down } else { Direction::Up },
        is_by_tidegate: deployment.is_by_tidegate,
        lead_time: deployment.lead_time,
        soak: deployment.soak,
        time_to_restore: deployment.time_to_restore,
    }
}
