//! The rules that need every file of the repository, and the report.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use super::environments::{self, CheckedEnvironment};
use super::file::{CheckedFile, ObjectSummary, SourceReference};
use super::finding::{Draft, Finding, Fix};
use super::flux_version::FluxVersion;
use super::images::is_template;
use super::names::unusual;
use super::rule::{Rule, RuleSeverity};
use super::settings::CheckSettings;
use crate::kustomize::{DeadEntryKind, Inclusion, Layout, LayoutFile};
use crate::manifest::{EditRefused, Position, replace_scalars};
use crate::model::{Printable, RepoPath};

/// Namespaces that exist in every cluster, or that Flux creates for itself.
const GIVEN_NAMESPACES: [&str; 5] =
    ["default", "kube-system", "kube-public", "kube-node-lease", "flux-system"];

/// Kinds that live in a namespace and are checked for one.
const NAMESPACED: [&str; 12] = [
    "HelmRelease",
    "ConfigMap",
    "Secret",
    "SealedSecret",
    "Service",
    "Ingress",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "HelmRepository",
    "OCIRepository",
];

/// What `check` found.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// The findings, by file and place.
    pub findings: Vec<Finding>,
    /// Number of findings that comments accept.
    pub ignored: usize,
    /// Number of files that were read.
    pub files: usize,
    /// The version of Flux that decides which corrections are possible, where it is known.
    pub flux_version: Option<FluxVersion>,
}

