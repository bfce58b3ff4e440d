//! What runs where: gathers the image fields of a snapshot into targets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::config::nearest;
use crate::history::{self, Subject, TagsByFile};
use crate::kustomize::Inclusion;
use crate::manifest::{FieldShape, ImageField, Manifest};
use crate::model::{
    ByTarget, Class, CommitId, Digest, EnvironmentId, EnvironmentName, ImageName, InactiveReason,
    LeftAloneKind, PinnedTag, Printable, RepoPath, ServiceName, TargetId,
};
use crate::policy::{Candidate, SelectionRules, TagOrder};

use super::flux_policies::{FluxObjects, FluxRules, PolicyPlace, Resolver, Verdict};
use super::notes;
use super::snapshot::{Reading, Snapshot};
use super::unmatched_names::{Seen, unmatched_names};
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;

const NAME_THE_RULES: &str = "name the service under `services.overrides` with its `versions`";

/// Everything that runs, at one commit.
#[derive(Debug)]
pub struct DeployedState {
    pub commit: CommitId,
    /// Sorted by environment, service and image.
    pub targets: ByTarget<Target>,
    /// What could not be read or matched.
    pub problems: Vec<Problem>,
    /// What is assumed or not followed, and harms nothing by itself. `doctor` reports it.
    pub notes: Vec<Problem>,
    places: HashMap<(EnvironmentId, Subject), TargetId>,
}

/// One image of one service in one environment: what a promotion moves.
#[derive(Debug)]
pub struct Target {
    pub environment: EnvironmentId,
    pub subject: Subject,
    pub(crate) held: TagsByFile,
    /// The distinct running versions, ascending.
    pub running: Vec<Candidate>,
    pub rules: Arc<SelectionRules>,
    /// The Flux ImagePolicy that the rules are from, if they are not from the configuration.
    pub image_policy: Option<Arc<PolicyPlace>>,
    /// How long a version must soak in the previous environment.
    pub soak: Duration,
    /// Why Flux does not apply it, so that nothing of it runs.
    pub inactive: Option<InactiveReason>,
    /// How long ago a digest must have been first seen.
    pub minimum_age: Duration,
}

impl Target {
    /// The service.
    pub fn service(&self) -> &ServiceName {
        &self.subject.0
    }

    /// Whether its fields are pinned to different digests, so that no one image runs.
    pub(crate) fn is_pinned_apart(&self) -> bool {
        history::is_pinned_apart(&self.held)
    }

    /// The digest that a field of it is pinned to.
    pub(crate) fn pinned_digest(&self) -> Option<Digest> {
        history::pinned_digest(&self.held)
    }

    /// The image.
    pub fn image(&self) -> &ImageName {
        &self.subject.1
    }
}

impl DeployedState {
    pub(crate) fn of(snapshot: &Snapshot, resolver: &Resolver, repository_policy: &RepositoryPolicy) -> Self {
        let mut deployed = Self {
            commit: snapshot.commit,
            targets: ByTarget::new(),
            problems: Vec::new(),
            notes: Vec::new(),
            places: HashMap::new(),
        };
        deployed.report_skipped(snapshot, repository_policy);
        deployed.notes = notes::of(snapshot, resolver, repository_policy);
        deployed.notes.extend(inline_versions::without_image(resolver, repository_policy));
        let flux = &FluxObjects::of(snapshot);
        for environment in repository_policy.environments.ids() {
            let column = Column { snapshot, resolver, flux, repository_policy, environment };
            let targets = column.read(&mut deployed.problems);
            for target in targets {
                let subject = target.subject.clone();
                let id = deployed.targets.push(target);
                deployed.places.insert((environment, subject), id);
            }
        }
        if !repository_policy.names.is_empty() {
            let seen = seen(snapshot, resolver, repository_policy);
            deployed.problems.extend(unmatched_names(&repository_policy.names, &seen));
        }
        deployed
    }

    /// The target of a subject in an environment.
    pub fn target(&self, environment: EnvironmentId, subject: &Subject) -> Option<&Target> {
        self.places.get(&(environment, subject.clone())).map(|at| &self.targets[*at])
    }

    /// The index of the target of a subject in an environment.
    pub(crate) fn place(&self, environment: EnvironmentId, subject: &Subject) -> Option<TargetId> {
        self.places.get(&(environment, subject.clone())).copied()
    }

