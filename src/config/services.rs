//! The settings of one service, from the overrides that match it and the defaults. Knows no YAML.
//!
//! The first override that matches the service and sets a key decides that key. One `GlobSet` holds all `match` globs, so
//! that ten thousand services cost little.

use std::collections::BTreeMap;
use std::time::Duration;

use globset::GlobSet;

use super::changelog::ServiceSource;
use super::compile::{TagPattern, VersionRange};
use super::environment::Environment;
use crate::model::{EnvironmentName, ImageName, ServiceName};
use crate::policy::TagOrder;

/// The `services` section.
#[derive(Clone, Debug)]
pub(super) struct Services {
    pub(super) defaults: Defaults,
    pub(super) overrides: Vec<Override>,
    /// The `match` globs of the overrides, in their order.
    pub(super) matches: GlobSet,
}

#[derive(Clone, Debug)]
pub(super) struct Defaults {
    pub(super) versions: VersionRange,
    pub(super) tag_pattern: Option<TagPattern>,
    pub(super) order: Option<TagOrder>,
    pub(super) minimum_age: Option<Duration>,
    pub(super) images: Option<GlobSet>,
    pub(super) charts: Option<VersionRange>,
}

#[derive(Clone, Debug)]
pub(super) struct Override {
    pub(super) versions: Option<VersionRange>,
    pub(super) tag_pattern: Option<TagPattern>,
    pub(super) order: Option<TagOrder>,
    pub(super) minimum_age: Option<Duration>,
    pub(super) images: Option<GlobSet>,
    pub(super) charts: Option<VersionRange>,
    pub(super) soak: BTreeMap<EnvironmentName, Duration>,
    pub(super) source: Option<ServiceSource>,
    pub(super) ignore: Option<bool>,
}

impl Services {
    pub(super) fn settings_of(&self, name: &ServiceName) -> ServiceSettings<'_> {
        // A `GlobSet` returns ascending indexes, which is the order of precedence.
        let indexes = self.matches.matches(name.to_string());
        let overrides = indexes.into_iter().filter_map(|index| self.overrides.get(index)).collect();
        ServiceSettings { defaults: &self.defaults, overrides }
    }
}

/// The settings of one service.
#[derive(Clone, Debug)]
pub struct ServiceSettings<'a> {
    defaults: &'a Defaults,
    overrides: Vec<&'a Override>,
}

/// A setting, and whether it takes precedence over a Flux ImagePolicy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting<T> {
    /// From an override: takes precedence.
    Override(T),
    /// From the defaults: the ImagePolicy takes precedence.
    Default(T),
}

impl<T> Setting<T> {
    /// The value, whatever its origin.
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

    /// How to read the version from a tag; without it, the tag is the version.
    pub fn tag_pattern(&self) -> Option<Setting<&'a TagPattern>> {
        let overridden = self.first(|entry| entry.tag_pattern.as_ref()).map(Setting::Override);
        overridden.or(self.defaults.tag_pattern.as_ref().map(Setting::Default))
    }

    /// What orders the tags.
    pub fn order(&self) -> Setting<TagOrder> {
        let overridden = self.first(|entry| entry.order.as_ref()).copied().map(Setting::Override);
        overridden.unwrap_or(Setting::Default(self.defaults.order.unwrap_or_default()))
    }

    /// How long ago an image must have been first seen before it may come to `environment`.
    pub fn minimum_age(&self, environment: &Environment) -> Duration {
        let overridden = self.first(|entry| entry.minimum_age.as_ref()).copied();
        overridden.or(environment.minimum_age).or(self.defaults.minimum_age).unwrap_or_default()
    }

    /// Whether Tidegate promotes this image of the service.
    pub fn manages(&self, image: &ImageName) -> bool {
        let images = self.first(|entry| entry.images.as_ref()).or(self.defaults.images.as_ref());
        images.is_none_or(|globs| globs.is_match(image.to_string()))
    }

    /// The versions of charts that may be promoted; none where charts are left alone.
    pub fn charts(&self) -> Option<&'a VersionRange> {
        self.first(|entry| entry.charts.as_ref()).or(self.defaults.charts.as_ref())
    }

    /// The source repository, if an override names one.
    pub fn source(&self) -> Option<&'a ServiceSource> {
        self.first(|entry| entry.source.as_ref())
    }

    /// Whether Tidegate leaves the service alone.
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
