//! The daemon's passes: how many, how they ended, how long they took, and when the last good one was.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::labels::{in_seconds, registered};
use crate::model::{Class, Timestamp};

/// From a pass without a change to one that reads a long history for the first time.
const DURATION_BUCKETS: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// How a pass ended when nothing stopped it.
const SUCCEEDED: &str = "succeeded";

/// The scope of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassScope {
    /// Everything.
    All,
    /// The images that webhooks named.
    Images,
}

impl PassScope {
    fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Images => "images",
        }
    }
}

/// A pass that is over.
#[derive(Clone, Copy, Debug)]
pub struct PassEnd {
    /// Its scope.
    pub scope: PassScope,
    /// The class of the error that ended it, if one did.
    pub failure: Option<Class>,
    /// How long it took.
    pub took: Duration,
    /// When it ended.
    pub at: Timestamp,
    /// The time by which another pass must have ended, if one is scheduled.
    pub overdue_at: Option<Timestamp>,
}

/// Metrics of passes.
#[derive(Debug)]
pub struct PassMetrics {
    passes: Family<PassLabels, Counter>,
    durations: Family<ScopeLabel, Histogram, fn() -> Histogram>,
    last_success: Gauge<f64, AtomicU64>,
    overdue: Gauge<f64, AtomicU64>,
    problems: Family<SeverityLabel, Gauge>,
    pull_requests: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PassLabels {
    scope: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ScopeLabel {
    scope: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SeverityLabel {
    severity: &'static str,
}

impl PassMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let passes = "Passes that ended, by what they looked at and how they ended";
        let took = "How long passes took";
        let durations: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS));
        let last = "When the last pass over everything succeeded, as Unix time; 0 before the first";
        let overdue = "When passes over everything are overdue unless another one succeeds, as Unix time: \
                       three times of the schedule after the last success, or after the start";
        let problems = "Problems that the last pass reported";
        let open = "Open pull requests of Tidegate";
        let metrics = Self {
            passes: registered(registry, "passes", passes, Family::default()),
            durations: in_seconds(registry, "pass_duration", took, durations),
            last_success: in_seconds(registry, "last_successful_pass_timestamp", last, Gauge::default()),
            overdue: in_seconds(registry, "pass_overdue_timestamp", overdue, Gauge::default()),
            problems: registered(registry, "problems", problems, Family::default()),
            pull_requests: registered(registry, "open_pull_requests", open, Gauge::default()),
        };
        let classes = [Class::Failed, Class::Usage, Class::GateClosed, Class::Refused, Class::TryAgain];
        for scope in [PassScope::All, PassScope::Images] {
            drop(metrics.durations.get_or_create(&ScopeLabel { scope: scope.as_str() }));
            for result in classes.map(Class::as_str).into_iter().chain([SUCCEEDED]) {
                drop(metrics.passes.get_or_create(&PassLabels { scope: scope.as_str(), result }));
            }
        }
        metrics.found_problems(0, 0);
        metrics
    }

    /// The daemon started; passes are overdue at this time.
    pub fn started(&self, overdue_at: Option<Timestamp>) {
        self.set_overdue(overdue_at);
    }

    /// A pass ended.
    pub fn ended(&self, end: &PassEnd) {
        let scope = end.scope.as_str();
        let result = end.failure.map_or(SUCCEEDED, Class::as_str);
        self.passes.get_or_create(&PassLabels { scope, result }).inc();
        self.durations.get_or_create(&ScopeLabel { scope }).observe(end.took.as_secs_f64());
        if end.failure.is_none() && end.scope == PassScope::All {
            self.last_success.set(unix_seconds(end.at));
            self.set_overdue(end.overdue_at);
        }
    }

    /// A pass over everything found so many problems.
    pub fn found_problems(&self, errors: usize, warnings: usize) {
        for (severity, count) in [("error", errors), ("warning", warnings)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.problems.get_or_create(&SeverityLabel { severity }).set(count);
        }
    }

    /// So many pull requests of Tidegate are open.
    pub fn set_pull_requests(&self, count: usize) {
        self.pull_requests.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn set_overdue(&self, at: Option<Timestamp>) {
        // A schedule without a future time is never overdue.
        self.overdue.set(at.map_or(f64::INFINITY, unix_seconds));
    }
}

/// Seconds since 1970, as Prometheus has times.
pub(super) fn unix_seconds(at: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this millennium fit exactly")]
    let millis = at.timestamp_millis() as f64;
    millis / 1e3
}
