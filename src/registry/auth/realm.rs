//! The hosts that may issue a registry's tokens, and so receive its credentials.

use reqwest::Url;

use super::challenge::Bearer;
use crate::registry::error::RequestError;
use crate::registry::transport::shown;

/// Registries whose tokens come from another host.
const KNOWN: [(&str, &str); 2] =
    [("registry-1.docker.io", "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];

#[derive(Debug)]
pub(super) struct RealmRule {
    /// `host` for any port, or `host:port`.
    allowed: Vec<String>,
    plain_http: bool,
}

impl RealmRule {
    /// Allows the registry's own host, its known token host and the configured ones.
    pub(super) fn new(asked_host: &str, configured: &[String], plain_http: bool) -> Self {
        let own = without_port(asked_host).to_owned();
        let known =
            KNOWN.iter().filter(|(registry, _)| *registry == own).map(|(_, realm)| (*realm).to_owned());
        let configured = configured.iter().map(|host| host.to_ascii_lowercase());
        let allowed = known.chain(configured).chain([own.clone()]).collect();
        Self { allowed, plain_http }
    }

    /// # Errors
    /// When the realm's host is not allowed, or the realm is plain http without `plainHttp`.
    pub(super) fn check(&self, bearer: &Bearer) -> Result<(), RequestError> {
        if self.allows(&bearer.realm) {
            return Ok(());
        }
        Err(RequestError::UntrustedRealm { request: bearer.request.clone(), realm: shown(&bearer.realm) })
    }

    fn allows(&self, realm: &Url) -> bool {
        let is_scheme_good = realm.scheme() == "https" || (self.plain_http && realm.scheme() == "http");
        let has_user = !realm.username().is_empty() || realm.password().is_some();
        let (Some(host), Some(port)) = (realm.host_str(), realm.port_or_known_default()) else {
            return false;
        };
        let with_port = format!("{host}:{port}");
        is_scheme_good && !has_user && self.allowed.iter().any(|one| *one == host || *one == with_port)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::own("ghcr.io", "https://ghcr.io/token", true)]
    #[case::own_other_port("reg.corp:5000", "https://reg.corp:5001/auth", true)]
    #[case::own_v6("[::1]:5000", "https://[::1]/auth", true)]
    #[case::docker_hub("registry-1.docker.io", "https://auth.docker.io/token", true)]
    #[case::gitlab("registry.gitlab.com", "https://gitlab.com/jwt/auth", true)]
    #[case::configured("ghcr.io", "https://login.corp/token", true)]
    #[case::configured_port("ghcr.io", "https://sso.corp:8443/token", true)]
    #[case::configured_other_port("ghcr.io", "https://sso.corp/token", false)]
    #[case::foreign("ghcr.io", "https://evil.example/token", false)]
    #[case::suffix("ghcr.io", "https://ghcr.io.evil.example/token", false)]
    #[case::prefix("ghcr.io", "https://evilghcr.io/token", false)]
    #[case::user("ghcr.io", "https://user@ghcr.io/token", false)]
    #[case::someone_elses_pair("ghcr.io", "https://auth.docker.io/token", false)]
    #[case::plain("ghcr.io", "http://ghcr.io/token", false)]
    #[case::file("ghcr.io", "file:///etc/passwd", false)]
    fn realms(#[case] registry: &str, #[case] realm: &str, #[case] allowed: bool) {
        let configured = ["login.corp".to_owned(), "sso.corp:8443".to_owned()];
        let rule = RealmRule::new(registry, &configured, false);
        assert_eq!(rule.allows(&realm.parse().unwrap()), allowed);
    }

    #[test]
    fn plain_http_needs_leave() {
        let realm = "http://127.0.0.1:5001/token".parse().unwrap();
        assert!(RealmRule::new("127.0.0.1:5000", &[], true).allows(&realm));
        assert!(!RealmRule::new("127.0.0.1:5000", &[], false).allows(&realm));
    }
}
