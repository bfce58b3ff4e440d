//! Hands what passes find to the log, the metrics, the health probes and the webhooks.

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};

use crate::cli::commands::pass_logger::PassLogger;
use crate::cli::daemon::Listener;
use crate::cli::wiring::StoredTokens;
use crate::config::Config;
use crate::engine::{PassReport, RepositoryPolicy, RepositoryState};
use crate::metrics::{Metrics, PassEnd, PassScope};
use crate::model::{Class, CommitId, Fault, Timestamp};
use crate::policy::Schedule;
use crate::server::{Commands, Health, KnownImages, Snapshots, Triggers};

use super::deployed;
use super::systemd::Systemd;

/// Passes are overdue after so many times of the schedule,
const OVERDUE_TIMES: usize = 3;

/// and never sooner than this: a schedule of every second must survive a slow registry.
const MIN_OVERDUE: TimeDelta = TimeDelta::minutes(1);

/// State shared by the parts of the daemon.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) metrics: Arc<Metrics>,
    pub(super) health: Arc<Health>,
    pub(super) triggers: Arc<Triggers>,
    pub(super) snapshots: Arc<Snapshots>,
    pub(super) commands: Arc<Commands>,
    pub(super) tokens: Arc<StoredTokens>,
}

/// Hears of every pass.
pub(super) struct Monitor {
    logger: PassLogger,
    schedule: Schedule,
    shared: Shared,
    systemd: Systemd,
    /// The commit whose images are known to the webhooks and the metrics, and in how many environments.
    known: Option<(CommitId, usize)>,
}

impl Monitor {
    pub(super) fn new(config: &Config, shared: Shared, systemd: Systemd) -> Self {
        let schedule = config.schedule.value.clone();
        shared.metrics.passes.started(overdue_at(&schedule, Utc::now()));
        Self { logger: PassLogger::new(config.heartbeat), schedule, shared, systemd, known: None }
    }

    /// Goes on under another configuration.
    pub(super) fn set_config(&mut self, config: &Config) {
        self.logger.set_heartbeat(config.heartbeat);
        self.schedule = config.schedule.value.clone();
        self.known = None;
    }

    fn measure(&mut self, policy: &RepositoryPolicy, report: &PassReport) {
        let metrics = &self.shared.metrics;
        let errors = report.problems.iter().filter(|problem| problem.is_error).count();
        metrics.passes.found_problems(errors, report.problems.len() - errors);
        metrics.passes.set_pull_requests(report.requests.iter().filter(|one| one.number.is_some()).count());
        let names = policy.environments.iter().map(|one| one.policy.name.to_string()).collect();
        metrics.deployed.set_decided(names, deployed::decided(policy, report));
    }
}

impl Listener for Monitor {
    fn passed(&mut self, policy: &RepositoryPolicy, report: &PassReport) {
        self.logger.passed(policy, report);
        self.measure(policy, report);
        let targets = report.evaluation.decisions.len();
        let (promoted, problems) = (report.promoted.len(), report.problems.len());
        self.systemd.status(&format!(
            "last pass at {}: {targets} images of services, {promoted} promoted, {problems} problems",
            report.evaluation.now.format("%Y-%m-%d %H:%M:%S UTC")
        ));
    }

    fn images_passed(&mut self, policy: &RepositoryPolicy, report: &PassReport) {
        self.logger.images_passed(policy, report);
    }

    fn refreshed(&mut self, policy: &RepositoryPolicy, state: &RepositoryState) {
        let seen = (state.commit(), policy.environments.len());
        if self.known.replace(seen) == Some(seen) {
            return;
        }
        let images = state.deployed.targets.iter().map(|target| target.image().clone());
        self.shared.triggers.set_known(Arc::new(KnownImages::new(images)));
        self.shared.metrics.deployed.set_running(deployed::running(policy, &state.deployed));
    }

    fn failed(&mut self, fault: Fault) {
        self.systemd.status(&format!("the last pass failed: {fault}"));
        self.logger.failed(fault);
    }

    fn ended(&mut self, scope: PassScope, failure: Option<Class>, took: Duration) {
        let at = Utc::now();
        let overdue_at = overdue_at(&self.schedule, at);
        self.shared.metrics.passes.ended(&PassEnd { scope, failure, took, at, overdue_at });
        if scope == PassScope::All {
            self.shared.health.pass_ended(failure.is_none(), overdue_at);
        }
    }
}

/// When passes are overdue if none ends after `at`; `None` if the schedule has no future time.
fn overdue_at(schedule: &Schedule, at: Timestamp) -> Option<Timestamp> {
    let mut time = at;
    for _ in 0..OVERDUE_TIMES {
        time = schedule.next_after(time)?;
    }
    Some(time.max(at + MIN_OVERDUE))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::each_minute("* * * * *", "2026-11-30T10:00:30Z", Some("2026-11-30T10:03:00Z"))]
    #[case::each_second("* * * * * *", "2026-11-30T10:00:30Z", Some("2026-11-30T10:01:30Z"))]
    #[case::weekdays("0 9 * * mon-fri", "2026-11-27T09:00:01Z", Some("2026-12-02T09:00:00Z"))]
    fn passes_are_overdue_after_three_times(
        #[case] schedule: &str,
        #[case] at: &str,
        #[case] expected: Option<&str>,
    ) {
        let schedule = Schedule::parse(schedule, chrono_tz::UTC).unwrap();
        let expected = expected.map(|text| text.parse().unwrap());
        assert_eq!(overdue_at(&schedule, at.parse().unwrap()), expected);
    }
}
