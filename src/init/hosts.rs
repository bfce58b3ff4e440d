//! The `registries` section.

use super::yaml_scalar::{comment, scalar};

/// Maximum registries with an entry.
const MAX_HOSTS: usize = 12;

/// Registries that answer anonymous requests without tight limits.
const OPEN_TO_ALL: [&str; 4] = ["registry.k8s.io", "mcr.microsoft.com", "public.ecr.aws", "quay.io"];

/// The entries of the `registries` section, most of them commented out.
pub(super) fn section(hosts: impl IntoIterator<Item = String>) -> String {
    hosts
        .into_iter()
        .filter(|host| !OPEN_TO_ALL.contains(&host.as_str()))
        .take(MAX_HOSTS)
        .map(|host| entry(&host))
        .collect()
}

fn entry(host: &str) -> String {
    if is_loopback(host) {
        return format!("  - host: {}\n    plainHttp: true\n", scalar(host));
    }
    let (why, credentials) = match host {
        "ghcr.io" => {
            ("Private packages need a token with the scope read:packages.".to_owned(), basic("GHCR_TOKEN"))
        }
        "docker.io" => ("Anonymous requests have a low hourly limit.".to_owned(), basic("DOCKERHUB_TOKEN")),
        _ if host.ends_with(".amazonaws.com") => (
            "Its tokens expire after hours, so it needs a credential helper.".to_owned(),
            "{dockerConfig: /etc/tidegate/docker/config.json}".to_owned(),
        ),
        _ => ("If it needs credentials.".to_owned(), basic(&variable(host))),
    };
    format!("  # {why}\n  # - host: {}\n  #   credentials: {credentials}\n", comment(&scalar(host)))
}

fn basic(variable: &str) -> String {
    format!("{{username: NAME, passwordEnv: {variable}}}")
}

/// An environment variable for the password of a host: `HARBOR_VTR_CL_TOKEN`.
fn variable(host: &str) -> String {
    let name: String = host
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' })
        .collect();
    let name = name.trim_matches('_');
    let first = if name.starts_with(|letter: char| letter.is_ascii_digit()) { "REGISTRY_" } else { "" };
    format!("{first}{name}_TOKEN")
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_registries_use_plain_http() {
        for host in ["127.0.0.1:5000", "localhost:5000", "localhost", "[::1]:5000", "127.9.9.9"] {
            assert!(entry(host).contains("plainHttp: true"), "{host}");
        }
        for host in ["ghcr.io", "10.0.0.1:5000", "localhost.vtr.cl", "[::2]"] {
            assert!(entry(host).lines().all(|line| line.starts_with("  #")), "{host}");
        }
    }

    #[test]
    fn variables_are_valid_shell_names() {
        for (host, name) in [
            ("harbor.vtr.cl", "HARBOR_VTR_CL_TOKEN"),
            ("10.0.0.1:5000", "REGISTRY_10_0_0_1_5000_TOKEN"),
            ("[fe80::1]:5000", "FE80__1__5000_TOKEN"),
        ] {
            assert_eq!(variable(host), name);
        }
    }
}
