//! Flux's image objects: which ImagePolicy a field follows, and what an ImageUpdateAutomation would write.
//!
//! The engine reads every ImagePolicy of the repository in place. For a team that leaves Flux, the draft carries their rules over
//! instead.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::manifest::{FluxAutomation, FluxImagePolicy, FluxOrder, PolicyName};
use crate::model::{ImageName, Printable, RepoPath, ServiceName, Version};
use crate::policy::{Range, SelectionRules, SyntaxError, TagOrder};

use super::environment::{Environment, EnvironmentIndex};
use super::extract::tag_pattern;
use super::finding::{FilePosition, Finding, FindingKind};
use super::manifests::{FileField, Manifests, line_and_column, policy_name};

const ADD_OVERRIDE: &str =
    "add an override with the `versions` of the service, and a `tagPattern` if it needs one";

/// An entry of `services.overrides` from an ImagePolicy.
#[derive(Debug)]
pub(super) struct Override {
    pub(super) service: ServiceName,
    pub(super) rules: SelectionRules,
    /// The pattern of `rules` as text.
    pub(super) tag_pattern: Option<String>,
    pub(super) policy: PolicyName,
    pub(super) file: FilePosition,
}

/// What becomes of the ImagePolicies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policies {
    /// They stay, and the engine reads them.
    Followed,
    /// The configuration has their rules, so that they can be removed.
    CarriedOver,
}

/// The selection rules in Flux's objects.
#[derive(Debug, Default)]
pub(super) struct FluxRules {
    /// Sorted by service, each service once.
    pub(super) overrides: Vec<Override>,
    /// Number of policies that fields follow.
    pub(super) followed: usize,
    /// Indexes of the fields that follow one.
    following: BTreeSet<usize>,
    pub(super) findings: Vec<Finding>,
}

impl FluxRules {
    /// Whether the whole tag is the version, so that a suffix makes it a variant. The pattern of a policy may read a part.
    pub(super) fn reads_whole_tag(&self, index: usize, field: &FileField) -> bool {
        let carried = self.overrides.iter().find(|one| one.service == field.field.service);
        !self.following.contains(&index) && carried.is_none_or(|carried| carried.tag_pattern.is_none())
    }

    /// Why the tag is not a version by the rules that apply, if that is known here.
    pub(super) fn not_a_version(&self, index: usize, field: &FileField) -> Option<String> {
        if self.following.contains(&index) {
            return None;
        }
        let field = &field.field;
        let carried = self.overrides.binary_search_by(|one| one.service.cmp(&field.service));
        let carried = carried.ok().and_then(|index| self.overrides.get(index));
        let is_version = match carried {
            Some(carried) => carried.rules.version_of(&field.tag).is_some(),
            None => field.tag.as_str().parse::<Version>().is_ok(),
        };
        let message = || match carried.filter(|carried| carried.tag_pattern.is_some()) {
            Some(carried) => format!("ImagePolicy {} does not match the tag `{}`", carried.policy, field.tag),
            None => format!("the tag `{}` is not a version", field.tag),
        };
        (!is_version).then(message)
    }
}

/// A policy and its file.
type FilePolicy<'a> = &'a (RepoPath, FluxImagePolicy);

/// Finds the policy of each field.
pub(super) fn rules(
    manifests: &Manifests,
    environments: &[Environment],
    index: &EnvironmentIndex,
    policies: Policies,
) -> FluxRules {
    let objects = Objects::new(manifests, index);
    let mut rules = FluxRules::default();
    let mut followed: BTreeMap<PolicyName, FilePolicy<'_>> = BTreeMap::new();
    let mut by_service: BTreeMap<&ServiceName, ServicePolicies<'_>> = BTreeMap::new();
    for (at, field) in manifests.fields.iter().enumerate() {
        let Some(environment) = index.find(&field.path) else { continue };
        match (objects.policy_of(environment, field), policies) {
            (Ok(Some(policy)), Policies::Followed) => {
                rules.following.insert(at);
                followed.insert(policy_name(&policy.1), policy);
            }
            (Ok(Some(policy)), Policies::CarriedOver) => {
                let of_service = by_service.entry(&field.field.service).or_default();
                of_service.policies.insert(policy_name(&policy.1), policy);
            }
            (Ok(None), _) => {
                let of_service = by_service.entry(&field.field.service).or_default();
                of_service.other_images.extend(&field.field.image);
            }
            (Err(finding), _) => {
                let position = Some(line_and_column(field.field.position));
                rules.findings.push(finding.for_service(&field.field.service).in_file(&field.path, position));
            }
        }
    }
    rules.followed = followed.len();
    rules.findings.extend(followed.into_values().filter_map(not_followed));
    for (service, policies) in by_service {
        policies.carry_over(service, manifests, &mut rules);
    }
    rules.findings.extend(automations(manifests, environments));
    rules
}

/// Why the engine cannot follow a policy.
fn not_followed((path, policy): FilePolicy<'_>) -> Option<Finding> {
    let reason = selection(policy).err()?;
    let message = format!("ImagePolicy {} cannot be followed: {reason}", policy_name(policy));
    let position = Some(line_and_column(policy.position));
    let finding = Finding::new(FindingKind::PolicyNotCarriedOver, message);
    Some(finding.with_hint(ADD_OVERRIDE).in_file(path, position))
}

