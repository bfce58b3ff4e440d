//! Collects what the manifests of a repository contain about images. Judges nothing.

use std::collections::HashMap;

use crate::kustomize::{InlineVersion, Layout, LayoutFile, is_kustomization};
use crate::manifest::{
    self, FluxAutomation, FluxImagePolicy, ImageField, Kustomization, Manifest, PolicyName, Position,
    Refusal, Unreadable,
};
use crate::model::{Content, ImageName, RepoPath, ServiceName};

use super::finding::{Finding, FindingKind};
use super::stage::StageName;
use super::unmanaged::{NameableField, Unmanaged, UnmanagedVersions, unmanaged_in_objects, values_not_taken};

/// A scanned file that holds versions, or that cannot be read.
#[derive(Clone, Debug)]
pub struct ScannedFile(State);

#[derive(Clone, Debug)]
enum State {
    Manifest {
        manifest: Box<Manifest>,
        unmanaged: Unmanaged,
        kustomization: Option<Box<Kustomization>>,
        /// Whether it is a file of Helm values that is named like a stage.
        is_stage_values: bool,
    },
    Unreadable(Unreadable),
    TooLarge {
        bytes: usize,
    },
}

impl ScannedFile {
    /// Scans the content of a file; `None` if it holds no version.
    pub fn scan(path: &RepoPath, content: Content<'_>) -> Option<Self> {
        let state = match content {
            Content::LfsPointer => return None,
            Content::TooLarge { bytes } => State::TooLarge { bytes },
            Content::Bytes(text) => match manifest::read(text) {
                Ok(manifest) => {
                    let mut unmanaged = unmanaged_in_objects(text, &manifest);
                    unmanaged.keep_proposals(text);
                    let kustomization =
                        is_kustomization(path).then(|| manifest::read_kustomization(text).ok());
                    let kustomization = kustomization.flatten().map(Box::new);
                    let is_stage_values = manifest.has_fields_only() && is_stage_values(path, text);
                    let has_none = manifest.is_empty() && unmanaged.shapes.is_empty();
                    if has_none && kustomization.is_none() && !is_stage_values {
                        return None;
                    }
                    State::Manifest {
                        manifest: Box::new(manifest),
                        unmanaged,
                        kustomization,
                        is_stage_values,
                    }
                }
                Err(unreadable) => State::Unreadable(unreadable),
            },
        };
        Some(Self(state))
    }
}

/// An image field and its file.
#[derive(Debug)]
pub(super) struct FileField {
    pub(super) path: RepoPath,
    pub(super) field: ImageField,
}

/// The contents of all manifests, in the order of the paths.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) fields: Vec<FileField>,
    pub(super) refusals: Vec<(RepoPath, Refusal)>,
    pub(super) policies: Vec<(RepoPath, FluxImagePolicy)>,
    pub(super) automations: Vec<(RepoPath, FluxAutomation)>,
    pub(super) unreadable: Vec<Finding>,
    pub(super) unmanaged: UnmanagedVersions,
    /// The versions that `fields` in the configuration can name.
    pub(super) nameable: Vec<(RepoPath, NameableField)>,
    /// What patches set where it is not edited.
    pub(super) inline_versions: Vec<InlineVersion>,
    /// Files of Helm values that are named like a stage.
    pub(super) stage_values: Vec<RepoPath>,
    repositories: HashMap<PolicyName, ImageName>,
    /// What an ImageRepository says that an override cannot.
    restrictions: HashMap<PolicyName, &'static str>,
}

impl Manifests {
    pub(super) fn collect(mut files: Vec<(RepoPath, ScannedFile)>) -> Self {
        files.sort_by(|(one, _), (other, _)| one.cmp(other));
        let layout = Layout::of(files.iter().map(|(path, file)| match &file.0 {
            State::Manifest { manifest, kustomization, .. } => {
                LayoutFile { path, kustomization: kustomization.as_deref(), manifest: Some(manifest) }
            }
            _ => LayoutFile { path, kustomization: None, manifest: None },
        }));
        let mut manifests = Self { inline_versions: inline_versions(&layout), ..Self::default() };
        for (path, file) in files {
            match file.0 {
                State::Manifest { manifest, unmanaged, is_stage_values, .. } => {
                    let takes = |field: &ImageField| layout.takes(&path, field);
                    if is_stage_values && !manifest.fields.iter().any(takes) {
                        manifests.stage_values.push(path.clone());
                    }
                    manifests.add_unmanaged(&path, unmanaged, &manifest, &layout);
                    manifests.add(&path, *manifest, &layout);
                }
                State::Unreadable(unreadable) => manifests.unreadable.push(invalid_yaml(&path, &unreadable)),
                State::TooLarge { bytes } => manifests.unreadable.push(
                    Finding::new(FindingKind::Unreadable, format!("skipped: the file has {bytes} bytes"))
                        .in_file(&path, None)
                        .with_hint("split the file"),
                ),
            }
        }
        manifests.complete_from_policies();
        manifests
    }

    fn add_unmanaged(&mut self, path: &RepoPath, unmanaged: Unmanaged, manifest: &Manifest, layout: &Layout) {
        let Unmanaged { mut shapes, nameable } = unmanaged;
        shapes.extend(values_not_taken(path, manifest, layout));
        self.unmanaged.add(path, &shapes);
        let nameable = nameable.into_iter().filter(|found| shapes.contains(&found.shape));
        self.nameable.extend(nameable.map(|found| (path.clone(), found)));
    }

