//! GitHub releases of the GitOps repository, published after a pass and independent of it. A failure is retried by the
//! next pass.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;

use crate::changelog::Format;
use crate::config::{Auth, Config, GitRelease, Remote};
use crate::engine::{DueRelease, Engine, Move, ReleasePer, RepositoryState};
use crate::forge::{Api, ApiSettings, Published, ReleaseDraft, Releases, RepositoryAccess};
use crate::git::{Login, Secret};
use crate::model::{Class, Fault, NetworkUrl, Tag, Timestamp};

use super::changelog::Changes;
use super::git;
use super::ports::Real;
use super::sources::blocking;

/// A release that failed for longer than this is dropped.
const LOOK_BACK: TimeDelta = TimeDelta::hours(48);

const DEADLINE: Duration = Duration::from_secs(20);

/// Bounds a release's text; GitHub accepts 125,000 characters.
const MAX_BYTES: usize = 60_000;

/// Maximum promotions per release that carry release notes.
const MAX_TOLD: usize = 50;

/// Publishes the releases of a configuration.
#[derive(Debug)]
pub(crate) struct Publisher {
    releases: Releases,
    /// The repository at GitHub.
    pub(crate) repository: String,
    token: Option<Arc<dyn Secret>>,
    per: ReleasePer,
    changes: Arc<Changes>,
    done: PublishedReleases,
    /// One at a time: a pass does not wait for the releases of the previous one.
    lock: tokio::sync::Mutex<()>,
}

impl Publisher {
    /// Nothing when releases are off.
    pub(super) fn new(
        config: &Config,
        login: &Login,
        changes: Arc<Changes>,
        folder: &Path,
    ) -> Result<Option<Self>, Fault> {
        let (Some(per), Remote::Network(url)) = (config.changelog.releases, &config.git.remote) else {
            return Ok(None);
        };
        let host = config.changelog.host(&host_of(url));
        let token = match (host.and_then(|host| host.token.as_ref()), login) {
            (Some((_, token)), _) => Some(git::kept(token)),
            (None, Login::Token { token, .. }) => Some(Arc::clone(token)),
            (None, _) => None,
        };
        let named = host.and_then(|host| host.api.as_ref()?.url.as_ref());
        let named = named.or(match &config.git.auth {
            Auth::GithubApp { api, .. } => api.as_ref(),
            _ => None,
        });
        let settings = ApiSettings {
            url: named.map_or_else(|| ApiSettings::of_host(url.host()).url, ToString::to_string),
            ca_file: config.git.ca_file.clone(),
            proxy: config.git.proxy.as_ref().map(ToString::to_string),
        };
        let path = url.path().trim_end_matches('/');
        Ok(Some(Self {
            releases: Releases::new(Api::new(&settings)?),
            repository: path.strip_suffix(".git").unwrap_or(path).to_owned(),
            token,
            per: match per {
                GitRelease::Day => ReleasePer::Day,
                GitRelease::Batch => ReleasePer::Batch,
            },
            changes,
            done: PublishedReleases::read(folder.join("releases.json")),
            lock: tokio::sync::Mutex::default(),
        }))
    }

    /// The releases that may be missing.
    pub(crate) async fn due(
        &self,
        engine: &Engine<Real>,
        state: &RepositoryState,
        now: Timestamp,
    ) -> Result<Vec<DueRelease>, Fault> {
        let repository_policy = engine.repository_policy();
        let since = match self.per {
            // Whole days.
            ReleasePer::Day => (now - LOOK_BACK)
                .with_timezone(&repository_policy.zone())
                .date_naive()
                .succ_opt()
                .and_then(|day| {
                    day.and_hms_opt(0, 0, 0)?.and_local_timezone(repository_policy.zone()).earliest()
                })
                .map_or(now - LOOK_BACK, |begin| begin.to_utc()),
            ReleasePer::Batch => now - LOOK_BACK,
        };
        let mut due = engine.releases(state, self.per, since).await?;
        due.retain(|release| !self.done.has(release));
        Ok(due)
    }

