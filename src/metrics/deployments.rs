//! Promotions and rollbacks, as the branch has them: what the four DORA figures are computed from.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::labels::{OfEnvironment, in_seconds, registered};

/// Minutes to a month, in seconds, for lead times and soaks.
const DAYS_BUCKETS: [f64; 12] = [
    300.0,
    900.0,
    3_600.0,
    14_400.0,
    43_200.0,
    86_400.0,
    172_800.0,
    345_600.0,
    604_800.0,
    1_209_600.0,
    2_592_000.0,
    7_776_000.0,
];

/// A minute to a week, in seconds: what an environment takes from a bad version to the rollback.
const RESTORE_BUCKETS: [f64; 9] =
    [60.0, 300.0, 900.0, 1_800.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0, 604_800.0];

/// Which way a version went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To a higher version.
    Up,
    /// To a lower one.
    Down,
}

/// A change of the version of one image of one service in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The environment.
    pub environment: String,
    /// Which way.
    pub direction: Direction,
    /// Whether Tidegate made the commit, on schedule or for a person.
    pub is_by_tidegate: bool,
    /// From when the tag was first seen in the registry to the commit, if that is known.
    pub lead_time: Option<Duration>,
    /// From the commit in the previous environment to this commit, if there is one.
    pub soak: Option<Duration>,
    /// For a rollback: from the commit that brought the bad version to this commit.
    pub time_to_restore: Option<Duration>,
}

/// Metrics of promotions and rollbacks.
#[derive(Debug)]
pub struct DeploymentMetrics {
    promotions: Family<DeploymentLabels, Counter>,
    rollbacks: Family<DeploymentLabels, Counter>,
    lead_times: Durations,
    soaks: Durations,
    restores: Durations,
}

type Durations = Family<OfEnvironment, Histogram, fn() -> Histogram>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeploymentLabels {
    environment: String,
    by: &'static str,
}

impl DeploymentMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let of_days = || Durations::new_with_constructor(|| Histogram::new(DAYS_BUCKETS));
        let of_minutes = Durations::new_with_constructor(|| Histogram::new(RESTORE_BUCKETS));
        let higher = "Commits to a higher version, counted once per image of a service and environment";
        let lower = "Commits to a lower version, counted once per image of a service and environment";
        let lead = "From when a tag was first seen in its registry to the commit that brought it into the environment";
        let soak =
            "From the commit in the previous environment to the commit that promoted the version from there";
        let restore = "From the commit that brought a version to the commit that rolled it back";
        Self {
            promotions: registered(registry, "promotions", higher, Family::default()),
            rollbacks: registered(registry, "rollbacks", lower, Family::default()),
            lead_times: in_seconds(registry, "lead_time", lead, of_days()),
            soaks: in_seconds(registry, "soak", soak, of_days()),
            restores: in_seconds(registry, "time_to_restore", restore, of_minutes),
        }
    }

    /// Begins the series of an environment at zero.
    pub fn begin(&self, environment: &str) {
        for by in [true, false].map(by) {
            let labels = DeploymentLabels { environment: environment.to_owned(), by };
            drop(self.promotions.get_or_create(&labels));
            drop(self.rollbacks.get_or_create(&labels));
        }
        for histograms in [&self.lead_times, &self.soaks, &self.restores] {
            drop(histograms.get_or_create(&OfEnvironment::new(environment)));
        }
    }

    /// Counts a change that is on the branch.
    pub fn count(&self, deployment: &Deployment) {
        let environment = OfEnvironment::new(&deployment.environment);
        let counters = match deployment.direction {
            Direction::Up => &self.promotions,
            Direction::Down => &self.rollbacks,
        };
        let by = by(deployment.is_by_tidegate);
        counters.get_or_create(&DeploymentLabels { environment: deployment.environment.clone(), by }).inc();
        for (histograms, lasted) in [
            (&self.lead_times, deployment.lead_time),
            (&self.soaks, deployment.soak),
            (&self.restores, deployment.time_to_restore),
        ] {
            if let Some(lasted) = lasted {
                histograms.get_or_create(&environment).observe(lasted.as_secs_f64());
            }
        }
    }
}

fn by(is_by_tidegate: bool) -> &'static str {
    if is_by_tidegate { "tidegate" } else { "person" }
}
