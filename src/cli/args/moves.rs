//! The arguments of the commands that move tags by hand.

use clap::Args;

use crate::model::{EnvironmentName, ImageName, ServiceName, Tag};
use crate::policy::GateName;

#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The service, as namespace/name
    pub(crate) service: ServiceName,
    /// The environment to promote to
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) to: EnvironmentName,
    /// The tag; without it, the one that would come by itself
    #[arg(long)]
    pub(crate) tag: Option<Tag>,
    /// The image, for a service that has several
    #[arg(long)]
    pub(crate) image: Option<ImageName>,
    /// Pass a closed gate: soak, freeze, window or approval; can be given again
    #[arg(long = "override", value_name = "GATE", requires = "reason")]
    pub(crate) overrides: Vec<GateName>,
    /// Why; it stands in the commit
    #[arg(long, requires = "overrides", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Don't ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
