//! One registry: its endpoint, its authentication, and retries.

use std::sync::Arc;

use reqwest::{StatusCode, Url};
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::auth::{Authenticator, Challenge};
use super::error::{Attempts, RequestError};
use super::observer::Observed;
use super::operation::Budget;
use super::pool::Pool;
use super::retry;
use super::settings::{HostSettings, Limits, SettingsError};
use super::status::{Identity, check_status};
use super::throttle::Throttle;
use super::transport::{Request, Response, Transport};

/// The host that serves Docker Hub's registry API.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// One registry.
#[derive(Debug)]
pub(super) struct Host {
    endpoint: Endpoint,
    limits: Limits,
    transport: Transport,
    authority: Authenticator,
}

impl Host {
    pub(super) fn new(
        settings: &HostSettings,
        limits: &Limits,
        endpoint: Endpoint,
        pool: Arc<Pool>,
        observed: Observed,
    ) -> Self {
        let authority = Authenticator::new(settings, &endpoint.authority());
        let throttle = Throttle::new(settings, limits);
        let transport = Transport::new(pool, throttle, observed, settings.plain_http);
        Self { endpoint, limits: limits.clone(), transport, authority }
    }

    /// The URL of a resource of a repository: `tags/list`, `manifests/v1.0.0`.
    pub(super) fn url(&self, repository: &str, resource: &str) -> Url {
        self.endpoint.url(&format!("{}{repository}/{resource}", self.endpoint.prefix))
    }

    /// The URL of a file below a path of the host, outside of the registry's API.
    pub(super) fn plain_url(&self, path: &str, file: &str) -> Url {
        let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut url = self.endpoint.url("");
        url.set_path(&format!("/{}{folder}{file}", self.endpoint.prefix));
        url
    }

    /// The URL that tells whether this is a registry at all: `/v2/`.
    pub(super) fn base_url(&self) -> Url {
        self.endpoint.url("")
    }

    /// The token scope for reading a repository.
    pub(super) fn pull_scope(&self, repository: &str) -> String {
        format!("repository:{}{repository}:pull", self.endpoint.prefix)
    }

    /// The registry's authentication challenge, once it sent one.
    pub(super) fn challenge(&self) -> Option<Arc<Challenge>> {
        self.authority.challenge()
    }

    /// Sends a request, with retries of transient failures within the budget. The response is a 200, or a 304 to a
    /// conditional request.
    pub(super) async fn ask(
        &self,
        request: &Request,
        scope: &str,
        budget: &mut Budget,
    ) -> Result<Response, RequestError> {
        let started = Instant::now();
        let mut count = 0;
        let mut delays = retry::delays(&self.limits);
        loop {
            count += 1;
            let error = match self.send_once(request, scope, budget).await {
                Ok(response) => return Ok(response),
                Err(error) => error.with_attempts(Attempts { count, elapsed: started.elapsed() }),
            };
            let Some(delay) = delays.next().filter(|_| error.is_transient()) else {
                return Err(error);
            };
            let pause = error.retry_after().unwrap_or_default();
            if pause > self.limits.max_pause {
                // The next try would end here too: no operation waits so long.
                return Err(self.transport.paused(request).unwrap_or(error));
            }
            let delay = pause.max(delay);
            if !budget.allows(delay) {
                return Err(error);
            }
            debug!(request = %request.describe(), delay_ms = delay.as_secs_f64() * 1e3, %error, "retrying");
            sleep(delay).await;
            self.transport.retried();
        }
    }

    async fn send_once(
        &self,
        request: &Request,
        scope: &str,
        budget: &mut Budget,
    ) -> Result<Response, RequestError> {
        let authorization = self.authority.authorization(scope, &self.transport, budget).await?;
        let header = authorization.as_ref().map(|authorization| &authorization.header);
        let response = self.transport.exchange(request, header, budget).await?;
        if response.status != StatusCode::UNAUTHORIZED {
            return check_status(request, response, self.identity(authorization.as_ref()));
        }
        let refused = authorization.as_ref();
        let better =
            self.authority.reauthorize(request, &response, scope, refused, &self.transport, budget).await?;
        let Some(better) = better else {
            return check_status(request, response, self.identity(refused));
        };
        let response = self.transport.exchange(request, Some(&better.header), budget).await?;
        check_status(request, response, &better.identity)
    }

    fn identity<'a>(&'a self, authorization: Option<&'a Arc<super::auth::Authorization>>) -> &'a Identity {
        self.authority.identity(authorization)
    }
}

/// A registry's base URL and the prefix of its repositories.
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

    /// The host of the endpoint, with a port that is not the default.
    fn authority(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Whether the registry is on this machine; proxies of the environment do not apply to it.
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

/// The endpoint of a registry without an `endpoint` setting.
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
    #[case::path_in_host("ghcr.io/vtr", None, "is not a registry host")]
    #[case::query_in_host("ghcr.io?x", None, "is not a registry host")]
    #[case::no_host("", None, "is not a registry host")]
    #[case::user_in_host("user@ghcr.io", None, "without user, query and fragment")]
    #[case::plain("docker.io", Some("http://mirror.corp"), "uses plain http, which is not allowed")]
    #[case::user("docker.io", Some("https://user:hunter2@mirror.corp"), "without user, query and fragment")]
    #[case::query("docker.io", Some("https://mirror.corp/?a=b"), "without user, query and fragment")]
    #[case::file("docker.io", Some("file:///etc/passwd"), "must be an http or https URL")]
    fn invalid_endpoints_are_refused(
        #[case] host: &str,
        #[case] endpoint: Option<&str>,
        #[case] text_part: &str,
    ) {
        let endpoint = endpoint.map(str::to_owned);
        let error = Endpoint::new(&HostSettings { endpoint, ..HostSettings::new(host) }).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(text_part) && !text.contains("hunter2"), "{text}");
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
