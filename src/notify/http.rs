//! One HTTP POST to a URL that is a secret: it is in no error, no log and no answer.

use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};

use crate::model::{Class, Fault, Printable, Secrets};

use super::channel::{Accepted, Undelivered};
use super::retry::retry_after;

const DEADLINE: Duration = Duration::from_secs(15);

/// How much of an answer is read.
const MAX_ANSWER_BYTES: usize = 4 * 1024;

/// Reads a secret, at each use: it may have been rotated.
pub type ReadSecret = Arc<dyn Fn() -> Result<SecretString, Fault> + Send + Sync>;

/// The client that all channels share.
#[derive(Clone, Debug)]
pub struct HttpClient(Client);

/// Whether a request may go over plain HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlainHttp {
    /// To this machine only.
    Loopback,
    /// To any host: Flux's notification-controller has no other way in inside its cluster.
    Anywhere,
}

/// A request.
pub(super) struct Request<'a> {
    pub(super) url: &'a ReadSecret,
    pub(super) body: Vec<u8>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) plain_http: PlainHttp,
}

impl HttpClient {
    /// Creates the client; sends nothing.
    ///
    /// # Errors
    /// When the system has no certificate authorities.
    pub fn new() -> Result<Self, Fault> {
        // Fails when a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(DEADLINE)
            .build()
            .map_err(|error| Fault::new(Class::Failed, "cannot make an HTTP client").with_source(error))?;
        Ok(Self(client))
    }

    /// Asks the host of a URL for an answer, whatever that is. The rest of the URL is the secret, and is not sent.
    pub(super) async fn reach(
        &self,
        url: &ReadSecret,
        plain_http: PlainHttp,
    ) -> Result<Accepted, Undelivered> {
        let mut url = address(url, plain_http)?;
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = format!("{}{port}", url.host_str().unwrap_or_default());
        match self.0.head(url).send().await {
            Ok(_) => Ok(Accepted { answer: format!("{host} answers") }),
            Err(error) => Err(Undelivered::later(format!("cannot reach {host}: {}", reason(&error)))),
        }
    }

    /// Sends JSON. The response text is bounded and printable.
    pub(super) async fn post(&self, request: Request<'_>) -> Result<Accepted, Undelivered> {
        let url = address(request.url, request.plain_http)?;
        let builder = self.0.post(url).headers(headers(&request.headers)?).body(request.body);
        let response = builder.send().await.map_err(|error| Undelivered::later(reason(&error)))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = answer(response).await;
        let text = if body.is_empty() { status.to_string() } else { format!("{status}: {body}") };
        if status.is_success() {
            return Ok(Accepted { answer: text });
        }
        let pause = headers.get(RETRY_AFTER).and_then(|text| text.to_str().ok());
        let pause = pause.and_then(|text| retry_after(text, Utc::now()));
        Err(if is_about_the_message(status) {
            Undelivered::Rejected { reason: text }
        } else {
            Undelivered::Later { reason: text, pause }
        })
    }
}

/// Whether the message itself is refused. Anything else may be mended: a URL rotated, a server repaired.
fn is_about_the_message(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
    )
}

fn address(url: &ReadSecret, plain_http: PlainHttp) -> Result<Url, Undelivered> {
    let text = url().map_err(|fault| Undelivered::later(fault.in_one_line()))?;
    let wrong = |why: &str| Err(Undelivered::later(format!("the secret is not the URL of a webhook: {why}")));
    let Ok(url) = text.expose_secret().trim().parse::<Url>() else { return wrong("it is no URL") };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback || plain_http == PlainHttp::Anywhere => Ok(url),
        "http" => wrong("http:// would send it unencrypted to another machine"),
        _ => wrong("it has no https://"),
    }
}

fn headers(list: &[(&'static str, String)]) -> Result<HeaderMap, Undelivered> {
    let mut headers = HeaderMap::new();
    headers.insert(reqwest::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in list {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Undelivered::Rejected { reason: format!("the header {name} has no valid value") })?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// What went wrong, without the URL.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", DEADLINE.as_secs());
    }
    // The causes do not have the URL, but may quote a host.
    let mut cause = error.source();
    let mut last = None;
    while let Some(error) = cause {
        last = Some(error.to_string());
        cause = error.source();
    }
    let text = last.unwrap_or_else(|| "the request failed".to_owned());
    Printable::new(&Secrets::mask(&text)).to_string()
}

async fn answer(mut response: reqwest::Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            break;
        }
    }
    body.truncate(MAX_ANSWER_BYTES);
    let text = String::from_utf8_lossy(&body);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Printable::bounded(&Secrets::mask(&text), 200).to_string()
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Request").finish_non_exhaustive()
    }
}
