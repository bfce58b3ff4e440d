//! One registry: where it is asked, as whom, and how often an answer that may come is waited for.

use std::sync::Arc;

use reqwest::{StatusCode, Url};
use tokio::time::sleep;
use tracing::debug;

use super::auth::{Authority, Challenge};
use super::error::Problem;
use super::operation::Budget;
use super::pool::Pool;
use super::retry;
use super::settings::{HostSettings, Limits, SettingsError};
use super::throttle::Throttle;
use super::verdict::{Asker, judge};
use super::wire::{Answer, Request, Wire};

/// Where Docker Hub's images really are.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// One registry.
#[derive(Debug)]
pub(super) struct Host {
    endpoint: Endpoint,
    limits: Limits,
    wire: Wire,
    authority: Authority,
}

impl Host {
    pub(super) fn new(settings: &HostSettings, limits: &Limits, endpoint: Endpoint, pool: Arc<Pool>) -> Self {
        let authority = Authority::new(settings, &endpoint.authority());
        let wire = Wire::new(pool, Throttle::new(settings, limits), settings.plain_http);
        Self { endpoint, limits: limits.clone(), wire, authority }
    }

    /// The place of something in a repository: `tags/list`, `manifests/v1.0.0`.
    pub(super) fn url(&self, repository: &str, place: &str) -> Url {
        self.endpoint.url(&format!("{}{repository}/{place}", self.endpoint.prefix))
    }

    /// The place that says whether this is a registry at all.
    pub(super) fn base_url(&self) -> Url {
        self.endpoint.url("")
    }

    /// The scope of a token that may read a repository, as the token server knows it.
    pub(super) fn pull_scope(&self, repository: &str) -> String {
        format!("repository:{}{repository}:pull", self.endpoint.prefix)
    }

    /// What the registry wants to be sent, if it said so yet.
    pub(super) fn challenge(&self) -> Option<Arc<Challenge>> {
        self.authority.challenge()
    }

    /// Asks until there is an answer, it is clear that there will be none, or time is up. The answer is a 200, or a
    /// 304 to a request that knows the answer already.
    pub(super) async fn ask(
        &self,
        request: &Request,
        scope: &str,
        budget: &mut Budget,
    ) -> Result<Answer, Problem> {
        let mut delays = retry::delays(&self.limits);
        loop {
            let problem = match self.ask_once(request, scope, budget).await {
                Ok(answer) => return Ok(answer),
                Err(problem) => problem,
            };
            let Some(delay) = delays.next().filter(|_| problem.is_passing()) else {
                return Err(problem);
            };
            let delay = problem.retry_after().map_or(delay, |wanted| wanted.max(delay));
            if !budget.allows(delay) {
                return Err(problem);
            }
            debug!(request = %request.at(), delay_ms = delay.as_secs_f64() * 1e3, %problem, "asking again");
            sleep(delay).await;
        }
    }

    async fn ask_once(&self, request: &Request, scope: &str, budget: &mut Budget) -> Result<Answer, Problem> {
        let grant = self.authority.grant(scope, &self.wire, budget).await?;
        let header = grant.as_ref().map(|grant| &grant.header);
        let answer = self.wire.exchange(request, header, budget).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return judge(request, answer, self.asker(grant.as_ref()));
        }
        let refused = grant.as_ref();
        let better = self.authority.grant_after(request, &answer, scope, refused, &self.wire, budget).await?;
        let Some(better) = better else {
            return judge(request, answer, self.asker(refused));
        };
        let answer = self.wire.exchange(request, Some(&better.header), budget).await?;
        judge(request, answer, &better.asker)
    }

    fn asker<'a>(&'a self, grant: Option<&'a Arc<super::auth::Grant>>) -> &'a Asker {
        self.authority.asker(grant)
    }
}

/// Where a registry is asked: an origin, and what is put before the names of repositories.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// Ends in `/v2/`.
    base: Url,
    /// Empty, or ends in `/`.
    prefix: String,
}

