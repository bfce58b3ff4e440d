//! What a team wants checked, and how.

use std::collections::BTreeMap;

use thiserror::Error;

use super::flux_version::FluxVersion;
use super::quantity::Quantity;
use super::rule::{Rule, RuleSeverity};

/// The settings of `tidegate check`.
#[derive(Clone, Debug)]
pub struct CheckSettings {
    /// The severities that differ from [`Rule::default_severity`]; `None` turns the rule off.
    pub severities: BTreeMap<Rule, Option<RuleSeverity>>,
    /// The labels that HelmReleases and workloads must have.
    pub labels: Vec<String>,
    /// The sizes that requests and limits should have.
    pub sizes: Vec<Size>,
    /// The version of Flux in the clusters; without it, that of the `gotk-components.yaml` files.
    pub flux_version: Option<FluxVersion>,
}

impl Default for CheckSettings {
    fn default() -> Self {
        let size = |name: &str, parts: [&str; 4]| Size::new(name, parts).ok();
        let sizes = [
            size("small", ["100m", "500m", "256Mi", "512Mi"]),
            size("medium", ["250m", "1000m", "512Mi", "1Gi"]),
            size("large", ["500m", "2000m", "1Gi", "2Gi"]),
        ];
        Self {
            severities: BTreeMap::new(),
            labels: ["app", "environment", "managed-by"].map(str::to_owned).to_vec(),
            sizes: sizes.into_iter().flatten().collect(),
            flux_version: None,
        }
    }
}

impl CheckSettings {
    /// How severe a finding of the rule is; `None` if the rule is off.
    pub(super) fn severity(&self, rule: Rule) -> Option<RuleSeverity> {
        self.severities.get(&rule).copied().unwrap_or(Some(rule.default_severity()))
    }
}

/// A standard size of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// The name.
    pub name: String,
    /// CPU request, CPU limit, memory request, memory limit, as written.
    pub parts: [String; 4],
    pub(super) quantities: [Quantity; 4],
}

/// A quantity of a size is not one that Kubernetes reads.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a Kubernetes quantity")]
pub struct SizeError(pub String);

impl Size {
    /// A size of CPU request, CPU limit, memory request and memory limit.
    ///
    /// # Errors
    /// When one of them is not a Kubernetes quantity.
    pub fn new(name: &str, parts: [&str; 4]) -> Result<Self, SizeError> {
        let read = |text: &str| Quantity::read(text).ok_or_else(|| SizeError(text.to_owned()));
        let quantities = [read(parts[0])?, read(parts[1])?, read(parts[2])?, read(parts[3])?];
        Ok(Self { name: name.to_owned(), parts: parts.map(str::to_owned), quantities })
    }
}
