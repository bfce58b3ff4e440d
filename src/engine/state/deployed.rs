//! What runs where: gathers the image fields of a snapshot into targets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::history::{self, Subject, TagsByFile};
use crate::manifest::ImageField;
use crate::model::{
    Class, CommitId, Digest, EnvironmentName, ImageName, LeftAloneKind, PinnedTag, Printable, RepoPath,
    ServiceName,
};
use crate::policy::{Candidate, Environment, SelectionRules};

use super::flux_policies::{FluxRules, Resolver, Verdict};
use super::snapshot::{Reading, Snapshot};
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;

const NAME_THE_RULES: &str = "name the service under `services.overrides` with its `versions`";

/// Everything that runs, at one commit.
#[derive(Debug)]
pub struct DeployedState {
    pub commit: CommitId,
    /// Sorted by environment, service and image.
    pub targets: Vec<Target>,
    /// What could not be read or matched.
    pub problems: Vec<Problem>,
    places: HashMap<(usize, Subject), usize>,
}

/// One image of one service in one environment: what a promotion moves.
#[derive(Debug)]
pub struct Target {
    pub environment: usize,
    pub subject: Subject,
    pub(crate) held: TagsByFile,
    /// The distinct running versions, ascending.
    pub running: Vec<Candidate>,
    pub rules: Arc<SelectionRules>,
    /// How long a version must soak in the environment before.
    pub soak: Duration,
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
            targets: Vec::new(),
            problems: Vec::new(),
            places: HashMap::new(),
        };
        deployed.report_skipped(snapshot);
        for environment in 0..repository_policy.environments.len() {
            let column = Column { snapshot, resolver, repository_policy, environment };
            let targets = column.read(&mut deployed.problems);
            for target in targets {
                deployed.places.insert((environment, target.subject.clone()), deployed.targets.len());
                deployed.targets.push(target);
            }
        }
        deployed
    }

    /// The target of a subject in an environment.
    pub fn target(&self, environment: usize, subject: &Subject) -> Option<&Target> {
        self.places.get(&(environment, subject.clone())).map(|at| &self.targets[*at])
    }

    /// The index of the target of a subject in an environment.
    pub(crate) fn place(&self, environment: usize, subject: &Subject) -> Option<usize> {
        self.places.get(&(environment, subject.clone())).copied()
    }

    /// The target of an image of a service in a named environment.
    pub(crate) fn find(
        &self,
        repository_policy: &RepositoryPolicy,
        environment: &EnvironmentName,
        service: &ServiceName,
        image: &ImageName,
    ) -> Option<usize> {
        self.place(repository_policy.find(environment)?, &(service.clone(), image.clone()))
    }

    fn report_skipped(&mut self, snapshot: &Snapshot) {
        for entry in &snapshot.left_alone {
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
    repository_policy: &'a RepositoryPolicy,
    environment: usize,
}

#[derive(Default)]
struct Gathered<'a> {
    fields: BTreeMap<Subject, Vec<GatheredField<'a>>>,
    /// Subjects with a field that cannot be moved or decided: moving only their other fields would leave that one behind.
    unclear: BTreeSet<Subject>,
    /// Services with a field whose image is unknown; treat it as any image.
    unclear_services: BTreeSet<&'a ServiceName>,
}

