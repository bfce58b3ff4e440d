//! Source repositories for changelogs: their mirrors, their credentials, their cache.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::changelog::{CommitMatch, CommitQuery, Source, SourceName, Web};
use crate::config::{self, Config, SourceRepository};
use crate::git::{Limits, Login, RangeQuery, Reach, Secret, SourceMirror, SourceSettings, Stop};
use crate::model::{Class, CommitId, Digest, Fault, ImageName, NetworkUrl, Protocol, RepoPath, ServiceName};
use crate::port::Labels;
use crate::registry::Client;
use crate::source::{
    Cache, CommitRange, Comparison, Histories, Images, Policy, ReadVersion, Scope, SourceRules,
};
use crate::store::{RangeKey, Store};

use super::git;

/// Limits of a fetch. A promotion does not wait for it; what comes late is there the next time.
const LIMITS: Limits = Limits {
    question: Duration::from_mins(1),
    silence: Duration::from_mins(1),
    fetch: Duration::from_mins(10),
    push: Duration::from_mins(1),
};

const MAX_COMMITS: usize = 20_000;

const READING: Duration = Duration::from_mins(1);

/// The mirrors of source repositories, in one folder.
#[derive(Debug)]
pub(crate) struct Mirrors {
    config: Arc<Config>,
    /// The login of the GitOps repository.
    login: Login,
    folder: PathBuf,
    stop: Stop,
    /// A lock per mirror, so that two services of one repository fetch it once.
    locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Mirrors {
    pub(crate) fn new(config: Arc<Config>, login: Login, folder: &Path, stop: Stop) -> Self {
        Self { config, login, folder: folder.join("sources"), stop, locks: Mutex::default() }
    }

    fn settings(&self, source: &Source, scope: &Scope) -> SourceSettings {
        let url = self.url(source, scope);
        let name = format!("{:x}", Sha256::digest(&url));
        SourceSettings {
            reach: self.reach(source, &url),
            mirror: self.folder.join(format!("{}.git", &name[..16])),
            most_bytes: self.config.changelog.max_bytes,
            url,
        }
    }

    /// The clone URL: as configured; over ssh when the GitOps repository is at the same host over ssh; else over https.
    fn url(&self, source: &Source, scope: &Scope) -> String {
        let name = match (source, &scope.url) {
            (Source::Local(path), _) => return path.clone(),
            (Source::Named(_), Some(url)) => return url.clone(),
            (Source::Named(name), None) => name,
        };
        let has_token = self.config.changelog.host(name.host()).is_some_and(|host| host.token.is_some());
        match self.gitops() {
            Some(ours) if !has_token && ours.protocol() == Protocol::Ssh && ours.host() == name.host() => {
                format!("ssh://git@{}/{}.git", name.host(), name.path())
            }
            _ => format!("https://{}/{}.git", name.host(), name.path()),
        }
    }

    /// CA file and proxy of the GitOps repository apply to its host.
    fn reach(&self, source: &Source, url: &str) -> Reach {
        let login = self.login_at(source, url);
        let reach = Reach { login, limits: LIMITS, stop: self.stop.clone(), ..Reach::default() };
        let is_ours = url.parse().is_ok_and(|url: NetworkUrl| self.is_our_host(url.host()));
        if !is_ours {
            return reach;
        }
        let git = &self.config.git;
        Reach { ca_file: git.ca_file.clone(), proxy: git.proxy.as_ref().map(ToString::to_string), ..reach }
    }

    /// Whether the GitOps repository is at this host, on any port.
    pub(super) fn is_our_host(&self, host: &str) -> bool {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        self.gitops().is_some_and(|ours| ours.host() == name)
    }

    pub(super) fn token_at(&self, name: &SourceName) -> Option<Arc<dyn Secret>> {
        let source = Source::Named(name.clone());
        match self.login_at(&source, &format!("https://{}/{}", name.host(), name.path())) {
            Login::Token { token, .. } => Some(token),
            _ => None,
        }
    }

    /// The host's token, or the login of the GitOps repository when host and protocol are the same. No other host sees
    /// either.
    fn login_at(&self, source: &Source, url: &str) -> Login {
        let Source::Named(name) = source else { return Login::None };
        let url: Option<NetworkUrl> = url.parse().ok();
        let protocol = url.as_ref().map(NetworkUrl::protocol);
        if let Some((username, token)) =
            self.config.changelog.host(name.host()).and_then(|host| host.token.as_ref())
            && protocol == Some(Protocol::Https)
        {
            return Login::Token { username: username.clone(), token: git::kept(token) };
        }
        match (url, self.gitops()) {
            (Some(url), Some(ours)) if url.host() == ours.host() && url.protocol() == ours.protocol() => {
                self.login.clone()
            }
            _ => Login::None,
        }
    }

    fn gitops(&self) -> Option<&NetworkUrl> {
        match &self.config.git.remote {
            config::Remote::Network(url) => Some(url),
            config::Remote::Path(_) => None,
        }
    }

    fn lock_for(&self, mirror: &Path) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(mirror.to_string_lossy().into_owned()).or_default())
    }
}

