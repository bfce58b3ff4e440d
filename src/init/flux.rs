//! Flux's image objects: which of them the daemon reads where they are, and which have to become overrides.
//!
//! The engine reads an ImagePolicy that lies under an environment's folders, for that environment. One that lies
//! elsewhere (in `flux-system/`, in `infrastructure/`) it does not see, so its rules are carried over.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::manifest::{FluxAutomation, FluxImagePolicy, FluxOrder, PolicyName};
use crate::model::{ImageName, Printable, RepoPath, ServiceName, Version};
use crate::policy::{Range, RangeError, SelectionRules};

use super::catalogue::{Catalogue, Sighting, name_of, place};
use super::environments::Environment;
use super::extract::tag_pattern;
use super::finding::{Finding, FindingKind, Place};
use super::homes::Homes;

/// An entry of `services.overrides`, made of an ImagePolicy.
#[derive(Debug)]
pub(super) struct Override {
    pub(super) service: ServiceName,
    pub(super) rules: SelectionRules,
    /// The pattern of `rules` as it is written.
    pub(super) tag_pattern: Option<String>,
    pub(super) policy: PolicyName,
    pub(super) place: Place,
}

/// The rules that Flux's objects make.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Sorted by service, each service once.
    pub(super) overrides: Vec<Override>,
    /// How many policies are read where they are.
    pub(super) live: usize,
    /// The fields that such a policy is about, by their place among the sightings.
    governed: BTreeSet<usize>,
    pub(super) findings: Vec<Finding>,
}

impl Rules {
    /// Why a tag is no version by the rules that hold for it, as far as can be told here.
    pub(super) fn why_no_version(&self, at: usize, sighting: &Sighting) -> Option<String> {
        if self.governed.contains(&at) {
            return None;
        }
        let field = &sighting.field;
        let carried = self.overrides.binary_search_by(|one| one.service.cmp(&field.service));
        let carried = carried.ok().and_then(|place| self.overrides.get(place));
        let is_version = match carried {
            Some(carried) => carried.rules.version_of(&field.tag).is_some(),
            None => field.tag.as_str().parse::<Version>().is_ok(),
        };
        let message = || match carried.filter(|carried| carried.tag_pattern.is_some()) {
            Some(carried) => format!("ImagePolicy {} finds no version in `{}`", carried.policy, field.tag),
            None => format!("`{}` is not a version such as v1.0.180", field.tag),
        };
        (!is_version).then(message)
    }
}

/// A policy and its file.
type Placed<'a> = &'a (RepoPath, FluxImagePolicy);

/// Looks which policy each field is about, and carries over what the engine would not see.
pub(super) fn rules(catalogue: &Catalogue, environments: &[Environment], homes: &Homes) -> Rules {
    let policies = Policies::of(catalogue, homes);
    let mut rules = Rules { live: policies.live(), ..Rules::default() };
    let mut wanted: BTreeMap<&ServiceName, Wanted<'_>> = BTreeMap::new();
    for (at, sighting) in catalogue.sightings.iter().enumerate() {
        let Some(home) = homes.of_path(&sighting.path) else { continue };
        let of_service = wanted.entry(&sighting.field.service).or_default();
        match policies.about(home, sighting) {
            About::Nothing => of_service.others.extend(&sighting.field.image),
            About::Live => drop(rules.governed.insert(at)),
            About::Elsewhere(policy) => drop(of_service.policies.insert(name_of(&policy.1), policy)),
            About::Unclear(finding) => {
                let position = Some(place(sighting.field.position));
                rules.findings.push(finding.of(&sighting.field.service).at(&sighting.path, position));
            }
        }
    }
    for (service, wanted) in wanted {
        wanted.carry_over(service, &mut rules);
    }
    rules.findings.extend(automations(catalogue, environments));
    rules
}

/// What is said of a field.
enum About<'a> {
    Nothing,
    /// A policy under the environment's own folders.
    Live,
    /// A policy that the engine does not see.
    Elsewhere(Placed<'a>),
    Unclear(Finding),
}

struct Policies<'a> {
    catalogue: &'a Catalogue,
    homes: &'a Homes,
    by_name: HashMap<PolicyName, Vec<Placed<'a>>>,
    by_image: HashMap<&'a ImageName, Vec<Placed<'a>>>,
}

