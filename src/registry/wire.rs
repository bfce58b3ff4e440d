//! One request and its whole answer: deadlines, redirects, bounded bodies. Knows no token and never tries again.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION,
    RETRY_AFTER,
};
use reqwest::{Method, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::error::Problem;
use super::operation::Budget;
use super::pool::Pool;
use super::retry::parse_retry_after;
use super::throttle::Throttle;
use crate::model::Printable;

/// How many redirects in a row are followed. Registries answer with one, to the storage behind them.
const MOST_REDIRECTS: usize = 5;

/// How much of an answer is read that only explains a failure.
const MOST_EXPLANATION_BYTES: usize = 16 * 1024;

/// What is asked.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    /// What answers are understood.
    pub(super) accept: HeaderValue,
    /// The `ETag` of the answer that is known already.
    pub(super) known: Option<HeaderValue>,
    /// A form that is secret, as a body of `application/x-www-form-urlencoded`.
    pub(super) form: Option<SecretString>,
    /// The largest body that is read.
    pub(super) most_bytes: usize,
    /// Whether redirects are followed.
    pub(super) follow: bool,
}

impl Request {
    /// A request for JSON, following redirects.
    pub(super) fn get(url: Url, most_bytes: usize) -> Self {
        Self {
            method: Method::GET,
            url,
            accept: HeaderValue::from_static("application/json"),
            known: None,
            form: None,
            most_bytes,
            follow: true,
        }
    }

    /// The request as messages name it: without the query, which may hold a signature.
    pub(super) fn at(&self) -> String {
        format!("{} {}", self.method, shown(&self.url))
    }
}

/// What was answered, whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Where the answer came from in the end.
    pub(super) url: Url,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A header as text, if it is there and is text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the body claims to be a web page.
    pub(super) fn is_web_page(&self) -> bool {
        self.header(&CONTENT_TYPE)
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| matches!(kind.trim(), "text/html" | "application/xhtml+xml"))
    }

    /// How long the server asks to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        parse_retry_after(self.header(&RETRY_AFTER)?, Utc::now())
    }
}

impl fmt::Debug for Answer {
    /// Without the body and the headers, which may hold a token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut answer = formatter.debug_struct("Answer");
        answer.field("status", &self.status).field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// The way to one registry.
#[derive(Debug)]
pub(super) struct Wire {
    pool: Arc<Pool>,
    throttle: Throttle,
    allow_plain: bool,
}

impl Wire {
    pub(super) fn new(pool: Arc<Pool>, throttle: Throttle, allow_plain: bool) -> Self {
        Self { pool, throttle, allow_plain }
    }

    /// Makes a request and reads the answer, whatever its status.
    pub(super) async fn exchange(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
        budget: &mut Budget,
    ) -> Result<Answer, Problem> {
        let turn = self.throttle.turn(budget).await;
        let _turn = turn.map_err(|wait| Problem::Paused { at: request.at(), wait })?;
        let started = Instant::now();
        let most = budget.for_one_request();
        let outcome = timeout(most, self.follow(request, authorization)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(Problem::Deadline { at: request.at(), waited: most }));
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &outcome {
            Ok(answer) => debug!(
                request = %request.at(), status = answer.status.as_u16(), bytes = answer.body.len(), elapsed_ms,
                "registry answered"
            ),
            Err(problem) => debug!(request = %request.at(), elapsed_ms, %problem, "registry request failed"),
        }
        if let Ok(answer) = &outcome
            && answer.status == StatusCode::TOO_MANY_REQUESTS
            && let Some(pause) = answer.retry_after()
        {
            self.throttle.pause_for(pause);
        }
        outcome
    }

    async fn follow(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Problem> {
        let mut url = request.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            // Only the origin that the authorization is for ever sees it.
            let authorization = authorization.filter(|_| url.origin() == request.url.origin());
            let response = self.send(request, url.clone(), authorization).await?;
            let Some(target) = redirect_target(&response) else {
                return read(request, response).await;
            };
            url = self.checked_target(request, &url, &target)?;
        }
        Err(Problem::Astray { at: request.at(), what: "one redirect after another", to: shown(&url) })
    }

    async fn send(
        &self,
        request: &Request,
        url: Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, Problem> {
        let mut builder = self.pool.client(&url)?.request(request.method.clone(), url);
        builder = builder.header(ACCEPT, &request.accept);
        if let Some(known) = &request.known {
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
        builder.send().await.map_err(|source| {
            let source = source.without_url();
            let at = request.at();
            if is_about_certificates(&source) {
                Problem::Certificate { at, source }
            } else {
                Problem::Unreachable { at, source }
            }
        })
    }

    fn checked_target(&self, request: &Request, from: &Url, target: &str) -> Result<Url, Problem> {
        let astray = |to: String| Problem::Astray { at: request.at(), what: "a redirect", to };
        let url = from.join(target).map_err(|_| astray(Printable::new(target).to_string()))?;
        let is_encrypted_enough = url.scheme() == "https" || (url.scheme() == "http" && self.allow_plain);
        if !request.follow || !is_encrypted_enough || !url.username().is_empty() || url.password().is_some() {
            return Err(astray(shown(&url)));
        }
        Ok(url)
    }
}

/// A URL as messages show it: host and path, bounded, without user and query.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), Printable::new(url.path()))
}

/// Where a redirect leads, if the answer is one that a GET or HEAD follows.
fn redirect_target(response: &Response) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    // A `Location` that is not UTF-8 becomes one that leads nowhere, rather than none at all.
    Some(String::from_utf8_lossy(response.headers().get(LOCATION)?.as_bytes()).into_owned())
}

async fn read(request: &Request, mut response: Response) -> Result<Answer, Problem> {
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
    Ok(Answer { status, headers, url, body })
}

async fn whole_body(request: &Request, response: &mut Response) -> Result<Vec<u8>, Problem> {
    let too_large = || Problem::TooLarge { at: request.at(), most_bytes: request.most_bytes };
    let announced = response.content_length().unwrap_or(0);
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > request.most_bytes {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(announced);
    let broken_off =
        |source: reqwest::Error| Problem::BrokenOff { at: request.at(), source: source.without_url() };
    while let Some(chunk) = response.chunk().await.map_err(broken_off)? {
        if body.len() + chunk.len() > request.most_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// As much as there is of a body that only explains a failure; that it breaks off does not matter.
async fn explanation(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MOST_EXPLANATION_BYTES - body.len();
        if chunk.len() >= room {
            body.extend_from_slice(chunk.get(..room).unwrap_or_default());
            break;
        }
        body.extend_from_slice(&chunk);
    }
    body
}

/// Whether a certificate lies at the bottom of an error. I/O errors hide what they wrap from `source`.
fn is_about_certificates(error: &(dyn Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(tls, rustls::Error::InvalidCertificate(_));
    }
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let inside = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source());
    inside.is_some_and(is_about_certificates)
}
