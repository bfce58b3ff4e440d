//! An open configuration: its folder, its engine, and the parts that commands use directly.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::cli::args::Global;
use crate::cli::completion;
use crate::cli::output::Output;
use crate::cli::signals;
use crate::cluster::{Access, ClusterWatcher};
use crate::config::{self, Config, ConfigError};
use crate::engine::{DueRelease, Engine, Parts, PassOptions, PassReport, RepositoryState};
use crate::forge::GitHub;
use crate::git::{Mirror, Stop};
use crate::metrics::Metrics;
use crate::model::{Class, Fault, RepoPath};
use crate::port::Repository as _;
use crate::registry::Client;
use crate::store::{DataFolder, FolderLock, OpenState, Store};

use super::changelog::Changes;
use super::flux::FluxReceivers;
use super::ports::{CountedPublisher, Real, SystemClock};
use super::releases::Publisher;
use super::source_choice::Sources;
use super::sources::Mirrors;
use super::store::{self, data_folder};
use super::{forge, git, registries, repository_policy};

/// How long a command waits for another one on the same data folder.
const LOCK_TIMEOUT: Duration = Duration::from_mins(2);

/// How long a command waits for Flux Receivers.
const FLUX_WAIT: Duration = Duration::from_secs(5);

/// The name of a configuration that is found without being named.
const CONFIG_FILE: &str = "tidegate.yaml";

/// The configuration where none is found.
const DEFAULT_CONFIG_FILE: &str = "config/tidegate.yaml";

/// An open configuration.
pub(crate) struct Session {
    pub(crate) config: Arc<Config>,
    pub(crate) engine: Engine<Real>,
    pub(crate) client: Arc<Client>,
    pub(crate) mirror: Arc<Mirror>,
    /// Where pull requests are opened, if any are.
    pub(crate) forge: Option<Arc<GitHub>>,
    /// Reads the changes between two images.
    pub(crate) changes: Arc<Changes>,
    /// Makes releases of the GitOps repository, if there are to be any.
    pub(crate) releases: Option<Arc<Publisher>>,
    /// The notification state and the outbox.
    pub(crate) store: Arc<Store>,
    /// The Flux Receivers to call after a push.
    pub(crate) flux: Arc<FluxReceivers>,
    /// Watches the clusters of environments.
    pub(crate) clusters: Arc<ClusterWatcher>,
    /// Whether a pass waits until Flux Receivers were called: the process of a command ends with it.
    waits_for_flux: bool,
    /// Ends what is under way with Git.
    pub(crate) stop: Stop,
    /// The metrics.
    pub(crate) metrics: Arc<Metrics>,
    folder: PathBuf,
    /// The configuration as written: its environments may have patterns of folders.
    written: Arc<Config>,
}

/// The configuration file: the one that is named, `tidegate.yaml` in this folder or the nearest one above it, or
/// `config/tidegate.yaml`.
pub(crate) fn config_file(global: &Global) -> PathBuf {
    global.config.clone().unwrap_or_else(find_config_file)
}

/// The configuration file where none is named.
pub(crate) fn find_config_file() -> PathBuf {
    if Path::new(CONFIG_FILE).is_file() {
        return CONFIG_FILE.into();
    }
    let above = std::env::current_dir().ok().and_then(|folder| {
        folder.ancestors().skip(1).map(|folder| folder.join(CONFIG_FILE)).find(|file| file.is_file())
    });
    above.unwrap_or_else(|| DEFAULT_CONFIG_FILE.into())
}

/// The configuration file of a repository: `tidegate.yaml` or `config/tidegate.yaml` in the first of these folders that has one.
pub(crate) fn config_file_in(folders: &[&Path]) -> Option<PathBuf> {
    let files =
        folders.iter().flat_map(|folder| [CONFIG_FILE, DEFAULT_CONFIG_FILE].map(|file| folder.join(file)));
    files.into_iter().find(|file| file.is_file())
}

/// Reads the configuration, and prints its warnings.
pub(crate) fn load(global: &Global, output: &Output) -> Result<Arc<Config>, Fault> {
    let file = config_file(global);
    let loaded = Config::load(&file).map_err(|error| not_found(error, global))?;
    if global.quiet == 0 && loaded.warnings.is_some() {
        output.complain(&loaded.render_warnings());
    }
    Ok(Arc::new(loaded.config))
}

