//! The same service in two environments.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{CheckedFile, ReleaseSummary};
use super::finding::Draft;
use super::rule::Rule;
use crate::kustomize::Layout;
use crate::manifest::Position;
use crate::model::{EnvironmentName, Printable, RepoPath, ServiceName};

/// An environment of the configuration.
#[derive(Clone, Debug)]
pub struct CheckedEnvironment {
    /// Its name.
    pub name: EnvironmentName,
    /// Its folders.
    pub paths: Vec<RepoPath>,
    /// The environment that versions come from.
    pub after: Option<EnvironmentName>,
}

/// A HelmRelease, and where it is.
#[derive(Clone, Copy)]
struct Place<'f> {
    file: usize,
    position: Position,
    /// `None` for a patch.
    release: Option<&'f ReleaseSummary>,
}

type Services<'f> = BTreeMap<ServiceName, Place<'f>>;

/// The findings about services in the environments, each with the index of its file.
pub(super) fn check(
    files: &[CheckedFile],
    layout: &Layout,
    environments: &[CheckedEnvironment],
) -> Vec<(usize, Draft)> {
    let roots: Vec<RepoPath> =
        environments.iter().flat_map(|environment| environment.paths.iter().cloned()).collect();
    let mut by_environment: Vec<Services<'_>> = environments.iter().map(|_| Services::new()).collect();
    // What stands outside of all environments is a base, which any of them may include.
    let mut shared: BTreeSet<String> = BTreeSet::new();
    for (index, file) in files.iter().enumerate() {
        let is_within =
            |environment: &CheckedEnvironment| environment.paths.iter().any(|path| file.path.is_within(path));
        let environment = environments.iter().position(is_within);
        for object in file.objects.iter().filter(|object| object.kind == "HelmRelease") {
            let Some(at) = environment else {
                shared.insert(object.name.clone());
                continue;
            };
            let Some(written) = written_name(object.namespace.as_deref(), &object.name) else { continue };
            let service = layout.service(&file.path, &written, &roots).service;
            let place = Place { file: index, position: object.position, release: object.release.as_ref() };
            by_environment[at].entry(service).or_insert(place);
        }
    }
    let mut found = Vec::new();
    for (at, environment) in environments.iter().enumerate() {
        let before = environments.iter().position(|other| Some(&other.name) == environment.after.as_ref());
        let Some(before) = before else { continue };
        let pair = Pair { before: &environments[before].name, here: &environment.name, shared: &shared };
        // An environment whose services all come from bases says nothing about single ones.
        if by_environment[before].is_empty() {
            continue;
        }
        for (service, place) in &by_environment[at] {
            pair.compare(service, *place, by_environment[before].get(service).copied(), &mut found);
        }
    }
    found
}

fn written_name(namespace: Option<&str>, name: &str) -> Option<ServiceName> {
    match namespace {
        Some(namespace) => ServiceName::new(namespace, name).ok(),
        None => ServiceName::without_namespace(name).ok(),
    }
}

struct Pair<'a> {
    before: &'a EnvironmentName,
    here: &'a EnvironmentName,
    shared: &'a BTreeSet<String>,
}

impl Pair<'_> {
    fn compare(
        &self,
        service: &ServiceName,
        place: Place<'_>,
        earlier: Option<Place<'_>>,
        found: &mut Vec<(usize, Draft)>,
    ) {
        let (before, here) = (self.before, self.here);
        let Some(earlier) = earlier else {
            if !self.shared.contains(service.name()) {
                let message = format!("{service} is in {here} and not in {before}");
                let hint = format!("add it to {before} first, or ignore this with the reason");
                found.push((place.file, Draft::new(Rule::MissingBefore, place.position, message, hint)));
            }
            return;
        };
        let (Some(release), Some(other)) = (place.release, earlier.release) else { return };
        for (what, here_is, before_is) in differences(release, other) {
            let message = format!(
                "{service} has {what} `{}` in {here} and `{}` in {before}",
                Printable::bounded(&here_is, 100),
                Printable::bounded(&before_is, 100)
            );
            let hint = "use the same in both, or ignore this with the reason".to_owned();
            found.push((place.file, Draft::new(Rule::EnvironmentsDiffer, place.position, message, hint)));
        }
    }
}

/// What two releases of one service should have in common and do not: what it is, here, and before.
fn differences(here: &ReleaseSummary, before: &ReleaseSummary) -> Vec<(&'static str, String, String)> {
    let mut found = Vec::new();
    let mut compare = |what, here: Option<String>, before: Option<String>| {
        if let (Some(here), Some(before)) = (here, before)
            && here != before
            && ![&here, &before].iter().any(|text| super::images::is_template(text))
        {
            found.push((what, here, before));
        }
    };
    compare("the chart", here.chart.clone(), before.chart.clone());
    let source = |release: &ReleaseSummary| {
        release.source.as_ref().map(|source| format!("{} {}", source.kind, source.name))
    };
    compare("the chart source", source(here), source(before));
    // Several images may be sidecars of one environment.
    let image = |release: &ReleaseSummary| match release.images.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    compare("the image", image(here), image(before));
    compare("the port", here.service_port.clone(), before.service_port.clone());
    found
}