    /// The target of an image of a service in a named environment.
    pub(crate) fn find(
        &self,
        repository_policy: &RepositoryPolicy,
        environment: &EnvironmentName,
        service: &ServiceName,
        image: &ImageName,
    ) -> Option<TargetId> {
        self.place(repository_policy.find(environment)?, &(service.clone(), image.clone()))
    }

    fn report_skipped(&mut self, snapshot: &Snapshot, repository_policy: &RepositoryPolicy) {
        let scope = repository_policy.scope();
        let is_in_scope = |path: &str| {
            scope
                .iter()
                .any(|folder| lies_within(path, folder.as_str()) || lies_within(folder.as_str(), path))
        };
        for entry in snapshot.left_alone.iter().filter(|entry| is_in_scope(&entry.path)) {
            let kind = match entry.kind {
                LeftAloneKind::Submodule => "a submodule",
                LeftAloneKind::SymbolicLink => "a symbolic link",
                LeftAloneKind::NotUtf8 => "a path that is not UTF-8",
                LeftAloneKind::Unsafe => "a path that is not safe to follow",
            };
            let message = format!("{} is {kind} and is skipped", Printable::new(&entry.path));
            self.problems.push(Problem::warning(message));
        }
    }
}

struct Column<'a> {
    snapshot: &'a Snapshot,
    resolver: &'a Resolver,
    flux: &'a FluxObjects<'a>,
    repository_policy: &'a RepositoryPolicy,
    environment: EnvironmentId,
}

#[derive(Default)]
struct Gathered<'a> {
    fields: BTreeMap<Subject, Vec<GatheredField<'a>>>,
    /// Subjects with a field that cannot be moved or decided: moving only their other fields would leave that one behind.
    unclear: BTreeSet<Subject>,
    /// The services with a field whose image is unknown; treat it as any image.
    unclear_services: BTreeSet<ServiceName>,
}

impl<'a> Gathered<'a> {
    /// Excludes the subjects that an unusable field may belong to.
    fn hold_back(&mut self, service: ServiceName, image: Option<ImageName>) {
        match image {
            Some(image) => drop(self.unclear.insert((service, image))),
            None => drop(self.unclear_services.insert(service)),
        }
    }

    /// The fields of every subject that is not held back.
    fn clear(self) -> impl Iterator<Item = (Subject, Vec<GatheredField<'a>>)> {
        let Self { fields, unclear, unclear_services } = self;
        fields
            .into_iter()
            .filter(move |(subject, _)| !unclear.contains(subject) && !unclear_services.contains(&subject.0))
    }
}

struct GatheredField<'a> {
    path: &'a RepoPath,
    field: &'a ImageField,
    rules: Arc<SelectionRules>,
    image_policy: Option<Arc<PolicyPlace>>,
    inactive: Option<InactiveReason>,
}

/// What a field belongs to, and how its tags are chosen.
struct Managed {
    subject: Subject,
    rules: Arc<SelectionRules>,
    image_policy: Option<Arc<PolicyPlace>>,
}

/// A field that cannot be decided.
struct Unclear {
    image: Option<ImageName>,
    problem: Problem,
}

impl<'a> Column<'a> {
    fn read(&self, problems: &mut Vec<Problem>) -> Vec<Target> {
        let environment = &self.repository_policy.environments[self.environment];
        let is_there = |folder: &&RepoPath| self.snapshot.files.keys().any(|path| path.is_within(folder));
        for folder in environment.paths.iter().filter(|folder| !is_there(folder)) {
            problems.push(self.nothing_there(folder));
        }
        let all = self.resolver.roots();
        let flux = FluxRules::of(self.flux, self.resolver.layout(), &environment.paths, all);
        let mut gathered = Gathered::default();
        for (path, file) in self.snapshot.manifests() {
            if environment.paths.iter().any(|folder| path.is_within(folder)) {
                self.read_file(path, &file.reading, &flux, &mut gathered, problems);
            }
        }
        self.hold_back_inline(&mut gathered, problems);
        gathered.clear().filter_map(|(subject, fields)| self.target(subject, &fields, problems)).collect()
    }