impl CheckReport {
    /// Number of findings of a severity.
    pub fn count(&self, severity: RuleSeverity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Applies the rules that need every file, and reports all findings.
pub fn check(
    mut files: Vec<CheckedFile>,
    environments: &[CheckedEnvironment],
    settings: &CheckSettings,
) -> CheckReport {
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let charts = chart_folders(&files);
    files.retain(|file| !is_chart_template(&file.path, &charts));
    let layout = Layout::of(files.iter().map(|file| LayoutFile {
        path: &file.path,
        kustomization: file.kustomization.as_ref(),
        manifest: file.manifest.as_ref(),
    }));
    let mut found = environments::check(&files, &layout, environments);
    let overlaid = files.iter().filter(|file| file.kustomization.is_some()).map(|file| folder_of(&file.path));
    let repository = Repository { files: &files, layout: &layout, overlaid: overlaid.collect() };
    repository.namespaces(&mut found);
    repository.sources(&mut found);
    repository.names(&mut found);
    repository.entries(&mut found);
    repository.inclusion(&mut found);
    let flux_version =
        settings.flux_version.or_else(|| files.iter().filter_map(|file| file.flux_version).min());
    let mut report = CheckReport { files: files.len(), flux_version, ..CheckReport::default() };
    for (file, draft) in found {
        files[file].findings.0.push(draft);
    }
    for CheckedFile { path, findings, ignored, .. } in files {
        for draft in findings.0 {
            let Some(severity) = settings.severity(draft.rule) else { continue };
            if ignored.accepts(draft.rule, draft.position.line) {
                report.ignored += 1;
                continue;
            }
            report.findings.push(finding(&path, severity, draft, flux_version));
        }
    }
    report.findings.sort_by_key(|finding| (finding.file.clone(), finding.position, finding.rule));
    report
}

/// The text of a file with the corrections of its findings. Only the bytes of the corrected scalars change.
///
/// # Errors
/// When two parsers do not agree that nothing else changed.
pub fn corrected(text: &str, findings: &[&Finding]) -> Result<String, EditRefused> {
    let fixes = findings.iter().filter_map(|finding| finding.fix.as_ref());
    let edits: Vec<(Range<usize>, String)> = fixes.map(|fix| (fix.span.clone(), fix.value.clone())).collect();
    replace_scalars(text, &edits)
}

fn finding(path: &RepoPath, severity: RuleSeverity, draft: Draft, flux: Option<FluxVersion>) -> Finding {
    let Draft { rule, position, message, mut hint, fix } = draft;
    let needs = fix.as_ref().and_then(|fix: &Fix| fix.since);
    let fix = match (needs, flux) {
        (Some(needs), Some(flux)) if flux < needs => {
            hint = format!("upgrade Flux to {needs} first; the repository has {flux}");
            None
        }
        (Some(_), None) => {
            hint.push_str(" with `check.fluxVersion` set: no gotk-components.yaml says which Flux runs");
            None
        }
        _ => fix,
    };
    Finding { rule, severity, file: path.clone(), position, message, hint, fix }
}

/// The folders with a Chart.yaml.
fn chart_folders(files: &[CheckedFile]) -> HashSet<String> {
    let charts = files.iter().filter_map(|file| file.path.as_str().strip_suffix("Chart.yaml"));
    charts.map(|folder| folder.trim_end_matches('/').to_owned()).collect()
}

/// Whether Helm fills the file in.
fn is_chart_template(path: &RepoPath, charts: &HashSet<String>) -> bool {
    let path = path.as_str();
    path.match_indices("templates/").any(|(at, _)| {
        let folder = &path[..at];
        (folder.is_empty() || folder.ends_with('/')) && charts.contains(folder.trim_end_matches('/'))
    })
}

struct Repository<'a> {
    files: &'a [CheckedFile],
    layout: &'a Layout,
    /// The folders with a kustomization.yaml.
    overlaid: HashSet<&'a str>,
}

impl<'a> Repository<'a> {
    /// Each object with the index of its file.
    fn objects(&self) -> impl Iterator<Item = (usize, &'a ObjectSummary)> + use<'a> {
        let files = self.files.iter().enumerate();
        files.flat_map(|(index, file)| file.objects.iter().map(move |object| (index, object)))
    }

    /// The namespace that an object gets.
    fn namespace(&self, file: usize, object: &'a ObjectSummary) -> Option<&'a str> {
        object.namespace.as_deref().or_else(|| self.layout.namespace(&self.files[file].path))
    }

    fn namespaces(&self, found: &mut Vec<(usize, Draft)>) {
        let mut created: BTreeSet<&str> = BTreeSet::new();
        let mut is_any_created = false;
        for (file, object) in self.objects().filter(|(_, object)| object.kind == "Namespace") {
            // kustomize gives a Namespace object the name of the namespace that it sets.
            let name = self.layout.namespace(&self.files[file].path).unwrap_or(&object.name);
            match unusual("Namespace", name) {
                None if is_template(name) => is_any_created = true,
                None => drop(created.insert(name)),
                // A placeholder in a component that many kustomizations include.
                Some(_) if name == "_" => is_any_created = true,
                Some((message, hint)) => {
                    found.push((file, Draft::new(Rule::Name, object.position, message, hint)));
                }
            }
        }
        for (file, object) in self.objects() {
            match self.namespace(file, object) {
                None if NAMESPACED.contains(&object.kind.as_str()) && !self.is_base(file, object) => {
                    let message =
                        format!("{} {} has no namespace", object.kind, Printable::bounded(&object.name, 80));
                    let hint = "set metadata.namespace, or `namespace` in the kustomization.yaml that lists the file";
                    found.push((file, Draft::new(Rule::MissingNamespace, object.position, message, hint)));
                }
                Some(namespace) => {
                    let Some(release) = &object.release else { continue };
                    // A team that creates none in Git creates them elsewhere.
                    let is_created = created.is_empty()
                        || created.contains(namespace)
                        || release.creates_namespace
                        || GIVEN_NAMESPACES.contains(&namespace)
                        || is_template(namespace)
                        || is_any_created;
                    if !is_created {
                        let shown = Printable::bounded(namespace, 80);
                        let message = format!("no Namespace object creates the namespace {shown}");
                        let hint = "add a namespace.yaml with it, or set spec.install.createNamespace";
                        found.push((file, Draft::new(Rule::NamespaceObject, object.position, message, hint)));
                    }
                }
                None => {}
            }
        }
    }

    /// Whether overlays give the object its namespace: a file that a kustomization.yaml lists, or a patch.
    fn is_base(&self, file: usize, object: &ObjectSummary) -> bool {
        let is_patch = object.kind == "HelmRelease" && object.release.is_none();
        is_patch || self.overlaid.contains(folder_of(&self.files[file].path))
    }

    fn sources(&self, found: &mut Vec<(usize, Draft)>) {
        let mut namespaces: BTreeMap<(&str, &str), Vec<Option<&str>>> = BTreeMap::new();
        for (file, object) in self.objects() {
            let key = (object.kind.as_str(), object.name.as_str());
            namespaces.entry(key).or_default().push(self.namespace(file, object));
        }
        let kinds: BTreeSet<&str> = namespaces.keys().map(|(kind, _)| *kind).collect();
        for (file, object) in self.objects() {
            let Some(SourceReference { kind, name, namespace, position }) =
                object.release.as_ref().and_then(|release| release.source.as_ref())
            else {
                continue;
            };
            // Without any source of that kind, they are defined elsewhere.
            if !kinds.contains(kind.as_str()) || is_template(name) {
                continue;
            }
            let wanted = namespace.as_deref().or_else(|| self.namespace(file, object));
            let there = namespaces.get(&(kind.as_str(), name.as_str()));
            let is_there = there.is_some_and(|there| {
                there.iter().any(|at| wanted.is_none() || at.is_none() || *at == wanted)
                    || there.iter().flatten().any(|at| is_template(at))
            });
            if is_there || wanted.is_some_and(is_template) {
                continue;
            }
            let shown = Printable::bounded(name, 80);
            let (message, hint) = match there.and_then(|there| there.iter().flatten().next()) {
                Some(elsewhere) => (
                    format!(
                        "the {kind} {shown} is in the namespace {}, not in {}",
                        Printable::bounded(elsewhere, 80),
                        Printable::bounded(wanted.unwrap_or("default"), 80)
                    ),
                    format!("write `namespace: {}` in the reference", Printable::bounded(elsewhere, 80)),
                ),
                None => (
                    format!("no file defines the {kind} {shown} that the chart comes from"),
                    "add it, or correct the name".to_owned(),
                ),
            };
            found.push((file, Draft::new(Rule::MissingSource, *position, message, hint)));
        }
    }

    /// `ConfigMap`s and Secrets next to a service whose name begins with the service's.
    fn names(&self, found: &mut Vec<(usize, Draft)>) {
        let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (file, object) in self.objects().filter(|(_, object)| object.release.is_some()) {
            services.entry(folder_of(&self.files[file].path)).or_default().insert(&object.name);
        }
        for (file, object) in self.objects() {
            let ending = match object.kind.as_str() {
                "ConfigMap" => "config",
                "Secret" | "SealedSecret" => "secret",
                _ => continue,
            };
            let Some(services) = services.get(folder_of(&self.files[file].path)) else { continue };
            let of_service = |service: &&&str| {
                let rest = object.name.strip_prefix(**service);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            };
            let Some(service) = services.iter().filter(of_service).max_by_key(|service| service.len()) else {
                continue;
            };
            let wanted = format!("{service}-{ending}");
            if object.name != wanted && !object.name.ends_with(&format!("-{ending}")) {
                let name = Printable::bounded(&object.name, 80);
                let message =
                    format!("the {} `{name}` of {service} does not end in `-{ending}`", object.kind);
                let hint = format!("name it `{}`", Printable::bounded(&wanted, 80));
                found.push((file, Draft::new(Rule::Name, object.position, message, hint)));
            }
        }
    }

    fn entries(&self, found: &mut Vec<(usize, Draft)>) {
        for entry in self.layout.dead_entries() {
            let Ok(file) = self.files.binary_search_by(|file| file.path.cmp(&entry.file)) else { continue };
            let shown = Printable::bounded(&entry.entry, 120);
            let (message, hint) = match entry.kind {
                DeadEntryKind::Missing => {
                    (format!("`{shown}` does not exist"), "correct the path, or remove the entry")
                }
                DeadEntryKind::Outside => (
                    format!("`{shown}` is outside of the repository"),
                    "copy what it needs into the repository",
                ),
                DeadEntryKind::Cycle => {
                    (format!("`{shown}` includes this folder again"), "remove one of the two entries")
                }
                DeadEntryKind::NotYaml => (
                    format!("the patch `{shown}` has another extension than .yaml or .yml"),
                    "rename the file",
                ),
                DeadEntryKind::Remote => continue,
            };
            let line = self.files[file].entry_lines.get(&entry.entry).copied().unwrap_or(1);
            let position = Position { line, column: 1 };
            found.push((file, Draft::new(Rule::BrokenEntry, position, message, hint)));
        }
    }

    fn inclusion(&self, found: &mut Vec<(usize, Draft)>) {
        for (index, file) in self.files.iter().enumerate() {
            let Some(first) = file.objects.first().filter(|_| file.kustomization.is_none()) else { continue };
            if self.layout.inclusion(&file.path) == Inclusion::NotListed {
                let message = "no kustomization.yaml includes this file, so Flux does not apply it";
                let hint = "add it to `resources` of the kustomization.yaml next to it, or remove the file";
                found.push((index, Draft::new(Rule::NotIncluded, first.position, message.to_owned(), hint)));
            }
        }
    }
}

fn folder_of(path: &RepoPath) -> &str {
    path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}