impl<'a> Policies<'a> {
    fn of(catalogue: &'a Catalogue, homes: &'a Homes) -> Self {
        let mut policies = Self { catalogue, homes, by_name: HashMap::new(), by_image: HashMap::new() };
        for policy in &catalogue.policies {
            policies.by_name.entry(name_of(&policy.1)).or_default().push(policy);
            if let Some((_, image)) = catalogue.image_of(&policy.1) {
                policies.by_image.entry(image).or_default().push(policy);
            }
        }
        policies
    }

    fn is_in_an_environment(&self, path: &RepoPath) -> bool {
        self.homes.of_path(path).is_some()
    }

    fn live(&self) -> usize {
        self.catalogue.policies.iter().filter(|(path, _)| self.is_in_an_environment(path)).count()
    }

    fn about(&self, home: usize, sighting: &Sighting) -> About<'a> {
        match (&sighting.field.marker, &sighting.field.image) {
            (Some(name), image) => self.named(home, name, image.is_some()),
            (None, Some(image)) => self.of_image(home, image),
            (None, None) => About::Nothing,
        }
    }

    /// The policy that a setter comment names.
    fn named(&self, home: usize, name: &PolicyName, has_image: bool) -> About<'a> {
        let of_name = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        if !has_image && !self.tell_image(of_name) {
            let message =
                format!("the tag stands alone, and ImagePolicy {name} leads to no image that is read");
            let hint = "write `repository` beside the tag, or put the ImagePolicy and its ImageRepository under an \
                        environment's folder";
            return About::Unclear(Finding::new(FindingKind::UnknownImage, message).with_hint(hint));
        }
        let is_at_home = |policy: &Placed<'a>| self.homes.of_path(&policy.0) == Some(home);
        match of_name.first() {
            Some(_) if of_name.iter().any(is_at_home) => About::Live,
            Some(policy) => About::Elsewhere(policy),
            None => About::Unclear(
                Finding::new(
                    FindingKind::PolicyMissing,
                    format!("its setter comment names ImagePolicy {name}, which is not in the repository"),
                )
                .with_hint("name the service under `services.overrides` with its `versions`"),
            ),
        }
    }

    /// Whether the engine can tell the image of a policy: whether both objects lie where it looks.
    fn tell_image(&self, policies: &[Placed<'a>]) -> bool {
        policies.iter().filter(|(path, _)| self.is_in_an_environment(path)).any(|(_, policy)| {
            let image = self.catalogue.image_of(policy);
            image.is_some_and(|(path, _)| self.is_in_an_environment(path))
        })
    }

    /// The policy of a field without a setter comment: the only one of its image.
    fn of_image(&self, home: usize, image: &ImageName) -> About<'a> {
        let of_image = self.by_image.get(image).map(Vec::as_slice).unwrap_or_default();
        let is_at_home = |policy: &Placed<'a>| self.homes.of_path(&policy.0) == Some(home);
        if of_image.iter().any(is_at_home) {
            return About::Live;
        }
        let outside: Vec<Placed<'a>> =
            of_image.iter().filter(|(path, _)| !self.is_in_an_environment(path)).copied().collect();
        match outside.as_slice() {
            [] => About::Nothing,
            [only] => About::Elsewhere(only),
            several => {
                let names: Vec<String> =
                    several.iter().map(|(_, policy)| name_of(policy).to_string()).collect();
                let message = format!("several ImagePolicies are about {image}: {}", names.join(", "));
                let message = Printable::bounded(&message, 400).to_string();
                let finding = Finding::new(FindingKind::PolicyNotCarriedOver, message);
                About::Unclear(
                    finding.with_hint("name the service under `services.overrides` with its `versions`"),
                )
            }
        }
    }
}

/// The policies of one service that have to be carried over.
#[derive(Default)]
struct Wanted<'a> {
    policies: BTreeMap<PolicyName, Placed<'a>>,
    /// The images of the service that no policy is about.
    others: BTreeSet<&'a ImageName>,
}

impl Wanted<'_> {
    /// Makes one override of the policies, and a finding of what it cannot say.
    fn carry_over(self, service: &ServiceName, rules: &mut Rules) {
        let mut carried: Vec<Override> = Vec::new();
        for (policy, (path, object)) in self.policies {
            let place = Place { path: path.clone(), position: Some(place(object.position)) };
            match translated(object) {
                Ok((rules, tag_pattern)) => {
                    carried.push(Override { service: service.clone(), rules, tag_pattern, policy, place });
                }
                Err(reason) => rules.findings.push(not_translated(&policy, &reason, service, &place)),
            }
        }
        let mut carried = carried.into_iter();
        let Some(first) = carried.next() else { return };
        if let Some(other) = carried.find(|other| !other.says_the_same(&first)) {
            let message = format!("ImagePolicies {} and {} have different rules", first.policy, other.policy);
            rules.findings.push(first.too_wide(message));
            return;
        }
        if let Some(image) = self.others.first() {
            let message = format!("the rules of ImagePolicy {} would hold for {image} too", first.policy);
            rules.findings.push(first.too_wide(message));
        }
        rules.overrides.push(first);
    }
}

