//! What runs as of the last pass, and what waits for which gate as of the last pass over everything.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// Maximum series of running versions. A team of 10,000 services in two environments has 20,000.
const MAX_RUNNING: usize = 25_000;

/// A tag that runs.
#[derive(Clone, Debug, PartialEq, Eq, EncodeLabelSet)]
pub struct Running {
    /// The environment.
    pub environment: String,
    /// The service, `namespace/name`.
    pub service: String,
    /// The image, without its tag.
    pub image: String,
    /// The tag.
    pub tag: String,
}

/// How many images of services are in a state.
#[derive(Clone, Copy, Debug)]
pub struct TargetCount {
    /// The place of the environment among [`DeployedMetrics::set_decided`]'s names.
    pub environment: usize,
    /// The state.
    pub state: &'static str,
    /// How many.
    pub count: usize,
}

/// How many images of services a gate blocks.
#[derive(Clone, Copy, Debug)]
pub struct GateCount {
    /// The place of the environment among [`DeployedMetrics::set_decided`]'s names.
    pub environment: usize,
    /// The gate.
    pub gate: &'static str,
    /// Whether it is `closed` or `refused`.
    pub state: &'static str,
    /// How many.
    pub count: usize,
}

/// Metrics of running versions.
#[derive(Clone, Debug)]
pub struct DeployedMetrics(Arc<RwLock<Snapshot>>);

#[derive(Debug, Default)]
struct Snapshot {
    /// Each image of each service in each environment, with a tag that runs.
    running: Vec<Running>,
    environments: Vec<String>,
    decided: Decided,
}

/// What a pass decided.
#[derive(Debug, Default)]
pub struct Decided {
    /// How many images of services there are, by environment and state.
    pub targets: Vec<TargetCount>,
    /// How many of them each gate blocks.
    pub gates: Vec<GateCount>,
}

impl DeployedMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self(Arc::default());
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Replaces what runs.
    pub fn set_running(&self, running: Vec<Running>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).running = running;
    }

    /// Replaces what was decided, in the environments of these names.
    pub fn set_decided(&self, environments: Vec<String>, decided: Decided) {
        let mut snapshot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        (snapshot.environments, snapshot.decided) = (environments, decided);
    }
}

impl Collector for DeployedMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let snapshot = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Snapshot { running, environments, decided } = &*snapshot;
        let Decided { targets, gates } = decided;
        let help = "A tag that runs, as the branch has it; 25000 series at most";
        let mut series = encoder.encode_descriptor("running", help, None, MetricType::Info)?;
        for one in running.iter().take(MAX_RUNNING) {
            series.encode_info(one)?;
        }
        let help = "Tags that run and have no series of tidegate_running_info, because there are too many";
        let omitted = i64::try_from(running.len().saturating_sub(MAX_RUNNING)).unwrap_or(i64::MAX);
        encoder
            .encode_descriptor("running_omitted", help, None, MetricType::Gauge)?
            .encode_gauge(&omitted)?;
        let environment = |at: usize| environments.get(at).map_or("", String::as_str);
        let help = "Images of services, by what the last pass over everything decided";
        let mut series = encoder.encode_descriptor("targets", help, None, MetricType::Gauge)?;
        for TargetCount { environment: at, state, count } in targets {
            let labels = [("environment", environment(*at)), ("state", *state)];
            series.encode_family(&labels)?.encode_gauge(&i64::try_from(*count).unwrap_or(i64::MAX))?;
        }
        let help = "Images of services with a newer version that a gate blocks; several gates may block one";
        let mut series = encoder.encode_descriptor("gate_targets", help, None, MetricType::Gauge)?;
        for GateCount { environment: at, gate, state, count } in gates {
            let labels = [("environment", environment(*at)), ("gate", *gate), ("state", *state)];
            series.encode_family(&labels)?.encode_gauge(&i64::try_from(*count).unwrap_or(i64::MAX))?;
        }
        Ok(())
    }
}
