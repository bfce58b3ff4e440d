//! The world as a whole: two environments, `non-prod` and `prod` after it, and an engine over the fakes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono_tz::Tz;

use super::{Branch, FakeClusters, FakeForge, FakeRegistry, FakeStore, Fuse, lock};
use crate::changelog::{Heading, Notes, Remark};
use crate::config::{PathGlobs, SubjectForm};
use crate::engine::{
    Batch, Engine, Environment, Group, NotesPolicy, Parts, PassOptions, PassReport, PullRequestPolicy,
    RepositoryPolicy, ServiceRules, ServiceSettings,
};
use crate::model::{
    CommitId, Digest, EnvironmentId, EnvironmentName, Fault, Id, ImageName, RepoPath, ServiceName, Timestamp,
};
use crate::policy::{ApprovalPolicy, EnvironmentPolicy, SelectionRules, SoakMode, VerificationPolicy};
use crate::port::{Changelog, Clock, NotesWanted, Ports};

pub(in crate::engine) struct Fakes;

impl Ports for Fakes {
    type Registry = FakeRegistry;
    type Repository = Branch;
    type Publisher = Branch;
    type Store = FakeStore;
    type Changelog = FakeChangelog;
    type Forge = FakeForge;
    type Clusters = FakeClusters;
    type Clock = FakeClock;
}

/// A clock that is set, and never waits.
pub(in crate::engine) struct FakeClock(pub(in crate::engine) Mutex<Timestamp>);

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }

    async fn sleep(&self, _how_long: Duration) {}
}

/// Knows one change of every promotion, and never answers for `v9.9.9`.
#[derive(Default)]
pub(in crate::engine) struct FakeChangelog {
    pub(in crate::engine) asked_count: AtomicUsize,
}

impl Changelog for FakeChangelog {
    async fn notes(&self, wanted: &NotesWanted) -> Notes {
        self.asked_count.fetch_add(1, Ordering::Relaxed);
        if wanted.to.as_str() == "v9.9.9" {
            std::future::pending::<()>().await;
        }
        let heading = Heading::new(wanted.service.to_string(), wanted.from.as_str(), wanted.to.as_str());
        Notes::without_commits(heading, vec![Remark::Dirty { tag: wanted.to.to_string() }])
    }
}

/// The same rules for every service.
#[derive(Clone)]
pub(in crate::engine) struct Rules {
    pub(in crate::engine) soak: Duration,
    pub(in crate::engine) are_explicit: bool,
    pub(in crate::engine) ignored: &'static str,
    pub(in crate::engine) unmanaged: &'static str,
    /// Whether charts are promoted.
    pub(in crate::engine) has_charts: bool,
    pub(in crate::engine) selection: Arc<SelectionRules>,
}

impl ServiceRules for Rules {
    fn of(&self, service: &ServiceName) -> ServiceSettings {
        let ignored = service.name() == self.ignored;
        ServiceSettings { ignored, rules: Arc::clone(&self.selection), are_explicit: self.are_explicit }
    }

    fn soak(&self, _service: &ServiceName, _environment: &EnvironmentName) -> Duration {
        self.soak
    }

    fn charts(&self, _service: &ServiceName) -> Option<Arc<SelectionRules>> {
        self.has_charts.then(|| Arc::clone(&self.selection))
    }

    fn manages(&self, _service: &ServiceName, image: &ImageName) -> bool {
        image.repository() != self.unmanaged
    }
}

/// What a world is made of. Environments are `name: folders < the one before`.
#[derive(Clone)]
pub(in crate::engine) struct Settings {
    pub(in crate::engine) environments: Vec<(&'static str, Vec<&'static str>, Option<usize>)>,
    pub(in crate::engine) rules: Rules,
    pub(in crate::engine) batch: Batch,
    pub(in crate::engine) groups: Vec<Group>,
    pub(in crate::engine) soak_mode: SoakMode,
    pub(in crate::engine) sweeps_control_files: bool,
    pub(in crate::engine) approval: ApprovalPolicy,
    pub(in crate::engine) notes: Option<NotesPolicy>,
    pub(in crate::engine) changelog_files: BTreeMap<EnvironmentId, RepoPath>,
    /// How promotions into `prod` are proposed.
    pub(in crate::engine) requests: Option<PullRequestPolicy>,
    /// How promotions into `non-prod` are verified.
    pub(in crate::engine) verification: Option<VerificationPolicy>,
}