    fn add(&mut self, path: &RepoPath, mut manifest: Manifest, layout: &Layout) {
        complete(path, &mut manifest, layout);
        let Manifest { fields, refusals, image_policies, image_repositories, automations, .. } = manifest;
        self.fields.extend(fields.into_iter().map(|field| FileField { path: path.clone(), field }));
        self.refusals.extend(refusals.into_iter().map(|refusal| (path.clone(), refusal)));
        self.policies.extend(image_policies.into_iter().map(|policy| (path.clone(), policy)));
        self.automations.extend(automations.into_iter().map(|automation| (path.clone(), automation)));
        for repository in image_repositories {
            let name =
                PolicyName { namespace: namespace_or_default(repository.namespace), name: repository.name };
            if repository.is_suspended {
                self.restrictions
                    .insert(name.clone(), "its ImageRepository is suspended, so Flux takes no new tag");
            } else if !repository.exclusions.is_empty() {
                let reason = "its ImageRepository has an `exclusionList`, which an override cannot have";
                self.restrictions.insert(name.clone(), reason);
            }
            if let Some(image) = repository.image {
                self.repositories.insert(name, image);
            }
        }
    }

    /// Completes the tags without a repository whose setter comment names a policy.
    fn complete_from_policies(&mut self) {
        let named = |(_, policy): &(RepoPath, FluxImagePolicy)| {
            Some((policy_name(policy), self.image_of(policy)?.clone()))
        };
        let images: HashMap<PolicyName, ImageName> = self.policies.iter().filter_map(named).collect();
        for FileField { field, .. } in &mut self.fields {
            if let (None, Some(marker)) = (&field.image, &field.marker) {
                field.image = images.get(marker).cloned();
            }
        }
    }

    /// The image of an ImagePolicy.
    pub(super) fn image_of(&self, policy: &FluxImagePolicy) -> Option<&ImageName> {
        self.repositories.get(&repository_of(policy))
    }

    /// What the ImageRepository of an ImagePolicy says that an override cannot.
    pub(super) fn restriction(&self, policy: &FluxImagePolicy) -> Option<&'static str> {
        self.restrictions.get(&repository_of(policy)).copied()
    }
}

fn repository_of(policy: &FluxImagePolicy) -> PolicyName {
    let namespace = policy.image_repository_namespace.as_ref().or(policy.namespace.as_ref()).cloned();
    PolicyName { namespace: namespace_or_default(namespace), name: policy.image_repository.clone() }
}

/// Adds what other files say: namespaces, and the images of tags without a repository.
fn complete(path: &RepoPath, manifest: &mut Manifest, layout: &Layout) {
    manifest.fields.retain(|field| layout.counts(path, field) && !field.shape.is_of_chart());
    for field in &mut manifest.fields {
        if field.image.is_none() {
            field.image = layout.image_of_tag_alone(path, field).cloned();
        }
        field.service = placed(path, &field.service, layout);
    }
    manifest.fields.retain(|field| field.image.is_some() || field.marker.is_some());
    // Charts are promoted where somebody asks for it; until then they are counted.
    manifest.refusals.retain(|refusal| !refusal.shape.is_of_chart() && layout.counts_refusal(path, refusal));
    for service in manifest.refusals.iter_mut().filter_map(|refusal| refusal.service.as_mut()) {
        *service = placed(path, service, layout);
    }
    let namespace = layout.namespace(path).map(str::to_owned);
    let policies = manifest.image_policies.iter_mut().map(|policy| &mut policy.namespace);
    let repositories = manifest.image_repositories.iter_mut().map(|repository| &mut repository.namespace);
    for unset in policies.chain(repositories).filter(|namespace| namespace.is_none()) {
        unset.clone_from(&namespace);
    }
}

/// The versions in inline patches whose image is known, with the names of their services.
fn inline_versions(layout: &Layout) -> Vec<InlineVersion> {
    let versions = layout.inline_versions().iter().filter(|version| version.image.is_some());
    let placed = versions.cloned().map(|mut version| {
        let file = version.base.as_ref().map_or(&version.file, |(file, _)| file);
        version.service = placed(file, &version.service, layout);
        version
    });
    placed.collect()
}

/// Whether a file that is no manifest is `values-prod.yaml` or the like, with an image in it.
fn is_stage_values(path: &RepoPath, text: &[u8]) -> bool {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    let has_tag = || {
        std::str::from_utf8(text)
            .is_ok_and(|text| text.lines().any(|line| line.trim_start().starts_with("tag:")))
    };
    name.starts_with("values") && StageName::of_file(path.as_str()).is_some() && has_tag()
}

fn placed(path: &RepoPath, written: &ServiceName, layout: &Layout) -> ServiceName {
    let placed = layout.service(path, written, &[]);
    let unplaced =
        placed.is_namespace_assumed.then(|| ServiceName::new("default", written.name()).ok()).flatten();
    unplaced.unwrap_or(placed.service)
}

fn namespace_or_default(namespace: Option<String>) -> String {
    namespace.unwrap_or_else(|| "default".to_owned())
}

fn invalid_yaml(path: &RepoPath, unreadable: &Unreadable) -> Finding {
    Finding::new(FindingKind::Unreadable, format!("invalid YAML: {}", unreadable.reason))
        .in_file(path, Some(line_and_column(unreadable.position)))
        .with_hint(unreadable.hint())
}

pub(super) fn line_and_column(position: Position) -> (usize, usize) {
    (position.line, position.column)
}

/// The name by which setter comments refer to an ImagePolicy.
pub(super) fn policy_name(policy: &FluxImagePolicy) -> PolicyName {
    PolicyName { namespace: namespace_or_default(policy.namespace.clone()), name: policy.name.clone() }
}
