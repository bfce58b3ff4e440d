//! GitHub's REST API: one place that asks, with a deadline and a bound.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, AUTHORIZATION, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LINK};
use reqwest::{Certificate, Client, Method, Proxy, RequestBuilder, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};

use super::limit::Limit;
use crate::model::{Class, Fault, Printable, Timestamp, next_link};

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// The most that is read of an answer, in bytes.
const MOST_BYTES: usize = 1024 * 1024;

/// The path of GraphQL.
pub(super) const GRAPHQL: &str = "/graphql";

/// Tells when a token ends, on every answer to it.
const ENDS: &str = "github-authentication-token-expiration";

/// Where the API is and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiSettings {
    /// The API's URL, without a slash at its end.
    pub url: String,
    /// The certificate authorities that are trusted in place of the machine's, in PEM form.
    pub ca_file: Option<PathBuf>,
    /// The proxy; without it, the one that the environment names.
    pub proxy: Option<String>,
}

impl ApiSettings {
    /// The API of the GitHub at this host.
    pub fn of_host(host: &str) -> Self {
        let url = match host {
            "github.com" | "ssh.github.com" => "https://api.github.com".to_owned(),
            host => format!("https://{host}/api/v3"),
        };
        Self { url, ca_file: None, proxy: None }
    }
}

/// The API.
#[derive(Clone, Debug)]
pub struct Api {
    url: String,
    client: Client,
    limit: Arc<Limit>,
}

/// A question to the API.
#[derive(Clone, Debug)]
pub(super) struct Question<'a> {
    pub(super) method: Method,
    /// The path at the API, with its query.
    pub(super) path: &'a str,
    /// Who asks; nobody in particular without it.
    pub(super) token: Option<&'a SecretString>,
    /// What is sent.
    pub(super) body: Option<serde_json::Value>,
    /// The mark of the answer that is known already. GitHub counts no request whose answer is still that.
    pub(super) known: Option<&'a str>,
    /// The most that is read of the answer, in bytes.
    pub(super) most_bytes: usize,
}

/// An answer that its asker knows what to make of.
#[derive(Debug)]
pub(super) struct Answer {
    /// Any of 2xx, 304, 404, 409 and 422.
    pub(super) status: u16,
    /// What the answer is known by later.
    pub(super) mark: Option<String>,
    /// The path of the next page.
    pub(super) next: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Api {
    /// The API; asks nobody yet.
    ///
    /// # Errors
    /// When the authorities can't be read, or the proxy is none.
    pub fn new(settings: &ApiSettings) -> Result<Self, Fault> {
        // An error says that one is installed already.
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

    /// Where the API is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the API asked to be left alone, and still is.
    pub(super) fn is_left_alone(&self) -> bool {
        self.limit.check(&self.url).is_err()
    }

    /// Whether more than the last of the hour's requests are left.
    pub(super) fn has_plenty(&self) -> bool {
        self.limit.has_plenty()
    }

    /// When a token ends, if the server says so.
    ///
    /// # Errors
    /// When the API can't be asked, or does not know the token.
    pub async fn token_ends(&self, token: &SecretString) -> Result<Option<Timestamp>, Fault> {
        // This is not counted against the rate limit.
        let response = self.ask(Method::GET, "/rate_limit", token).await?;
        let ends = response.headers().get(ENDS).and_then(|value| value.to_str().ok());
        Ok(ends.and_then(read_end))
    }

    /// Asks, as the bearer of a token; an answer that is no success is a fault.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        bearer: &SecretString,
    ) -> Result<Response, Fault> {
        let response = self.send(self.request(method, path, Some(bearer))?, path).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(path, response).await) }
    }

    /// Asks, unless the API is to be left alone for a while.
    pub(super) async fn answer(&self, question: Question<'_>) -> Result<Answer, Fault> {
        self.limit.check(&self.url)?;
        let path = question.path;
        let mut request = self.request(question.method, path, question.token)?;
        if let Some(body) = &question.body {
            request = request.json(body);
        }
        if let Some(known) = question.known {
            request = request.header(IF_NONE_MATCH, known);
        }
        let response = self.send(request, path).await?;
        let status = response.status();
        let is_refused = matches!(status.as_u16(), 403 | 429);
        self.limit.hear(response.headers(), is_refused, Utc::now());
        if !status.is_success() && !matches!(status.as_u16(), 304 | 404 | 409 | 422) {
            return Err(self.refusal(path, response).await);
        }
        let mark = response.headers().get(ETAG).and_then(|mark| mark.to_str().ok()).map(str::to_owned);
        let next = next_path(response.headers(), &self.url).map(str::to_owned);
        let body = bounded_by(response, question.most_bytes)
            .await
            .ok_or_else(|| self.fault(Class::TryAgain, path, "the answer broke off or is too large"))?;
        Ok(Answer { status: status.as_u16(), mark, next, body })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&SecretString>,
    ) -> Result<RequestBuilder, Fault> {
        let request = self
            .client
            .request(method, self.address(path))
            .header(ACCEPT, "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28");
        let Some(bearer) = bearer else { return Ok(request) };
        let mut header = HeaderValue::from_str(&format!("Bearer {}", bearer.expose_secret()))
            .map_err(|_| Fault::new(Class::Failed, "the token has something in it that no token has"))?;
        header.set_sensitive(true);
        Ok(request.header(AUTHORIZATION, header))
    }

    /// Where a path is. GraphQL lies beside REST, and at a GitHub Enterprise not under its version.
    fn address(&self, path: &str) -> String {
        let root = if path == GRAPHQL { self.url.trim_end_matches("/v3") } else { &self.url };
        format!("{root}{path}")
    }

    async fn send(&self, request: RequestBuilder, path: &str) -> Result<Response, Fault> {
        request
            .send()
            .await
            .map_err(|error| Fault::new(Class::TryAgain, self.what(path)).with_source(error.without_url()))
    }

    /// What an answer that is no success means.
    async fn refusal(&self, path: &str, response: Response) -> Fault {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = bounded(response).await.unwrap_or_default();
        let said = serde_json::from_slice::<serde_json::Value>(&body).ok();
        let said = said.as_ref().and_then(|body| body["message"].as_str()).unwrap_or("no reason");
        let is_limit = is_limit(status, &headers, said);
        if is_limit && !headers.contains_key("retry-after") {
            self.limit.pause();
        }
        let class = if is_limit || status.is_server_error() { Class::TryAgain } else { Class::Failed };
        self.fault(class, path, &format!("{status}: {}", Printable::bounded(said, 300)))
    }

    /// The fault of a question whose answer is of no use.
    pub(super) fn fault(&self, class: Class, path: &str, why: &str) -> Fault {
        Fault::new(class, format!("{}: {why}", self.what(path)))
    }

    fn what(&self, path: &str) -> String {
        format!("cannot ask {}{}", self.url, Printable::bounded(path, 300))
    }
}

/// Whether an answer says that this was too much: 429, or 403 with a header or a message that says so.
fn is_limit(status: StatusCode, headers: &HeaderMap, said: &str) -> bool {
    let is_used_up = headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    let is_said = headers.contains_key("retry-after") || is_used_up || said.contains("rate limit");
    status == StatusCode::TOO_MANY_REQUESTS || (status == StatusCode::FORBIDDEN && is_said)
}

/// An answer's body, if it is not larger than any that is expected.
pub(super) async fn bounded(response: Response) -> Option<Vec<u8>> {
    bounded_by(response, MOST_BYTES).await
}

async fn bounded_by(mut response: Response, most_bytes: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > most_bytes {
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
    fn the_next_page_is_where_the_header_says() {
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
