//! The format of control files. Owns the names and descriptions of the keys; must not know
//! which values are valid.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The common keys of every control file.
#[derive(Clone, Debug)]
pub(super) struct NoteText {
    pub(super) reason: String,
    pub(super) by: String,
    pub(super) at: String,
    pub(super) expires: Option<String>,
}

/// A kind of control file: its own keys, and those that all have. (`flatten` would let unknown keys pass.)
macro_rules! form {
    ($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, Serialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(super) struct $name {
            /// The kind of control file.
            #[schemars(extend("const" = stringify!($name)))]
            pub(super) kind: String,
            $($(#[$meta])* pub(super) $field: $type,)*
            /// Why: one line of 1 to 300 characters. Shown wherever the control is the reason for a closed gate.
            pub(super) reason: String,
            /// Who: one line of 1 to 200 characters.
            pub(super) by: String,
            /// When it was written, as RFC 3339 has it.
            #[schemars(extend("examples" = ["2026-11-24T09:00:00Z"]))]
            pub(super) at: String,
            /// When it expires (RFC 3339). Without it, it counts until the file is removed.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schemars(extend("examples" = ["2026-11-25T09:00:00-03:00"]))]
            pub(super) expires: Option<String>,
        }

        impl $name {
            pub(super) fn note(&self) -> NoteText {
                NoteText {
                    reason: self.reason.clone(),
                    by: self.by.clone(),
                    at: self.at.clone(),
                    expires: self.expires.clone(),
                }
            }
        }
    };
}

form! {
    /// Nothing is promoted while it is in force.
    Hold {
        /// The services that are held: a name, or a glob over `namespace/name`. Without it, all.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(extend("examples" = ["common/graphql-server", "mobile-*/*"]))]
        service: Option<String>,
        /// The environments in which they are held. Without it, all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[schemars(extend("examples" = [["prod"]]))]
        environments: Vec<String>,
    }
}

form! {
    /// Only some versions are promoted while it is in force. Running versions stay.
    Pin {
        /// The services that are pinned: a name, or a glob over `namespace/name`.
        #[schemars(extend("examples" = ["common/graphql-server"]))]
        service: String,
        /// The environments in which they are pinned. Without it, all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        environments: Vec<String>,
        /// The versions that may be promoted: one, or a range in the syntax of Flux (Masterminds/semver).
        #[schemars(extend("examples" = ["1.0.176", "~1.0"]))]
        versions: String,
    }
}

form! {
    /// A version is bad, in every environment.
    Quarantine {
        /// The service: a name, or a glob over `namespace/name`.
        #[schemars(extend("examples" = ["common/graphql-server"]))]
        service: String,
        /// The version: a tag.
        #[schemars(extend("examples" = ["v1.0.180"]))]
        version: String,
    }
}

form! {
    /// An approval of one image for one environment.
    Approval {
        /// The service, as `namespace/name`.
        #[schemars(extend("examples" = ["common/graphql-server"]))]
        service: String,
        /// The environment that it may go to.
        #[schemars(extend("examples" = ["prod"]))]
        environment: String,
        /// The tag that was approved.
        #[schemars(extend("examples" = ["v1.0.180"]))]
        version: String,
        /// The image that the tag meant then. Another one under the same tag is not approved.
        #[schemars(extend("pattern" = "^sha256:[0-9a-f]{64}$"))]
        digest: String,
    }
}

form! {
    /// Nothing is promoted from one time to another.
    Freeze {
        /// Its name.
        #[schemars(extend("examples" = ["launch week"]))]
        name: String,
        /// The services that are frozen: a name, or a glob over `namespace/name`. Without it, all.
        #[serde(skip_serializing_if = "Option::is_none")]
        service: Option<String>,
        /// The environments that are frozen. Without it, all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        environments: Vec<String>,
        /// When it begins: a date and a time of day in the configured `timezone`, without an offset.
        #[schemars(extend("examples" = ["2026-12-18T00:00"]))]
        from: String,
        /// When it ends, likewise.
        #[schemars(extend("examples" = ["2027-01-04T00:00"]))]
        to: String,
    }
}

/// The readable parts of any control file, valid or not.
#[derive(Debug, Default)]
pub(super) struct Glimpse {
    pub(super) kind: Option<String>,
    pub(super) service: Option<String>,
    pub(super) environments: Vec<String>,
}

impl Glimpse {
    /// Reads what is readable. Even invalid YAML may have a line with its kind.
    pub(super) fn of(text: &str) -> Self {
        let Ok(serde_yaml::Value::Mapping(mapping)) = serde_yaml::from_str(text) else {
            let line = text.lines().find_map(|line| line.strip_prefix("kind:"));
            let kind = line.map(|kind| kind.trim().trim_matches(['"', '\'']).to_owned());
            return Self { kind, ..Self::default() };
        };
        let string = |key: &str| mapping.get(key).and_then(|value| value.as_str()).map(str::to_owned);
        let listed = mapping.get("environments").and_then(|value| value.as_sequence());
        let listed = listed.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned));
        let environments = listed.chain(string("environment")).collect();
        Self { kind: string("kind"), service: string("service"), environments }
    }
}
