//! The arguments of the commands that write and remove control files.

use crate::cli::completion;
use crate::policy::ControlKind;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::cli::moment::{self, Moment};
use crate::model::{Digest, EnvironmentName, ImageName, Tag};
use crate::policy::Range;

use super::shared::{Consent, Environments, Expiry, Namespace, Services};

#[derive(Debug, Args)]
pub(crate) struct Hold {
    #[command(flatten)]
    pub(crate) services: Services<false>,
    #[command(flatten)]
    pub(crate) environments: Environments,
    /// Hold every service, without asking
    #[arg(long, conflicts_with_all = ["services", "namespace"])]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) note: Note,
    #[command(flatten)]
    pub(crate) expiry: Expiry,
}

#[derive(Debug, Args)]
pub(crate) struct Pin {
    #[command(flatten)]
    pub(crate) services: Services<true>,
    /// Versions that may still come: a version or a range such as '~1.0' [default: only what runs]
    #[arg(long, value_name = "RANGE")]
    pub(crate) versions: Option<Range>,
    #[command(flatten)]
    pub(crate) environments: Environments,
    #[command(flatten)]
    pub(crate) note: Note,
    #[command(flatten)]
    pub(crate) expiry: Expiry,
}

#[derive(Debug, Args)]
pub(crate) struct Quarantine {
    #[command(flatten)]
    pub(crate) services: Services<true>,
    /// Tag of the bad version
    #[arg(long, value_name = "TAG", add = completion::tags())]
    pub(crate) tag: Option<Tag>,
    #[command(flatten)]
    pub(crate) note: Note,
    #[command(flatten)]
    pub(crate) expiry: Expiry,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    pub(crate) services: Services<true>,
    /// Environment that the image may enter; repeatable
    #[arg(short, long = "env", alias = "to", value_name = "ENV", add = completion::environments(), value_delimiter = ',', required = true)]
    pub(crate) environments: Vec<EnvironmentName>,
    /// Tag to approve [default: the one that comes next]
    #[arg(long, value_name = "TAG", add = completion::tags())]
    pub(crate) tag: Option<Tag>,
    /// Image, for a service that has several
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<ImageName>,
    /// Digest that you reviewed; refused if the tag means another image
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<Digest>,
    /// Why, in one line
    #[arg(long, value_name = "TEXT", default_value = "approved by hand")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) expiry: Expiry,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Debug, Args)]
pub(crate) struct Freeze {
    /// Name of the freeze
    pub(crate) name: String,
    /// Only this service or pattern; repeatable
    #[arg(long = "service", value_name = "SERVICE", add = completion::services())]
    pub(crate) services: Vec<String>,
    #[command(flatten)]
    pub(crate) namespace: Namespace,
    #[command(flatten)]
    pub(crate) environments: Environments,
    /// Freeze every service in every environment, without asking
    #[arg(long, conflicts_with_all = ["services", "namespace", "environments"])]
    pub(crate) all: bool,
    /// Start: today, tomorrow, 2026-12-18, 2026-12-18T18:00, 2h (from now); a zone or offset may follow [default: now]
    #[arg(long, alias = "from", value_name = "TIME", value_parser = moment::parse)]
    pub(crate) since: Option<Moment>,
    /// End, in the same forms; 4h is counted from the start
    #[arg(long, alias = "to", value_name = "TIME", value_parser = moment::parse)]
    pub(crate) until: Moment,
    #[command(flatten)]
    pub(crate) note: Note,
}

#[derive(Debug, Args)]
pub(crate) struct Release {
    #[command(flatten)]
    pub(crate) services: Services<false>,
    /// Only this kind of control file; repeatable
    #[arg(long = "kind", value_name = "KIND", value_parser = kind_parser(), value_delimiter = ',')]
    pub(crate) kinds: Vec<ControlKind>,
    /// Only control files for exactly these environments; repeatable
    #[arg(short, long = "env", alias = "in", value_name = "ENV", add = completion::environments(), value_delimiter = ',')]
    pub(crate) environments: Vec<EnvironmentName>,
    /// Only quarantines and approvals of this tag
    #[arg(long, alias = "version", value_name = "TAG", add = completion::tags())]
    pub(crate) tag: Option<Tag>,
    /// Only the freeze with this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["kinds", "tag"])]
    pub(crate) freeze: Option<String>,
    /// Every control file that no longer counts
    #[arg(long, conflicts_with_all = ["services", "namespace", "kinds", "environments", "tag", "freeze"])]
    pub(crate) expired: bool,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// Why a control file is written, and whether to ask.
#[derive(Debug, Args)]
pub(crate) struct Note {
    /// Why, in one line; shown wherever the control decides
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Accept services and tags that do not exist yet
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

fn kind_parser() -> impl TypedValueParser<Value = ControlKind> {
    PossibleValuesParser::new(ControlKind::ALL.map(ControlKind::as_word)).try_map(|word| {
        ControlKind::ALL.into_iter().find(|kind| kind.as_word() == word).ok_or("no such kind")
    })
}
