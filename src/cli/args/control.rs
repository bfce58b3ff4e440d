//! The arguments of the commands that write and remove control files.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::cli::moment::{self, Moment};
use crate::control::Kind;
use crate::model::{Digest, EnvironmentName, ImageName, Tag};
use crate::policy::Range;

/// Why, and how it is gone about.
#[derive(Debug, Args)]
pub(crate) struct Saying {
    /// Why, in one line; it is told wherever the control is the reason of something
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) going: Going,
}

/// How a change of control files is gone about.
#[derive(Debug, Args)]
pub(crate) struct Going {
    /// Don't ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show the files that would be written or removed, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Hold {
    /// The service, as namespace/name, or a pattern such as 'mobile-*/*'; without it, all
    pub(crate) service: Option<String>,
    /// Only in this environment; can be given again. Without it, in all
    #[arg(long = "env", alias = "in", value_name = "ENVIRONMENT", value_delimiter = ',')]
    pub(crate) environments: Vec<EnvironmentName>,
    /// Hold all services, and don't ask
    #[arg(long, conflicts_with = "service")]
    pub(crate) all: bool,
    /// From when on it no longer counts: 4h, 3d, 2026-12-01, 2026-12-01T09:00 (in the configured timezone)
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    pub(crate) expires: Option<Moment>,
    /// Also when there is no such service (yet)
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) saying: Saying,
}

#[derive(Debug, Args)]
pub(crate) struct Pin {
    /// The service, as namespace/name, or a pattern such as 'mobile-*/*'
    pub(crate) service: String,
    /// What may still come: a version, or a range such as '~1.0'; without it, only what runs
    pub(crate) versions: Option<Range>,
    /// Only in this environment; can be given again. Without it, in all
    #[arg(long = "env", alias = "in", value_name = "ENVIRONMENT", value_delimiter = ',')]
    pub(crate) environments: Vec<EnvironmentName>,
    /// From when on it no longer counts: 4h, 3d, 2026-12-01, 2026-12-01T09:00 (in the configured timezone)
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    pub(crate) expires: Option<Moment>,
    /// Also when there is no such service (yet)
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) saying: Saying,
}

#[derive(Debug, Args)]
pub(crate) struct Quarantine {
    /// The service, as namespace/name, or a pattern such as 'mobile-*/*'
    pub(crate) service: String,
    /// The version that is bad: a tag
    pub(crate) version: Tag,
    /// From when on it no longer counts: 4h, 3d, 2026-12-01, 2026-12-01T09:00 (in the configured timezone)
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    pub(crate) expires: Option<Moment>,
    /// Also when there is no such service or no such tag (yet)
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) saying: Saying,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// The services, as namespace/name, or patterns such as 'mobile-*/*'
    #[arg(required = true, value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// The environment that it may go to; can be given again
    #[arg(long = "env", alias = "to", value_name = "ENVIRONMENT", value_delimiter = ',', required = true)]
    pub(crate) environments: Vec<EnvironmentName>,
    /// The tag; without it, the one that would come next
    #[arg(long)]
    pub(crate) tag: Option<Tag>,
    /// The image, for a service that has several
    #[arg(long)]
    pub(crate) image: Option<ImageName>,
    /// The image that you looked at: nothing is approved if the tag means another one
    #[arg(long, value_name = "SHA")]
    pub(crate) digest: Option<Digest>,
    /// From when on it no longer counts: 4h, 3d, 2026-12-01, 2026-12-01T09:00 (in the configured timezone)
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    pub(crate) expires: Option<Moment>,
    /// Why, in one line
    #[arg(long, value_name = "TEXT", default_value = "approved by hand")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) going: Going,
}

#[derive(Debug, Args)]
pub(crate) struct Freeze {
    /// What people call it
    pub(crate) name: String,
    /// Only these services: a name or a pattern; without it, all
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Only this environment; can be given again. Without it, all
    #[arg(long = "env", alias = "in", value_name = "ENVIRONMENT", value_delimiter = ',')]
    pub(crate) environments: Vec<EnvironmentName>,
    /// Freeze all services in all environments, and don't ask
    #[arg(long, conflicts_with_all = ["service", "environments"])]
    pub(crate) all: bool,
    /// When it begins: 2026-12-18, 2026-12-18T18:00 (in the configured timezone), or in how long; without it, now
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    pub(crate) from: Option<Moment>,
    /// When it ends, likewise; a length of time is counted from its beginning
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    pub(crate) to: Moment,
    /// Also when there is no such service (yet)
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) saying: Saying,
}

#[derive(Debug, Args)]
pub(crate) struct Release {
    /// The service or pattern, as the control file names it; without it, the files that name none
    pub(crate) service: Option<String>,
    /// Only this kind of control file; can be given again
    #[arg(long = "kind", value_name = "KIND", value_parser = kind_parser(), value_delimiter = ',')]
    pub(crate) kinds: Vec<Kind>,
    /// Only those of just this environment; can be given again for those of just these
    #[arg(long = "env", alias = "in", value_name = "ENVIRONMENT", value_delimiter = ',')]
    pub(crate) environments: Vec<EnvironmentName>,
    /// Only quarantines and approvals of this version
    #[arg(long, value_name = "TAG")]
    pub(crate) version: Option<Tag>,
    /// The freeze with this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["kinds", "version"])]
    pub(crate) freeze: Option<String>,
    /// Every control file that no longer counts
    #[arg(long, conflicts_with_all = ["service", "kinds", "environments", "version", "freeze"])]
    pub(crate) expired: bool,
    #[command(flatten)]
    pub(crate) going: Going,
}

fn kind_parser() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::as_word)).try_map(|word| {
        Kind::ALL.into_iter().find(|kind| kind.as_word() == word).ok_or("there is no such kind")
    })
}