impl<'a> Gathered<'a> {
    /// Excludes the subjects that an unusable field may belong to.
    fn hold_back(&mut self, service: &'a ServiceName, image: Option<ImageName>) {
        match image {
            Some(image) => drop(self.unclear.insert((service.clone(), image))),
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
            problems.push(nothing_there(folder, environment));
        }
        let flux = FluxRules::of(self.snapshot, &environment.paths);
        let mut gathered = Gathered::default();
        for (path, file) in &self.snapshot.files {
            if environment.paths.iter().any(|folder| path.is_within(folder)) {
                self.read_file(path, &file.reading, &flux, &mut gathered, problems);
            }
        }
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
            Reading::Manifest(manifest) => manifest,
            Reading::Unreadable(unreadable) => return problems.push(unreadable_file(path, unreadable)),
            Reading::TooLarge { bytes } => return problems.push(too_large(path, *bytes)),
        };
        let name = &self.repository_policy.environments[self.environment].policy.name;
        for refusal in &manifest.refusals {
            let service = refusal.service.as_ref();
            if service.is_some_and(|service| self.repository_policy.services.of(service).ignored) {
                continue;
            }
            problems.push(Problem { environment: Some(name.clone()), ..refused(path, refusal) });
            if let Some(service) = service {
                gathered.hold_back(service, refusal.image.clone());
            }
        }
        for automation in &manifest.automations {
            problems.push(fighting_automation(path, automation));
        }
        for field in &manifest.fields {
            match self.gather(field, flux) {
                Ok(None) => {}
                Ok(Some((subject, rules))) => {
                    gathered.fields.entry(subject).or_default().push(GatheredField { path, field, rules });
                }
                Err(Unclear { image, problem }) => {
                    problems.push(problem.of(name, &field.service).at(path, Some(position(field))));
                    gathered.hold_back(&field.service, image);
                }
            }
        }
    }

    /// The subject of a field and its rules; none if Tidegate does not manage it.
    fn gather(
        &self,
        field: &ImageField,
        flux: &FluxRules,
    ) -> Result<Option<(Subject, Arc<SelectionRules>)>, Unclear> {
        let settings = self.repository_policy.services.of(&field.service);
        if settings.ignored {
            return Ok(None);
        }
        let Some(image) = self.resolver.image_of(field) else {
            let message =
                "the tag has no `repository` beside it, and its setter comment names no known image";
            let problem = Problem::error(Class::Refused, message).hint(
                "add the ImagePolicy and its ImageRepository under an environment's paths, or write `repository` beside the tag",
            );
            return Err(Unclear { image: None, problem });
        };
        if !self.repository_policy.services.manages(&field.service, image) {
            return Ok(None);
        }
        let subject = (field.service.clone(), image.clone());
        if settings.are_explicit {
            return Ok(Some((subject, settings.rules)));
        }
        match flux.of_field(field, image) {
            Verdict::None => Ok(Some((subject, settings.rules))),
            Verdict::Rules(rules) => Ok(Some((subject, rules))),
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
            rules: Arc::clone(rules),
            subject,
            held,
            running,
        })
    }
}

fn nothing_there(folder: &RepoPath, environment: &Environment) -> Problem {
    let name = &environment.policy.name;
    let message = format!("no YAML file under `{folder}`, a path of environment {name}");
    let problem = Problem { environment: Some(name.clone()), ..Problem::error(Class::Usage, message) };
    problem.hint("correct `paths` in the configuration, or restore the folder")
}

fn position(field: &ImageField) -> (usize, usize) {
    (field.position.line, field.position.column)
}

fn unreadable_file(path: &RepoPath, unreadable: &crate::manifest::Unreadable) -> Problem {
    let position = (unreadable.position.line, unreadable.position.column);
    Problem::error(unreadable.class(), unreadable.to_string())
        .at(path, Some(position))
        .hint(unreadable.hint())
}

fn too_large(path: &RepoPath, bytes: usize) -> Problem {
    let message = format!("the file has {} MiB; manifests this large are not read", bytes >> 20);
    Problem::error(Class::Refused, message).at(path, None)
}

fn refused(path: &RepoPath, refusal: &crate::manifest::Refusal) -> Problem {
    let mut problem = Problem::error(Class::Refused, refusal.reason.to_string())
        .at(path, Some((refusal.position.line, refusal.position.column)))
        .hint(refusal.reason.hint());
    problem.service.clone_from(&refusal.service);
    problem
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
    Problem::error(Class::Refused, message)
        .hint("write the tag of a version by hand once; Tidegate continues from there")
}

#[cfg(test)]
mod tests;
