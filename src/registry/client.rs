//! The registry client, this room's API.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tracing::{Instrument, Span, debug_span};

use super::check::{self, HostReport};
use super::error::{RegistryError, RequestError};
use super::helm::{CHART_KIND, HelmRepositories};
use super::host::{Endpoint, Host};
use super::manifest;
use super::observer::{Observed, RequestObserver};
use super::operation::{Budget, Operation};
use super::pool::Pools;
use super::settings::{HostSettings, Limits, SettingsError};
use super::tags::{self, CachedList};
use crate::model::{Artifact, Digest, ImageName, Platform, Tag, TagList};
use crate::port::Registry;

/// Maximum manifests whose kind is cached.
const MAX_ARTIFACTS: usize = 20_000;

/// A client of all registries. Cheap to clone; clones share connections, tokens, limits and cached tag lists.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    limits: Limits,
    platforms: Vec<Platform>,
    artifacts: Mutex<HashMap<Digest, Artifact>>,
    pools: Pools,
    observer: Option<Arc<dyn RequestObserver>>,
    hosts: RwLock<HashMap<String, Arc<Host>>>,
    cached_lists: Mutex<HashMap<ImageName, Arc<CachedList>>>,
    helm_repositories: HelmRepositories,
}

impl Client {
    /// A client for the registries in `settings`; any other registry is contacted anonymously over https.
    ///
    /// Reads CA files now, credentials when a registry requires them.
    ///
    /// # Errors
    /// When two settings name one registry, or a setting is invalid.
    pub fn new(settings: Vec<HostSettings>, limits: Limits) -> Result<Self, RegistryError> {
        Self::build(settings, limits, Vec::new(), None)
    }

