//! The rules: their ids, how severe a finding of each is, and why each exists.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleSeverity {
    /// A deviation from a convention. Printed with `-v`, and counted otherwise.
    Note,
    /// Most likely a mistake.
    Warning,
    /// Wrong, or dangerous. `check` fails.
    Error,
}

impl RuleSeverity {
    /// The name in every output format and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// A file is not YAML.
    InvalidYaml,
    /// An image tag that names no version and moves: `latest`, `main`, `master`, `dev`, or none at all.
    FloatingTag,
    /// An image tag that is no version.
    TagNotAVersion,
    /// A container without requests and limits.
    Resources,
    /// Requests and limits that are none of the team's sizes.
    ResourceSize,
    /// A credential in plain text.
    PlainSecret,
    /// A name that is not in kebab case, or not derived from its service.
    Name,
    /// A label that the team requires is missing.
    Labels,
    /// A probe that asks a port or a path that is not there.
    ProbeTarget,
    /// A service without liveness or readiness probe.
    MissingProbe,
    /// An object without a namespace.
    MissingNamespace,
    /// A namespace that no Namespace object creates.
    NamespaceObject,
    /// A chart source that no file defines.
    MissingSource,
    /// An entry of a kustomization.yaml that leads nowhere.
    BrokenEntry,
    /// A file that no kustomization.yaml includes, next to files that are included.
    NotIncluded,
    /// An API version that a newer one replaces.
    DeprecatedApi,
    /// A service in an environment and not in the one before it.
    MissingBefore,
    /// A service whose chart, image or port differs between environments.
    EnvironmentsDiffer,
    /// A comment that ignores a rule and does not count.
    InvalidIgnore,
}

/// No rule has this id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no such rule")]
pub struct UnknownRule;

impl Rule {
    /// Every rule, in the order of the documentation.
    pub const ALL: [Self; 19] = [
        Self::InvalidYaml,
        Self::FloatingTag,
        Self::TagNotAVersion,
        Self::PlainSecret,
        Self::Resources,
        Self::ResourceSize,
        Self::ProbeTarget,
        Self::MissingProbe,
        Self::Name,
        Self::Labels,
        Self::MissingNamespace,
        Self::NamespaceObject,
        Self::MissingSource,
        Self::BrokenEntry,
        Self::NotIncluded,
        Self::DeprecatedApi,
        Self::MissingBefore,
        Self::EnvironmentsDiffer,
        Self::InvalidIgnore,
    ];

    /// The id, in kebab case.
    pub fn id(self) -> &'static str {
        match self {
            Self::InvalidYaml => "invalid-yaml",
            Self::FloatingTag => "floating-tag",
            Self::TagNotAVersion => "tag-not-a-version",
            Self::Resources => "resources",
            Self::ResourceSize => "resource-size",
            Self::PlainSecret => "plain-secret",
            Self::Name => "name",
            Self::Labels => "labels",
            Self::ProbeTarget => "probe-target",
            Self::MissingProbe => "missing-probe",
            Self::MissingNamespace => "missing-namespace",
            Self::NamespaceObject => "namespace-object",
            Self::MissingSource => "missing-source",
            Self::BrokenEntry => "broken-entry",
            Self::NotIncluded => "not-included",
            Self::DeprecatedApi => "deprecated-api",
            Self::MissingBefore => "missing-before",
            Self::EnvironmentsDiffer => "environments-differ",
            Self::InvalidIgnore => "invalid-ignore",
        }
    }

    /// How severe a finding is, unless the configuration says otherwise.
    pub fn default_severity(self) -> RuleSeverity {
        match self {
            Self::InvalidYaml
            | Self::FloatingTag
            | Self::PlainSecret
            | Self::BrokenEntry
            | Self::InvalidIgnore => RuleSeverity::Error,
            Self::TagNotAVersion
            | Self::Resources
            | Self::ProbeTarget
            | Self::Name
            | Self::MissingNamespace
            | Self::NamespaceObject
            | Self::MissingSource
            | Self::NotIncluded
            | Self::DeprecatedApi
            | Self::MissingBefore
            | Self::EnvironmentsDiffer => RuleSeverity::Warning,
            Self::ResourceSize | Self::Labels | Self::MissingProbe => RuleSeverity::Note,
        }
    }

    /// What the rule wants and why, in one sentence.
    pub fn reason(self) -> &'static str {
        match self {
            Self::InvalidYaml => "A file that is no YAML is not applied, and Flux stops at its whole folder.",
            Self::FloatingTag => {
                "A tag that moves runs another image after every restart, and cannot be promoted or rolled back."
            }
            Self::TagNotAVersion => "Only a version can be compared, so no newer one is ever found.",
            Self::Resources => {
                "Without requests the scheduler guesses; without limits one service takes the node from the others."
            }
            Self::ResourceSize => "A few standard sizes keep nodes easy to fill.",
            Self::PlainSecret => "Whoever can read the repository can use the credential, for ever.",
            Self::Name => "Names that follow one pattern can be found and paired.",
            Self::Labels => "Selectors, dashboards and cost reports look for these labels.",
            Self::ProbeTarget => "A probe of a port or path that is not there restarts a healthy service.",
            Self::MissingProbe => "Without probes, traffic goes to pods that do not answer.",
            Self::MissingNamespace => "Where it lands depends on who applies it.",
            Self::NamespaceObject => "The first installation fails in a namespace that nothing creates.",
            Self::MissingSource => "A HelmRelease without its chart source is never installed.",
            Self::BrokenEntry => "Flux applies nothing of the folder until the entry is corrected.",
            Self::NotIncluded => "The file looks as if it ran, and is never applied.",
            Self::DeprecatedApi => "A later version of Flux or Kubernetes no longer serves it.",
            Self::MissingBefore => "What does not run in the environment before cannot soak there.",
            Self::EnvironmentsDiffer => "What soaked is then not what ships.",
            Self::InvalidIgnore => "A reader must know why a finding is accepted.",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        Self::ALL.into_iter().find(|rule| rule.id() == text).ok_or(UnknownRule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_an_id_of_its_own_that_is_read_back() {
        for rule in Rule::ALL {
            assert_eq!(rule.id().parse(), Ok(rule));
        }
        assert_eq!("latest".parse::<Rule>(), Err(UnknownRule));
    }
}