impl Override {
    fn says_the_same(&self, other: &Self) -> bool {
        self.rules == other.rules
    }

    /// An override is about a service, a policy about an image.
    fn too_wide(&self, message: String) -> Finding {
        Finding::new(FindingKind::PolicyNotCarriedOver, message)
            .with_hint("`versions` and `tagPattern` hold for a whole service; `images` says which of its images are managed")
            .of(&self.service)
            .at(&self.place.path, self.place.position)
    }
}

fn not_translated(policy: &PolicyName, reason: &str, service: &ServiceName, place: &Place) -> Finding {
    Finding::new(
        FindingKind::PolicyNotCarriedOver,
        format!("ImagePolicy {policy} cannot be carried over: {reason}"),
    )
    .with_hint(
        "name the service under `services.overrides` with its `versions` and, if need be, a `tagPattern`",
    )
    .of(service)
    .at(&place.path, place.position)
}

/// The rules that mean what a policy does, and their tag pattern as it is written.
fn translated(policy: &FluxImagePolicy) -> Result<(SelectionRules, Option<String>), String> {
    let range = match (policy.order, &policy.range) {
        (FluxOrder::Semver, Some(range)) => range,
        (FluxOrder::Alphabetical, _) => {
            return Err("it orders tags by the alphabet, not as versions".to_owned());
        }
        (FluxOrder::Numerical, _) => return Err("it orders tags as numbers, not as versions".to_owned()),
        _ => return Err("it names no range of versions".to_owned()),
    };
    let shown = |text: &str| Printable::bounded(text, 80).to_string();
    let versions: Range = range
        .parse()
        .map_err(|error: RangeError| format!("the range `{}`: {}", shown(range), error.message()))?;
    let Some(pattern) = &policy.pattern else {
        return Ok((SelectionRules { versions, tag_pattern: None }, None));
    };
    let Some((written, read)) = tag_pattern(pattern, policy.extract.as_deref()) else {
        let extract = shown(policy.extract.as_deref().unwrap_or_default());
        let pattern = shown(pattern);
        return Err(format!("`{extract}` of `{pattern}` is not one group of a pattern that can be read"));
    };
    Ok((SelectionRules { versions, tag_pattern: Some(read) }, Some(written)))
}

/// Flux writing to the same files.
fn automations<'a>(
    catalogue: &'a Catalogue,
    environments: &'a [Environment],
) -> impl Iterator<Item = Finding> + 'a {
    catalogue.automations.iter().filter_map(|(path, automation)| {
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
            "Flux itself writes tags to {}: ImageUpdateAutomation {} and Tidegate would fight over them",
            written.join(", "),
            Printable::bounded(&automation.name, 80)
        );
        let finding = Finding::new(FindingKind::FluxAutomation, message).with_hint(suspend(automation));
        Some(finding.at(path, Some(place(automation.position))))
    })
}

/// How Flux is stopped. The command is told only with names that Kubernetes would take, since it will be copied.
fn suspend(automation: &FluxAutomation) -> String {
    let rest = "and then take it out of the repository";
    match ServiceName::new(&automation.namespace, &automation.name) {
        Ok(object) => format!(
            "before the daemon runs: `flux suspend image update {} -n {}`, {rest}",
            object.name(),
            object.namespace()
        ),
        Err(_) => format!("before the daemon runs: suspend it, {rest}"),
    }
}

/// The folder that an automation writes to, as paths in the repository are written; nothing for all of it.
fn update_folder(automation: &FluxAutomation) -> Option<String> {
    let parts = automation.update_path.as_deref().unwrap_or_default().split('/');
    let path = parts.filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/");
    (!path.is_empty()).then_some(path)
}

fn overlaps(path: &RepoPath, folder: Option<&str>) -> bool {
    // What is no path in a repository could be anywhere: to warn once too often does no harm.
    let Some(Ok(folder)) = folder.map(str::parse::<RepoPath>) else { return true };
    path.is_within(&folder) || folder.is_within(path)
}
