//! One HTTP client for GitHub's REST and GraphQL APIs, with a timeout and bounds.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, AUTHORIZATION, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LINK};
use reqwest::{Certificate, Client, Method, Proxy, RequestBuilder, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::rate_limit::RateLimit;
use crate::model::{Class, Fault, Printable, Timestamp, next_link};

const DEADLINE: Duration = Duration::from_secs(30);

/// Bounds a response unless the request says otherwise.
const MAX_BYTES: usize = 1024 * 1024;

pub(super) const GRAPHQL: &str = "/graphql";

/// The header with a token's expiry.
const ENDS: &str = "github-authentication-token-expiration";

/// How to reach the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiSettings {
    /// The base URL, without a trailing slash.
    pub url: String,
    /// A PEM file of certificate authorities, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy, instead of the environment's.
    pub proxy: Option<String>,
}

impl ApiSettings {
    /// The API of a GitHub or GitHub Enterprise host.
    pub fn of_host(host: &str) -> Self {
        let url = match host {
            "github.com" | "ssh.github.com" => "https://api.github.com".to_owned(),
            host => format!("https://{host}/api/v3"),
        };
        Self { url, ca_file: None, proxy: None }
    }
}

/// The API client. Clones share connections and the rate limit.
#[derive(Clone, Debug)]
pub struct Api {
    url: String,
    client: Client,
    limit: Arc<RateLimit>,
}

#[derive(Clone, Debug)]
pub(super) struct ApiRequest<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    /// Anonymous without one.
    pub(super) token: Option<&'a SecretString>,
    pub(super) body: Option<serde_json::Value>,
    /// The `ETag` of the cached response. GitHub does not count a request that returns 304.
    pub(super) etag: Option<&'a str>,
    pub(super) max_bytes: usize,
}

