//! What holds for one service: the overrides that match it, in order, and the defaults. Knows no YAML.
//!
//! Each key is taken from the first override that matches the service and sets it. Every glob is compiled once, and all
//! of them are tried at once, so that ten thousand services cost little.

use std::collections::BTreeMap;
use std::time::Duration;

use globset::GlobSet;

use super::changelog::ServiceSource;
use super::compile::{TagPattern, VersionRange};
use super::settings::Environment;
use crate::model::{EnvironmentName, ImageName, ServiceName};

/// What holds for every service, and the overrides.
#[derive(Clone, Debug)]
pub(super) struct Services {
    pub(super) defaults: Defaults,
    pub(super) overrides: Vec<Override>,
    /// The `match` globs of the overrides, in their order.
    pub(super) matches: GlobSet,
}

/// What holds for every service unless something says otherwise.
#[derive(Clone, Debug)]
pub(super) struct Defaults {
    pub(super) versions: VersionRange,
    pub(super) tag_pattern: Option<TagPattern>,
    pub(super) images: Option<GlobSet>,
}

/// What holds for the services that match.
#[derive(Clone, Debug)]
pub(super) struct Override {
    pub(super) versions: Option<VersionRange>,
    pub(super) tag_pattern: Option<TagPattern>,
    pub(super) images: Option<GlobSet>,
    pub(super) soak: BTreeMap<EnvironmentName, Duration>,
    pub(super) source: Option<ServiceSource>,
    pub(super) ignore: Option<bool>,
}

impl Services {
    pub(super) fn settings_of(&self, name: &ServiceName) -> ServiceSettings<'_> {
        // The set tells the places in ascending order, which is the order of precedence.
        let places = self.matches.matches(name.to_string());
        let overrides = places.into_iter().filter_map(|place| self.overrides.get(place)).collect();
        ServiceSettings { defaults: &self.defaults, overrides }
    }
}

/// What holds for one service.
#[derive(Clone, Debug)]
pub struct ServiceSettings<'a> {
    defaults: &'a Defaults,
    overrides: Vec<&'a Override>,
}

/// A setting, and whether it wins over a Flux ImagePolicy or gives way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting<T> {
    /// Set by an override: it wins.
    Override(T),
    /// The default: it gives way.
    Default(T),
}

impl<T> Setting<T> {
    /// The value, whoever set it.
    pub fn value(self) -> T {
        match self {
            Self::Override(value) | Self::Default(value) => value,
        }
    }
}

impl<'a> ServiceSettings<'a> {
    /// The versions that may be promoted.
    pub fn versions(&self) -> Setting<&'a VersionRange> {
        self.first(|entry| entry.versions.as_ref())
            .map_or(Setting::Default(&self.defaults.versions), Setting::Override)
    }

    /// How a tag holds its version; without it, the tag is the version.
    pub fn tag_pattern(&self) -> Option<Setting<&'a TagPattern>> {
        let overridden = self.first(|entry| entry.tag_pattern.as_ref()).map(Setting::Override);
        overridden.or(self.defaults.tag_pattern.as_ref().map(Setting::Default))
    }

    /// Whether this image of the service is managed.
    pub fn manages(&self, image: &ImageName) -> bool {
        let images = self.first(|entry| entry.images.as_ref()).or(self.defaults.images.as_ref());
        images.is_none_or(|globs| globs.is_match(image.to_string()))
    }

    /// Where the service's source is, as far as the configuration says.
    pub fn source(&self) -> Option<&'a ServiceSource> {
        self.first(|entry| entry.source.as_ref())
    }

    /// Whether the service is left alone.
    pub fn is_ignored(&self) -> bool {
        self.first(|entry| entry.ignore.as_ref()).copied().unwrap_or(false)
    }

    /// How long a version soaks before it may come to `environment`.
    pub fn soak_before(&self, environment: &Environment) -> Duration {
        self.first(|entry| entry.soak.get(&environment.name)).copied().unwrap_or(environment.soak)
    }

    fn first<T>(&self, key: impl Fn(&'a Override) -> Option<&'a T>) -> Option<&'a T> {
        self.overrides.iter().find_map(|entry| key(entry))
    }
}
