//! Which HelmReleases and Flux Kustomizations a patch changes.

use regex::{Regex, RegexBuilder};

use crate::manifest::PatchTarget;
use crate::model::ServiceName;

const KIND: &str = "HelmRelease";
const KUSTOMIZATION: &str = "Kustomization";

/// Tells the HelmReleases that a patch changes from others.
#[derive(Debug)]
pub(super) struct Matcher {
    name: Part,
    namespace: Part,
}

/// What a part of a name must be.
#[derive(Debug)]
enum Part {
    Any,
    None,
    Text(String),
    Expression(Regex),
}

impl Matcher {
    /// A matcher for a patch with this target, or else for the name that the patch itself has.
    pub(super) fn of(target: Option<&PatchTarget>, written: Option<&ServiceName>) -> Self {
        match (target, written) {
            (Some(target), _) if !Part::expression(target.kind.as_deref()).matches(KIND) => {
                Self { name: Part::None, namespace: Part::None }
            }
            (Some(PatchTarget { name, namespace, .. }), _) => Self {
                name: Part::expression(name.as_deref()),
                namespace: Part::expression(namespace.as_deref()),
            },
            (None, Some(written)) => Self {
                name: Part::Text(written.name().to_owned()),
                namespace: if written.has_namespace() {
                    Part::Text(written.namespace().to_owned())
                } else {
                    Part::Any
                },
            },
            (None, None) => Self { name: Part::None, namespace: Part::None },
        }
    }

    /// A matcher for Flux Kustomizations, by the target that names their kind, or by the names in the patch itself.
    pub(super) fn of_kustomizations(target: Option<&PatchTarget>, written: &str) -> Self {
        let name = match target {
            Some(PatchTarget { kind: Some(kind), name, .. }) if kind == KUSTOMIZATION => {
                Part::expression(name.as_deref())
            }
            Some(_) => Part::None,
            None => Part::Text(written.to_owned()),
        };
        Self { name, namespace: Part::Any }
    }

    /// Whether the patch changes the object of this name, in any namespace.
    pub(super) fn matches_name(&self, name: &str) -> bool {
        self.name.matches(name)
    }

    /// The name, where only one matches.
    pub(super) fn only_name(&self) -> Option<ServiceName> {
        match (&self.name, &self.namespace) {
            (Part::Text(name), Part::Text(namespace)) => ServiceName::new(namespace, name).ok(),
            (Part::Text(name), _) => ServiceName::without_namespace(name).ok(),
            _ => None,
        }
    }

    /// Whether the patch changes the HelmRelease of this name. One without a namespace gets it elsewhere, so any may be meant.
    pub(super) fn matches(&self, service: &ServiceName) -> bool {
        self.name.matches(service.name())
            && (!service.has_namespace() || self.namespace.matches(service.namespace()))
    }
}

impl Part {
    /// A regular expression for the whole text.
    fn expression(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::Any };
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Self::Text(text.to_owned());
        }
        let whole = format!("^(?:{text})$");
        let expression = RegexBuilder::new(&whole).size_limit(1 << 16).dfa_size_limit(1 << 16).build();
        expression.map_or(Self::None, Self::Expression)
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::None => false,
            Self::Text(own) => own == text,
            Self::Expression(expression) => expression.is_match(text),
        }
    }
}
