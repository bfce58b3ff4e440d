//! Where the commits of a source come from: GitHub's API where it can tell them, since that costs a few requests and no
//! copy of the history, else Git. Which of them and why is told in the log; the commits are the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;

use crate::changelog::{Found, Sought, Source, SourceName};
use crate::config::{Config, GitHubApi};
use crate::forge::{Api, ApiSettings, Asked, Commits};
use crate::git::Secret;
use crate::model::{Class, CommitId, Fault};
use crate::source::{Answer, Between, Histories, Scope};

use super::sources::{Mirrors, blocking};

/// How long a repository that an API doesn't show is not asked for there again.
const UNSEEN: Duration = Duration::from_hours(1);

/// Source repositories, by API or by Git.
#[derive(Debug)]
pub(crate) struct Sources {
    config: Arc<Config>,
    mirrors: Mirrors,
    /// The APIs that were needed so far, by their hosts.
    hubs: Mutex<HashMap<String, Arc<Hub>>>,
}

/// The API of a host.
#[derive(Debug)]
struct Hub {
    commits: Commits,
    token: Option<Arc<dyn Secret>>,
    /// Repositories that it doesn't show, and since when that is known.
    unseen: Mutex<HashMap<String, Instant>>,
}

impl Sources {
    pub(super) fn new(config: Arc<Config>, mirrors: Mirrors) -> Self {
        Self { config, mirrors, hubs: Mutex::default() }
    }

    /// What the API says, or why it is not asked or says nothing.
    async fn by_api(&self, source: &Source, scope: &Scope, sought: [&Sought; 2]) -> Result<Answer, String> {
        let Some(name) = source.name() else { return Err("it is a path".to_owned()) };
        let Some(api) = self.config.changelog.api(name.host()) else {
            return Err(format!("{} has no API that is asked for commits", name.host()));
        };
        if !scope.paths.is_empty() {
            return Err("the API does not tell which commits touch the service's folders".to_owned());
        }
        let hub = self.hub(name, &api).map_err(|fault| fault.in_one_line())?;
        hub.check(name).map_err(|fault| fault.in_one_line())?;
        // What is left is for Git.
        let limit = self.config.changelog.time_limit / 2;
        match tokio::time::timeout(limit, hub.read(name, scope, sought)).await {
            Ok(answer) => answer.map_err(|fault| fault.in_one_line()),
            Err(_) => Err(format!("the API took longer than {}s", limit.as_secs_f32())),
        }
    }

    fn hub(&self, name: &SourceName, api: &GitHubApi) -> Result<Arc<Hub>, Fault> {
        let mut hubs = self.hubs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hub) = hubs.get(name.host()) {
            return Ok(Arc::clone(hub));
        }
        let usual = ApiSettings::of_host(name.host());
        let git = self.mirrors.is_our_host(name.host()).then_some(&self.config.git);
        let settings = ApiSettings {
            url: api.url.as_ref().map_or(usual.url, ToString::to_string),
            ca_file: git.and_then(|git| git.ca_file.clone()),
            proxy: git.and_then(|git| git.proxy.as_ref()).map(ToString::to_string),
        };
        let hub = Arc::new(Hub {
            commits: Commits::new(Api::new(&settings)?),
            token: self.mirrors.token_at(name),
            unseen: Mutex::default(),
        });
        hubs.insert(name.host().to_owned(), Arc::clone(&hub));
        Ok(hub)
    }
}

impl Histories for Sources {
    async fn read(&self, source: &Source, scope: &Scope, sought: [&Sought; 2]) -> Result<Answer, Fault> {
        match self.by_api(source, scope, sought).await {
            Ok(answer) => {
                tracing::info!(%source, "the commits come from GitHub's API");
                Ok(answer)
            }
            Err(reason) => {
                tracing::info!(%source, reason, "the commits come from Git");
                self.mirrors.read(source, scope, sought).await
            }
        }
    }
}

impl Hub {
    /// Whether there is a point in asking.
    fn check(&self, name: &SourceName) -> Result<(), Fault> {
        let unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        if unseen.get(name.path()).is_some_and(|since| since.elapsed() < UNSEEN) {
            return Err(Fault::new(Class::Failed, "the API did not show it a short while ago"));
        }
        self.commits.check()
    }

    async fn read(&self, name: &SourceName, scope: &Scope, sought: [&Sought; 2]) -> Result<Answer, Fault> {
        let token = self.token().await?;
        let asked = Asked { repository: name.path(), token: token.as_ref() };
        let tags = self.commits.tags(asked).await.inspect_err(|fault| {
            if fault.class() == Class::Failed {
                let mut unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
                unseen.insert(name.path().to_owned(), Instant::now());
            }
        })?;
        let [from, to] = sought;
        let found = [self.find(asked, scope, from, &tags).await?, self.find(asked, scope, to, &tags).await?];
        let between = match Answer::ends(&found) {
            Some([from, to]) => Some(Between { range: self.commits.between(asked, from, to).await?, tags }),
            None => None,
        };
        Ok(Answer { found, between })
    }

    /// The commit of an image. One that is named in full is taken as it is: comparing tells whether it is there.
    async fn find(
        &self,
        asked: Asked<'_>,
        scope: &Scope,
        sought: &Sought,
        tags: &[(CommitId, String)],
    ) -> Result<Found, Fault> {
        let Some(revision) = &sought.revision else {
            let tag = scope.tag_of(tags, &sought.tag);
            return Ok(tag.map_or(Found::Missing, |(commit, name)| Found::Tag(*commit, name.clone())));
        };
        if let Ok(commit) = revision.hex().parse() {
            return Ok(Found::Revision(commit));
        }
        let found = self.commits.commit(asked, revision.hex()).await?;
        // Git may have it still, where no branch and no tag does.
        found.map(Found::Revision).ok_or_else(|| {
            Fault::new(Class::Failed, format!("the API does not know the commit {}", revision.hex()))
        })
    }

    async fn token(&self) -> Result<Option<SecretString>, Fault> {
        let Some(token) = self.token.clone() else { return Ok(None) };
        blocking(move || token.read()).await.map(Some)
    }
}
