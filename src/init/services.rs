//! Who is where: services that pair, and those that can't.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ImageName, Printable, ServiceName};

use super::catalogue::{Sighting, place};
use super::environments::Environment;
use super::finding::{Finding, FindingKind};
use super::homes::Homes;

/// The first place of each service in each environment.
pub(super) struct Services<'a> {
    environments: &'a [Environment],
    places: BTreeMap<(usize, &'a ServiceName), &'a Sighting>,
    /// Each service, and the environments that it is in.
    pub(super) homes: BTreeMap<&'a ServiceName, BTreeSet<usize>>,
    unplaced: Vec<&'a Sighting>,
}

impl<'a> Services<'a> {
    pub(super) fn of(sightings: &'a [Sighting], environments: &'a [Environment], homes: &Homes) -> Self {
        let mut services =
            Self { environments, places: BTreeMap::new(), homes: BTreeMap::new(), unplaced: Vec::new() };
        for sighting in sightings {
            let service = &sighting.field.service;
            let home = homes.of_path(&sighting.path);
            let of_service = services.homes.entry(service).or_default();
            let Some(home) = home else {
                services.unplaced.push(sighting);
                continue;
            };
            of_service.insert(home);
            services.places.entry((home, service)).or_insert(sighting);
        }
        services
    }

    /// How many services are in every environment.
    pub(super) fn everywhere(&self) -> usize {
        self.homes.values().filter(|homes| homes.len() == self.environments.len()).count()
    }

    /// How many are in some only.
    pub(super) fn in_some(&self) -> usize {
        self.homes.values().filter(|homes| !homes.is_empty() && homes.len() < self.environments.len()).count()
    }

    /// How many are in none.
    pub(super) fn nowhere(&self) -> usize {
        self.homes.values().filter(|homes| homes.is_empty()).count()
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut told: BTreeSet<&ServiceName> = BTreeSet::new();
        for (at, environment) in self.environments.iter().enumerate() {
            let Some(before) = environment.after else { continue };
            for (service, images) in &environment.inventory {
                if let Some(images_before) = self.environments[before].inventory.get(service) {
                    findings.extend(self.other_images(at, service, images, images_before));
                } else {
                    told.insert(service);
                    findings.push(self.nothing_before(at, before, service));
                }
            }
        }
        let in_some = self.homes.iter().filter(|(service, _)| !told.contains(*service));
        findings.extend(in_some.filter_map(|(service, homes)| self.in_some_only(service, homes)));
        findings.extend(self.unplaced());
        findings
    }

    fn nothing_before(&self, at: usize, before: usize, service: &ServiceName) -> Finding {
        let (here, before) = (&self.environments[at].name, &self.environments[before]);
        let is_namesake = |other: &&ServiceName| other.name() == service.name();
        let finding = match before.inventory.keys().find(is_namesake) {
            Some(other) => Finding::new(
                FindingKind::NamespacesDiffer,
                format!(
                    "it is {other} in {}: the same service has the same namespace and name in both, so these do not \
                     pair",
                    before.name
                ),
            )
            .with_hint("give the HelmRelease the same namespace and name in every environment"),
            None => Finding::new(
                FindingKind::NothingBefore,
                format!("it is in {here} and not in {}, so that no version comes to it", before.name),
            )
            .with_hint(format!("deploy it in {} too, or leave its image to others", before.name)),
        };
        self.at(finding, at, service)
    }

    fn other_images(
        &self,
        at: usize,
        service: &ServiceName,
        images: &BTreeSet<ImageName>,
        images_before: &BTreeSet<ImageName>,
    ) -> Option<Finding> {
        let other: Vec<String> = images.difference(images_before).map(ToString::to_string).collect();
        if other.is_empty() || images_before.is_empty() {
            return None;
        }
        let environment = &self.environments[at];
        let before = &self.environments[environment.after?].name;
        let there: Vec<String> = images_before.iter().map(ToString::to_string).collect();
        let message = format!(
            "{} runs in {} and not in {before}, which has {}",
            other.join(", "),
            environment.name,
            there.join(", ")
        );
        let finding = Finding::new(FindingKind::ImagesDiffer, Printable::bounded(&message, 400).to_string())
            .with_hint("build one image for all environments; what soaked is what ships");
        Some(self.at(finding, at, service))
    }

    fn in_some_only(&self, service: &ServiceName, homes: &BTreeSet<usize>) -> Option<Finding> {
        let first = *homes.first()?;
        if homes.len() == self.environments.len() {
            return None;
        }
        let names = |is_home: bool| -> String {
            let environments = self.environments.iter().enumerate();
            let wanted = environments.filter(|(at, _)| homes.contains(at) == is_home);
            wanted.map(|(_, environment)| environment.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let message = format!("it is in {}, not in {}", names(true), names(false));
        Some(self.at(Finding::new(FindingKind::InSomeOnly, message), first, service))
    }

    fn unplaced(&self) -> impl Iterator<Item = Finding> {
        let mut told = BTreeSet::new();
        let first = self.unplaced.iter().filter(move |one| told.insert((&one.path, &one.field.service)));
        first.map(|sighting| {
            let message = "its file is in no environment's folder, so that nothing moves it";
            Finding::new(FindingKind::Unplaced, message)
                .of(&sighting.field.service)
                .at(&sighting.path, Some(place(sighting.field.position)))
        })
    }

    fn at(&self, finding: Finding, environment: usize, service: &ServiceName) -> Finding {
        let finding = finding.of(service);
        match self.places.get(&(environment, service)) {
            Some(sighting) => finding.at(&sighting.path, Some(place(sighting.field.position))),
            None => finding,
        }
    }
}