impl Drop for Mirrors {
    fn drop(&mut self) {
        // A running fetch would delay the end of the process.
        self.stop.ask();
    }
}

impl Mirrors {
    async fn find(
        &self,
        source: &Source,
        scope: &Scope,
        queries: [&CommitQuery; 2],
    ) -> Result<[CommitMatch; 2], Fault> {
        let settings = self.settings(source, scope);
        let lock = self.lock_for(&settings.mirror);
        let _guard = lock.lock().await;
        let (scope, queries) = (scope.clone(), queries.map(Clone::clone));
        blocking(move || {
            let mirror = SourceMirror::open(&settings)?;
            let find_both = || -> Result<[CommitMatch; 2], Fault> {
                let tags = mirror.tags()?;
                let [from, to] = &queries;
                Ok([find_one(&mirror, &tags, &scope, from)?, find_one(&mirror, &tags, &scope, to)?])
            };
            let known = find_both()?;
            let is_known = |(found, queries): (&CommitMatch, &CommitQuery)| match found {
                CommitMatch::Revision(_) => true,
                CommitMatch::Tag(..) => queries.revision.is_none(),
                CommitMatch::Missing => false,
            };
            if known.iter().zip(&queries).all(is_known) {
                return Ok(known);
            }
            mirror.fetch()?;
            let known = find_both()?;
            let missing =
                known.iter().zip(&queries).filter(|(found, _)| !matches!(found, CommitMatch::Revision(_)));
            let whole = missing.filter_map(|(_, queries)| queries.revision.as_ref()?.hex().parse().ok());
            // A server often still has a commit that a force-push removed from its branch.
            let lost: Vec<CommitId> = whole.collect();
            if lost.is_empty() || lost.into_iter().all(|commit| mirror.fetch_commit(commit).is_err()) {
                return Ok(known);
            }
            find_both()
        })
        .await
    }

    async fn between(
        &self,
        source: &Source,
        scope: &Scope,
        ends: [CommitId; 2],
    ) -> Result<CommitRange, Fault> {
        let settings = self.settings(source, scope);
        let wanted = RangeQuery {
            from: ends[0],
            to: ends[1],
            paths: scope.paths.clone(),
            most_commits: MAX_COMMITS,
            deadline: Instant::now() + READING,
        };
        blocking(move || {
            let mirror = SourceMirror::open(&settings)?;
            Ok(CommitRange { range: mirror.between(&wanted)?, tags: mirror.tags()? })
        })
        .await
    }
}

impl Histories for Mirrors {
    async fn read(
        &self,
        source: &Source,
        scope: &Scope,
        queries: [&CommitQuery; 2],
    ) -> Result<Comparison, Fault> {
        let found = self.find(source, scope, queries).await?;
        let range = match Comparison::ends(&found) {
            Some(ends) => Some(self.between(source, scope, ends).await?),
            None => None,
        };
        Ok(Comparison { found, range })
    }
}

