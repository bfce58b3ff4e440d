//! Selects services: a name, or a glob over names.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;

use super::ServiceName;

/// Maximum length: two Kubernetes names and some.
const LONGEST_BYTES: usize = 600;

/// Services by name or by a glob over `namespace/name`: `common/graphql-server`, `mobile-*/*`, `**`. A `*` stays within
/// one part, `**` does not.
#[derive(Clone, Debug)]
pub struct ServicePattern {
    written: Box<str>,
    meant: Meant,
}

#[derive(Clone, Debug)]
enum Meant {
    One(ServiceName),
    Glob(GlobMatcher),
}

/// The text is not a pattern of services.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("services are named as `namespace/name`, or by a glob such as `common/*`")]
pub struct ServicePatternError;

impl ServicePattern {
    /// Whether the pattern matches the service.
    pub fn matches(&self, service: &ServiceName) -> bool {
        match &self.meant {
            Meant::One(one) => one == service,
            Meant::Glob(glob) => glob.is_match(service.to_string()),
        }
    }

    /// The service, if the pattern is a plain name.
    pub fn exact(&self) -> Option<&ServiceName> {
        match &self.meant {
            Meant::One(one) => Some(one),
            Meant::Glob(_) => None,
        }
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl From<ServiceName> for ServicePattern {
    fn from(service: ServiceName) -> Self {
        Self { written: service.to_string().into(), meant: Meant::One(service) }
    }
}

impl FromStr for ServicePattern {
    type Err = ServicePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_shaped = text.contains('/') || text.contains("**");
        if !is_shaped || text.len() > LONGEST_BYTES || text.contains(char::is_control) {
            return Err(ServicePatternError);
        }
        if let Ok(one) = text.parse() {
            return Ok(Self { written: text.into(), meant: Meant::One(one) });
        }
        let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
        let glob = glob.map_err(|_| ServicePatternError)?.compile_matcher();
        Ok(Self { written: text.into(), meant: Meant::Glob(glob) })
    }
}

impl PartialEq for ServicePattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for ServicePattern {}

impl fmt::Display for ServicePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::name("common/api", "common/api", true)]
    #[case::another_name("common/api", "common/api-2", false)]
    #[case::one_part("common/*", "common/api", true)]
    #[case::not_two_parts("*/api", "common/api", true)]
    #[case::everything("**", "common/api", true)]
    #[case::other_namespace("mobile-*/*", "common/api", false)]
    #[case::alternatives("common/{api,web}", "common/web", true)]
    fn matches(#[case] pattern: &str, #[case] service: &str, #[case] expected: bool) {
        let pattern: ServicePattern = pattern.parse().unwrap();
        assert_eq!(pattern.matches(&service.parse().unwrap()), expected);
        assert_eq!(pattern.exact().is_some(), !pattern.as_str().contains(['*', '{']));
    }

    #[test]
    fn a_pattern_that_matches_no_service_is_refused() {
        for bad in ["", "api", "*", "common/[a", "common/{a", "a/b\n", &"a/".repeat(400)] {
            assert!(bad.parse::<ServicePattern>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_service_is_a_pattern_of_itself() {
        let service: ServiceName = "common/api".parse().unwrap();
        assert!(ServicePattern::from(service.clone()).matches(&service));
    }
}