/// Adds the searched paths to the error about a missing configuration.
fn not_found(error: ConfigError, global: &Global) -> Fault {
    let is_searched = matches!(error, ConfigError::Read { .. }) && global.config.is_none();
    let fault = Fault::from(error);
    if !is_searched {
        return fault;
    }
    fault.with_hint(format!(
        "no {CONFIG_FILE} here or in a folder above; name one with --config or TIDEGATE_CONFIG, or create it: \
         tidegate init REPOSITORY --write {CONFIG_FILE}"
    ))
}

impl Session {
    /// Opens everything that a configuration names, for a command that does one thing and ends.
    pub(crate) async fn open(global: &Global, output: &Output) -> Result<Self, Fault> {
        let session = Self::of(load(global, output)?).await?;
        signals::end_command(session.stop.clone())?;
        Ok(Self { waits_for_flux: true, ..session })
    }

    /// Opens everything that `config` names.
    pub(crate) async fn of(config: Arc<Config>) -> Result<Self, Fault> {
        Self::measured(config, Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")))).await
    }

    /// Opens everything that `config` names, and goes on counting in `metrics`.
    pub(crate) async fn measured(config: Arc<Config>, metrics: Arc<Metrics>) -> Result<Self, Fault> {
        Self::stopped_by(Stop::default(), config, metrics).await
    }

    /// A session over the folders that the patterns of the configuration match now, if these are others than before.
    pub(crate) async fn over_new_folders(&self) -> Result<Option<Self>, Fault> {
        let now = with_folders(Arc::clone(&self.written), &self.mirror).await?;
        if now.environments() == self.config.environments() {
            return Ok(None);
        }
        let metrics = Arc::clone(&self.metrics);
        Self::stopped_by(self.stop.clone(), Arc::clone(&self.written), metrics).await.map(Some)
    }

    async fn stopped_by(stop: Stop, config: Arc<Config>, metrics: Arc<Metrics>) -> Result<Self, Fault> {
        let written = Arc::clone(&config);
        let folder = data_folder(&config);
        let _lock = DataFolder::lock_to_open(&folder, LOCK_TIMEOUT).await?;
        share_files(&folder);
        let url = config.git.remote.to_string();
        let opened = store::open(&config).await?;
        if let OpenState::Rebuilt { kept_aside } = &opened.state {
            let aside = kept_aside.display();
            tracing::warn!(kept_aside = %aside, "the database was damaged; it is rebuilt from Git");
        }
        let client = Arc::new(registries::client(&config, Arc::clone(&metrics))?);
        let login = git::login(&config.git)?;
        let forge = forge::forge(&config, &login)?;
        let mirror_folder = folder.join(mirror_name(&url));
        let mirror = Arc::new(git::mirror(&config.git, login.clone(), &mirror_folder, stop.clone())?);
        let config = with_folders(config, &mirror).await?;
        let store = Arc::new(opened.store);
        let mirrors = Mirrors::new(Arc::clone(&config), login.clone(), &folder, stop.clone());
        let sources = Sources::new(Arc::clone(&config), mirrors);
        let changes =
            Arc::new(Changes::new(Arc::clone(&config), Arc::clone(&client), Arc::clone(&store), sources));
        let releases = Publisher::new(&config, &login, Arc::clone(&changes), &folder)?.map(Arc::new);
        let clusters = clusters(&config);
        let parts = Parts {
            registry: Arc::clone(&client),
            repository: Arc::clone(&mirror),
            publisher: Arc::new(CountedPublisher {
                mirror: Arc::clone(&mirror),
                metrics: Arc::clone(&metrics),
            }),
            store: Arc::clone(&store),
            changelog: Arc::clone(&changes),
            forge: forge.clone(),
            clusters: Arc::clone(&clusters),
            clock: Arc::new(SystemClock),
        };
        let flux = Arc::new(FluxReceivers::new(&config)?);
        let engine = Engine::new(parts, Arc::new(repository_policy(&config)));
        Ok(Self {
            config,
            engine,
            client,
            mirror,
            forge,
            changes,
            releases,
            store,
            flux,
            clusters,
            waits_for_flux: false,
            stop,
            metrics,
            folder,
            written,
        })
    }

    /// The branch with what a pass promoted; without that where it cannot be read, until the next pass.
    pub(crate) async fn state_after(&mut self, report: &PassReport) -> Arc<RepositoryState> {
        let before = Arc::clone(&report.evaluation.state);
        if report.promoted.is_empty() {
            return before;
        }
        match self.engine.refresh().await {
            Ok(state) => state,
            Err(fault) => {
                tracing::debug!(error = %fault.in_one_line(), "cannot read what was promoted; the next pass does");
                before
            }
        }
    }

    /// The releases that are to be made of the branch as it is after a pass.
    pub(crate) async fn due_releases(&mut self, state: &RepositoryState) -> Vec<DueRelease> {
        let Some(releases) = &self.releases else { return Vec::new() };
        // What can't be read now the next pass reads.
        releases.due(&self.engine, state, chrono::Utc::now()).await.unwrap_or_default()
    }

    /// Does one pass, and keeps its names for completions.
    pub(crate) async fn pass(&mut self, options: &PassOptions) -> Result<PassReport, Fault> {
        let report = Box::pin(self.engine.pass(options)).await?;
        completion::keep(&self.folder, &report);
        if let Some(calls) = FluxReceivers::call(&self.flux, &report).filter(|_| self.waits_for_flux) {
            // Flux looks by itself later.
            let _ = tokio::time::timeout(FLUX_WAIT, calls).await;
        }
        Ok(report)
    }

    /// Locks the data folder if no pass of another process holds the lock.
    pub(crate) fn try_lock(&self) -> Result<Option<FolderLock>, Fault> {
        Ok(DataFolder::try_lock(&self.folder)?)
    }

    /// Locks the data folder for a pass. Waits for a pass of another process.
    pub(crate) async fn lock(&self, output: &Output) -> Result<FolderLock, Fault> {
        lock(&self.folder, output).await
    }

    /// The folder of the database and the mirror.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Watches the clusters of environments, once somebody looks.
fn clusters(config: &Config) -> Arc<ClusterWatcher> {
    let access = |cluster: &config::Cluster| match cluster {
        config::Cluster::Kubeconfig { file, context } => {
            Access::Kubeconfig { file: file.clone(), context: context.clone() }
        }
        config::Cluster::InCluster => Access::InCluster,
    };
    let environments = config.environments().iter();
    let clusters = environments
        .map(|environment| (environment.name.clone(), environment.clusters.iter().map(access).collect()));
    Arc::new(ClusterWatcher::new(clusters.collect()))
}

/// Lets the group of a shared data folder use what this process and Git create in it.
fn share_files(folder: &Path) {
    if DataFolder::is_shared(folder) {
        rustix::process::umask(rustix::fs::Mode::RWXO);
    }
}

/// Replaces the patterns of folders by what they match at the head of the branch.
async fn with_folders(config: Arc<Config>, mirror: &Arc<Mirror>) -> Result<Arc<Config>, Fault> {
    let Some(scope) = config.pattern_scope() else { return Ok(config) };
    let mirror = Arc::clone(mirror);
    let listed = tokio::task::spawn_blocking(move || {
        let head = mirror.fetch()?.head;
        mirror.files(head, &scope)
    });
    let listing = listed
        .await
        .map_err(|error| Fault::new(Class::Failed, "cannot list folders").with_source(error))??;
    let files: Vec<RepoPath> = listing.files.into_iter().map(|file| file.path).collect();
    Ok(Arc::new(config.with_folders(&files)?))
}

async fn lock(folder: &Path, output: &Output) -> Result<FolderLock, Fault> {
    let on_wait = || {
        if std::io::stderr().is_terminal() {
            output.complain("waiting for another tidegate to finish its pass ...\n");
        } else {
            tracing::info!(folder = %folder.display(), "waiting for another tidegate to finish its pass");
        }
    };
    Ok(DataFolder::lock(folder, LOCK_TIMEOUT, on_wait).await?)
}

/// The mirror's folder, another for each repository.
fn mirror_name(url: &str) -> String {
    let hash = format!("{:x}", Sha256::digest(url));
    format!("mirror-{}.git", &hash[..12])
}
