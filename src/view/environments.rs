//! The environments and services of a pass as documents.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::{PassReport, RepositoryPolicy};
use crate::model::{EnvironmentId, ServiceName, Timestamp};
use crate::policy::ApprovalPolicy;

use super::status::{FreezeBody, freeze_body};

/// The environments of the configuration, each after the one before it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Environments {
    pub(crate) environments: Vec<EnvironmentBody>,
}

/// An environment, and what a promotion into it has to meet.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct EnvironmentBody {
    pub(crate) environment: String,
    pub(crate) after: Option<String>,
    pub(crate) paths: Vec<String>,
    pub(crate) delivery: Delivery,
    pub(crate) approval: Approval,
    /// As in the configuration: `mon, tue 09:00-17:00`; empty for always.
    pub(crate) windows: Vec<String>,
    pub(crate) timezone: String,
    pub(crate) freezes: Vec<FreezeBody>,
}

/// How a promotion comes to the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Delivery {
    Push,
    PullRequest,
}

/// Which approval a promotion needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Approval {
    None,
    /// A control file.
    Required,
    /// A review of the pull request, or a control file.
    Review,
}

/// The services of the repository, by name.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the document calls it so")]
pub(crate) struct Services {
    pub(crate) commit: String,
    pub(crate) at: Timestamp,
    pub(crate) services: Vec<ServiceBody>,
}

/// A service, its images, and the environments that have it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ServiceBody {
    pub(crate) service: String,
    pub(crate) images: Vec<String>,
    pub(crate) environments: Vec<String>,
}

/// The environments as a document.
pub(crate) fn environments(policy: &RepositoryPolicy) -> Environments {
    let environment = |at: EnvironmentId| {
        let environment = &policy.environments[at];
        let here = &environment.policy;
        let freezes = here.freezes.iter().filter(|freeze| freeze.covers(&here.name));
        EnvironmentBody {
            environment: here.name.to_string(),
            after: here.after.as_ref().map(ToString::to_string),
            paths: environment.paths.iter().map(ToString::to_string).collect(),
            delivery: if policy.requests.contains_key(&at) { Delivery::PullRequest } else { Delivery::Push },
            approval: match here.approval {
                ApprovalPolicy::NotRequired => Approval::None,
                ApprovalPolicy::ByFile => Approval::Required,
                ApprovalPolicy::ByReview => Approval::Review,
            },
            windows: here.windows.iter().map(ToString::to_string).collect(),
            timezone: here.zone.name().to_owned(),
            freezes: freezes.map(freeze_body).collect(),
        }
    };
    Environments { environments: policy.environments.ids().map(environment).collect() }
}

/// The services as a document.
pub(crate) fn services(policy: &RepositoryPolicy, report: &PassReport) -> Services {
    let state = &report.evaluation.state;
    let mut found: BTreeMap<&ServiceName, (BTreeSet<String>, BTreeSet<EnvironmentId>)> = BTreeMap::new();
    for target in &state.deployed.targets {
        let (images, environments) = found.entry(target.service()).or_default();
        images.insert(target.image().to_string());
        environments.insert(target.environment);
    }
    let service = |(service, (images, environments)): (&ServiceName, (BTreeSet<_>, BTreeSet<_>))| {
        let names = environments.into_iter().map(|at| policy.environments[at].policy.name.to_string());
        ServiceBody {
            service: service.to_string(),
            images: images.into_iter().collect(),
            environments: names.collect(),
        }
    };
    Services {
        commit: state.commit().to_string(),
        at: report.evaluation.now,
        services: found.into_iter().map(service).collect(),
    }
}
