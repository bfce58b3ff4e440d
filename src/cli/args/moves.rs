//! The arguments of the commands that move tags.

use clap::{ArgGroup, Args};

use crate::cli::completion;
use crate::model::{Digest, EnvironmentName, ImageName, Tag};
use crate::policy::GateName;

use super::shared::{Consent, Environments, Namespace, Services};

#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) services: Services<false>,
    #[command(flatten)]
    pub(crate) environments: Environments,
    /// Exit with 3 when something would move
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    #[command(flatten)]
    pub(crate) services: Services<false>,
    #[command(flatten)]
    pub(crate) environments: Environments,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("overriding").args(["overrides", "allow_downgrade", "accept_digest"]).multiple(true)))]
pub(crate) struct Promote {
    #[command(flatten)]
    pub(crate) services: Services<true>,
    /// Environment to promote to [default: each service's next one]
    #[arg(short, long, alias = "to", value_name = "ENV", add = completion::environments())]
    pub(crate) env: Option<EnvironmentName>,
    /// Tag to promote [default: the one that comes next]
    #[arg(long, value_name = "TAG", add = completion::tags())]
    pub(crate) tag: Option<Tag>,
    /// Image, for a service that has several
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<ImageName>,
    /// Pass this closed gate; repeatable
    #[arg(long = "override", value_name = "GATE", add = completion::gates(), requires = "reason")]
    pub(crate) overrides: Vec<GateName>,
    /// With --override order: allow a lower version than the one that runs
    #[arg(long, requires = "reason")]
    pub(crate) allow_downgrade: bool,
    /// With --override digest: allow this image although another one soaked
    #[arg(long, requires = "reason", value_name = "DIGEST")]
    pub(crate) accept_digest: Option<Digest>,
    /// Why, in one line; written into the commit
    #[arg(long, requires = "overriding", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The service: namespace/name, or its bare name where that is unique
    #[arg(add = completion::services())]
    pub(crate) service: String,
    #[command(flatten)]
    pub(crate) namespace: Namespace,
    /// Environment to roll back
    #[arg(short, long, alias = "in", value_name = "ENV", add = completion::environments())]
    pub(crate) env: EnvironmentName,
    /// Tag to go back to [default: the last one that ran well there]
    #[arg(long, alias = "tag", value_name = "TAG", add = completion::tags())]
    pub(crate) to: Option<Tag>,
    /// Image, for a service that has several
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<ImageName>,
    /// Why, in one line; written into the commit and the quarantine
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Do not quarantine the version that is rolled back
    #[arg(long)]
    pub(crate) no_quarantine: bool,
    /// Allow this image although the tag meant another one when it ran
    #[arg(long, value_name = "DIGEST")]
    pub(crate) accept_digest: Option<Digest>,
    /// With `order`: allow a tag that never ran there
    #[arg(long = "override", value_name = "GATE", add = completion::gates(), requires = "to")]
    pub(crate) overrides: Vec<GateName>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}
