//! Chooses where commits come from: GitHub's API, a few requests without a copy of the history, or else Git. Both return
//! the same commits; the log says which was used and why.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;

use crate::changelog::{CommitMatch, CommitQuery, Source, SourceName};
use crate::config::{Config, GitHubApi};
use crate::forge::{Api, ApiSettings, Commits, RepositoryAccess};
use crate::git::Secret;
use crate::model::{Class, CommitId, Fault};
use crate::source::{CommitRange, Comparison, Histories, Scope};

use super::sources::{Mirrors, blocking, by_tag};

/// A repository that the API hides is not requested again for this long.
const INVISIBLE_FOR: Duration = Duration::from_hours(1);

/// Source repositories, through an API or Git.
#[derive(Debug)]
pub(crate) struct Sources {
    config: Arc<Config>,
    mirrors: Mirrors,
    /// The APIs in use, by host.
    hosts: Mutex<HashMap<String, Arc<GitHubHost>>>,
}

/// The API of a host.
#[derive(Debug)]
struct GitHubHost {
    commits: Commits,
    token: Option<Arc<dyn Secret>>,
    /// Hidden repositories, and since when.
    invisible: Mutex<HashMap<String, Instant>>,
}

impl Sources {
    pub(super) fn new(config: Arc<Config>, mirrors: Mirrors) -> Self {
        Self { config, mirrors, hosts: Mutex::default() }
    }

    /// Reads from the API. The error is the reason to use Git instead.
    async fn by_api(
        &self,
        source: &Source,
        scope: &Scope,
        queries: [&CommitQuery; 2],
    ) -> Result<Comparison, String> {
        let Some(name) = source.name() else { return Err("it is a path".to_owned()) };
        let Some(api) = self.config.changelog.api(name.host()) else {
            return Err(format!("no API is configured for {}", name.host()));
        };
        if !scope.paths.is_empty() {
            return Err("the API does not tell which commits touch the service's folders".to_owned());
        }
        let host = self.host(name, &api).map_err(|fault| fault.in_one_line())?;
        host.check(name).map_err(|fault| fault.in_one_line())?;
        // The rest of the time is for Git.
        let limit = self.config.changelog.time_limit / 2;
        match tokio::time::timeout(limit, host.read(name, scope, queries)).await {
            Ok(comparison) => comparison.map_err(|fault| fault.in_one_line()),
            Err(_) => Err(format!("the API took longer than {}s", limit.as_secs_f32())),
        }
    }

    fn host(&self, name: &SourceName, api: &GitHubApi) -> Result<Arc<GitHubHost>, Fault> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(name.host()) {
            return Ok(Arc::clone(host));
        }
        let usual = ApiSettings::of_host(name.host());
        let git = self.mirrors.is_our_host(name.host()).then_some(&self.config.git);
        let settings = ApiSettings {
            url: api.url.as_ref().map_or(usual.url, ToString::to_string),
            ca_file: git.and_then(|git| git.ca_file.clone()),
            proxy: git.and_then(|git| git.proxy.as_ref()).map(ToString::to_string),
        };
        let host = Arc::new(GitHubHost {
            commits: Commits::new(Api::new(&settings)?),
            token: self.mirrors.token_at(name),
            invisible: Mutex::default(),
        });
        hosts.insert(name.host().to_owned(), Arc::clone(&host));
        Ok(host)
    }
}

impl Histories for Sources {
    async fn read(
        &self,
        source: &Source,
        scope: &Scope,
        queries: [&CommitQuery; 2],
    ) -> Result<Comparison, Fault> {
        match self.by_api(source, scope, queries).await {
            Ok(comparison) => {
                tracing::info!(%source, "the commits come from GitHub's API");
                Ok(comparison)
            }
            Err(reason) => {
                tracing::info!(%source, reason, "the commits come from Git");
                self.mirrors.read(source, scope, queries).await
            }
        }
    }
}

impl GitHubHost {
    /// Fails when a request is known to be pointless.
    fn check(&self, name: &SourceName) -> Result<(), Fault> {
        let invisible = self.invisible.lock().unwrap_or_else(PoisonError::into_inner);
        if invisible.get(name.path()).is_some_and(|since| since.elapsed() < INVISIBLE_FOR) {
            return Err(Fault::new(Class::Failed, "the API did not show it a short while ago"));
        }
        self.commits.check()
    }

    async fn read(
        &self,
        name: &SourceName,
        scope: &Scope,
        queries: [&CommitQuery; 2],
    ) -> Result<Comparison, Fault> {
        let token = self.token().await?;
        let access = RepositoryAccess { repository: name.path(), token: token.as_ref() };
        let tags = self.commits.tags(access).await.inspect_err(|fault| {
            if fault.class() == Class::Failed {
                let mut invisible = self.invisible.lock().unwrap_or_else(PoisonError::into_inner);
                invisible.insert(name.path().to_owned(), Instant::now());
            }
        })?;
        let [from, to] = queries;
        let found =
            [self.find(access, scope, from, &tags).await?, self.find(access, scope, to, &tags).await?];
        let range = match Comparison::ends(&found) {
            Some([from, to]) => {
                Some(CommitRange { range: self.commits.between(access, from, to).await?, tags })
            }
            None => None,
        };
        Ok(Comparison { found, range })
    }

    /// The commit of an image. A full id is not looked up: the comparison shows whether it exists.
    async fn find(
        &self,
        access: RepositoryAccess<'_>,
        scope: &Scope,
        queries: &CommitQuery,
        tags: &[(CommitId, String)],
    ) -> Result<CommitMatch, Fault> {
        let Some(revision) = &queries.revision else {
            return Ok(by_tag(scope, tags, queries));
        };
        if let Ok(commit) = revision.hex().parse() {
            return Ok(CommitMatch::Revision(commit));
        }
        let found = self.commits.commit(access, revision.hex()).await?;
        // Git may still have it, without a branch or tag.
        found.map(CommitMatch::Revision).ok_or_else(|| {
            Fault::new(Class::Failed, format!("the API does not know the commit {}", revision.hex()))
        })
    }

    async fn token(&self) -> Result<Option<SecretString>, Fault> {
        let Some(token) = self.token.clone() else { return Ok(None) };
        blocking(move || token.read()).await.map(Some)
    }
}