impl Endpoint {
    pub(super) fn new(settings: &HostSettings) -> Result<Self, SettingsError> {
        let host = || settings.host.clone();
        let url = match &settings.endpoint {
            Some(text) => text.parse().map_err(|_| SettingsError::Endpoint { host: host() })?,
            None => implied(settings)?,
        };
        let has_extras = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        if has_extras || !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(SettingsError::Endpoint { host: host() });
        }
        if url.scheme() == "http" && !settings.plain_http {
            return Err(SettingsError::PlainEndpoint { host: host() });
        }
        let path = url.path().trim_matches('/');
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut base = url;
        base.set_path("/v2/");
        Ok(Self { base, prefix })
    }

    /// The host that is asked, with its port if it has one of its own.
    fn authority(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Whether the registry is on this machine, where no proxy of the environment leads to it.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.base.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        address.map_or(host == "localhost", |address| address.is_loopback())
    }

    fn url(&self, place: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{place}"));
        url
    }
}

/// The endpoint of a registry for which none was given.
fn implied(settings: &HostSettings) -> Result<Url, SettingsError> {
    let scheme = if settings.plain_http { "http" } else { "https" };
    let host = if settings.host == "docker.io" { DOCKER_HUB } else { &settings.host };
    let invalid = || SettingsError::Host { host: settings.host.clone() };
    let url = Url::parse(&format!("{scheme}://{host}/")).map_err(|_| invalid())?;
    let is_host_alone = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if is_host_alone { Ok(url) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("ghcr.io", None, "https://ghcr.io/v2/vtr/app/tags/list")]
    #[case::port("127.0.0.1:5000", None, "https://127.0.0.1:5000/v2/vtr/app/tags/list")]
    #[case::docker_hub("docker.io", None, "https://registry-1.docker.io/v2/vtr/app/tags/list")]
    #[case::mirror("docker.io", Some("https://mirror.corp"), "https://mirror.corp/v2/vtr/app/tags/list")]
    #[case::path(
        "docker.io",
        Some("https://harbor.corp/dockerhub/"),
        "https://harbor.corp/v2/dockerhub/vtr/app/tags/list"
    )]
    fn endpoints(#[case] host: &str, #[case] endpoint: Option<&str>, #[case] asked: &str) {
        let endpoint = endpoint.map(str::to_owned);
        let endpoint = Endpoint::new(&HostSettings { endpoint, ..HostSettings::new(host) }).unwrap();
        let place = format!("{}vtr/app/tags/list", endpoint.prefix);
        assert_eq!(endpoint.url(&place).as_str(), asked);
    }

    #[rstest]
    #[case::path_in_host("ghcr.io/vtr", None, "is not a registry's host")]
    #[case::query_in_host("ghcr.io?x", None, "is not a registry's host")]
    #[case::no_host("", None, "is not a registry's host")]
    #[case::user_in_host("user@ghcr.io", None, "without user, query and fragment")]
    #[case::plain("docker.io", Some("http://mirror.corp"), "is plain http, which is not allowed")]
    #[case::user("docker.io", Some("https://user:hunter2@mirror.corp"), "without user, query and fragment")]
    #[case::query("docker.io", Some("https://mirror.corp/?a=b"), "without user, query and fragment")]
    #[case::file("docker.io", Some("file:///etc/passwd"), "must be an http or https URL")]
    fn wrong_ones_are_refused(#[case] host: &str, #[case] endpoint: Option<&str>, #[case] told: &str) {
        let endpoint = endpoint.map(str::to_owned);
        let error = Endpoint::new(&HostSettings { endpoint, ..HostSettings::new(host) }).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(told) && !text.contains("hunter2"), "{text}");
    }

    #[rstest]
    #[case("127.0.0.1:5000", true)]
    #[case("[::1]:5000", true)]
    #[case("localhost:5000", true)]
    #[case("ghcr.io", false)]
    #[case("127.0.0.1.evil.example", false)]
    fn loopback(#[case] host: &str, #[case] wanted: bool) {
        assert_eq!(Endpoint::new(&HostSettings::new(host)).unwrap().is_loopback(), wanted);
    }
}
