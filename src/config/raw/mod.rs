//! The shape of the configuration file, as it is written. Owns the names of the keys and what is said about them: the
//! JSON Schema and the reference are generated from here. Must not know what makes a value right.

mod changelog;
mod environment;
mod forge;
mod git;
mod registry;
mod service;
mod text;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::location::Located;
pub(super) use changelog::{
    Changelog, CommitsBy, Forge, Releases, ServiceSource, SourceHost, Template, Tickets,
};
pub(super) use environment::{
    Approval, Day, Delivery, Environment, Freeze, MergeMethod, RequestGroup, Window,
};
pub(super) use forge::ForgeSection;
pub(super) use git::{Auth, Author, Batch, Git, GithubApp, Signing, SshAgent, SshKey, Token, Verify};
pub(super) use registry::{Credentials, RateLimit, Registry};
pub(super) use service::{Entries, Override, ServiceDefaults, Services};
pub(super) use text::{DurationText, FilePath, LocalDateTime, TimeOfDayText};

/// The configuration of Tidegate: one YAML file, `config/tidegate.yaml` unless `--config` or `TIDEGATE_CONFIG` names
/// another. Unknown keys are refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Tidegate configuration")]
pub(super) struct File {
    /// When the daemon looks for new versions: a Unix cron expression of five fields, or of six with the seconds
    /// first; 0 and 7 are Sunday, names are allowed. The daemon also wakes when a gate opens.
    #[schemars(extend("default" = "* * * * *", "examples" = ["*/5 * * * *"]))]
    pub(super) schedule: Option<Located<String>>,

    /// The IANA name of the time zone in which the schedule, windows and freezes are read.
    #[schemars(extend("default" = "UTC", "examples" = ["America/Santiago"]))]
    pub(super) timezone: Option<Located<String>>,

    /// The GitOps repository.
    pub(super) git: Git,

    /// Where pull requests are opened, for environments with `delivery: pullRequest`.
    pub(super) forge: Option<Located<ForgeSection>>,

    /// How a registry is reached, for those that need more than anonymous HTTPS.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(super) registries: Vec<Registry>,

    /// The environments: folders of the repository, in chains through `after`.
    pub(super) environments: Located<Vec<Environment>>,

    /// Stretches of time in which nothing is promoted.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(super) freezes: Vec<Freeze>,

    /// Which versions and images are managed.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) services: Services,

    /// Sets of services that ship together: after the first environment of a chain they go only in the exact combination
    /// of versions and digests that soaked together, by one commit, or not at all.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(super) groups: Vec<Group>,

    /// Release changelogs: what changed between two images.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) changelog: Changelog,

    /// Templates of changelogs by their names, for `tidegate changelog --template NAME`.
    pub(super) templates: Option<Entries<Template>>,

    /// How the soak is counted. `continuous` counts only an unbroken run of the version in the environment before.
    /// `elapsed` goes on counting after a newer version replaced it there, unless somebody moved back from it. `train`
    /// is as `continuous`, and the environment before takes no newer version until the one that soaks there has gone
    /// on, so that frequent releases cannot starve what comes after; a freeze or a hold of the later environment holds
    /// the earlier one too.
    #[schemars(extend("default" = "continuous"))]
    pub(super) soak_mode: Option<SoakMode>,

    /// What the daemon does about the control files under `.tidegate/` in the repository.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) control_files: ControlFiles,

    /// How far the time that a commit claims may lie before a fetch that did not have it yet; beyond this, the soak
    /// counts from that fetch.
    #[schemars(extend("default" = "10m"))]
    pub(super) clock_tolerance: Option<Located<DurationText>>,

    /// Where observations and the index are kept.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) store: Store,

    /// The dashboard and the API. Refused in this version: it has no server yet.
    pub(super) server: Option<Located<Server>>,
}

/// A key with nothing after it, as when all below it is commented out, is as good as no key.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A set of services that ship together.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Group {
    /// The name, told as the reason why a promotion waits.
    #[schemars(extend("examples" = ["checkout"]))]
    pub(super) name: Located<String>,
    /// The services: names, or globs over `namespace/name`.
    #[schemars(length(min = 1), extend("examples" = [["common/cart", "common/payments"]]))]
    pub(super) services: Located<Vec<Located<String>>>,
}

/// What the daemon does about the control files under `.tidegate/` in the repository.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ControlFiles {
    /// Whether those that no longer count are removed, by a commit. They are ignored all the same.
    #[schemars(extend("default" = false))]
    pub(super) sweep_expired: Option<bool>,
}

/// How the soak is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum SoakMode {
    Continuous,
    Elapsed,
    Train,
}

/// Where observations and the index are kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Store {
    /// `sqlite://` and the absolute path of the database file, which is made when it does not exist. Without it, the
    /// file is `tidegate.db` in the first of these folders that can be told: `$STATE_DIRECTORY` (set by systemd),
    /// `$XDG_STATE_HOME/tidegate`, `$HOME/.local/state/tidegate`. `postgres://` is refused in this version.
    #[schemars(extend("examples" = ["sqlite:///var/lib/tidegate/tidegate.db"]))]
    pub(super) url: Option<Located<String>>,
}

/// The dashboard and the API. Refused in this version: it has no server yet.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Server {
    /// The address and the port to listen on. Refused in this version.
    #[expect(dead_code, reason = "the key is known so that it is refused by name, not as an unknown one")]
    #[schemars(extend("examples" = ["127.0.0.1:8080"]))]
    pub(super) listen: Option<String>,
}
