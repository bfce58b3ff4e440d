//! The name of a source repository: host and path, parsed from any common form of URL.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Maximum length of a name.
const MAX_BYTES: usize = 255;

/// Maximum number of path segments; GitLab nests groups.
const MAX_PARTS: usize = 10;

/// A source repository: `github.com/vtr/graphql-server`.
///
/// It consists of letters, digits and a few safe characters, so it can be put into a URL, and can be neither a
/// command-line option nor a path that escapes its folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceName {
    host: Box<str>,
    path: Box<str>,
}

/// The text names no source repository.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a source repository is written like `github.com/vtr/graphql-server`")]
pub struct SourceNameError;

impl SourceName {
    /// The host in lower case, with its port if there is one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path: `vtr/graphql-server`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether both are the same repository. Forges ignore the case of paths.
    pub fn is_same(&self, other: &Self) -> bool {
        self.host == other.host && self.path.eq_ignore_ascii_case(&other.path)
    }
}

impl FromStr for SourceName {
    type Err = SourceNameError;

    /// Parses `https://host/owner/name`, `ssh://git@host/owner/name.git`, `git@host:owner/name.git`, `host/owner/name`,
    /// with or without `.git`, a trailing slash, a fragment or `/tree/main`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let text = text.split(['#', '?']).next().unwrap_or_default();
        let text = text.strip_prefix("git+").unwrap_or(text);
        let (rest, is_url) = match text.split_once("://") {
            Some(("https" | "http" | "ssh" | "git", rest)) => (rest, true),
            Some(_) => return Err(SourceNameError),
            None => (text, false),
        };
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) if is_url || !authority.contains(':') || has_port(authority) => {
                (authority, path)
            }
            // scp-like syntax: host:owner/name.
            _ if !is_url => rest.split_once(':').ok_or(SourceNameError)?,
            _ => return Err(SourceNameError),
        };
        let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
        let path = path.split("/-/").next().unwrap_or_default();
        let path =
            ["/tree/", "/blob/"].iter().fold(path, |path, part| path.split(part).next().unwrap_or(path));
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let is_valid = host.len() + path.len() < MAX_BYTES
            && is_host(&host)
            && path.split('/').count() <= MAX_PARTS
            && path.split('/').all(is_part);
        if is_valid { Ok(Self { host: host.into(), path: path.into() }) } else { Err(SourceNameError) }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{}/{}", self.host, self.path))
    }
}

fn has_port(authority: &str) -> bool {
    authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

fn is_host(host: &str) -> bool {
    let name = if has_port(host) { host.rsplit_once(':').map_or(host, |(name, _)| name) } else { host };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    (name == "localhost" || name.contains('.')) && name.split('.').all(is_label)
}

fn is_part(part: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"._-~".contains(&byte);
    !part.is_empty() && !part.starts_with(['.', '-']) && part.bytes().all(is_sign)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::https("https://github.com/vtr/app")]
    #[case::git_suffix("https://github.com/vtr/app.git")]
    #[case::slash("https://github.com/vtr/app/")]
    #[case::fragment("https://github.com/vtr/app.git#9f2c1ab")]
    #[case::folder("https://github.com/vtr/app/tree/main/api")]
    #[case::user("https://bot@github.com/vtr/app")]
    #[case::ssh("ssh://git@github.com/vtr/app.git")]
    #[case::scp("git@github.com:vtr/app.git")]
    #[case::git("git://github.com/vtr/app")]
    #[case::npm("git+https://github.com/vtr/app.git")]
    #[case::bare("github.com/vtr/app")]
    #[case::shouting("https://GitHub.com/vtr/app")]
    #[case::blanks(" https://github.com/vtr/app\n")]
    fn every_form_of_a_url_gives_the_same_name(#[case] text: &str) {
        assert_eq!(text.parse::<SourceName>().unwrap().to_string(), "github.com/vtr/app");
    }

    #[rstest]
    #[case::groups("https://gitlab.vtr.cl/a/b/c", "gitlab.vtr.cl/a/b/c")]
    #[case::gitlab_page("https://gitlab.vtr.cl/a/b/-/tree/main", "gitlab.vtr.cl/a/b")]
    #[case::port("https://git.vtr.cl:8443/a/b", "git.vtr.cl:8443/a/b")]
    #[case::port_bare("localhost:3000/a/b", "localhost:3000/a/b")]
    fn reads_groups_and_ports(#[case] text: &str, #[case] name: &str) {
        assert_eq!(text.parse::<SourceName>().unwrap().to_string(), name);
    }

    #[rstest]
    #[case::nothing("")]
    #[case::word("app")]
    #[case::path("/srv/app.git")]
    #[case::file("file:///srv/app.git")]
    #[case::helper("ext::sh -c touch% x")]
    #[case::option("--upload-pack=x:a/b")]
    #[case::option_host("https://-x.cl/a/b")]
    #[case::up("https://github.com/../etc")]
    #[case::state("https://github.com/.git/b")]
    #[case::option_part("https://github.com/-a/b")]
    #[case::blank("https://github.com/a b")]
    #[case::escape("https://github.com/a\u{1b}[31m/b")]
    #[case::percent("https://github.com/a%2e%2e/b")]
    #[case::no_path("https://github.com/")]
    #[case::host_without_dot("https://intern/a/b")]
    fn refuses_what_is_no_repository(#[case] text: &str) {
        assert_eq!(text.parse::<SourceName>(), Err(SourceNameError));
    }

    #[test]
    fn comparison_ignores_the_case_of_the_path() {
        let name = |text: &str| text.parse::<SourceName>().unwrap();
        assert!(name("github.com/VTR/App").is_same(&name("github.com/vtr/app")));
        assert!(!name("github.com/vtr/app").is_same(&name("github.com/vtr/api")));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_name_has_only_safe_characters(text in any::<String>(), tail in "[ -~]{0,40}") {
            for text in [text, format!("https://a.cl/{tail}")] {
                if let Ok(name) = text.parse::<SourceName>() {
                    let shown = name.to_string();
                    prop_assert!(shown.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-~/:".contains(&byte)));
                    prop_assert!(!shown.starts_with('-') && !shown.contains("..") || !shown.contains("/.."));
                    prop_assert_eq!(shown.parse::<SourceName>().unwrap(), name);
                }
            }
        }
    }
}
