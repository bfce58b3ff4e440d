//! The entry point: scanned files to a configuration that loads, and findings.

use std::collections::BTreeSet;
use std::ffi::OsString;

use crate::config::{Config, EnvLookup};
use crate::model::{ImageName, Printable, RepoPath, ServiceName, Version};

use super::chain;
use super::config_text::{ConfigText, Origin};
use super::environment::{Environment, EnvironmentIndex};
use super::error::InitError;
use super::finding::{Finding, FindingKind};
use super::flux::{self, FluxRules, Policies};
use super::folders::{self, EnvironmentFolder, UnknownStage};
use super::manifests::{FileField, Manifests, ScannedFile, line_and_column};
use super::ownership::ManagedImages;
use super::services::Services;
use super::stage::StageName;
use super::unmanaged::{NameableField, Shape, ShapeCount};

/// A drafted configuration and its findings.
#[derive(Debug)]
pub struct Draft {
    /// The YAML. It loads.
    pub configuration: String,
    /// The environments, in the order of the YAML.
    pub environments: Vec<Environment>,
    /// Number of services, in environments or not.
    pub services: usize,
    /// Number of their images.
    pub images: usize,
    /// Number of services in every environment.
    pub services_in_every: usize,
    /// Number of services in some environments only.
    pub services_in_some: usize,
    /// Number of services in no environment.
    pub services_in_none: usize,
    /// The findings, the most urgent first.
    pub findings: Vec<Finding>,
}

/// Drafts a configuration from the files of a repository; `scanned` is the number of files, with those that do not concern
/// images.
///
/// # Errors
/// When there is no image field, or none in a folder named like an environment.
pub fn draft(
    files: Vec<(RepoPath, ScannedFile)>,
    scanned: usize,
    origin: &Origin,
    policies: Policies,
) -> Result<Draft, InitError> {
    let mut manifests = Manifests::collect(files);
    if manifests.fields.is_empty() {
        return Err(no_images(&manifests, scanned));
    }
    let folders = folders::choose(&manifests.fields);
    let (mut environments, index) = chain::arrange(folders.chosen, &manifests.fields);
    if environments.is_empty() {
        return Err(no_environment(&manifests, &folders.left_out));
    }
    let mut findings = std::mem::take(&mut manifests.unreadable);
    findings.extend(folders.unknown.iter().map(|stage| unknown_stage(stage, &mut environments, &index)));
    let managed = ManagedImages::decide(&environments, &manifests, origin.owner.as_deref());
    findings.extend(managed.unmanaged(&environments));
    keep_managed(&managed, &mut manifests, &mut environments);
    let rules = flux::rules(&manifests, &environments, &index, policies);
    let services = Services::new(&manifests.fields, &environments, &index);
    findings.extend(services.findings());
    findings.extend(mostly_unplaced(&services));
    findings.extend(folders.left_out.iter().map(|folder| folder_left_out(folder, &environments, &index)));
    findings.extend(stage_files(&manifests, &environments, &index));
    findings.extend(straight_from_registry(&environments));
    findings.extend(nothing_after(&environments));
    findings.extend(unmanaged_shapes(&manifests));
    findings.extend(refused(&manifests));
    findings.extend(not_versions(&manifests, &index, &rules));
    findings.extend(variants(&manifests, &index, &rules));
    findings.extend(rules.findings.iter().cloned());
    findings.sort_by(Finding::report_order);
    let text = ConfigText {
        origin,
        environments: &environments,
        rules: &rules,
        managed: &managed,
        findings: &findings,
        versions: versions(&manifests, &index),
        proposals: proposals(&manifests, &managed, &index),
    };
    let images: BTreeSet<&ImageName> =
        manifests.fields.iter().filter_map(|field| field.field.image.as_ref()).collect();
    Ok(Draft {
        configuration: verified(text.write())?,
        services: services.environments_of.len(),
        images: images.len(),
        services_in_every: services.in_every(),
        services_in_some: services.in_some(),
        services_in_none: services.in_none(),
        findings,
        environments,
    })
}