    /// Like [`Self::with_platforms`], with an observer of every request.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn observed(
        settings: Vec<HostSettings>,
        limits: Limits,
        platforms: Vec<Platform>,
        observer: Arc<dyn RequestObserver>,
    ) -> Result<Self, RegistryError> {
        Self::build(settings, limits, platforms, Some(observer))
    }

    /// Like [`Self::new`], but a manifest counts as an image only if it has all of these platforms.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_platforms(
        settings: Vec<HostSettings>,
        limits: Limits,
        platforms: Vec<Platform>,
    ) -> Result<Self, RegistryError> {
        Self::build(settings, limits, platforms, None)
    }

    fn build(
        settings: Vec<HostSettings>,
        limits: Limits,
        platforms: Vec<Platform>,
        observer: Option<Arc<dyn RequestObserver>>,
    ) -> Result<Self, RegistryError> {
        let pools = Pools::new(&limits);
        let helm_repositories = HelmRepositories::new(&limits);
        let mut hosts = HashMap::new();
        for mut one in settings {
            one.host = canonical(&one.host);
            let host = make_host(&one, &limits, &pools, observer.clone())?;
            if hosts.insert(one.host.clone(), Arc::new(host)).is_some() {
                return Err(SettingsError::Twice { host: one.host }.into());
            }
        }
        let (hosts, cached_lists) = (RwLock::new(hosts), Mutex::new(HashMap::new()));
        Ok(Self {
            shared: Arc::new(Shared {
                limits,
                platforms,
                artifacts: Mutex::default(),
                pools,
                observer,
                hosts,
                cached_lists,
                helm_repositories,
            }),
        })
    }

    /// The labels and annotations of an image. Labels in the image's configuration win over annotations of its manifest,
    /// those over annotations of the index. Of a multi-platform image, reads linux/amd64, or else the first platform.
    ///
    /// The texts are untrusted and unescaped.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when the image does not exist; class refused when a body does not match its digest.
    pub async fn labels(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> Result<BTreeMap<String, String>, RegistryError> {
        let operation = Operation::Labels(image.clone(), digest.clone());
        let span = debug_span!("registry_labels", host = image.host(), image = image.repository(), %digest);
        self.run(operation, image.host(), span, async |host, budget| {
            if let Some(chart) = image.helm_chart() {
                let found = self.shared.helm_repositories.chart(host, image.host(), chart, budget).await?;
                return Ok(found.labels(digest));
            }
            manifest::labels(host, image.repository(), digest, budget).await
        })
        .await
    }

    /// Tests whether a registry is reachable and accepts the credentials.
    ///
    /// # Errors
    /// When it is unreachable, is no registry, or rejects the credentials.
    pub async fn check(&self, host: &str) -> Result<HostReport, RegistryError> {
        let name = canonical(host);
        let span = debug_span!("registry_check", host = name);
        self.run(Operation::Check(name.clone()), &name, span, check::check).await
    }

    async fn run<T>(
        &self,
        operation: Operation,
        host: &str,
        span: Span,
        work: impl AsyncFnOnce(&Host, &mut Budget) -> Result<T, RequestError>,
    ) -> Result<T, RegistryError> {
        let mut budget = Budget::new(&self.shared.limits);
        let outcome = async {
            let host = self.host(host)?;
            work(&host, &mut budget).await
        };
        outcome.instrument(span).await.map_err(|error| RegistryError::new(operation, error))
    }

    /// The host with this name, created with default settings on first use.
    fn host(&self, name: &str) -> Result<Arc<Host>, RequestError> {
        let name = canonical(name);
        if let Some(host) = self.shared.hosts.read().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(Arc::clone(host));
        }
        let mut hosts = self.shared.hosts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(&name) {
            return Ok(Arc::clone(host));
        }
        let settings = HostSettings::new(name.clone());
        let observer = self.shared.observer.clone();
        let host = make_host(&settings, &self.shared.limits, &self.shared.pools, observer)?;
        Ok(Arc::clone(hosts.entry(name).or_insert(Arc::new(host))))
    }

    fn lock_artifacts(&self) -> MutexGuard<'_, HashMap<Digest, Artifact>> {
        self.shared.artifacts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_cache(&self) -> MutexGuard<'_, HashMap<ImageName, Arc<CachedList>>> {
        self.shared.cached_lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry for Client {
    type Error = RegistryError;

    async fn tags(&self, image: &ImageName) -> Result<Arc<TagList>, RegistryError> {
        let operation = Operation::Tags(image.clone());
        let span = debug_span!("registry_tags", host = image.host(), image = image.repository());
        self.run(operation, image.host(), span, async |host, budget| {
            if let Some(chart) = image.helm_chart() {
                let found = self.shared.helm_repositories.chart(host, image.host(), chart, budget).await?;
                return Ok(found.tags());
            }
            let before = self.lock_cache().get(image).cloned();
            let response = tags::list(host, image.repository(), before.as_deref(), budget).await?;
            let list = Arc::clone(response.list());
            self.lock_cache().insert(image.clone(), Arc::new(response));
            Ok(list)
        })
        .await
    }

    async fn digest(&self, image: &ImageName, tag: &Tag) -> Result<Digest, RegistryError> {
        let operation = Operation::Digest(image.clone(), tag.clone());
        let span = debug_span!("registry_digest", host = image.host(), image = image.repository(), %tag);
        self.run(operation, image.host(), span, async |host, budget| {
            if let Some(chart) = image.helm_chart() {
                let found = self.shared.helm_repositories.chart(host, image.host(), chart, budget).await?;
                return found.digest(tag);
            }
            manifest::digest(host, image.repository(), tag, budget).await
        })
        .await
    }

    async fn artifact(&self, image: &ImageName, digest: &Digest) -> Result<Artifact, RegistryError> {
        if image.helm_chart().is_some() {
            return Ok(Artifact::Other(CHART_KIND.to_owned()));
        }
        if let Some(known) = self.lock_artifacts().get(digest) {
            return Ok(known.clone());
        }
        let operation = Operation::Artifact(image.clone(), digest.clone());
        let span = debug_span!("registry_artifact", host = image.host(), image = image.repository(), %digest);
        let platforms = &self.shared.platforms;
        let artifact = self
            .run(operation, image.host(), span, async |host, budget| {
                manifest::artifact(host, image.repository(), digest, platforms, budget).await
            })
            .await?;
        let mut artifacts = self.lock_artifacts();
        if artifacts.len() >= MAX_ARTIFACTS {
            artifacts.clear();
        }
        artifacts.insert(digest.clone(), artifact.clone());
        Ok(artifact)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").finish_non_exhaustive()
    }
}

fn make_host(
    settings: &HostSettings,
    limits: &Limits,
    pools: &Pools,
    observer: Option<Arc<dyn RequestObserver>>,
) -> Result<Host, SettingsError> {
    let endpoint = Endpoint::new(settings)?;
    let pool = pools.pool(settings.extra_ca.as_deref(), endpoint.is_loopback())?;
    Ok(Host::new(settings, limits, endpoint, pool, Observed::new(&settings.host, observer)))
}

/// Maps a registry's aliases to one name.
fn canonical(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, Fault};

    fn refusal(settings: Vec<HostSettings>) -> Fault {
        Client::new(settings, Limits::default()).unwrap_err().into()
    }

    #[test]
    fn two_names_of_one_registry_are_refused() {
        for pair in [["ghcr.io", "GHCR.io"], ["docker.io", "index.docker.io"]] {
            let fault = refusal(pair.map(HostSettings::new).into());
            assert_eq!(fault.class(), Class::Usage);
            assert_eq!(fault.to_string(), format!("registry {} is configured twice", pair[0]));
        }
    }

    #[test]
    fn authorities_are_read_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let with_ca = || vec![HostSettings { extra_ca: Some(path.clone()), ..HostSettings::new("ghcr.io") }];
        assert!(refusal(with_ca()).in_one_line().contains("No such file"));
        for content in ["", "hello", "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&path, content).unwrap();
            let fault = refusal(with_ca());
            assert!(fault.to_string().ends_with("contains no readable PEM certificate"), "{fault}");
            assert!(fault.hint().is_some());
        }
    }
}