fn find_one(
    mirror: &SourceMirror,
    tags: &[(CommitId, String)],
    scope: &Scope,
    queries: &CommitQuery,
) -> Result<CommitMatch, Fault> {
    if let Some(revision) = &queries.revision
        && let Some(commit) = mirror.commit(revision.hex())?
    {
        return Ok(CommitMatch::Revision(commit));
    }
    Ok(by_tag(scope, tags, queries))
}

/// The commit of the source's tag with the version of the image.
pub(super) fn by_tag(scope: &Scope, tags: &[(CommitId, String)], query: &CommitQuery) -> CommitMatch {
    let found = scope.tag_of(tags, &query.tag);
    found.map_or(CommitMatch::Missing, |(commit, name)| CommitMatch::Tag(*commit, name.clone()))
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Fault::new(Class::Failed, "reading the source repository was aborted").with_source(error))
    })
}

impl Images for Client {
    async fn labels(&self, image: &ImageName, digest: &Digest) -> Result<BTreeMap<String, String>, Fault> {
        Ok(Self::labels(self, image, digest).await?)
    }
}

impl Cache for Store {
    async fn labels(&self, image: &ImageName, digest: &Digest) -> Option<BTreeMap<String, String>> {
        Labels::labels(self, image, digest).await.unwrap_or_else(|error| lost(&error))
    }

    async fn keep_labels(&self, image: &ImageName, digest: &Digest, labels: &BTreeMap<String, String>) {
        Self::keep_labels(self, image, digest, labels, chrono::Utc::now())
            .await
            .unwrap_or_else(|error| lost(&error));
    }

    async fn range(&self, image: &ImageName, [from, to]: [&Digest; 2], scope: &str) -> Option<String> {
        self.source_range(RangeKey { image, from, to, scope }).await.unwrap_or_else(|error| lost(&error))
    }

    async fn keep_range(&self, image: &ImageName, [from, to]: [&Digest; 2], scope: &str, content: &str) {
        let key = RangeKey { image, from, to, scope };
        self.keep_source_range(key, content, chrono::Utc::now()).await.unwrap_or_else(|error| lost(&error));
    }
}

/// A cache failure means reading again.
fn lost<T: Default>(error: &crate::store::StoreError) -> T {
    tracing::warn!(%error, "cannot cache release notes");
    T::default()
}

/// The settings for all notes.
pub(super) fn policy(config: &Arc<Config>) -> Policy {
    Policy { rules: config.changelog.rules.clone(), sources: Box::new(Configured(Arc::clone(config))) }
}

struct Configured(Arc<Config>);

impl SourceRules for Configured {
    fn allows(&self, image: &ImageName, source: &SourceName) -> bool {
        self.0.changelog.allows(image, source)
    }

    fn web(&self, name: &SourceName) -> Option<Web> {
        match self.0.changelog.host(name.host()).and_then(|host| host.forge) {
            Some(forge) => Some(Web::at(name.clone(), forge)),
            None => Web::of(name),
        }
    }
}

/// A service's source settings.
pub(super) fn scope(config: &Config, service: &ServiceName) -> Scope {
    let settings = config.service(service);
    let Some(source) = settings.source() else { return Scope::default() };
    let (repository, url) = match &source.repository {
        Some(SourceRepository::Path(path)) => {
            (Some(Source::Local(path.to_string_lossy().into_owned())), None)
        }
        Some(SourceRepository::Named { name, url }) => (Some(Source::Named(name.clone())), url.clone()),
        None => (None, None),
    };
    let pattern = source.tag_pattern.as_ref().map(|pattern| pattern.value.clone());
    let read_version = pattern.clone().map(|pattern| -> ReadVersion {
        Arc::new(move |name: &str| pattern.version_in(name).map(Cow::into_owned))
    });
    let paths: Vec<&str> = source.paths.iter().map(RepoPath::as_str).collect();
    let fingerprint = format!("{paths:?} {pattern:?}");
    Scope { repository, url, paths: source.paths.clone(), read_version, fingerprint }
}