/// Leaves out what the draft does not manage, so that no finding is about it.
fn keep_managed(managed: &ManagedImages, manifests: &mut Manifests, environments: &mut [Environment]) {
    manifests.fields.retain(|field| managed.manages_field(field));
    manifests
        .refusals
        .retain(|(_, refusal)| refusal.image.as_ref().is_none_or(|image| managed.manages(image)));
    manifests
        .inline_versions
        .retain(|version| version.image.as_ref().is_some_and(|image| managed.manages(image)));
    for environment in environments {
        environment.services.retain(|_, images| {
            let had_images = !images.is_empty();
            images.retain(|image| managed.manages(image));
            !(had_images && images.is_empty())
        });
    }
}

/// Reports folders that may be an environment. Until their place is known, the environments next to them that take versions
/// from another one need approvals.
fn unknown_stage(
    stage: &UnknownStage,
    environments: &mut [Environment],
    index: &EnvironmentIndex,
) -> Finding {
    let siblings: BTreeSet<usize> = stage.siblings.iter().filter_map(|path| index.find(path)).collect();
    for at in &siblings {
        if let Some(environment) = environments.get_mut(*at) {
            environment.needs_approval |= environment.is_production();
        }
    }
    let names: Vec<&str> =
        siblings.iter().filter_map(|at| environments.get(*at)).map(|one| one.name.as_str()).collect();
    let label = Printable::bounded(&stage.label, 60).to_string();
    let folders = match stage.folders.as_slice() {
        [only] => Printable::bounded(only.as_str(), 120).to_string(),
        several => format!("{} folders", several.len()),
    };
    let message = format!(
        "`{label}` ({folders}) is next to {} and has the same services, but it is no known stage",
        names.join(", ")
    );
    let hint = format!(
        "if it is an environment, add it to `environments` and to `after`; a promotion past `{label}` needs an approval until you remove `approval`"
    );
    let finding = Finding::new(FindingKind::UnknownStage, message).with_hint(hint);
    match stage.folders.first() {
        Some(first) => finding.in_file(first, None),
        None => finding,
    }
}

/// The text, if it loads as a configuration.
fn verified(configuration: String) -> Result<String, InitError> {
    match Config::parse(&configuration, "tidegate.yaml", &AnyMachine) {
        Ok(_) => Ok(configuration),
        Err(source) => Err(InitError::Unusable { source: Box::new(source) }),
    }
}

/// The variables that a draft relies on: a state folder, since it has no `store`, and an SSH agent.
struct AnyMachine;

impl EnvLookup for AnyMachine {
    fn value_of(&self, name: &str) -> Option<OsString> {
        match name {
            "STATE_DIRECTORY" => Some("/var/lib/tidegate".into()),
            "SSH_AUTH_SOCK" => Some("/run/agent".into()),
            _ => None,
        }
    }
}

/// Versions from 1.0.0, unless the repository runs older ones.
fn versions(manifests: &Manifests, index: &EnvironmentIndex) -> &'static str {
    let is_placed = |field: &&FileField| index.contains(&field.path);
    let placed = manifests.fields.iter().filter(is_placed);
    let mut versions = placed.filter_map(|field| field.field.tag.as_str().parse::<Version>().ok());
    if versions.any(|version| version.major() == 0) { "*" } else { ">=1.0.0" }
}

fn no_images(manifests: &Manifests, scanned: usize) -> InitError {
    let refusals = manifests.refusals.iter().map(|(path, refusal)| format!("{path}:{refusal}"));
    let unreadable = manifests.unreadable.iter().filter_map(|finding| {
        let file = finding.file.as_ref()?;
        Some(format!("{}: {}", file.path, finding.message))
    });
    let shapes = manifests.unmanaged.counts().map(|ShapeCount { shape, count, first, .. }| {
        format!("{} (first in {})", shape.describe(count), Printable::bounded(first.as_str(), 120))
    });
    InitError::NoImages { scanned, instead: shapes.chain(refusals).chain(unreadable).collect() }
}

fn no_environment(manifests: &Manifests, left_out: &[EnvironmentFolder]) -> InitError {
    let parent = |path: &RepoPath| path.as_str().rsplit_once('/').and_then(|(folder, _)| folder.parse().ok());
    let folders: BTreeSet<RepoPath> =
        manifests.fields.iter().filter_map(|field| parent(&field.path)).collect();
    let mut files = manifests.fields.iter().map(|field| &field.path).chain(&manifests.stage_values);
    InitError::NoEnvironment {
        folders: folders.into_iter().collect(),
        stage_file: files.find(|path| StageName::of_file(path.as_str()).is_some()).cloned(),
        namespace: left_out.first().map(|folder| folder.path.clone()),
    }
}

