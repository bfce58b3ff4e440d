//! The shape of the `check` section.

use schemars::JsonSchema;
use serde::Deserialize;

use super::service::Entries;
use crate::config::location::Located;

/// The conventions that `tidegate check` applies. It needs no other section than `git` and `environments`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Check {
    /// Rules by their id, each with a severity, or `off`. docs/check.md lists the rules and their defaults.
    #[schemars(extend("examples" = [{"resource-size": "off", "labels": "warning"}]))]
    pub(in crate::config) rules: Option<Entries<RuleSetting>>,

    /// The labels that HelmReleases and workloads must have.
    #[schemars(extend("default" = ["app", "environment", "managed-by"]))]
    pub(in crate::config) labels: Option<Vec<String>>,

    /// The sizes of containers by name. Without it: small, medium and large as docs/check.md gives them. An empty mapping turns
    /// the comparison off.
    pub(in crate::config) sizes: Option<Entries<ContainerSize>>,

    /// The oldest version of Flux in the clusters, such as `2.6`: `--fix` writes no API version that it does not serve.
    /// Without it, the version that the `gotk-components.yaml` files name.
    #[schemars(extend("examples" = ["2.6"]))]
    pub(in crate::config) flux_version: Option<Located<String>>,
}

/// How severe the findings of a rule are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum RuleSetting {
    Off,
    Note,
    Warning,
    Error,
}

/// The requests and limits of a container, as Kubernetes quantities.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ContainerSize {
    /// The CPU request.
    #[schemars(extend("examples" = ["100m"]))]
    pub(in crate::config) cpu_request: Located<String>,
    /// The CPU limit.
    #[schemars(extend("examples" = ["500m"]))]
    pub(in crate::config) cpu_limit: Located<String>,
    /// The memory request.
    #[schemars(extend("examples" = ["256Mi"]))]
    pub(in crate::config) memory_request: Located<String>,
    /// The memory limit.
    #[schemars(extend("examples" = ["512Mi"]))]
    pub(in crate::config) memory_limit: Located<String>,
}
