//! The shape of the `fields` section.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::location::Located;

/// A field that holds a version where Tidegate does not look by itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Field {
    /// The files: a glob of paths from the root of the repository. `*` matches within one path segment, `**` across segments.
    #[schemars(extend("examples" = ["clusters/*/vars.yaml"]))]
    pub(in crate::config) files: Located<String>,

    /// The end of the path to the value: keys, and `[key=value]` for the item of a list in which a key has that value. It must
    /// lead to exactly one value of each file. The value is a tag, a whole reference, or a Flux variable with one of these as
    /// its default, such as `${VERSION:=v1.0.0}`.
    #[schemars(extend("examples" = ["postBuild.substitute.APP_VERSION", "env[name=VERSION].value", "data[\"app.version\"]"]))]
    pub(in crate::config) at: Located<String>,

    /// The image whose tag it is.
    #[schemars(extend("examples" = ["ghcr.io/vtr/app"]))]
    pub(in crate::config) image: Located<String>,

    /// The service that it belongs to. Without it, the one that the `metadata` of the object names.
    #[schemars(extend("examples" = ["common/app"]))]
    pub(in crate::config) service: Option<Located<String>>,
}
