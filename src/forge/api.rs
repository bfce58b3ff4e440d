//! GitHub's REST API: one place that asks, with a deadline and a bound.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Certificate, Client, Method, Proxy, Response, redirect};
use secrecy::{ExposeSecret, SecretString};

use crate::model::{Class, Fault, Printable, Timestamp};

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// The most that is read of an answer, in bytes.
const MOST_BYTES: usize = 1024 * 1024;

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
        Ok(Self { url: settings.url.clone(), client })
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
        let what = || format!("cannot ask {}{path}", self.url);
        let mut header = HeaderValue::from_str(&format!("Bearer {}", bearer.expose_secret()))
            .map_err(|_| Fault::new(Class::Failed, "the token has something in it that no token has"))?;
        header.set_sensitive(true);
        let request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .header(AUTHORIZATION, header)
            .header(ACCEPT, "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28");
        let response = request
            .send()
            .await
            .map_err(|error| Fault::new(Class::TryAgain, what()).with_source(error.without_url()))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let class = match status.as_u16() {
            429 | 500..=599 => Class::TryAgain,
            403 if response.headers().contains_key("retry-after") => Class::TryAgain,
            _ => Class::Failed,
        };
        let body = bounded(response).await.unwrap_or_default();
        let said = serde_json::from_slice::<serde_json::Value>(&body).ok();
        let said = said.as_ref().and_then(|body| body["message"].as_str()).unwrap_or("no reason");
        Err(Fault::new(class, format!("{}: {status}: {}", what(), Printable::new(said))))
    }
}

/// An answer's body, if it is not larger than any that is expected.
pub(super) async fn bounded(mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            return None;
        }
    }
    Some(body)
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
    fn the_end_of_a_token_is_read_in_both_forms() {
        for text in ["2026-12-01 10:00:00 UTC", "2026-12-01 07:00:00 -0300"] {
            assert_eq!(read_end(text).unwrap().to_rfc3339(), "2026-12-01T10:00:00+00:00");
        }
        assert_eq!(read_end("never"), None);
    }
}