fn folder_left_out(
    folder: &EnvironmentFolder,
    environments: &[Environment],
    index: &EnvironmentIndex,
) -> Finding {
    let word = Printable::new(&folder.name.word);
    let message = match index.find(&folder.path).and_then(|outer| environments.get(outer)) {
        Some(outer) => format!("named like an environment (`{word}`), but inside {}", outer.name),
        None => format!(
            "named like an environment (`{word}`), but it shares no service with its siblings, so it is left out"
        ),
    };
    Finding::new(FindingKind::FolderLeftOut, message).in_file(&folder.path, None)
}

/// Files that are named like an environment and lie in no folder of it: only folders are taken for environments here.
fn stage_files<'a>(
    manifests: &'a Manifests,
    environments: &'a [Environment],
    index: &'a EnvironmentIndex,
) -> impl Iterator<Item = Finding> + 'a {
    let files: BTreeSet<&RepoPath> =
        manifests.fields.iter().map(|field| &field.path).chain(&manifests.stage_values).collect();
    files.into_iter().filter_map(|path| {
        let stage = StageName::of_file(path.as_str())?;
        let folder = index.find(path).and_then(|at| environments.get(at));
        if folder.is_some_and(|environment| environment.stage == stage.stage) {
            return None;
        }
        let word = Printable::new(&stage.word);
        let place = match folder {
            Some(environment) => format!("but is in the folder of {}", environment.name),
            None => "but is in no environment".to_owned(),
        };
        let message = format!("named like an environment (`{word}`), {place}; init takes folders alone");
        let hint = match folder {
            Some(_) => "give each stage a folder of its own".to_owned(),
            None => format!("write such files into `paths`, as `{}`", pattern_of(path)),
        };
        Some(Finding::new(FindingKind::StageFile, message).with_hint(hint).in_file(path, None))
    })
}

/// The pattern of the files that are called and nested like this one, below its first folder.
fn pattern_of(path: &RepoPath) -> String {
    let segments: Vec<&str> = path.as_str().split('/').collect();
    let last = segments.len() - 1;
    let pattern = segments.iter().enumerate().map(|(at, segment)| {
        if at == 0 || at == last { Printable::bounded(segment, 80).to_string() } else { "*".to_owned() }
    });
    pattern.collect::<Vec<_>>().join("/")
}

fn nothing_after(environments: &[Environment]) -> impl Iterator<Item = Finding> {
    let is_before = |at| environments.iter().any(|environment| environment.after == Some(at));
    let last = environments.iter().enumerate();
    let last = last.filter(move |(at, one)| environments.len() > 1 && !one.is_last() && !is_before(*at));
    last.map(|(_, environment)| {
        let message = format!("no environment comes after {}", environment.name);
        let hint = "an environment comes after exactly one other; check that it is the right one";
        Finding::new(FindingKind::NothingAfter, message).with_hint(hint)
    })
}

/// Production, or the only environment, without one before it.
fn straight_from_registry(environments: &[Environment]) -> impl Iterator<Item = Finding> {
    let is_reported =
        |one: &&Environment| one.after.is_none() && (one.is_production() || environments.len() == 1);
    environments.iter().filter(is_reported).map(|environment| {
        let message = format!(
            "no environment comes before {}: every new version goes straight to it",
            environment.name
        );
        let hint = "add an earlier environment and write `after` and `soak`, or write `approval: required`";
        Finding::new(FindingKind::StraightFromRegistry, message).with_hint(hint)
    })
}

/// A layout that environment folders cover badly, such as one file per stage.
fn mostly_unplaced(services: &Services<'_>) -> Option<Finding> {
    let (unplaced, all) = (services.in_none(), services.environments_of.len());
    if 2 * unplaced <= all {
        return None;
    }
    let message = format!("{unplaced} of {all} services are in no environment, so they are not promoted");
    let hint = "Tidegate finds environments by folders; write `paths` by hand, or move each stage into its own folders";
    Some(Finding::new(FindingKind::MostlyUnplaced, message).with_hint(hint))
}