impl Default for Settings {
    fn default() -> Self {
        let rules = SelectionRules::new(">=1.0.0".parse().unwrap(), None);
        Self {
            environments: vec![("non-prod", vec!["np"], None), ("prod", vec!["p"], Some(0))],
            rules: Rules {
                soak: Duration::from_hours(24),
                are_explicit: false,
                ignored: "ignored",
                unmanaged: "vtr/unmanaged",
                has_charts: false,
                selection: Arc::new(rules),
            },
            batch: Batch::Service,
            groups: Vec::new(),
            soak_mode: SoakMode::Continuous,
            sweeps_control_files: false,
            approval: ApprovalPolicy::NotRequired,
            notes: None,
            changelog_files: BTreeMap::new(),
            requests: None,
            verification: None,
        }
    }
}

impl Settings {
    pub(in crate::engine) fn repository_policy(&self) -> RepositoryPolicy {
        let environment =
            |(name, paths, before): &(&'static str, Vec<&'static str>, Option<usize>)| Environment {
                policy: EnvironmentPolicy {
                    name: name.parse().unwrap(),
                    after: before.map(|before| self.environments[before].0.parse().unwrap()),
                    freezes: Vec::new(),
                    windows: Vec::new(),
                    zone: Tz::UTC,
                    approval: before.map(|_| self.approval).unwrap_or_default(),
                },
                paths: paths.iter().map(|folder| path(folder)).collect(),
                before: before.map(EnvironmentId::at),
            };
        RepositoryPolicy {
            branch: "fake main".to_owned(),
            environments: self.environments.iter().map(environment).collect(),
            services: Box::new(self.rules.clone()),
            groups: self.groups.clone(),
            exclude: PathGlobs::default(),
            fields: Vec::new().into(),
            names: Vec::new(),
            requests: self.requests.iter().map(|rules| (EnvironmentId::at(1), rules.clone())).collect(),
            verifications: self.verification.iter().map(|policy| (EnvironmentId::at(0), *policy)).collect(),
            soak_mode: self.soak_mode,
            sweeps_control_files: self.sweeps_control_files,
            clock_tolerance: Duration::from_mins(10),
            batch: self.batch,
            subject: SubjectForm::default(),
            body: None,
            notes: self.notes,
            changelog_files: self.changelog_files.clone(),
        }
    }
}

/// Monday morning. The registry has `v1.0.0` of `app`, which runs everywhere.
pub(in crate::engine) struct World {
    pub(in crate::engine) branch: Arc<Branch>,
    pub(in crate::engine) registry: Arc<FakeRegistry>,
    pub(in crate::engine) store: Arc<FakeStore>,
    pub(in crate::engine) forge: Arc<FakeForge>,
    pub(in crate::engine) clusters: Arc<FakeClusters>,
    pub(in crate::engine) clock: Arc<FakeClock>,
    pub(in crate::engine) settings: Settings,
    pub(in crate::engine) engine: Engine<Fakes>,
    /// Kills the program between two of its effects.
    pub(in crate::engine) fuse: Arc<Fuse>,
}

impl World {
    pub(in crate::engine) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(in crate::engine) fn with(settings: Settings) -> Self {
        let clock = Arc::new(FakeClock(Mutex::new("2026-03-02T09:00:00Z".parse().unwrap())));
        let fuse = Arc::default();
        let branch = Arc::new(Branch::until(&fuse));
        let store = Arc::new(FakeStore::until(&fuse));
        let forge = Arc::new(FakeForge::of(&branch, &fuse));
        let (registry, clusters) = (Arc::default(), Arc::default());
        let engine = engine(&settings, &branch, &registry, &store, &forge, (&clusters, &clock));
        let world = Self { branch, registry, store, forge, clusters, clock, settings, engine, fuse };
        world.push("v1.0.0", '0');
        let folders = world.settings.environments.iter().flat_map(|(_, folders, _)| folders.clone());
        let files: Vec<String> = folders.map(|folder| format!("{folder}/app.yaml")).collect();
        let texts: Vec<_> = files.iter().map(|file| (&**file, Some(release("app", "v1.0.0")))).collect();
        world.branch.commit("Ana", "begin", world.now(), &texts);
        world
    }

