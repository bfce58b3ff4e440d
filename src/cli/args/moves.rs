//! The arguments of the commands that move tags by hand.

use clap::{ArgGroup, Args};

use crate::model::{Digest, EnvironmentName, ImageName, Tag};
use crate::policy::GateName;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("insisting").args(["overrides", "allow_downgrade", "accept_digest"]).multiple(true)))]
pub(crate) struct Promote {
    /// The services, as namespace/name, or patterns such as 'mobile-*/*'
    #[arg(required = true, value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// The environment to promote to; without it, each service's next one
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) to: Option<EnvironmentName>,
    /// The tag; without it, the one that would come by itself
    #[arg(long)]
    pub(crate) tag: Option<Tag>,
    /// The image, for a service that has several
    #[arg(long)]
    pub(crate) image: Option<ImageName>,
    /// Pass a closed gate; can be given again. `order` and `digest` need a word more, see below
    #[arg(long = "override", value_name = "GATE", requires = "reason")]
    pub(crate) overrides: Vec<GateName>,
    /// Why, in one line; it stands in the commit
    #[arg(long, requires = "insisting", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// With --override order: a lower version may come than the one that runs
    #[arg(long, requires = "reason")]
    pub(crate) allow_downgrade: bool,
    /// With --override digest: this image may come although it is not the one that soaked
    #[arg(long, requires = "reason", value_name = "SHA")]
    pub(crate) accept_digest: Option<Digest>,
    /// Don't ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The service, as namespace/name
    pub(crate) service: String,
    /// The environment that goes back
    #[arg(long = "in", alias = "env", value_name = "ENVIRONMENT")]
    pub(crate) environment: EnvironmentName,
    /// The tag to go back to; without it, the last one that ran there well
    #[arg(long, value_name = "TAG")]
    pub(crate) to: Option<Tag>,
    /// The image, for a service that has several
    #[arg(long)]
    pub(crate) image: Option<ImageName>,
    /// Why, in one line; it stands in the commit and in the quarantine
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Don't quarantine the version that is left
    #[arg(long)]
    pub(crate) no_quarantine: bool,
    /// This image may come although the tag meant another one when it ran
    #[arg(long, value_name = "SHA")]
    pub(crate) accept_digest: Option<Digest>,
    /// Don't ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
