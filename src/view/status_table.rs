//! What a pass found about the services and environments that are shown, row by row.

use std::collections::BTreeMap;

use crate::engine::{PassReport, RepositoryPolicy, Target, Unmerged};
use crate::model::{EnvironmentId, ImageName, ServiceName, TargetId, Timestamp};
use crate::policy::{Control, Controls, Freeze};

/// The rows and environments of a pass that are shown.
pub(crate) struct StatusTable<'a> {
    pub(crate) policy: &'a RepositoryPolicy,
    pub(crate) report: &'a PassReport,
    /// The environments that are shown, by their places in the repository policy.
    pub(crate) environments: Vec<EnvironmentId>,
    pub(crate) rows: Vec<Row>,
}

/// One image of one service across the environments that are shown.
pub(crate) struct Row {
    pub(crate) service: ServiceName,
    pub(crate) image: ImageName,
    /// Whether the service has other images too.
    pub(crate) is_one_of_several: bool,
    /// For each environment that is shown, the place of the target in the deployed state.
    pub(crate) targets: Vec<Option<TargetId>>,
}

impl<'a> StatusTable<'a> {
    /// The services that `is_shown` admits, in these environments, or in all if none is named.
    pub(crate) fn new(
        policy: &'a RepositoryPolicy,
        report: &'a PassReport,
        environments: &[EnvironmentId],
        is_shown: impl Fn(&ServiceName) -> bool,
    ) -> Self {
        let environments: Vec<EnvironmentId> = match environments {
            [] => policy.environments.ids().collect(),
            some => some.to_vec(),
        };
        let targets = &report.evaluation.state.deployed.targets;
        let mut by_subject: BTreeMap<(&ServiceName, &ImageName), Vec<Option<TargetId>>> = BTreeMap::new();
        for (at, target) in targets.entries() {
            let column = environments.iter().position(|shown| *shown == target.environment);
            if let Some(column) = column.filter(|_| is_shown(target.service())) {
                let row = by_subject.entry((target.service(), target.image()));
                row.or_insert_with(|| vec![None; environments.len()])[column] = Some(at);
            }
        }
        let mut images_of: BTreeMap<&ServiceName, usize> = BTreeMap::new();
        for (service, _) in by_subject.keys() {
            *images_of.entry(service).or_default() += 1;
        }
        let row = |((service, image), targets): ((&ServiceName, &ImageName), Vec<Option<TargetId>>)| Row {
            is_one_of_several: images_of.get(service).is_some_and(|count| *count > 1),
            service: service.clone(),
            image: image.clone(),
            targets,
        };
        let rows = by_subject.into_iter().map(row).collect();
        Self { policy, report, environments, rows }
    }

    /// What waits in an open pull request for people to merge it.
    pub(crate) fn unmerged(&self, at: TargetId) -> Option<Unmerged> {
        let target = &self.report.evaluation.state.deployed.targets[at];
        let environment = &self.policy.environments[target.environment].policy.name;
        self.report.evaluation.pull_requests.moving(environment, target.service(), target.image())
    }

    /// The targets that are shown, by their places in the deployed state.
    pub(crate) fn targets(&self) -> Vec<TargetId> {
        self.rows.iter().flat_map(|row| &row.targets).flatten().copied().collect()
    }

    /// The control files in force about the environments and services that are shown.
    pub(crate) fn controls(&self, now: Timestamp) -> Vec<Control> {
        let all = self.report.evaluation.state.controls.standing(self.policy.zone(), now);
        let targets = &self.report.evaluation.state.deployed.targets;
        let shown: Vec<&Target> = self.targets().into_iter().map(|at| &targets[at]).collect();
        let covers = |control: &Control| {
            let alone: Controls = [control.clone()].into_iter().collect();
            shown.iter().any(|target| {
                let environment = &self.policy.environments[target.environment].policy.name;
                !alone.covering(target.service(), environment).is_empty()
            })
        };
        all.into_iter().filter(|control| covers(control)).collect()
    }

    /// The configured freezes that are in effect in an environment that is shown.
    pub(crate) fn freezes(&self, now: Timestamp) -> Vec<&Freeze> {
        let shown = self.environments.iter().map(|at| &self.policy.environments[*at].policy);
        // Every environment has all freezes; each says itself whom it covers.
        let mut found: Vec<&Freeze> = Vec::new();
        for policy in shown {
            let here = policy.freezes.iter().filter(|freeze| freeze.covers(&policy.name));
            for freeze in here.filter(|freeze| freeze.is_in_effect(policy.zone, now)) {
                if !found.contains(&freeze) {
                    found.push(freeze);
                }
            }
        }
        found
    }
}

impl Row {
    /// The service, and the image where it has several.
    pub(crate) fn name(&self) -> String {
        if self.is_one_of_several {
            format!("{} ({})", self.service, self.image.repository())
        } else {
            self.service.to_string()
        }
    }
}