    fn read_file(
        &self,
        path: &'a RepoPath,
        reading: &'a Reading,
        flux: &FluxRules,
        gathered: &mut Gathered<'a>,
        problems: &mut Vec<Problem>,
    ) {
        let manifest = match reading {
            Reading::Nothing => return,
            Reading::Manifest(manifest) | Reading::Kustomization { manifest, .. } => manifest,
            Reading::Unreadable(unreadable) => return problems.push(unreadable_file(path, unreadable)),
            Reading::TooLarge { bytes } => return problems.push(too_large(path, *bytes)),
        };
        let name = &self.repository_policy.environments[self.environment].policy.name;
        let layout = self.resolver.layout();
        for refusal in &manifest.refusals {
            if !layout.counts_refusal(path, refusal) {
                continue;
            }
            let service = self.resolver.service_of_refusal(path, refusal);
            let charts = |service| self.repository_policy.services.charts(service);
            if refusal.shape.is_of_chart() && service.as_ref().and_then(charts).is_none() {
                continue;
            }
            if service.as_ref().is_some_and(|service| self.leaves_alone(service, refusal.image.as_ref())) {
                continue;
            }
            let problem = Problem {
                environment: Some(name.clone()),
                service: service.clone(),
                ..refused(path, refusal)
            };
            problems.push(problem_of(refusal.shape, problem));
            if let Some(service) = service
                && holds_back(refusal.shape, refusal.image.as_ref())
            {
                gathered.hold_back(service, refusal.image.clone());
            }
        }
        for automation in &manifest.automations {
            problems.push(fighting_automation(path, automation));
        }
        let counts = |field: &&ImageField| layout.counts(path, field);
        for field in manifest.fields.iter().filter(counts) {
            let service = self.resolver.service_of(path, &field.service);
            match self.gather(path, manifest, &service, field, flux) {
                Ok(None) => {}
                Ok(Some(Managed { subject, rules, image_policy })) => {
                    let inactive = self.inactive(path, manifest, field);
                    let field = GatheredField { path, field, rules, image_policy, inactive };
                    gathered.fields.entry(subject).or_default().push(field);
                }
                Err(Unclear { image, problem }) => {
                    let problem = problem.of(name, &service).at(path, Some(position(field)));
                    problems.push(problem_of(field.shape, problem));
                    if holds_back(field.shape, image.as_ref()) {
                        gathered.hold_back(service, image);
                    }
                }
            }
        }
    }

    fn nothing_there(&self, folder: &RepoPath) -> Problem {
        let name = &self.repository_policy.environments[self.environment].policy.name;
        let message = format!("no YAML file under `{folder}`, a path of environment {name}");
        let problem = Problem { environment: Some(name.clone()), ..Problem::error(Class::Usage, message) };
        let scope = self.repository_policy.scope();
        // A folder of another environment is never meant.
        let is_free = |folder: &&str| {
            let overlaps =
                |other: &RepoPath| lies_within(folder, other.as_str()) || lies_within(other.as_str(), folder);
            !scope.iter().any(overlaps)
        };
        let files = self.snapshot.files.keys().map(RepoPath::as_str);
        let folders = files.flat_map(|path| path.match_indices('/').map(move |(at, _)| &path[..at]));
        let folders: BTreeSet<&str> = folders.filter(is_free).collect();
        match nearest(folder.as_str(), folders) {
            Some(near) => problem.hint(format!("did you mean `{}`?", Printable::bounded(near, 120))),
            None => problem.hint("correct `paths` in the configuration, or restore the folder"),
        }
    }

    /// Whether a service, or this image of it, is not managed.
    fn leaves_alone(&self, service: &ServiceName, image: Option<&ImageName>) -> bool {
        let services = &self.repository_policy.services;
        services.of(service).ignored || image.is_some_and(|image| !services.manages(service, image))
    }

    /// Why Flux does not apply a field's release.
    fn inactive(&self, path: &RepoPath, manifest: &Manifest, field: &ImageField) -> Option<InactiveReason> {
        let layout = self.resolver.layout();
        let is_suspended = manifest.release(&field.service).is_some_and(|release| release.is_suspended);
        if is_suspended || layout.is_suspended_elsewhere(path, &field.service) {
            return Some(InactiveReason::ReleaseSuspended);
        }
        match layout.inclusion(path) {
            Inclusion::Applied => None,
            Inclusion::NotListed => Some(InactiveReason::NotListed),
            Inclusion::Suspended(name) => Some(InactiveReason::KustomizationSuspended(name.to_owned())),
        }
    }

