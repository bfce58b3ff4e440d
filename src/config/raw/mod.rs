//! The shape of the configuration file: its keys and their documentation, from which the JSON Schema and the reference are
//! generated. Does not know which values are valid.

mod changelog;
mod check;
mod cluster;
mod environment;
mod field;
mod flux;
mod git;
mod notifications;
mod registry;
mod server;
mod service;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::location::Located;
pub(super) use changelog::{
    Changelog, CommitsBy, Forge, Releases, ServiceSource, SourceHost, Template, Tickets,
};
pub(super) use check::{Check, ContainerSize, RuleSetting};
pub(super) use cluster::{Cluster, Clusters};
pub(super) use environment::{
    Approval, Day, Delivery, Environment, Freeze, MergeMethod, OnFailure, RequestGroup, Window,
};
pub(super) use field::Field;
pub(super) use flux::FluxReceiver;
pub(super) use git::{
    Auth, Author, Batch, ForgeSection, Git, GithubApp, Signing, SshAgent, SshKey, Token, Verify,
};
pub(super) use notifications::{Channel, ChatWebhook, Email, EmailTls, GithubChannel, Report, Webhook};
pub(super) use registry::{Credentials, RateLimit, Registry};
pub(super) use server::{Access, Server, ServerTls, WebhookSecret, Webhooks};
pub(super) use service::{Charts, Entries, Override, ServiceDefaults, Services, TagOrder};

/// The configuration of Tidegate: one YAML file, `config/tidegate.yaml` unless `--config` or `TIDEGATE_CONFIG` names
/// another. Unknown keys are errors.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Tidegate configuration")]
pub(super) struct File {
    /// When the daemon looks for new versions: a Unix cron expression of five fields, or six with the seconds first; 0 and
    /// 7 are Sunday, names are allowed. The daemon also wakes up when a gate opens.
    #[schemars(extend("default" = "* * * * *", "examples" = ["*/5 * * * *"]))]
    pub(super) schedule: Option<Located<String>>,

    /// The IANA time zone of the schedule, windows and freezes.
    #[schemars(extend("default" = "UTC", "examples" = ["America/Santiago"]))]
    pub(super) timezone: Option<Located<String>>,

    /// The GitOps repository.
    pub(super) git: Git,

    /// Where pull requests are opened, for environments with `delivery: pullRequest`.
    pub(super) forge: Option<Located<ForgeSection>>,

    /// Registries that need more than anonymous HTTPS.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(super) registries: Vec<Registry>,

    /// The environments: folders of the repository, in chains through `after`.
    pub(super) environments: Located<Vec<Environment>>,

    /// Files that are never read: globs of paths from the root of the repository. `*` matches within one path segment, `**`
    /// across segments.
    #[schemars(extend("examples" = [["clusters/*/tests/**"]]))]
    pub(super) exclude: Option<Located<Vec<Located<String>>>>,

    /// Fields that hold a version where Tidegate does not look by itself.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(super) fields: Vec<Field>,

    /// Platforms that an image must have: an index or an image without one of them is no candidate, and the next lower version
    /// that has all of them comes instead. Without it, any platform will do.
    #[schemars(extend("examples" = [["linux/amd64", "linux/arm64"]]))]
    pub(super) platforms: Option<Located<Vec<Located<String>>>>,

    /// Periods in which nothing is promoted.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(super) freezes: Vec<Freeze>,

    /// Which versions and images Tidegate promotes.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) services: Services,

    /// Groups of services that ship together: after the first environment of a chain they are promoted only in the exact
    /// combination of versions and digests that soaked together, in one commit, or not at all.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(super) groups: Vec<Group>,

    /// Changelogs: what changed between two images.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) changelog: Changelog,

    /// Notification channels: promotions and rollbacks as they happen, lasting conditions when they begin and when they end.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(extend("default" = []))]
    pub(super) notifications: Vec<Channel>,

    /// Changelog templates by name, for `tidegate changelog --template NAME`.
    pub(super) templates: Option<Entries<Template>>,