/// A response for the caller to interpret.
#[derive(Debug)]
pub(super) struct ApiResponse {
    /// 2xx, 304, 404, 409 or 422.
    pub(super) status: u16,
    /// The `ETag`.
    pub(super) etag: Option<String>,
    /// The path of the next page.
    pub(super) next: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Api {
    /// Creates the client; sends nothing.
    ///
    /// # Errors
    /// When the CA file or the proxy is unusable.
    pub fn new(settings: &ApiSettings) -> Result<Self, Fault> {
        // Fails when a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |what: String| Fault::new(Class::Usage, what);
        let mut builder = Client::builder()
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(DEADLINE);
        if let Some(file) = &settings.ca_file {
            let unusable = || failed(format!("cannot use the certificate authorities in {}", file.display()));
            let text = fs::read(file).map_err(|error| unusable().with_source(error))?;
            let bundle =
                Certificate::from_pem_bundle(&text).map_err(|error| unusable().with_source(error))?;
            builder = builder.tls_certs_only(bundle);
        }
        if let Some(proxy) = &settings.proxy {
            let proxy = Proxy::all(proxy)
                .map_err(|error| failed("cannot use the proxy in git.proxy".to_owned()).with_source(error))?;
            builder = builder.proxy(proxy);
        }
        let client = builder
            .build()
            .map_err(|error| Fault::new(Class::Failed, "cannot make an HTTP client").with_source(error))?;
        Ok(Self { url: settings.url.clone(), client, limit: Arc::default() })
    }

    /// The base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether GitHub asked for a pause that is not over.
    pub(super) fn is_paused(&self) -> bool {
        self.limit.check(&self.url).is_err()
    }

    /// The hourly limit of requests and the number left, by GitHub's last response.
    pub fn hourly_limit(&self) -> Option<(u64, u64)> {
        self.limit.known()
    }

    /// Whether more than a tenth of the hourly requests is left.
    pub(super) fn has_headroom(&self) -> bool {
        self.limit.has_headroom()
    }

    /// The token's expiry, if the server sends one.
    ///
    /// # Errors
    /// When the API is unreachable or rejects the token.
    pub async fn token_ends(&self, token: &SecretString) -> Result<Option<Timestamp>, Fault> {
        // GitHub does not count this request.
        let response = self.ask(Method::GET, "/rate_limit", token).await?;
        let ends = response.headers().get(ENDS).and_then(|value| value.to_str().ok());
        Ok(ends.and_then(read_end))
    }

    /// Sends a request with a token; any status but 2xx is an error.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        bearer: &SecretString,
    ) -> Result<Response, Fault> {
        let response = self.execute(self.builder(method, path, Some(bearer))?, path).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(path, response).await) }
    }

    /// Sends a request, unless the API is paused.
    pub(super) async fn send(&self, request: ApiRequest<'_>) -> Result<ApiResponse, Fault> {
        self.limit.check(&self.url)?;
        let path = request.path;
        let mut builder = self.builder(request.method, path, request.token)?;
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        if let Some(etag) = request.etag {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        let response = self.execute(builder, path).await?;
        let status = response.status();
        let is_refused = matches!(status.as_u16(), 403 | 429);
        self.limit.update(response.headers(), is_refused, Utc::now());
        if !status.is_success() && !matches!(status.as_u16(), 304 | 404 | 409 | 422) {
            return Err(self.refusal(path, response).await);
        }
        let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        let next = next_path(response.headers(), &self.url).map(str::to_owned);
        let body = bounded_by(response, request.max_bytes)
            .await
            .ok_or_else(|| self.fault(Class::TryAgain, path, "the response broke off or is too large"))?;
        Ok(ApiResponse { status: status.as_u16(), etag, next, body })
    }

    fn builder(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&SecretString>,
    ) -> Result<RequestBuilder, Fault> {
        let builder = self
            .client
            .request(method, self.address(path))
            .header(ACCEPT, "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28");
        let Some(bearer) = bearer else { return Ok(builder) };
        let mut header = HeaderValue::from_str(&format!("Bearer {}", bearer.expose_secret()))
            .map_err(|_| Fault::new(Class::Failed, "the token contains characters that no token has"))?;
        header.set_sensitive(true);
        Ok(builder.header(AUTHORIZATION, header))
    }

    /// The URL of a path. GraphQL lies beside REST, at GitHub Enterprise outside the version prefix.
    fn address(&self, path: &str) -> String {
        let root = if path == GRAPHQL { self.url.trim_end_matches("/v3") } else { &self.url };
        format!("{root}{path}")
    }

    async fn execute(&self, builder: RequestBuilder, path: &str) -> Result<Response, Fault> {
        builder
            .send()
            .await
            .map_err(|error| Fault::new(Class::TryAgain, self.what(path)).with_source(error.without_url()))
    }

    /// Turns an unsuccessful response into an error.
    async fn refusal(&self, path: &str, response: Response) -> Fault {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = bounded(response).await.unwrap_or_default();
        let explanation = explanation(&body);
        let is_limit = is_limit(status, &headers, &explanation);
        if is_limit && !headers.contains_key("retry-after") {
            self.limit.pause();
        }
        let class = if is_limit || status.is_server_error() { Class::TryAgain } else { Class::Failed };
        self.fault(class, path, &format!("{status}: {explanation}"))
    }

    /// The body of a response, as GitHub documents it.
    pub(super) fn read<T: DeserializeOwned>(&self, path: &str, response: &ApiResponse) -> Result<T, Fault> {
        serde_json::from_slice(&response.body).map_err(|error| self.undocumented(path).with_source(error))
    }

    /// The error about a response that does not have the documented form.
    pub(super) fn undocumented(&self, path: &str) -> Fault {
        self.fault(Class::Failed, path, "the response is not what GitHub documents")
    }

    /// An error about a response that is of no use.
    pub(super) fn fault(&self, class: Class, path: &str, why: &str) -> Fault {
        Fault::new(class, format!("{}: {why}", self.what(path)))
    }

    fn what(&self, path: &str) -> String {
        format!("cannot ask {}{}", self.url, Printable::bounded(path, 300))
    }
}