    /// What a field belongs to; none if Tidegate does not manage it.
    fn gather(
        &self,
        path: &RepoPath,
        manifest: &Manifest,
        service: &ServiceName,
        field: &ImageField,
        flux: &FluxRules,
    ) -> Result<Option<Managed>, Unclear> {
        let settings = self.repository_policy.services.of(service);
        if settings.ignored {
            return Ok(None);
        }
        if field.shape.is_of_chart() {
            let charts = self.repository_policy.services.charts(service);
            let image = charts.as_ref().and_then(|_| self.resolver.image_of(path, field));
            let managed =
                |(image, rules)| Managed { subject: (service.clone(), image), rules, image_policy: None };
            return Ok(image.cloned().zip(charts).map(managed));
        }
        let Some(image) = self.resolver.image_of(path, field) else {
            // Beside complete images, and in values whose chart names the image, a tag alone may be anything.
            let may_be_anything =
                field.shape.is_of_values_elsewhere() || manifest.has_complete_field(&field.service);
            if field.marker.is_none() && may_be_anything {
                return Ok(None);
            }
            return Err(Unclear { image: None, problem: no_image(field) });
        };
        if !self.repository_policy.services.manages(service, image) {
            return Ok(None);
        }
        let subject = (service.clone(), image.clone());
        let configured = |subject| Some(Managed { subject, rules: settings.rules, image_policy: None });
        if settings.are_explicit {
            return Ok(configured(subject));
        }
        match flux.of_field(field, image) {
            Verdict::None => Ok(configured(subject)),
            Verdict::Rules(rules, place) => Ok(Some(Managed { subject, rules, image_policy: Some(place) })),
            Verdict::Unclear(reason) => {
                let problem = Problem::error(Class::Refused, reason).hint(NAME_THE_RULES);
                Err(Unclear { image: Some(subject.1), problem })
            }
        }
    }

    fn target(
        &self,
        subject: Subject,
        fields: &[GatheredField<'_>],
        problems: &mut Vec<Problem>,
    ) -> Option<Target> {
        let environment = &self.repository_policy.environments[self.environment];
        let rules = &fields.first()?.rules;
        let has_others = |one: &&GatheredField<'_>| one.rules != *rules;
        if let Some(GatheredField { path, field, .. }) = fields.iter().find(has_others) {
            let problem = rules_differ(&subject).of(&environment.policy.name, &subject.0);
            problems.push(problem.at(path, Some(position(field))));
            return None;
        }
        let mut held = TagsByFile::new();
        let mut running: Vec<Candidate> = Vec::new();
        for GatheredField { path, field, .. } in fields {
            let Some(version) = rules.version_of(&field.tag) else {
                let problem = no_version(field, rules).of(&environment.policy.name, &subject.0);
                problems.push(problem.at(path, Some(position(field))));
                return None;
            };
            let pinned = PinnedTag { tag: field.tag.clone(), digest: field.digest.clone() };
            held.entry((*path).clone()).or_default().push(pinned);
            let candidate = Candidate { tag: field.tag.clone(), version };
            if !running.contains(&candidate) {
                running.push(candidate);
            }
        }
        running.sort_by(|one, other| one.version.cmp(&other.version));
        Some(Target {
            environment: self.environment,
            soak: self.repository_policy.services.soak(&subject.0, &environment.policy.name),
            minimum_age: self.repository_policy.services.minimum_age(&subject.0, &environment.policy.name),
            rules: Arc::clone(rules),
            image_policy: fields.iter().find_map(|field| field.image_policy.clone()),
            subject,
            held,
            running,
            inactive: inactive(fields),
        })
    }
}

/// What Flux ignores is a warning: a setter comment that is malformed or names an unknown policy.
fn problem_of(shape: FieldShape, problem: Problem) -> Problem {
    if shape == FieldShape::SetterComment { problem.into_warning() } else { problem }
}

/// Whether a field that cannot be moved holds back the other fields of its image, or of the whole service where the image is
/// unknown. A setter comment on something else than an image field does not.
fn holds_back(shape: FieldShape, image: Option<&ImageName>) -> bool {
    shape != FieldShape::SetterComment || image.is_some()
}

/// Why nothing of a target runs. A file that is not listed does not matter beside one that is; a release that is suspended
/// in one cluster does.
fn inactive(fields: &[GatheredField<'_>]) -> Option<InactiveReason> {
    let reasons: Vec<&InactiveReason> = fields.iter().filter_map(|field| field.inactive.as_ref()).collect();
    let suspended = reasons.iter().find(|reason| ***reason != InactiveReason::NotListed);
    let unlisted = reasons.first().filter(|_| reasons.len() == fields.len());
    suspended.or(unlisted).map(|reason| (*reason).clone())
}

/// Every service in the folders of environments, managed or not, with its images.
fn seen<'a>(
    snapshot: &'a Snapshot,
    resolver: &'a Resolver,
    repository_policy: &RepositoryPolicy,
) -> Seen<'a> {
    let mut seen = Seen::new();
    for (path, file) in snapshot.manifests() {
        let Some(manifest) = file.reading.manifest() else { continue };
        if repository_policy.environment_of(path).is_none() {
            continue;
        }
        let layout = resolver.layout();
        let is_taken =
            |field: &&ImageField| !field.shape.is_of_values_elsewhere() || layout.counts(path, field);
        for field in manifest.fields.iter().filter(is_taken) {
            let service = resolver.service_of(path, &field.service);
            if field.shape.is_of_chart() && repository_policy.services.charts(&service).is_none() {
                continue;
            }
            seen.insert((service, resolver.image_of(path, field)));
        }
        for refusal in manifest.refusals.iter().filter(|refusal| layout.counts_refusal(path, refusal)) {
            let service = resolver.service_of_refusal(path, refusal);
            seen.extend(service.map(|service| (service, refusal.image.as_ref())));
        }
    }
    seen
}