    /// Publishes releases. The log reports failures, and the next pass retries.
    pub(crate) async fn publish(&self, due: Vec<DueRelease>) {
        let Ok(_guard) = self.lock.try_lock() else { return };
        let all = async {
            for release in due {
                match self.publish_one(&release).await {
                    Ok(published) => {
                        self.done.note(&release);
                        if published != Published::Unchanged {
                            tracing::info!(tag = release.tag, promotions = release.moves.len(), "released");
                        }
                    }
                    Err(fault) => {
                        let error = fault.in_one_line();
                        tracing::warn!(
                            tag = release.tag,
                            error,
                            hint = fault.hint(),
                            "cannot release; the next pass tries again"
                        );
                        return;
                    }
                }
            }
        };
        if tokio::time::timeout(DEADLINE, all).await.is_err() {
            tracing::warn!("releases took longer than {}s; the next pass goes on", DEADLINE.as_secs());
        }
    }

    /// Checks that the token may create releases.
    pub(crate) async fn check(&self) -> Result<(), Fault> {
        let token = self.token().await?;
        self.releases.check(RepositoryAccess { repository: &self.repository, token: token.as_ref() }).await
    }

    async fn publish_one(&self, release: &DueRelease) -> Result<Published, Fault> {
        let token = self.token().await?;
        let draft = ReleaseDraft {
            tag: release.tag.clone(),
            commit: release.commit,
            title: release.title.clone(),
            body: self.body(&release.moves).await,
        };
        let access = RepositoryAccess { repository: &self.repository, token: token.as_ref() };
        self.releases.publish(access, &draft).await
    }

    /// The promotions, and below them their release notes.
    async fn body(&self, moves: &[Move]) -> String {
        let mut text = String::new();
        for one in moves {
            let (from, to) = (shown(&one.from), shown(&one.to));
            let _ = writeln!(
                text,
                "- `{}` `{from}` → `{to}` in `{}` (`{}`)",
                one.service,
                one.environment,
                one.commit.short()
            );
        }
        let mut left_out = 0;
        for (number, one) in moves.iter().enumerate() {
            let (Some(from), Some(to)) = (one.from.first(), one.to.last()) else { continue };
            let is_room = number < MAX_TOLD && text.len() < MAX_BYTES;
            let notes = if is_room {
                self.changes.between(&one.service, &one.image, from, to).await.ok()
            } else {
                None
            };
            match notes.map(|notes| notes.render(Format::Markdown)) {
                Some(notes) if text.len() + notes.len() <= MAX_BYTES => {
                    let _ = write!(text, "\n{notes}");
                }
                _ => left_out += 1,
            }
        }
        if left_out > 0 {
            let _ = write!(text, "\nSee `tidegate changelog` for {left_out} more.\n");
        }
        text
    }

    async fn token(&self) -> Result<Option<SecretString>, Fault> {
        let Some(token) = self.token.clone() else {
            return Err(Fault::new(Class::Usage, "no token to create releases")
                .with_hint("set `changelog: {hosts: [{host: github.com, token: {env: GITHUB_TOKEN}}]}`"));
        };
        blocking(move || token.read()).await.map(Some)
    }
}

/// The releases that are done, by tag, with their number of promotions. Kept in the data folder; a lost file costs one
/// more look at each release.
#[derive(Debug)]
struct PublishedReleases {
    file: PathBuf,
    counts: Mutex<BTreeMap<String, usize>>,
}

impl PublishedReleases {
    const MOST: usize = 500;

    fn read(file: PathBuf) -> Self {
        let text = fs::read(&file).unwrap_or_default();
        Self { file, counts: Mutex::new(serde_json::from_slice(&text).unwrap_or_default()) }
    }

    fn has(&self, release: &DueRelease) -> bool {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&release.tag) == Some(&release.moves.len())
    }

    fn note(&self, release: &DueRelease) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.insert(release.tag.clone(), release.moves.len());
        while counts.len() > Self::MOST {
            counts.pop_first();
        }
        let new = self.file.with_extension("json.new");
        let written = serde_json::to_vec(&*counts).map_err(std::io::Error::from);
        let written =
            written.and_then(|text| fs::write(&new, text)).and_then(|()| fs::rename(&new, &self.file));
        if let Err(error) = written {
            tracing::warn!(file = %self.file.display(), %error, "cannot note which releases are made");
        }
    }
}

fn host_of(url: &NetworkUrl) -> String {
    match url.port() {
        Some(port) if url.protocol() != crate::model::Protocol::Ssh => format!("{}:{port}", url.host()),
        _ => url.host().to_owned(),
    }
}

fn shown(tags: &[Tag]) -> String {
    tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(", ")
}
