//! Pairs the services of the environments, and reports those that do not pair.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ImageName, Printable, ServiceName};

use super::config_text::counted;
use super::environment::{Environment, EnvironmentIndex};
use super::finding::{Finding, FindingKind};
use super::manifests::{FileField, line_and_column};

/// The services of all environments.
pub(super) struct Services<'a> {
    environments: &'a [Environment],
    first_fields: BTreeMap<(usize, &'a ServiceName), &'a FileField>,
    /// For each service, the environments that have it.
    pub(super) environments_of: BTreeMap<&'a ServiceName, BTreeSet<usize>>,
    outside: Vec<&'a FileField>,
}

impl<'a> Services<'a> {
    pub(super) fn new(
        fields: &'a [FileField],
        environments: &'a [Environment],
        index: &EnvironmentIndex,
    ) -> Self {
        let mut services = Self {
            environments,
            first_fields: BTreeMap::new(),
            environments_of: BTreeMap::new(),
            outside: Vec::new(),
        };
        for field in fields {
            let service = &field.field.service;
            let environments_of_service = services.environments_of.entry(service).or_default();
            let Some(environment) = index.find(&field.path) else {
                services.outside.push(field);
                continue;
            };
            environments_of_service.insert(environment);
            services.first_fields.entry((environment, service)).or_insert(field);
        }
        services
    }

    /// Number of services in every environment.
    pub(super) fn in_every(&self) -> usize {
        self.count(|environments| environments == self.environments.len())
    }

    /// Number of services in some environments only.
    pub(super) fn in_some(&self) -> usize {
        self.count(|environments| environments > 0 && environments < self.environments.len())
    }

    /// Number of services in no environment.
    pub(super) fn in_none(&self) -> usize {
        self.count(|environments| environments == 0)
    }

    fn count(&self, matches: impl Fn(usize) -> bool) -> usize {
        self.environments_of.values().filter(|environments| matches(environments.len())).count()
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut reported: BTreeSet<&ServiceName> = BTreeSet::new();
        for (index, environment) in self.environments.iter().enumerate() {
            let Some(before) = environment.after else { continue };
            if let Some(finding) = self.no_image_in_common(index, before) {
                findings.push(finding);
                continue;
            }
            for (service, images) in &environment.services {
                if let Some(images_before) = self.environments[before].services.get(service) {
                    findings.extend(self.other_images(index, service, images, images_before));
                } else {
                    reported.insert(service);
                    findings.push(self.nothing_before(index, before, service));
                }
            }
        }
        let in_some = self.environments_of.iter().filter(|(service, _)| !reported.contains(*service));
        findings
            .extend(in_some.filter_map(|(service, environments)| self.in_some_only(service, environments)));
        findings.extend(self.outside());
        findings
    }

    /// Whether no service of an environment runs an image of the environment before, as with one registry per stage.
    fn no_image_in_common(&self, index: usize, before: usize) -> Option<Finding> {
        let (here, before) = (&self.environments[index], &self.environments[before]);
        let shared: Vec<_> = here
            .services
            .iter()
            .filter_map(|(service, images)| Some((service, images, before.services.get(service)?)))
            .filter(|(_, images, images_before)| !images.is_empty() && !images_before.is_empty())
            .collect();
        let (service, images, images_before) = shared.first()?;
        if !shared.iter().all(|(_, images, images_before)| images.is_disjoint(images_before)) {
            return None;
        }
        let message = format!(
            "{} cannot get any version: its {} run other images than in {}, such as {} and {}",
            here.name,
            counted(shared.len(), "service"),
            before.name,
            images.first()?,
            images_before.first()?
        );
        let finding =
            Finding::new(FindingKind::NoImageInCommon, Printable::bounded(&message, 400).to_string())
                .with_hint("use one image in all environments: what soaked is what ships");
        Some(self.locate(finding, index, service))
    }

    fn nothing_before(&self, index: usize, before: usize, service: &ServiceName) -> Finding {
        let (here, before) = (&self.environments[index].name, &self.environments[before]);
        let is_namesake = |other: &&ServiceName| other.name() == service.name();
        let finding = match before.services.keys().find(is_namesake) {
            Some(other) => Finding::new(
                FindingKind::NamespacesDiffer,
                format!(
                    "{} has {other} instead: services pair by namespace and name, so no version comes to this one",
                    before.name
                ),
            )
            .with_hint("give the HelmRelease the same namespace and name in every environment"),
            None => Finding::new(
                FindingKind::NothingBefore,
                format!("in {here} and not in {}, so no version comes to it", before.name),
            )
            .with_hint(format!("deploy it in {} too, or leave its images out of `images`", before.name)),
        };
        self.locate(finding, index, service)
    }

    fn other_images(
        &self,
        index: usize,
        service: &ServiceName,
        images: &BTreeSet<ImageName>,
        images_before: &BTreeSet<ImageName>,
    ) -> Option<Finding> {
        let other: Vec<String> = images.difference(images_before).map(ToString::to_string).collect();
        if other.is_empty() || images_before.is_empty() {
            return None;
        }
        let environment = &self.environments[index];
        let before = &self.environments[environment.after?].name;
        let there: Vec<String> = images_before.iter().map(ToString::to_string).collect();
        let message = format!(
            "{} runs {}, and {before} runs {}: no version comes to it",
            environment.name,
            other.join(", "),
            there.join(", ")
        );
        let finding = Finding::new(FindingKind::ImagesDiffer, Printable::bounded(&message, 400).to_string())
            .with_hint("use one image in all environments: what soaked is what ships");
        Some(self.locate(finding, index, service))
    }

    fn in_some_only(&self, service: &ServiceName, present: &BTreeSet<usize>) -> Option<Finding> {
        let first = *present.first()?;
        if present.len() == self.environments.len() {
            return None;
        }
        let names = |is_present: bool| -> String {
            let environments = self.environments.iter().enumerate();
            let environments = environments.filter(|(index, _)| present.contains(index) == is_present);
            environments.map(|(_, environment)| environment.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let message = format!("in {}, not in {}", names(true), names(false));
        Some(self.locate(Finding::new(FindingKind::InSomeOnly, message), first, service))
    }

    fn outside(&self) -> impl Iterator<Item = Finding> {
        let mut seen = BTreeSet::new();
        let first = self.outside.iter().filter(move |one| seen.insert((&one.path, &one.field.service)));
        first.map(|field| {
            let message = "outside of every environment's folders, so it is not promoted";
            Finding::new(FindingKind::Unplaced, message)
                .for_service(&field.field.service)
                .in_file(&field.path, Some(line_and_column(field.field.position)))
        })
    }

    fn locate(&self, finding: Finding, environment: usize, service: &ServiceName) -> Finding {
        let finding = finding.for_service(service);
        match self.first_fields.get(&(environment, service)) {
            Some(field) => finding.in_file(&field.path, Some(line_and_column(field.field.position))),
            None => finding,
        }
    }
}
