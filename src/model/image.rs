//! Images, tags and digests, as the OCI distribution specification 1.1 names them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest name.
const MAX_NAME_BYTES: usize = 255;

/// The registry of an image without a host.
const DEFAULT_REGISTRY: &str = "docker.io";

/// The text is not an image, a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImageError {
    /// Not a tag by the grammar of the distribution specification.
    #[error("a tag is 1 to 128 letters, digits, `_`, `.` or `-`, and begins with a letter, a digit or `_`")]
    Tag,
    /// Not a digest.
    #[error("a digest is `sha256:` and 64 hexadecimal digits, or `sha512:` and 128, in lower case")]
    Digest,
    /// Not a repository's name by the grammar of the distribution specification.
    #[error("an image is named `host/path`, such as ghcr.io/vtr/app, in lower case")]
    Name,
}

/// A tag of an image (distribution specification, *Pulling manifests*).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Box<str>);

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a tag that is never a version: `latest`, `main`, `master`, `dev`.
    ///
    /// Tidegate never writes one of these.
    pub fn is_floating(&self) -> bool {
        matches!(&*self.0, "latest" | "main" | "master" | "dev")
    }
}

impl FromStr for Tag {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let good = (1..=128).contains(&text.len())
            && text
                .bytes()
                .enumerate()
                .all(|(at, byte)| word(byte) || (at > 0 && (byte == b'.' || byte == b'-')));
        if good { Ok(Self(text.into())) } else { Err(ImageError::Tag) }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// The identity of an image: the digest of its manifest or index (image specification, *Digests*).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(Box<str>);

impl Digest {
    /// The digest as text, with its algorithm.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The algorithm and the first twelve digits, for people.
    pub fn short(&self) -> &str {
        let algorithm = self.0.find(':').map_or(0, |colon| colon + 1);
        self.0.get(..algorithm + 12).unwrap_or(&self.0)
    }
}

impl FromStr for Digest {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = match text.split_once(':') {
            Some(("sha256", digits)) if digits.len() == 64 => digits,
            Some(("sha512", digits)) if digits.len() == 128 => digits,
            _ => return Err(ImageError::Digest),
        };
        let is_lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.bytes().all(is_lower_hex) { Ok(Self(text.into())) } else { Err(ImageError::Digest) }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({})", self.0)
    }
}

/// Marks the name of a chart in a Helm repository over HTTP. No reference to an image begins with it.
const HELM_SCHEME: &str = "helm+https://";

/// An image without a tag: a registry's host and a repository in it. Charts have such names too: OCI artifacts like images, and
/// charts of Helm repositories over HTTP as `helm+https://charts.example.com/stable/app`.
///
/// Short names are completed as Docker and containerd do: `nginx` is `docker.io/library/nginx`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageName {
    host: Box<str>,
    repository: Box<str>,
    is_helm_chart: bool,
}

/// A chart in a Helm repository over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelmChart<'a> {
    /// The path of the repository on its host, without slashes at its ends; empty at the root.
    pub repository: &'a str,
    /// The chart's name in the index.
    pub name: &'a str,
}

impl ImageName {
    /// The registry's host, with its port if there is one: `ghcr.io`, `127.0.0.1:5000`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path in the registry: `vtr/graphql-server`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The name of a chart of the Helm repository at an `https://` or `http://` URL; `None` where the URL has a user, a query or
    /// other characters that no name has. Which of the two schemes applies is a setting of the host.
    pub fn of_helm_chart(url: &str, chart: &str) -> Option<Self> {
        let place = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let place = place.trim_end_matches('/');
        let (host, path) = place.split_once('/').map_or((place, ""), |(host, path)| (host, path));
        let is_chart = !chart.contains('/');
        let repository = if path.is_empty() { chart.to_owned() } else { format!("{path}/{chart}") };
        Self::helm_chart_at(&host.to_ascii_lowercase(), &repository).filter(|_| is_chart)
    }