/// Every service, also those that cannot be decided about.
pub(super) fn services_of(
    snapshot: &Snapshot,
    resolver: &Resolver,
    repository_policy: &RepositoryPolicy,
) -> BTreeSet<ServiceName> {
    seen(snapshot, resolver, repository_policy).into_iter().map(|(service, _)| service).collect()
}

fn lies_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn no_image(field: &ImageField) -> Problem {
    let (message, hint) = if field.marker.is_some() {
        (
            "the tag has no `repository` beside it, and its setter comment names no known image",
            "add the ImagePolicy and its ImageRepository to the repository, or write `repository` beside the tag",
        )
    } else {
        (
            "the tag has no `repository` beside it, and no base that names one was found",
            "write `repository` beside the tag, or list this file under `patches` of the kustomization.yaml that lists the base",
        )
    };
    Problem::error(Class::Refused, message).hint(hint)
}

fn position(field: &ImageField) -> (usize, usize) {
    (field.position.line, field.position.column)
}

fn unreadable_file(path: &RepoPath, unreadable: &crate::manifest::Unreadable) -> Problem {
    let position = (unreadable.position.line, unreadable.position.column);
    let problem = if unreadable.is_harmless() {
        Problem::warning(format!("{unreadable}: {}", unreadable.reason))
    } else {
        Problem::error(unreadable.class(), unreadable.to_string())
    };
    problem.at(path, Some(position)).hint(unreadable.hint())
}

fn too_large(path: &RepoPath, bytes: usize) -> Problem {
    let message = format!("the file has {} MiB; manifests this large are not read", bytes >> 20);
    Problem::error(Class::Refused, message).at(path, None)
}

fn refused(path: &RepoPath, refusal: &crate::manifest::Refusal) -> Problem {
    Problem::error(Class::Refused, refusal.reason.to_string())
        .at(path, Some((refusal.position.line, refusal.position.column)))
        .hint(refusal.reason.hint())
}

fn fighting_automation(path: &RepoPath, automation: &crate::manifest::FluxAutomation) -> Problem {
    let message = format!(
        "ImageUpdateAutomation {} updates tags here too and would conflict with Tidegate",
        automation.name
    );
    Problem::warning(message)
        .at(path, Some((automation.position.line, automation.position.column)))
        .hint("suspend it (`spec.suspend: true`) or remove it")
}

fn rules_differ((_, image): &Subject) -> Problem {
    let message = format!("fields of {image} follow ImagePolicies that select differently");
    Problem::error(Class::Refused, message).hint(NAME_THE_RULES)
}

fn no_version(field: &ImageField, rules: &SelectionRules) -> Problem {
    let message = if field.tag.is_floating() {
        format!("runs `{}`, a tag that names no version", field.tag)
    } else if rules.tag_pattern.is_some() {
        format!("runs `{}`, which the tag pattern does not match", field.tag)
    } else {
        format!("runs `{}`, which is not a semantic version", field.tag)
    };
    let is_other_version = !field.tag.is_floating()
        && field.tag.as_str().starts_with(|first: char| first.is_ascii_digit() || first == 'v');
    let hint = if rules.order == TagOrder::Semver && rules.tag_pattern.is_none() && is_other_version {
        "set `tagPattern` for the service, whose group `version` finds a version of three numbers in the tag, or `order: numeric` or `alphabetical` with it"
    } else {
        "write the tag of a version by hand once; Tidegate continues from there"
    };
    Problem::error(Class::Refused, message).hint(hint)
}

mod inline_versions;

#[cfg(test)]
mod layout_tests;
#[cfg(test)]
mod shapes_tests;
#[cfg(test)]
mod tests;
