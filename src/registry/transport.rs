//! One HTTP exchange: timeout, redirects, bounded bodies. Knows no tokens and does not retry.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION,
    RETRY_AFTER,
};
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::error::{Attempts, RequestError};
use super::observer::Observed;
use super::operation::Budget;
use super::pool::Pool;
use super::retry::parse_retry_after;
use super::throttle::Throttle;
use crate::model::Printable;

/// Registries redirect once, to the storage behind them.
const MAX_REDIRECTS: usize = 5;

/// Bounds the body of an error response.
const MAX_EXPLANATION_BYTES: usize = 16 * 1024;

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    /// The accepted media types.
    pub(super) accept: HeaderValue,
    /// The `ETag` of the cached response.
    pub(super) if_none_match: Option<HeaderValue>,
    /// A form body with secrets in it.
    pub(super) form: Option<SecretString>,
    /// The bound of the body.
    pub(super) max_bytes: usize,
    /// Follows redirects.
    pub(super) follow: bool,
}

impl Request {
    /// A GET for JSON that follows redirects.
    pub(super) fn get(url: Url, max_bytes: usize) -> Self {
        Self {
            method: Method::GET,
            url,
            accept: HeaderValue::from_static("application/json"),
            if_none_match: None,
            form: None,
            max_bytes,
            follow: true,
        }
    }

    fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    pub(super) fn timed_out(&self, waited: Duration) -> RequestError {
        RequestError::Timeout { host: self.host(), waited, attempts: Attempts::default() }
    }

    /// A failed connection. The reason is the root cause alone: what lies between repeats it.
    fn failed(&self, source: reqwest::Error) -> RequestError {
        let host = self.host();
        if is_about_certificates(&source) {
            return RequestError::UntrustedCertificate { host, source };
        }
        RequestError::Unreachable { host, reason: root_cause(&source), attempts: Attempts::default() }
    }

    /// Method, host and path for messages; the query may hold a signature.
    pub(super) fn describe(&self) -> String {
        format!("{} {}", self.method, shown(&self.url))
    }
}

/// A response, read whole.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The URL after redirects.
    pub(super) url: Url,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// A header's text, if it is ASCII.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the content type is HTML.
    pub(super) fn is_html(&self) -> bool {
        self.header(&CONTENT_TYPE)
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| matches!(kind.trim(), "text/html" | "application/xhtml+xml"))
    }

    /// The pause in `Retry-After`.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        parse_retry_after(self.header(&RETRY_AFTER)?, Utc::now())
    }
}

impl fmt::Debug for Response {
    /// Leaves out body and headers, which may hold a token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut response = formatter.debug_struct("Response");
        response.field("status", &self.status).field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// The connection to one registry and its limits.
#[derive(Debug)]
pub(super) struct Transport {
    pool: Arc<Pool>,
    throttle: Throttle,
    observed: Observed,
    allow_plain: bool,
}

impl Transport {
    pub(super) fn new(pool: Arc<Pool>, throttle: Throttle, observed: Observed, allow_plain: bool) -> Self {
        Self { pool, throttle, observed, allow_plain }
    }

