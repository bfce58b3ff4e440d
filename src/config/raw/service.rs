//! The shape of the `services` section.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::changelog::ServiceSource;
use super::{DurationText, or_default};
use crate::config::location::Located;

/// Which versions and images are managed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Services {
    /// What holds for every service, unless an override or a Flux ImagePolicy says otherwise.
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::config) defaults: ServiceDefaults,

    /// What holds for some services. Each key is taken from the first override that matches the service and sets it;
    /// an override wins over a Flux ImagePolicy, and that over `defaults`.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) overrides: Vec<Located<Override>>,
}

/// What holds for every service, unless an override or a Flux ImagePolicy says otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ServiceDefaults {
    /// The range of versions that may be promoted, as Masterminds/semver and Flux read it.
    #[schemars(extend("default" = "*", "examples" = [">=1.0.0"]))]
    pub(in crate::config) versions: Option<Located<String>>,

    /// A regular expression that a tag must match, with a group named `version` that holds its semantic version.
    /// Without it, the tag is the version.
    pub(in crate::config) tag_pattern: Option<Located<String>>,

    /// The images that are managed: globs over names such as `ghcr.io/vtr/app`, where `*` stays within one part and
    /// `**` does not. Without it, all.
    #[schemars(length(min = 1), extend("examples" = [["ghcr.io/vtr/*"]]))]
    pub(in crate::config) images: Option<Located<Vec<Located<String>>>>,
}

/// What holds for the services that match.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Override {
    /// The services: a glob over `namespace/name`, where `*` stays within one part.
    #[serde(rename = "match")]
    #[schemars(extend("examples" = ["common/graphql-server", "mobile-*/*"]))]
    pub(in crate::config) matches: Located<String>,

    /// The range of versions that may be promoted.
    #[schemars(extend("examples" = ["~1.0"]))]
    pub(in crate::config) versions: Option<Located<String>>,

    /// A regular expression that a tag must match, with a group named `version`.
    #[schemars(extend("examples" = [r"^(?P<version>v\d+\.\d+\.\d+)-mobile$"]))]
    pub(in crate::config) tag_pattern: Option<Located<String>>,

    /// The images that are managed, as globs.
    #[schemars(length(min = 1))]
    pub(in crate::config) images: Option<Located<Vec<Located<String>>>>,

    /// The soak by environment, instead of the environment's own.
    #[schemars(extend("examples" = [{"prod": "4h"}]))]
    pub(in crate::config) soak: Option<Entries<DurationText>>,

    /// Where their source is, for changelogs.
    pub(in crate::config) source: Option<ServiceSource>,

    /// Whether these services are left alone.
    #[schemars(extend("default" = false))]
    pub(in crate::config) ignore: Option<bool>,
}

/// A mapping that keeps where its keys are and the order they were written in.
#[derive(Debug)]
pub(in crate::config) struct Entries<T>(pub(in crate::config) Vec<(Located<String>, Located<T>)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("MapOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<T>() })
    }
}