    /// The chart, if the name is that of one in a Helm repository over HTTP.
    pub fn helm_chart(&self) -> Option<HelmChart<'_>> {
        let (repository, name) = self.repository.rsplit_once('/').unwrap_or(("", &self.repository));
        self.is_helm_chart.then_some(HelmChart { repository, name })
    }

    fn helm_chart_at(host: &str, repository: &str) -> Option<Self> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        let is_component = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(is_word);
        let is_short = HELM_SCHEME.len() + host.len() + 1 + repository.len() <= MAX_NAME_BYTES;
        let is_good = is_short && is_host(host) && repository.split('/').all(is_component);
        is_good.then(|| Self { host: host.into(), repository: repository.into(), is_helm_chart: true })
    }
}

impl FromStr for ImageName {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(chart) = text.strip_prefix(HELM_SCHEME) {
            let (host, repository) = chart.split_once('/').ok_or(ImageError::Name)?;
            return Self::helm_chart_at(host, repository).ok_or(ImageError::Name);
        }
        let (host, path) = match text.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
            _ => (DEFAULT_REGISTRY, text),
        };
        let host = if host == "index.docker.io" { DEFAULT_REGISTRY } else { host };
        let repository = if host == DEFAULT_REGISTRY && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        let length = host.len() + 1 + repository.len();
        if length > MAX_NAME_BYTES || !is_host(host) || !repository.split('/').all(is_path_component) {
            return Err(ImageError::Name);
        }
        Ok(Self { host: host.into(), repository: repository.into(), is_helm_chart: false })
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_helm_chart { HELM_SCHEME } else { "" };
        formatter.pad(&format!("{scheme}{}/{}", self.host, self.repository))
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(':') => (name, Some(port)),
        _ => (host, None),
    };
    let is_name = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        }),
    };
    is_name && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, the specification's grammar of a component.
fn is_path_component(component: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_separator =
        |run: &[u8]| matches!(run, b"." | b"_" | b"__") || run.iter().all(|byte| *byte == b'-');
    let bytes = component.as_bytes();
    let ends_in_words =
        bytes.first().copied().is_some_and(is_word) && bytes.last().copied().is_some_and(is_word);
    ends_in_words && bytes.split(|byte| is_word(*byte)).all(|run| run.is_empty() || is_separator(run))
}

/// A reference to an image: a name, and a tag, a digest, or both.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageRef {
    /// The registry and the repository.
    pub name: ImageName,
    /// The tag, if the reference has one.
    pub tag: Option<Tag>,
    /// The digest, if the reference is pinned to one.
    pub digest: Option<Digest>,
}

impl FromStr for ImageRef {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.parse()?)),
            _ => (rest, None),
        };
        Ok(Self { name: name.parse()?, tag, digest })
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.name)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

/// The content of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Artifact {
    /// A container image.
    Image,
    /// Not an image, such as a Helm chart, with its media type.
    Other(String),
    /// An index without a runnable platform, with the reason.
    Incomplete(String),
}