    /// Sends a request and reads the response, whatever its status.
    pub(super) async fn exchange(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
        budget: &mut Budget,
    ) -> Result<Response, RequestError> {
        let permit = self.throttle.acquire(budget).await;
        let _permit = permit.map_err(|until| RequestError::Paused { host: request.host(), until })?;
        let started = Instant::now();
        let limit = budget.for_one_request();
        let outcome = timeout(limit, self.follow(request, authorization)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(request.timed_out(limit)));
        let took = started.elapsed();
        self.observed.finished(outcome.as_ref().map(|response| response.status), took);
        let elapsed_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match &outcome {
            Ok(response) => debug!(
                request = %request.describe(), status = response.status.as_u16(), bytes = response.body.len(), elapsed_ms,
                "registry responded"
            ),
            Err(error) => {
                debug!(request = %request.describe(), elapsed_ms, %error, "registry request failed");
            }
        }
        if let Ok(response) = &outcome
            && matches!(response.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            && let Some(pause) = response.retry_after()
        {
            self.throttle.pause_for(pause);
        }
        outcome
    }

    /// A request is about to be repeated.
    pub(super) fn retried(&self) {
        self.observed.retried();
    }

    /// The error of a request during a pause.
    pub(super) fn paused(&self, request: &Request) -> Option<RequestError> {
        self.throttle.pause().map(|until| RequestError::Paused { host: request.host(), until })
    }

    async fn follow(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, RequestError> {
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            // Credentials go to the origin that they are for, never to a redirect's.
            let authorization = authorization.filter(|_| url.origin() == request.url.origin());
            let response = self.send(request, url.clone(), authorization).await?;
            let Some(target) = redirect_target(&response) else {
                return read(request, response).await;
            };
            url = self.checked_target(request, &url, &target)?;
        }
        Err(RequestError::ForbiddenRedirect {
            request: request.describe(),
            what: "too many redirects",
            to: shown(&url),
        })
    }

    async fn send(
        &self,
        request: &Request,
        url: Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<reqwest::Response, RequestError> {
        let mut builder = self.pool.client(&url)?.request(request.method.clone(), url);
        builder = builder.header(ACCEPT, &request.accept);
        if let Some(known) = &request.if_none_match {
            builder = builder.header(IF_NONE_MATCH, known);
        }
        if let Some(authorization) = authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        if let Some(form) = &request.form {
            builder = builder
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.expose_secret().to_owned());
        }
        builder.send().await.map_err(|source| request.failed(source.without_url()))
    }

    fn checked_target(&self, request: &Request, from: &Url, target: &str) -> Result<Url, RequestError> {
        let forbidden = |to: String| RequestError::ForbiddenRedirect {
            request: request.describe(),
            what: "a redirect",
            to,
        };
        let url = from.join(target).map_err(|_| forbidden(Printable::new(target).to_string()))?;
        let is_encrypted_enough = url.scheme() == "https" || (url.scheme() == "http" && self.allow_plain);
        if !request.follow || !is_encrypted_enough || !url.username().is_empty() || url.password().is_some() {
            return Err(forbidden(shown(&url)));
        }
        Ok(url)
    }
}

/// A URL for messages: bounded, without user and query.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), Printable::new(url.path()))
}

/// The target of a redirect, if the status is one.
fn redirect_target(response: &reqwest::Response) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    // A `Location` that is not UTF-8 becomes an invalid target rather than none.
    Some(String::from_utf8_lossy(response.headers().get(LOCATION)?.as_bytes()).into_owned())
}

async fn read(request: &Request, mut response: reqwest::Response) -> Result<Response, RequestError> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let url = response.url().clone();
    let body = if request.method == Method::HEAD {
        Vec::new()
    } else if status.is_success() {
        whole_body(request, &mut response).await?
    } else {
        explanation(&mut response).await
    };
    Ok(Response { status, headers, url, body })
}

async fn whole_body(request: &Request, response: &mut reqwest::Response) -> Result<Vec<u8>, RequestError> {
    let too_large = || RequestError::TooLarge { request: request.describe(), max_bytes: request.max_bytes };
    let announced = response.content_length().unwrap_or(0);
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > request.max_bytes {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(announced);
    let truncated = |source: reqwest::Error| RequestError::Truncated {
        request: request.describe(),
        attempts: Attempts::default(),
        source: source.without_url(),
    };
    while let Some(chunk) = response.chunk().await.map_err(truncated)? {
        if body.len() + chunk.len() > request.max_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The bounded body of an error response, as far as it arrives.
async fn explanation(response: &mut reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_EXPLANATION_BYTES - body.len();
        if chunk.len() >= room {
            body.extend_from_slice(chunk.get(..room).unwrap_or_default());
            break;
        }
        body.extend_from_slice(&chunk);
    }
    body
}

/// Whether an untrusted certificate is the root cause.
fn is_about_certificates(error: &(dyn Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(tls, rustls::Error::InvalidCertificate(_));
    }
    inner(error).is_some_and(is_about_certificates)
}

/// The deepest error's text, and for errors of the operating system their kind: `connection refused`.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    if let Some(deeper) = inner(error) {
        return root_cause(deeper);
    }
    match error.downcast_ref::<std::io::Error>() {
        Some(io) if io.raw_os_error().is_some() => io.kind().to_string(),
        _ => Printable::bounded(&error.to_string(), 200).to_string(),
    }
}

/// The cause of an error; `io::Error` hides what it wraps from `source`.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source())
}