/// Whether the status means a rate limit: 429, or 403 with a header or an explanation that names one.
fn is_limit(status: StatusCode, headers: &HeaderMap, explanation: &str) -> bool {
    let is_used_up = headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    let is_named = headers.contains_key("retry-after") || is_used_up || explanation.contains("rate limit");
    status == StatusCode::TOO_MANY_REQUESTS || (status == StatusCode::FORBIDDEN && is_named)
}

impl ApiResponse {
    /// The status and GitHub's explanation.
    pub(super) fn reason(&self) -> String {
        format!("{}: {}", self.status, explanation(&self.body))
    }
}

/// GitHub's message and details in the body of an error, bounded and printable.
fn explanation(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let message = body["message"].as_str().unwrap_or("no reason");
    let details = body["errors"].as_array().into_iter().flatten();
    let details = details.filter_map(|error| error.as_str().or_else(|| error["message"].as_str()));
    let all: Vec<&str> = std::iter::once(message).chain(details).collect();
    Printable::bounded(&all.join(": "), 500).to_string()
}

/// The body, if it is within the bound.
pub(super) async fn bounded(response: Response) -> Option<Vec<u8>> {
    bounded_by(response, MAX_BYTES).await
}

async fn bounded_by(mut response: Response, max_bytes: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > max_bytes {
            return None;
        }
    }
    Some(body)
}

/// The path and query of the next page. A page at another host gets no request: the token is not for it.
fn next_path<'a>(headers: &'a HeaderMap, url: &str) -> Option<&'a str> {
    let target = next_link(headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()))?;
    target.strip_prefix(url).filter(|path| path.starts_with('/'))
}

/// `2026-12-01 10:00:00 UTC`, or with an offset.
fn read_end(text: &str) -> Option<Timestamp> {
    let text = text.replace("UTC", "+0000");
    DateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S %z").ok().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_where_the_host_has_it() {
        assert_eq!(ApiSettings::of_host("github.com").url, "https://api.github.com");
        assert_eq!(ApiSettings::of_host("git.vtr.cl").url, "https://git.vtr.cl/api/v3");
    }

    #[test]
    fn graphql_lies_beside_rest() {
        for (host, address) in [
            ("github.com", "https://api.github.com/graphql"),
            ("git.vtr.cl", "https://git.vtr.cl/api/graphql"),
        ] {
            assert_eq!(Api::new(&ApiSettings::of_host(host)).unwrap().address(GRAPHQL), address);
        }
    }

    #[test]
    fn the_end_of_a_token_is_read_in_both_forms() {
        for text in ["2026-12-01 10:00:00 UTC", "2026-12-01 07:00:00 -0300"] {
            assert_eq!(read_end(text).unwrap().to_rfc3339(), "2026-12-01T10:00:00+00:00");
        }
        assert_eq!(read_end("never"), None);
    }

    fn next_of(header: &'static str) -> Option<String> {
        let headers = HeaderMap::from_iter([(LINK, HeaderValue::from_static(header))]);
        next_path(&headers, "https://api.github.com").map(str::to_owned)
    }

    #[test]
    fn the_next_page_comes_from_the_link_header() {
        let both = "<https://api.github.com/repositories/1/tags?page=2>; rel=\"next\", \
                    <https://api.github.com/repositories/1/tags?page=9>; rel=\"last\"";
        assert_eq!(next_of(both).as_deref(), Some("/repositories/1/tags?page=2"));
        assert_eq!(next_of("<https://api.github.com/x?page=1>; rel=\"prev\""), None);
        assert_eq!(next_of("nonsense"), None);
    }

    #[test]
    fn a_page_at_another_host_is_none() {
        for header in [
            "<https://evil.example/x?page=2>; rel=\"next\"",
            "<https://api.github.com.evil.example/x>; rel=\"next\"",
            "<https://api.github.com@evil.example/x>; rel=\"next\"",
        ] {
            assert_eq!(next_of(header), None, "{header}");
        }
    }
}
