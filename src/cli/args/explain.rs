//! The arguments of `tidegate explain`.

use clap::{Args, ValueEnum};

use crate::model::{EnvironmentName, ImageName, ServiceName, Tag};

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The service, as namespace/name
    pub(crate) service: ServiceName,
    /// Only this environment; without it, every one that has the service, in order
    #[arg(long, alias = "in", value_name = "ENVIRONMENT")]
    pub(crate) env: Option<EnvironmentName>,
    /// Only this image, for a service that has several
    #[arg(long)]
    pub(crate) image: Option<ImageName>,
    /// Explain this version, instead of the one that would come by itself
    #[arg(long)]
    pub(crate) tag: Option<Tag>,
    /// Wait until it has come: until what is explained, or a higher version, runs there
    #[arg(long)]
    pub(crate) wait: bool,
    /// What to wait for
    #[arg(long, requires = "wait", default_value = "promoted", value_name = "WHAT")]
    pub(crate) until: Until,
    /// How long to wait, such as 30m; without it, as long as it takes
    #[arg(long, requires = "wait", value_name = "TIME", value_parser = super::length_of_time)]
    pub(crate) timeout: Option<std::time::Duration>,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// The version, or a higher one, runs
    Promoted,
    /// Every gate is open, or it runs
    Open,
}