/// The policies of a repository, as the engine finds them for a field.
struct Objects<'a> {
    index: &'a EnvironmentIndex,
    by_name: HashMap<PolicyName, Vec<FilePolicy<'a>>>,
    by_image: HashMap<&'a ImageName, Vec<FilePolicy<'a>>>,
}

impl<'a> Objects<'a> {
    fn new(manifests: &'a Manifests, index: &'a EnvironmentIndex) -> Self {
        let mut objects = Self { index, by_name: HashMap::new(), by_image: HashMap::new() };
        for policy in &manifests.policies {
            objects.by_name.entry(policy_name(&policy.1)).or_default().push(policy);
            if let Some(image) = manifests.image_of(&policy.1) {
                objects.by_image.entry(image).or_default().push(policy);
            }
        }
        objects
    }

    fn policy_of(&self, environment: usize, field: &'a FileField) -> Result<Option<FilePolicy<'a>>, Finding> {
        match (&field.field.marker, &field.field.image) {
            (Some(name), image) => self.named(environment, name, image.is_some()).map(Some),
            (None, Some(image)) => self.of_image(environment, image),
            (None, None) => Ok(None),
        }
    }

    /// The policy that a setter comment refers to.
    fn named(
        &self,
        environment: usize,
        name: &PolicyName,
        has_image: bool,
    ) -> Result<FilePolicy<'a>, Finding> {
        let of_name = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        let Some(nearest) = of_name.iter().copied().min_by_key(|policy| self.distance(environment, policy))
        else {
            let message =
                format!("the setter comment refers to ImagePolicy {name}, which is not in the repository");
            let hint = if has_image {
                "add an override with the `versions` of the service"
            } else {
                "add the ImagePolicy and its ImageRepository to the repository, or `repository` next to the tag"
            };
            return Err(Finding::new(FindingKind::PolicyMissing, message).with_hint(hint));
        };
        if !has_image {
            let message =
                format!("the tag has no `repository`, and the image of ImagePolicy {name} is unknown");
            let hint = "add its ImageRepository to the repository, or `repository` next to the tag";
            return Err(Finding::new(FindingKind::UnknownImage, message).with_hint(hint));
        }
        Ok(nearest)
    }

    /// 0 in the folders of the environment, 1 in those of none, 2 in those of another.
    fn distance(&self, environment: usize, policy: FilePolicy<'_>) -> u8 {
        match self.index.find(&policy.0) {
            Some(at) if at == environment => 0,
            None => 1,
            Some(_) => 2,
        }
    }

    /// The policy of a field without a setter comment: the only one for its image.
    fn of_image(&self, environment: usize, image: &ImageName) -> Result<Option<FilePolicy<'a>>, Finding> {
        let of_image = self.by_image.get(image).map(Vec::as_slice).unwrap_or_default();
        let nearest = of_image.iter().map(|policy| self.distance(environment, policy)).min();
        let Some(nearest) = nearest.filter(|distance| *distance < 2) else { return Ok(None) };
        let mut nearest: Vec<FilePolicy<'a>> =
            of_image.iter().filter(|policy| self.distance(environment, policy) == nearest).copied().collect();
        // The same policy may be in several files, such as a base and its patches.
        nearest.dedup_by_key(|(_, policy)| policy_name(policy));
        match nearest.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            several => {
                let names: Vec<String> =
                    several.iter().map(|(_, policy)| policy_name(policy).to_string()).collect();
                let message = format!("{image} has several ImagePolicies: {}", names.join(", "));
                let message = Printable::bounded(&message, 400).to_string();
                let finding = Finding::new(FindingKind::PolicyNotCarriedOver, message);
                Err(finding.with_hint("add an override with the `versions` of the service"))
            }
        }
    }
}

/// The policies of one service to carry over.
#[derive(Default)]
struct ServicePolicies<'a> {
    policies: BTreeMap<PolicyName, FilePolicy<'a>>,
    /// Images of the service without a policy.
    other_images: BTreeSet<&'a ImageName>,
}

impl ServicePolicies<'_> {
    /// Adds one override for the policies, and findings for what an override cannot express.
    fn carry_over(self, service: &ServiceName, manifests: &Manifests, rules: &mut FluxRules) {
        let mut carried: Vec<Override> = Vec::new();
        for (policy, (path, object)) in self.policies {
            let file = FilePosition { path: path.clone(), position: Some(line_and_column(object.position)) };
            let translated = match manifests.restriction(object) {
                Some(restriction) => Err(restriction.to_owned()),
                None => translate(object),
            };
            match translated {
                Ok((rules, tag_pattern)) => {
                    carried.push(Override { service: service.clone(), rules, tag_pattern, policy, file });
                }
                Err(reason) => rules.findings.push(not_translated(&policy, &reason, service, &file)),
            }
        }
        let mut carried = carried.into_iter();
        let Some(first) = carried.next() else { return };
        if let Some(other) = carried.find(|other| other.rules != first.rules) {
            let message = format!(
                "ImagePolicies {} and {} have different rules for one service",
                first.policy, other.policy
            );
            rules.findings.push(first.too_wide(message));
            return;
        }
        if let Some(image) = self.other_images.first() {
            let message = format!("the rules of ImagePolicy {} apply to {image} too", first.policy);
            rules.findings.push(first.too_wide(message));
        }
        rules.overrides.push(first);
    }
}

