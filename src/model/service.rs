//! The name of a service.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::Printable;

/// A service: a HelmRelease, named `namespace/name`. The same name in two environments is the same service.
///
/// Both parts follow the Kubernetes rule for object names (RFC 1123 subdomains). A Flux variable stays as written:
/// `${APP}-proxy`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceName {
    namespace: Box<str>,
    name: Box<str>,
}

/// The text is not the name of a service.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ServiceNameError {
    /// There is no `/`, or more than one.
    #[error("a service is named `namespace/name`")]
    Shape,
    /// A part is not a valid Kubernetes name.
    #[error(
        "a namespace and a name are 1 to 253 lower-case letters, digits, `-` or `.`, with a letter or a digit at both ends"
    )]
    Part,
}

impl ServiceName {
    /// A service from its two parts.
    ///
    /// # Errors
    /// When a part is not a valid Kubernetes name.
    pub fn new(namespace: &str, name: &str) -> Result<Self, ServiceNameError> {
        if !is_kubernetes_name(namespace) || !is_kubernetes_name(name) {
            return Err(ServiceNameError::Part);
        }
        Ok(Self { namespace: namespace.into(), name: name.into() })
    }

    /// A name from a manifest without a namespace, shown as `_/name`; Kubernetes has no namespace `_`. It identifies a
    /// service only together with its file, whose folder or kustomization.yaml gives the namespace.
    ///
    /// # Errors
    /// When it is not a valid Kubernetes name.
    pub fn without_namespace(name: &str) -> Result<Self, ServiceNameError> {
        if !is_kubernetes_name(name) {
            return Err(ServiceNameError::Part);
        }
        Ok(Self { namespace: NO_NAMESPACE.into(), name: name.into() })
    }

    /// Whether the namespace is known.
    pub fn has_namespace(&self) -> bool {
        &*self.namespace != NO_NAMESPACE
    }

    /// The HelmRelease's `metadata.namespace`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The HelmRelease's `metadata.name`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Why Flux does not apply a manifest, so that it runs nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InactiveReason {
    /// The HelmRelease has `spec.suspend: true`.
    ReleaseSuspended,
    /// The Flux Kustomization of this name has `spec.suspend: true`.
    KustomizationSuspended(String),
    /// No kustomization.yaml lists its file, although one lists neighbours.
    NotListed,
}

impl fmt::Display for InactiveReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReleaseSuspended => formatter.write_str("the HelmRelease is suspended"),
            Self::KustomizationSuspended(name) => {
                write!(formatter, "the Flux Kustomization {} is suspended", Printable::bounded(name, 80))
            }
            Self::NotListed => formatter.write_str("no kustomization.yaml lists its file"),
        }
    }
}

const NO_NAMESPACE: &str = "_";

fn is_kubernetes_name(text: &str) -> bool {
    if let Some(filled) = text.contains("${").then(|| without_variables(text)) {
        return text.len() <= 253 && filled.is_some_and(|filled| is_kubernetes_name(&filled));
    }
    let is_end = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=253).contains(&bytes.len())
        && bytes.first().is_some_and(is_end)
        && bytes.last().is_some_and(is_end)
        && bytes.iter().all(|byte| is_end(byte) || b"-.".contains(byte))
}

/// The text with each Flux variable, such as `${APP}`, replaced by a letter.
fn without_variables(text: &str) -> Option<String> {
    let mut parts = text.split("${");
    let mut filled = parts.next()?.to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}')?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_:=-.".contains(&byte);
        if !variable.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            || !variable.bytes().all(is_name)
        {
            return None;
        }
        filled.push('x');
        filled.push_str(rest);
    }
    Some(filled)
}

impl FromStr for ServiceName {
    type Err = ServiceNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((NO_NAMESPACE, name)) => Self::without_namespace(name),
            Some((namespace, name)) if !name.contains('/') => Self::new(namespace, name),
            _ => Err(ServiceNameError::Shape),
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{}/{}", self.namespace, self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_two_kubernetes_names() {
        let service: ServiceName = "common/graphql-server".parse().unwrap();
        assert_eq!((service.namespace(), service.name()), ("common", "graphql-server"));
        assert_eq!(service.to_string(), "common/graphql-server");
    }

    #[test]
    fn a_name_may_have_variables_and_no_namespace() {
        for good in ["apps/${APP}-proxy", "${NS}/${APP}", "apps/${APP:=web}.x", "_/web", "_/${APP}-proxy"] {
            let service: ServiceName = good.parse().unwrap();
            assert_eq!(service.to_string(), good);
            assert_eq!(service.has_namespace(), !good.starts_with('_'), "{good}");
        }
        assert_eq!(ServiceName::without_namespace("web").unwrap(), "_/web".parse().unwrap());
    }

    #[test]
    fn an_invalid_service_name_is_refused() {
        for bad in [
            "graphql", "a/b/c", "/b", "a/", "A/b", "a/b_c", "a/../b", "a/-b", "a/b\n", "a/${}", "a/${A",
            "a/$A", "a/${A/b}", "a/${1}", "a/-${A}", "_a/b",
        ] {
            assert!(bad.parse::<ServiceName>().is_err(), "{bad:?}");
        }
    }
}
