//! The client of another Tidegate's server, which runs commands for those who have a token.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::{Class, Fault, Printable, Secrets};

/// Longer than the server lets a command take.
const DEADLINE: Duration = Duration::from_secs(20);

/// The longest answer, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A server, and the token to show it.
#[derive(Debug)]
pub struct RemoteServer {
    client: Client,
    url: Url,
    token: Option<SecretString>,
}

/// What a command came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteRun {
    /// Its exit code.
    pub exit_code: u8,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

impl RemoteServer {
    /// Reads the address; sends nothing.
    ///
    /// # Errors
    /// It is no web address, or a token would go over a network in the clear.
    pub fn new(address: &str, token: Option<String>) -> Result<Self, Fault> {
        let wrong = |why: &str| {
            let shown = Printable::bounded(address, 200);
            Fault::new(Class::Usage, format!("--server {shown}: {why}"))
        };
        let mut url: Url = address
            .parse()
            .map_err(|_| wrong("not a URL").with_hint("write https://tidegate.example.com"))?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_local = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if is_local => {}
            "http" => return Err(wrong("plain HTTP would show the token").with_hint("use https://")),
            _ => return Err(wrong("not a web address").with_hint("use https://")),
        }
        let token = token.filter(|token| !token.trim().is_empty()).map(|token| token.trim().to_owned());
        if let Some(token) = &token {
            Secrets::learn_token(token);
        }
        // Fails when a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(DEADLINE);
        let builder = if is_local { builder.no_proxy() } else { builder };
        let client = builder
            .build()
            .map_err(|error| Fault::new(Class::Failed, "cannot make an HTTP client").with_source(error))?;
        Ok(Self { client, url, token: token.map(SecretString::from) })
    }

    /// Has the server run a command.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub async fn run(&self, arguments: &[String], width: Option<usize>) -> Result<RemoteRun, Fault> {
        let host = self.url.host_str().unwrap_or_default().to_owned();
        let url = self.url.join("api/v1/commands").map_err(|error| {
            Fault::new(Class::Usage, "the address of the server cannot be used").with_source(error)
        })?;
        let body = json!({ "arguments": arguments, "width": width }).to_string();
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json").body(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let silent = |error: reqwest::Error| {
            let why = if error.is_timeout() { "no answer in time" } else { "cannot be reached" };
            Fault::new(Class::TryAgain, format!("{host}: {why}")).with_source(error.without_url())
        };
        let mut response = request.send().await.map_err(silent)?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(silent)? {
            if answer.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(Fault::new(Class::Failed, format!("{host}: the answer is too long")));
            }
            answer.extend_from_slice(&chunk);
        }
        if status == StatusCode::OK {
            return serde_json::from_slice(&answer).map_err(|_| {
                Fault::new(Class::Failed, format!("{host}: the answer is not Tidegate's"))
                    .with_hint("does --server name a Tidegate of this version?")
            });
        }
        Err(refusal(&host, status, &answer))
    }
}

/// A problem document as a fault.
fn refusal(host: &str, status: StatusCode, answer: &[u8]) -> Fault {
    let class = match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Class::TryAgain,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Class::Refused,
        StatusCode::BAD_REQUEST => Class::Usage,
        _ => Class::Failed,
    };
    let problem: Value = serde_json::from_slice(answer).unwrap_or_default();
    let text = |name: &str| problem[name].as_str().map(|text| Printable::bounded(text, 500).to_string());
    let detail = text("detail").unwrap_or_else(|| format!("it answers {status}"));
    let fault = Fault::new(class, format!("{host}: {detail}"));
    match (status, text("hint")) {
        (StatusCode::UNAUTHORIZED, _) => fault.with_hint(
            "put a token into TIDEGATE_TOKEN; `tidegate token create`, beside the daemon, makes one",
        ),
        (_, Some(hint)) => fault.with_hint(hint),
        (_, None) => fault,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::tls("https://tidegate.example.com", true)]
    #[case::prefix("https://example.com/tidegate", true)]
    #[case::local("http://127.0.0.1:8080", true)]
    #[case::local_name("http://localhost:8080/", true)]
    #[case::in_the_clear("http://tidegate.example.com", false)]
    #[case::looks_local("http://localhost.evil.example", false)]
    #[case::another_scheme("file:///etc/passwd", false)]
    #[case::no_address("tidegate", false)]
    fn a_token_goes_over_tls_or_stays_here(#[case] address: &str, #[case] expected: bool) {
        assert_eq!(RemoteServer::new(address, Some("secret".to_owned())).is_ok(), expected);
    }
}
