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

/// Which versions and images Tidegate promotes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Services {
    /// Settings of every service; an override or a Flux ImagePolicy takes precedence.
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::config) defaults: ServiceDefaults,

    /// Settings of some services. The first override that matches the service and sets a key decides that key. An override
    /// takes precedence over a Flux ImagePolicy, and that over `defaults`.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(in crate::config) overrides: Vec<Located<Override>>,
}

/// Settings of every service; an override or a Flux ImagePolicy takes precedence.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct ServiceDefaults {
    /// The range of versions to promote, in the syntax of Masterminds/semver, as in Flux.
    #[schemars(extend("default" = "*", "examples" = [">=1.0.0"]))]
    pub(in crate::config) versions: Option<Located<String>>,

    /// A regular expression that a tag must match, with a group named `version` for its semantic version. Without it, the tag
    /// is the version.
    pub(in crate::config) tag_pattern: Option<Located<String>>,

    /// What orders the tags: semantic versions, or the group `version` of `tagPattern` as a number or as text. The descending
    /// orders take the lowest for the newest. Anything but `semver` ignores `versions`.
    #[schemars(extend("default" = "semver"))]
    pub(in crate::config) order: Option<TagOrder>,

    /// How long ago the image must have been first seen in the registry by this Tidegate; a new digest under the tag begins
    /// anew. The dates in the image are not believed.
    #[schemars(extend("examples" = ["3d"]))]
    pub(in crate::config) minimum_age: Option<Located<DurationText>>,

    /// The images to promote: globs of names such as `ghcr.io/vtr/app`. `*` matches within one path segment, `**` across
    /// segments. Without it, all.
    #[schemars(length(min = 1), extend("examples" = [["ghcr.io/vtr/*"]]))]
    pub(in crate::config) images: Option<Located<Vec<Located<String>>>>,

    /// Charts to promote, too: the tags of OCIRepositories, and exact versions of charts from HelmRepositories. Without it, only
    /// those with a Flux setter comment. `images` does not limit charts.
    pub(in crate::config) charts: Option<Charts>,
}

/// Settings of the services that match.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Override {
    /// The services: a glob of `namespace/name`; `*` matches within one part.
    #[serde(rename = "match")]
    #[schemars(extend("examples" = ["common/graphql-server", "mobile-*/*"]))]
    pub(in crate::config) matches: Located<String>,

    /// The range of versions to promote.
    #[schemars(extend("examples" = ["~1.0"]))]
    pub(in crate::config) versions: Option<Located<String>>,

    /// A regular expression that a tag must match, with a group named `version`.
    #[schemars(extend("examples" = [r"^(?P<version>v\d+\.\d+\.\d+)-mobile$"]))]
    pub(in crate::config) tag_pattern: Option<Located<String>>,

    /// What orders the tags: semantic versions, or the group `version` of `tagPattern` as a number or as text. The descending
    /// orders take the lowest for the newest. Anything but `semver` ignores `versions`.
    pub(in crate::config) order: Option<TagOrder>,

    /// How long ago the image must have been first seen in the registry by this Tidegate; a new digest under the tag begins
    /// anew. The dates in the image are not believed.
    #[schemars(extend("examples" = ["3d"]))]
    pub(in crate::config) minimum_age: Option<Located<DurationText>>,

    /// The images to promote, as globs.
    #[schemars(length(min = 1))]
    pub(in crate::config) images: Option<Located<Vec<Located<String>>>>,

    /// Charts to promote, too.
    pub(in crate::config) charts: Option<Charts>,

    /// Whether the chart and the images of the service go on in one commit or not at all, as they soaked together. `match` must
    /// name one service.
    #[schemars(extend("default" = false))]
    pub(in crate::config) together: Option<bool>,

    /// The soak per environment, instead of the environment's own.
    #[schemars(extend("examples" = [{"prod": "4h"}]))]
    pub(in crate::config) soak: Option<Entries<DurationText>>,

    /// Their source repository, for changelogs.
    pub(in crate::config) source: Option<ServiceSource>,

    /// Leave these services alone.
    #[schemars(extend("default" = false))]
    pub(in crate::config) ignore: Option<bool>,
}

/// Which versions of charts are promoted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Charts {
    /// The range of chart versions to promote.
    #[schemars(extend("examples" = ["^1.0"]))]
    pub(in crate::config) versions: Located<String>,
}

/// A mapping that remembers the positions and the order of its keys.
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

/// What orders the tags of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum TagOrder {
    Semver,
    Numeric,
    NumericDescending,
    Alphabetical,
    AlphabeticalDescending,
}