/// The fields in environments that the configuration may name: of managed images, and of unknown ones.
fn proposals<'a>(
    manifests: &'a Manifests,
    managed: &ManagedImages,
    index: &EnvironmentIndex,
) -> Vec<&'a (RepoPath, NameableField)> {
    let is_meant = |(path, found): &&(RepoPath, NameableField)| {
        index.find(path).is_some() && found.image.as_ref().is_none_or(|image| managed.manages(image))
    };
    manifests.nameable.iter().filter(is_meant).collect()
}

/// Versions that Tidegate does not promote, one finding per shape.
fn unmanaged_shapes(manifests: &Manifests) -> impl Iterator<Item = Finding> {
    let counts = manifests.unmanaged.counts().filter(|found| found.shape != Shape::ChartRange);
    counts.map(|found| {
        let verb = if found.count == 1 { "is" } else { "are" };
        let others = match found.describe_others() {
            others if others.is_empty() => others,
            others => format!(" (here and in {others})"),
        };
        let message = format!("{} {verb} not promoted{others}", found.shape.describe(found.count));
        let finding = Finding::new(FindingKind::UnmanagedShape, message).in_file(found.first, None);
        match found.shape {
            Shape::ChartVersion | Shape::OciRepositoryTag => {
                finding.with_hint("`services.defaults.charts: {versions: …}` promotes charts too")
            }
            Shape::CustomResource | Shape::SubstituteVariable | Shape::ValuesFile => {
                finding.with_hint("name them under `fields` to promote them")
            }
            Shape::SetterComment => finding.with_hint(
                "Flux image automation may update them today: do not suspend it before you know who does it then",
            ),
            _ => finding,
        }
    })
}

fn refused(manifests: &Manifests) -> impl Iterator<Item = Finding> {
    let inline = manifests.inline_versions.iter().map(|version| {
        Finding::new(FindingKind::FieldRefused, version.refusal())
            .with_hint(version.hint())
            .in_file(&version.file, Some(line_and_column(version.position)))
            .for_service(&version.service)
    });
    let refusals = manifests.refusals.iter().map(|(path, refusal)| {
        let finding = Finding::new(FindingKind::FieldRefused, refusal.reason.to_string())
            .with_hint(refusal.reason.hint())
            .in_file(path, Some(line_and_column(refusal.position)));
        match &refusal.service {
            Some(service) => finding.for_service(service),
            None => finding,
        }
    });
    inline.chain(refusals)
}

fn not_versions<'a>(
    manifests: &'a Manifests,
    index: &'a EnvironmentIndex,
    rules: &'a FluxRules,
) -> impl Iterator<Item = Finding> + 'a {
    let fields = manifests.fields.iter().enumerate();
    let placed = fields.filter(move |(_, field)| index.contains(&field.path));
    placed.filter_map(|(at, field)| {
        let service: &ServiceName = &field.field.service;
        let message = rules.not_a_version(at, field)?;
        let hint = "add an override with a `tagPattern` that finds the version in the tag";
        let position = Some(line_and_column(field.field.position));
        let finding = Finding::new(FindingKind::NotAVersion, message).with_hint(hint);
        Some(finding.for_service(service).in_file(&field.path, position))
    })
}

/// Tags such as `1.2.0-alpine`, which are promoted to the same variant only.
fn variants<'a>(
    manifests: &'a Manifests,
    index: &'a EnvironmentIndex,
    rules: &'a FluxRules,
) -> impl Iterator<Item = Finding> + 'a {
    let placed = manifests.fields.iter().enumerate().filter(|(_, field)| index.contains(&field.path));
    placed.filter_map(|(at, file_field)| {
        let FileField { path, field } = file_field;
        let version: Version = field.tag.as_str().parse().ok()?;
        if version.variant().is_empty() || !rules.reads_whole_tag(at, file_field) {
            return None;
        }
        let message = format!("`{}` is a variant: only tags with the same suffix follow it", field.tag);
        let hint = "if the suffix is part of the version, add an override with a `tagPattern` that says so";
        let finding = Finding::new(FindingKind::Variant, message).with_hint(hint);
        Some(finding.for_service(&field.service).in_file(path, Some(line_and_column(field.position))))
    })
}
