//! What a pass found, kept to answer questions about it.

use std::sync::Arc;

use chrono_tz::Tz;

use crate::engine::{PassReport, Question, RepositoryPolicy, explain_pass};
use crate::model::{EnvironmentName, Fault, ServiceName, Timestamp};
use crate::policy::open_spans;

use super::environments::{Environments, Services, environments, services};
use super::explain::{Explain, explain};
use super::pass::{Pass, pass};
use super::status::{Status, status};
use super::status_table::StatusTable;

/// What a pass found.
#[derive(Clone, Debug)]
pub struct PassView {
    policy: Arc<RepositoryPolicy>,
    report: Arc<PassReport>,
}

impl PassView {
    /// What `report` found under `policy`.
    pub fn new(policy: Arc<RepositoryPolicy>, report: Arc<PassReport>) -> Self {
        Self { policy, report }
    }

    /// When it was decided.
    pub(crate) fn at(&self) -> Timestamp {
        self.report.evaluation.now
    }

    /// The zone of times for people.
    pub(crate) fn zone(&self) -> Tz {
        self.policy.zone()
    }

    /// The names of the environments, in order.
    pub(crate) fn environment_names(&self) -> Vec<EnvironmentName> {
        self.policy.environments.iter().map(|environment| environment.policy.name.clone()).collect()
    }

    /// The status of every service in every environment.
    pub(crate) fn status(&self) -> Status {
        status(&StatusTable::new(&self.policy, &self.report, &[], |_| true))
    }

    /// The pass itself.
    pub(crate) fn pass(&self) -> Pass {
        pass(&self.policy, &self.report)
    }

    /// Where a service stands, in one environment or in all.
    pub(crate) fn explain(
        &self,
        service: ServiceName,
        environment: Option<EnvironmentName>,
    ) -> Result<Explain, Fault> {
        let question = Question { service, environment, image: None, tag: None };
        Ok(explain(&explain_pass(&self.policy, &self.report, &question)?, None))
    }

    pub(crate) fn environments(&self) -> Environments {
        environments(&self.policy)
    }

    pub(crate) fn services(&self) -> Services {
        services(&self.policy, &self.report)
    }

    /// When the windows of an environment are open between two times; nothing where there is no such environment.
    pub(crate) fn open_spans(
        &self,
        environment: &EnvironmentName,
        from: Timestamp,
        until: Timestamp,
    ) -> Vec<(Timestamp, Timestamp)> {
        let Some(at) = self.policy.find(environment) else { return Vec::new() };
        let policy = &self.policy.environments[at].policy;
        open_spans(&policy.windows, policy.zone, from, until)
    }
}
