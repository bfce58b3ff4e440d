//! The names and globs in the configuration that must match something in the repository.

use globset::GlobMatcher;

use super::location::Located;
use crate::model::{ImageName, ServiceName};

/// A name or glob that must match something: a mistyped one would silently set nothing.
#[derive(Clone, Debug)]
pub struct ConfiguredName {
    /// The key, such as `services.overrides[].match`.
    pub key: &'static str,
    /// The line in the configuration file.
    pub line: u32,
    /// The name or glob as written.
    pub text: String,
    matcher: NameMatcher,
}

#[derive(Clone, Debug)]
enum NameMatcher {
    Services(GlobMatcher),
    /// Images, of the services that match.
    Images {
        images: GlobMatcher,
        services: Option<GlobMatcher>,
    },
}

impl ConfiguredName {
    pub(super) fn services(key: &'static str, text: &Located<String>, glob: GlobMatcher) -> Self {
        Self { key, line: text.at.line, text: text.value.clone(), matcher: NameMatcher::Services(glob) }
    }

    pub(super) fn images(
        key: &'static str,
        text: &Located<String>,
        images: GlobMatcher,
        services: Option<GlobMatcher>,
    ) -> Self {
        let matcher = NameMatcher::Images { images, services };
        Self { key, line: text.at.line, text: text.value.clone(), matcher }
    }

    /// Whether it names images; else services.
    pub fn is_of_images(&self) -> bool {
        matches!(self.matcher, NameMatcher::Images { .. })
    }

    /// Whether it matches this service, or this image of the service.
    pub fn matches(&self, service: &ServiceName, image: Option<&ImageName>) -> bool {
        match &self.matcher {
            NameMatcher::Services(services) => services.is_match(service.to_string()),
            NameMatcher::Images { images, services } => {
                let covers = |services: &GlobMatcher| services.is_match(service.to_string());
                services.as_ref().is_none_or(covers)
                    && image.is_some_and(|image| images.is_match(image.to_string()))
            }
        }
    }
}
