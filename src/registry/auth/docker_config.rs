//! Looks up a registry's credentials in Docker's `config.json`.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::credential::{Credential, CredentialsError, read_file};
use super::helper;

/// Docker Hub's key in `config.json` and for credential helpers.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// Not `Debug`: these are secrets.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    auths: HashMap<String, Entry>,
    #[serde(default)]
    creds_store: String,
    #[serde(default)]
    cred_helpers: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    identitytoken: String,
}

/// The credential for `host`: from its own helper, the default helper, or the file.
pub(super) async fn look_up(
    path: &Path,
    host: &str,
    deadline: Duration,
) -> Result<Credential, CredentialsError> {
    let text = read_file(path).await?;
    // No source: the parser's error may quote a secret.
    let config: DockerConfig = serde_json::from_str(text.expose_secret())
        .map_err(|_| CredentialsError::DockerConfig { path: path.to_owned() })?;
    if let Some(name) = config.helper(host) {
        let found = helper::get(name, path, server_key(host), deadline).await?;
        if !matches!(found, Credential::None) {
            return Ok(found);
        }
    }
    let Some(entry) = config.entry(host) else {
        return Ok(Credential::None);
    };
    entry.credential().ok_or_else(|| CredentialsError::Unusable {
        place: format!("the entry for {host} in {}", path.display()),
    })
}

impl DockerConfig {
    fn helper(&self, host: &str) -> Option<&str> {
        let own = self.cred_helpers.iter().find(|(key, _)| names(key, host)).map(|(_, name)| name);
        own.or(Some(&self.creds_store)).filter(|name| !name.is_empty()).map(String::as_str)
    }

    fn entry(&self, host: &str) -> Option<&Entry> {
        // A file may name a host twice: the plain name wins, not the order of the map.
        self.auths.get(host).or_else(|| {
            let named = self.auths.iter().filter(|(key, _)| names(key, host));
            named.min_by_key(|(key, _)| *key).map(|(_, entry)| entry)
        })
    }
}

impl Entry {
    fn credential(&self) -> Option<Credential> {
        if !self.identitytoken.is_empty() {
            return Some(Credential::IdentityToken(SecretString::from(self.identitytoken.as_str())));
        }
        if self.auth.is_empty() {
            // `docker login` leaves an empty entry when a helper holds the secret.
            return Some(Credential::None);
        }
        let decoded = BASE64_STANDARD.decode(&self.auth).ok()?;
        let pair = SecretString::from(String::from_utf8(decoded).ok()?);
        let (username, password) = pair.expose_secret().split_once(':')?;
        // Docker pads secrets with zero bytes.
        let password = SecretString::from(password.trim_end_matches('\0'));
        Some(Credential::Password { username: username.to_owned(), password })
    }
}

/// The name of `host` for credential helpers.
fn server_key(host: &str) -> &str {
    if is_docker_hub(host) { DOCKER_HUB_KEY } else { host }
}

/// Whether a key means `host`; older versions of Docker wrote URLs.
fn names(key: &str, host: &str) -> bool {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key_host = key.split('/').next().unwrap_or_default();
    key_host.eq_ignore_ascii_case(host) || (is_docker_hub(host) && is_docker_hub(key_host))
}

fn is_docker_hub(host: &str) -> bool {
    matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    async fn found(json: &str, host: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, json).unwrap();
        match look_up(&path, host, Duration::from_secs(5)).await {
            Ok(Credential::None) => "nothing".to_owned(),
            Ok(Credential::Password { username, password }) => {
                format!("{username}/{}", password.expose_secret())
            }
            Ok(Credential::IdentityToken(token)) => format!("token {}", token.expose_secret()),
            Err(error) => error.to_string().replace(&path.display().to_string(), "FILE"),
        }
    }

    // `Ym90OnBhc3M=` is `bot:pass`, `Ym90OnA6YXNz` is `bot:p:ass`, `Ym90` is `bot`.
    #[rstest]
    #[case::plain(r#"{"auths":{"ghcr.io":{"auth":"Ym90OnBhc3M="}}}"#, "ghcr.io", "bot/pass")]
    #[case::url(r#"{"auths":{"https://ghcr.io/v2/":{"auth":"Ym90OnBhc3M="}}}"#, "ghcr.io", "bot/pass")]
    #[case::hub(
        r#"{"auths":{"https://index.docker.io/v1/":{"auth":"Ym90OnBhc3M="}}}"#,
        "docker.io",
        "bot/pass"
    )]
    #[case::colon_in_password(r#"{"auths":{"ghcr.io":{"auth":"Ym90OnA6YXNz"}}}"#, "ghcr.io", "bot/p:ass")]
    #[case::identity(
        r#"{"auths":{"a.azurecr.io":{"auth":"MDA6","identitytoken":"it"}}}"#,
        "a.azurecr.io",
        "token it"
    )]
    #[case::port(r#"{"auths":{"127.0.0.1:5000":{"auth":"Ym90OnBhc3M="}}}"#, "127.0.0.1:5000", "bot/pass")]
    #[case::other_port(
        r#"{"auths":{"127.0.0.1:5000":{"auth":"Ym90OnBhc3M="}}}"#,
        "127.0.0.1:5001",
        "nothing"
    )]
    #[case::other_host(r#"{"auths":{"ghcr.io.evil":{"auth":"Ym90OnBhc3M="}}}"#, "ghcr.io", "nothing")]
    #[case::left_by_helper(r#"{"auths":{"ghcr.io":{}}}"#, "ghcr.io", "nothing")]
    #[case::empty("{}", "ghcr.io", "nothing")]
    #[case::no_colon(
        r#"{"auths":{"ghcr.io":{"auth":"Ym90"}}}"#,
        "ghcr.io",
        "the entry for ghcr.io in FILE contains no usable password"
    )]
    #[case::no_base64(
        r#"{"auths":{"ghcr.io":{"auth":"%"}}}"#,
        "ghcr.io",
        "the entry for ghcr.io in FILE contains no usable password"
    )]
    #[case::no_json("hunter2", "ghcr.io", "FILE is not a Docker config.json")]
    #[case::helper_path(
        r#"{"credsStore":"../evil"}"#,
        "ghcr.io",
        "FILE names a credential helper with characters other than letters, digits and `-`"
    )]
    #[case::helper_absent(
        r#"{"credHelpers":{"ghcr.io":"tidegate-absent"}}"#,
        "ghcr.io",
        "cannot run docker-credential-tidegate-absent"
    )]
    #[case::helper_of_another(r#"{"credHelpers":{"quay.io":"tidegate-absent"}}"#, "ghcr.io", "nothing")]
    #[tokio::test]
    async fn entries(#[case] json: &str, #[case] host: &str, #[case] expected: &str) {
        assert_eq!(found(json, host).await, expected);
    }
}