    /// Starts the program anew, with what the store has.
    pub(in crate::engine) fn restart(&mut self) {
        let Self { settings, branch, registry, store, forge, clusters, clock, .. } = &*self;
        self.engine = engine(settings, branch, registry, store, forge, (clusters, clock));
    }

    /// The same world with the program started anew.
    pub(in crate::engine) fn again(&self) -> Self {
        let Self { settings, branch, registry, store, forge, clusters, clock, .. } = self;
        let engine = engine(settings, branch, registry, store, forge, (clusters, clock));
        Self {
            forge: Arc::clone(&self.forge),
            branch: Arc::clone(&self.branch),
            registry: Arc::clone(&self.registry),
            store: Arc::clone(&self.store),
            clusters: Arc::clone(&self.clusters),
            clock: Arc::clone(&self.clock),
            settings: self.settings.clone(),
            engine,
            fuse: Arc::clone(&self.fuse),
        }
    }

    pub(in crate::engine) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(in crate::engine) fn wait_seconds(&self, seconds: u64) {
        *lock(&self.clock.0) += Duration::from_secs(seconds);
    }

    pub(in crate::engine) fn wait(&self, minutes: u64) {
        *lock(&self.clock.0) += Duration::from_mins(minutes);
    }

    /// Publishes a tag of `app`.
    pub(in crate::engine) fn push(&self, tag: &str, letter: char) {
        self.registry.push(&image("app"), tag, digest(letter));
    }

    /// Ana commits that a file holds `app` at a tag.
    pub(in crate::engine) fn person(&self, file: &str, tag: &str) -> CommitId {
        self.edit(file, &release("app", tag))
    }

    /// Ana commits a file's text.
    pub(in crate::engine) fn edit(&self, file: &str, text: &str) -> CommitId {
        self.branch.commit("Ana", "by hand", self.now(), &[(file, Some(text.to_owned()))])
    }

    pub(in crate::engine) async fn try_pass(&mut self) -> Result<PassReport, Fault> {
        self.engine.pass(&PassOptions::schedule()).await
    }

    /// One pass. Returns `app prod v1.0.0 v1.0.1` for each promotion.
    pub(in crate::engine) async fn pass(&mut self) -> Vec<String> {
        let report = self.try_pass().await.unwrap();
        let promoted = report.promoted.iter();
        promoted
            .map(|one| format!("{} {} {} {}", one.service.name(), one.environment, one.from, one.to))
            .collect()
    }

    /// The tag in a file that holds one.
    pub(in crate::engine) fn tag(&self, file: &str) -> String {
        let text = self.branch.text(file);
        text.lines().find_map(|line| line.trim().strip_prefix("tag: ")).unwrap().to_owned()
    }
}

fn engine(
    settings: &Settings,
    branch: &Arc<Branch>,
    registry: &Arc<FakeRegistry>,
    store: &Arc<FakeStore>,
    forge: &Arc<FakeForge>,
    (clusters, clock): (&Arc<FakeClusters>, &Arc<FakeClock>),
) -> Engine<Fakes> {
    let parts = Parts {
        registry: Arc::clone(registry),
        repository: Arc::clone(branch),
        publisher: Arc::clone(branch),
        store: Arc::clone(store),
        changelog: Arc::new(FakeChangelog::default()),
        forge: settings.requests.is_some().then(|| Arc::clone(forge)),
        clusters: Arc::clone(clusters),
        clock: Arc::clone(clock),
    };
    Engine::new(parts, Arc::new(settings.repository_policy()))
}

/// A release of one image: `v1.0.0`, or pinned as `v1.0.0@sha256:…`.
pub(in crate::engine) fn release(name: &str, tag: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}, namespace: common}}\n\
         spec:\n  values:\n    image:\n      repository: ghcr.io/vtr/{name}\n      tag: {tag}\n"
    )
}

pub(in crate::engine) fn image(name: &str) -> ImageName {
    format!("ghcr.io/vtr/{name}").parse().unwrap()
}

pub(in crate::engine) fn service(name: &str) -> ServiceName {
    format!("common/{name}").parse().unwrap()
}

pub(in crate::engine) fn path(text: &str) -> RepoPath {
    text.parse().unwrap()
}

pub(in crate::engine) fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

/// What stands at the head of each of Flux's image objects.
pub(in crate::engine) const FLUX: &str = "apiVersion: image.toolkit.fluxcd.io/v1";