impl Override {
    /// An override applies to a service, a policy to an image.
    fn too_wide(&self, message: String) -> Finding {
        Finding::new(FindingKind::PolicyNotCarriedOver, message)
            .with_hint(
                "`versions` and `tagPattern` apply to a whole service; `images` selects among its images",
            )
            .for_service(&self.service)
            .in_file(&self.file.path, self.file.position)
    }
}

fn not_translated(policy: &PolicyName, reason: &str, service: &ServiceName, file: &FilePosition) -> Finding {
    Finding::new(
        FindingKind::PolicyNotCarriedOver,
        format!("ImagePolicy {policy} cannot be carried over: {reason}"),
    )
    .with_hint(ADD_OVERRIDE)
    .for_service(service)
    .in_file(&file.path, file.position)
}

/// The rules equivalent to a policy, and their tag pattern as text.
fn translate(policy: &FluxImagePolicy) -> Result<(SelectionRules, Option<String>), String> {
    let shown = |text: &str| Printable::bounded(text, 80).to_string();
    let (order, versions) = selection(policy)?;
    let rules = |tag_pattern| SelectionRules { order, ..SelectionRules::new(versions, tag_pattern) };
    let Some(pattern) = &policy.pattern else {
        return Ok((rules(None), None));
    };
    let Some((written, read)) = tag_pattern(pattern, policy.extract.as_deref()) else {
        let extract = shown(policy.extract.as_deref().unwrap_or_default());
        let pattern = shown(pattern);
        return Err(format!("`{extract}` is not one group of the pattern `{pattern}`"));
    };
    Ok((rules(Some(read)), Some(written)))
}

/// The order of a policy, and its range.
fn selection(policy: &FluxImagePolicy) -> Result<(TagOrder, Range), String> {
    if policy.is_suspended {
        return Err("it is suspended, so Flux takes no new tag".to_owned());
    }
    let is_descending = policy.is_descending;
    let (order, range) = match (policy.order, &policy.range) {
        (FluxOrder::Semver, Some(range)) => (TagOrder::Semver, range.as_str()),
        (FluxOrder::Alphabetical, _) => (TagOrder::Alphabetical { is_descending }, "*"),
        (FluxOrder::Numerical, _) => (TagOrder::Numeric { is_descending }, "*"),
        _ => return Err("it has no version range".to_owned()),
    };
    let versions = range.parse().map_err(|error: SyntaxError| {
        format!("the range `{}`: {}", Printable::bounded(range, 80), error.message())
    })?;
    Ok((order, versions))
}

/// Flux image automation over the same files.
fn automations<'a>(
    manifests: &'a Manifests,
    environments: &'a [Environment],
) -> impl Iterator<Item = Finding> + 'a {
    manifests.automations.iter().filter_map(|(path, automation)| {
        let folder = update_folder(automation);
        let written: Vec<&str> = environments
            .iter()
            .filter(|environment| environment.paths.iter().any(|path| overlaps(path, folder.as_deref())))
            .map(|environment| environment.name.as_str())
            .collect();
        if written.is_empty() {
            return None;
        }
        let message = format!(
            "ImageUpdateAutomation {} writes tags to {} too and would undo Tidegate's promotions",
            Printable::bounded(&automation.name, 80),
            written.join(", ")
        );
        let finding = Finding::new(FindingKind::FluxAutomation, message).with_hint(suspend(automation));
        Some(finding.in_file(path, Some(line_and_column(automation.position))))
    })
}

/// How to stop Flux. People copy the command, so it is given only with names that Kubernetes accepts.
fn suspend(automation: &FluxAutomation) -> String {
    let rest = "and remove it from the repository";
    match ServiceName::new(automation.namespace.as_deref().unwrap_or("default"), &automation.name) {
        Ok(object) => format!(
            "before the daemon runs: `flux suspend image update {} -n {}`, {rest}",
            object.name(),
            object.namespace()
        ),
        Err(_) => format!("before the daemon runs: suspend it {rest}"),
    }
}

/// The folder that an automation writes to; `None` for the whole repository.
fn update_folder(automation: &FluxAutomation) -> Option<String> {
    let parts = automation.update_path.as_deref().unwrap_or_default().split('/');
    let path = parts.filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/");
    (!path.is_empty()).then_some(path)
}

fn overlaps(path: &RepoPath, folder: Option<&str>) -> bool {
    // A path that cannot be parsed may be anywhere: warn rather than miss it.
    let Some(Ok(folder)) = folder.map(str::parse::<RepoPath>) else { return true };
    path.is_within(&folder) || folder.is_within(path)
}
