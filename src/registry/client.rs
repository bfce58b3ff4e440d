//! The way in: what the other rooms ask of registries.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tracing::{Instrument, Span, debug_span};

use super::check::{self, HostReport};
use super::error::{Problem, RegistryError};
use super::host::{Endpoint, Host};
use super::manifest;
use super::operation::{Budget, Operation};
use super::pool::Pools;
use super::settings::{HostSettings, Limits, SettingsError};
use super::tags::{self, Remembered};
use crate::model::{Digest, ImageName, Tag, TagList};

/// The registries. Cheap to clone; clones share connections, tokens, limits and what was last answered.
///
/// It only reads. Nothing here can change a registry.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    limits: Limits,
    pools: Pools,
    hosts: RwLock<HashMap<String, Arc<Host>>>,
    remembered: Mutex<HashMap<ImageName, Arc<Remembered>>>,
}

impl Client {
    /// A client for the registries in `settings`. Any other is asked anonymously over https.
    ///
    /// Reads the files of certificate authorities; credentials are read when a registry asks for them.
    ///
    /// # Errors
    /// When two settings are for one registry, or one of them cannot be used.
    pub fn new(settings: Vec<HostSettings>, limits: Limits) -> Result<Self, RegistryError> {
        let pools = Pools::new(&limits);
        let mut hosts = HashMap::new();
        for mut one in settings {
            one.host = canonical(&one.host);
            let host = make_host(&one, &limits, &pools)?;
            if hosts.insert(one.host.clone(), Arc::new(host)).is_some() {
                return Err(SettingsError::Twice { host: one.host }.into());
            }
        }
        let (hosts, remembered) = (RwLock::new(hosts), Mutex::new(HashMap::new()));
        Ok(Self { shared: Arc::new(Shared { limits, pools, hosts, remembered }) })
    }

    /// The tags of an image, every page of them. An unchanged answer gives the same list as the time before, and costs
    /// one request once the registry's token is held.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when there is no such image, or Tidegate may not know of it.
    pub async fn tags(&self, image: &ImageName) -> Result<Arc<TagList>, RegistryError> {
        let operation = Operation::Tags(image.clone());
        let span = debug_span!("registry_tags", host = image.host(), image = image.repository());
        self.run(operation, image.host(), span, async |host, budget| {
            let before = self.lock_remembered().get(image).cloned();
            let answer = tags::list(host, image.repository(), before.as_deref(), budget).await?;
            let list = Arc::clone(answer.list());
            self.lock_remembered().insert(image.clone(), Arc::new(answer));
            Ok(list)
        })
        .await
    }

    /// The digest that a tag has now.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when there is no such tag, or Tidegate may not know of it.
    pub async fn digest(&self, image: &ImageName, tag: &Tag) -> Result<Digest, RegistryError> {
        let operation = Operation::Digest(image.clone(), tag.clone());
        let span = debug_span!("registry_digest", host = image.host(), image = image.repository(), %tag);
        self.run(operation, image.host(), span, async |host, budget| {
            manifest::digest(host, image.repository(), tag, budget).await
        })
        .await
    }

    /// The labels and annotations of an image. Where a key is in several places, the image's configuration counts
    /// before its manifest, and that before the index. Of an image for several platforms, linux/amd64 is read, or
    /// else the first.
    ///
    /// The texts are the image's maker's: not yet fit to be shown.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when there is no such image; a class of refused when what came is not what the
    /// digest says.
    pub async fn labels(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> Result<BTreeMap<String, String>, RegistryError> {
        let operation = Operation::Labels(image.clone(), digest.clone());
        let span = debug_span!("registry_labels", host = image.host(), image = image.repository(), %digest);
        self.run(operation, image.host(), span, async |host, budget| {
            manifest::labels(host, image.repository(), digest, budget).await
        })
        .await
    }

    /// Whether a registry can be reached, and how it lets Tidegate in.
    ///
    /// # Errors
    /// When it cannot be reached, is no registry, or refuses the credentials.
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
        work: impl AsyncFnOnce(&Host, &mut Budget) -> Result<T, Problem>,
    ) -> Result<T, RegistryError> {
        let mut budget = Budget::new(&self.shared.limits);
        let outcome = async {
            let host = self.host(host)?;
            work(&host, &mut budget).await
        };
        outcome.instrument(span).await.map_err(|problem| RegistryError::new(operation, problem))
    }

    /// The host of this name; one without settings is made when it is first asked.
    fn host(&self, name: &str) -> Result<Arc<Host>, Problem> {
        let name = canonical(name);
        if let Some(host) = self.shared.hosts.read().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(Arc::clone(host));
        }
        let mut hosts = self.shared.hosts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(&name) {
            return Ok(Arc::clone(host));
        }
        let settings = HostSettings::new(name.clone());
        let host = make_host(&settings, &self.shared.limits, &self.shared.pools)?;
        Ok(Arc::clone(hosts.entry(name).or_insert(Arc::new(host))))
    }

    fn lock_remembered(&self) -> MutexGuard<'_, HashMap<ImageName, Arc<Remembered>>> {
        self.shared.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").finish_non_exhaustive()
    }
}

fn make_host(settings: &HostSettings, limits: &Limits, pools: &Pools) -> Result<Host, SettingsError> {
    let endpoint = Endpoint::new(settings)?;
    let pool = pools.pool(settings.extra_ca.as_deref(), endpoint.is_loopback())?;
    Ok(Host::new(settings, limits, endpoint, pool))
}

/// The one name of a registry that has several.
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
    fn a_registry_is_configured_once_under_whatever_name() {
        for pair in [["ghcr.io", "GHCR.io"], ["docker.io", "index.docker.io"]] {
            let fault = refusal(pair.map(HostSettings::new).into());
            assert_eq!(fault.class(), Class::Usage);
            assert_eq!(fault.to_string(), format!("the registry {} is configured twice", pair[0]));
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
            assert!(fault.to_string().ends_with("holds no PEM certificate that can be read"), "{fault}");
            assert!(fault.hint().is_some());
        }
    }
}