/// Why it is no image to run; empty for one that is.
impl fmt::Display for Artifact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image => Ok(()),
            Self::Other(kind) => write!(formatter, "it is {kind}, not an image"),
            Self::Incomplete(reason) => formatter.write_str(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn short_names_are_completed_as_docker_does() {
        for (written, full) in [
            ("nginx", "docker.io/library/nginx"),
            ("bitnami/redis", "docker.io/bitnami/redis"),
            ("index.docker.io/library/nginx", "docker.io/library/nginx"),
            ("ghcr.io/vtr/graphql-server", "ghcr.io/vtr/graphql-server"),
            ("127.0.0.1:5000/app", "127.0.0.1:5000/app"),
            ("localhost/app", "localhost/app"),
            ("[::1]:5000/app", "[::1]:5000/app"),
        ] {
            assert_eq!(written.parse::<ImageName>().unwrap().to_string(), full);
        }
    }

    #[test]
    fn charts_of_helm_repositories_have_names_too() {
        for (url, chart, name) in [
            ("https://charts.example.com", "app", Some("helm+https://charts.example.com/app")),
            (
                "https://Example.com:8443/Stable/v1_0/",
                "app",
                Some("helm+https://example.com:8443/Stable/v1_0/app"),
            ),
            ("http://127.0.0.1:5000/charts", "app", Some("helm+https://127.0.0.1:5000/charts/app")),
            ("oci://ghcr.io/charts", "app", None),
            ("https://user@example.com", "app", None),
            ("https://example.com/?a=b", "app", None),
            ("https://example.com/a/../b", "app", None),
            ("https://example.com", "../app", None),
            ("https://", "app", None),
        ] {
            let found = ImageName::of_helm_chart(url, chart);
            assert_eq!(found.as_ref().map(ToString::to_string).as_deref(), name, "{url}");
            let Some(found) = found else { continue };
            let reference: ImageRef = format!("{found}:1.0.0@{SHA}").parse().unwrap();
            assert_eq!((&reference.name, reference.tag.unwrap().as_str()), (&found, "1.0.0"));
            assert_eq!(found.to_string().parse::<ImageRef>().unwrap().name, found);
            assert_eq!(found.helm_chart().unwrap().name, "app");
        }
        let nested = ImageName::of_helm_chart("https://a.example/x/y", "app").unwrap();
        assert_eq!(nested.helm_chart(), Some(HelmChart { repository: "x/y", name: "app" }));
        assert_eq!("ghcr.io/charts/app".parse::<ImageName>().unwrap().helm_chart(), None);
    }

    #[test]
    fn an_invalid_image_is_refused() {
        for bad in [
            "",
            "/",
            "ghcr.io/",
            "ghcr.io//app",
            "ghcr.io/../app",
            "ghcr.io/App",
            "ghcr.io/a b",
            "ghcr.io/a___b",
            "ghcr.io/-a",
            "ghcr.io:x/app",
            "ghcr.io:0/app",
            "gh\ncr.io/app",
            "{{ .Values.x }}",
            "https://ghcr.io/a",
            "-a.b/c",
            "a..b/c",
            "ghcr.io/a?b",
            "user@ghcr.io/a",
        ] {
            assert!(bad.parse::<ImageName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_name_is_bounded_as_it_is_completed() {
        let longest = format!("docker.io/library/{}", "a".repeat(237));
        let name: ImageName = "a".repeat(237).parse().unwrap();
        assert_eq!(name.to_string(), longest);
        assert_eq!(longest.parse::<ImageName>().unwrap(), name);
        assert!("a".repeat(238).parse::<ImageName>().is_err());
    }

    #[test]
    fn references_are_split_and_joined() {
        for text in ["ghcr.io/a/b:v1.0.0", "ghcr.io/a/b", "127.0.0.1:5000/b:v1", "127.0.0.1:5000/b"] {
            assert_eq!(text.parse::<ImageRef>().unwrap().to_string(), text);
        }
        let pinned = format!("ghcr.io/a/b:v1.0.0@{SHA}");
        let reference: ImageRef = pinned.parse().unwrap();
        assert_eq!(reference.tag.as_ref().unwrap().as_str(), "v1.0.0");
        assert_eq!(reference.digest.as_ref().unwrap().as_str(), SHA);
        assert_eq!(reference.to_string(), pinned);
    }

    #[test]
    fn tags_follow_the_grammar() {
        for good in ["v1.0.0", "_x", "1", "a-b.c_d", &"x".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a/b", "../../x", "v1🌊", "a b", "a\n", "a+b", &"x".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn digests_are_whole() {
        assert_eq!(SHA.parse::<Digest>().unwrap().short(), "sha256:e3b0c44298fc");
        for bad in [
            "",
            "sha256:",
            "sha256:abc",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            &SHA.to_uppercase(),
            &SHA[..70],
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