    /// How the soak is counted. `continuous` counts an unbroken run of the version in the previous environment. `elapsed`
    /// keeps counting after a newer version replaced it there, unless it was rolled back. `train` counts like `continuous`,
    /// and the previous environment takes no newer version until the soaking one is promoted, so that frequent releases
    /// cannot starve the later environment; a freeze or a hold of the later environment then holds the earlier one too.
    #[schemars(extend("default" = "continuous"))]
    pub(super) soak_mode: Option<SoakMode>,

    /// Control files under `.tidegate/` in the repository.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) control_files: ControlFiles,

    /// Tolerance for the clocks of committers: the soak of a commit counts from a fetch without it if it claims to be older
    /// than that fetch by more than this.
    #[schemars(extend("default" = "10m"))]
    pub(super) clock_tolerance: Option<Located<DurationText>>,

    /// How often the daemon logs that its passes succeed; `0s` for never.
    #[schemars(extend("default" = "1h"))]
    pub(super) heartbeat: Option<Located<DurationText>>,

    /// Where observations and the history index are stored.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) store: Store,

    /// The conventions that `tidegate check` applies.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) check: Check,

    /// The HTTP server of `tidegate run`: the board, the API, health, metrics and webhooks. Without it, nothing listens.
    pub(super) server: Option<Located<Server>>,
}

/// Reads a key without a value, for example one with everything below it commented out, as its default.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Services that ship together.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Group {
    /// The name, which reports use.
    #[schemars(extend("examples" = ["checkout"]))]
    pub(super) name: Located<String>,
    /// The services: names or globs of `namespace/name`.
    #[schemars(length(min = 1), extend("examples" = [["common/cart", "common/payments"]]))]
    pub(super) services: Located<Vec<Located<String>>>,
}

/// Control files under `.tidegate/` in the repository.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ControlFiles {
    /// Remove control files that are no longer in force, by a commit. They have no effect either way.
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

/// Where observations and the history index are stored.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Store {
    /// `sqlite://` and the absolute path of the database file, which Tidegate creates. Without it, `tidegate.db` in the first
    /// of these folders whose variable is set: `$STATE_DIRECTORY` (by systemd), `$XDG_STATE_HOME/tidegate`,
    /// `$HOME/.local/state/tidegate`. `postgres://` is refused in this version.
    #[schemars(extend("examples" = ["sqlite:///var/lib/tidegate/tidegate.db"]))]
    pub(super) url: Option<Located<String>>,

    /// How long the database keeps what no decision needs: promotions that ended, labels of images, and first sights of tags
    /// that left their registry. At least `30d`.
    #[schemars(extend("default" = "365d"))]
    pub(super) retention: Option<Located<DurationText>>,
}

// Strings with a format. They stay strings here, so that `check` can report every invalid one at once; the schema has the
// format for editors.
macro_rules! string_format {
    ($(#[$meta:meta])* $name:ident) => {
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        $(#[$meta])*
        #[serde(transparent)]
        pub(in crate::config) struct $name(pub(in crate::config) String);
    };
}

string_format! {
    /// A duration: whole numbers with the units `d`, `h`, `m` and `s`, the largest first, at most 365 days.
    #[schemars(
        rename = "Duration",
        extend("pattern" = "^([0-9]+[dhms])+$", "examples" = ["24h", "1h30m", "5s"])
    )]
    DurationText
}

string_format! {
    /// A time of day, `HH:MM`, from `00:00` to `24:00`.
    #[schemars(
        rename = "TimeOfDay",
        extend("pattern" = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "examples" = ["09:00"])
    )]
    TimeOfDayText
}

string_format! {
    /// A date and a time of day in the configured `timezone`, without an offset.
    #[schemars(extend(
        "pattern" = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$",
        "examples" = ["2026-12-18T00:00"]
    ))]
    LocalDateTime
}

string_format! {
    /// The absolute path of a file.
    #[schemars(extend("pattern" = "^/", "examples" = ["/etc/tidegate/file"]))]
    FilePath
}
