//! Counts the versions that came to the branch since the last pass, whoever brought them.

use std::sync::Arc;

use crate::engine::{Deployment, PassReport, RepositoryState};
use crate::metrics::{self, Direction};
use crate::model::IndexEnd;

use super::wiring::Session;

/// Remembers up to where the branch was counted.
#[derive(Debug, Default)]
pub(crate) struct DeploymentCounter {
    counted: Option<IndexEnd>,
}

impl DeploymentCounter {
    /// Counts what is new on the branch as it is after a pass. What the first pass found there is not counted: nobody knows what
    /// an earlier process counted of it.
    pub(super) async fn count(
        &mut self,
        session: &Session,
        report: &PassReport,
        state: &Arc<RepositoryState>,
    ) {
        for environment in &session.engine.repository_policy().environments {
            session.metrics.deployments.begin(environment.policy.name.as_str());
        }
        let last = self.counted.replace(state.index_end());
        let last = last.unwrap_or_else(|| report.evaluation.state.index_end());
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
