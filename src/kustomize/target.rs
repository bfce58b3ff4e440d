//! Which HelmReleases a patch changes.

use regex::{Regex, RegexBuilder};

use crate::manifest::PatchTarget;
use crate::model::ServiceName;

const KIND: &str = "HelmRelease";

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
