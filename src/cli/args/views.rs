//! The arguments of the commands that only look.

use clap::Args;

use crate::cli::since::{self, Since};
use crate::model::{EnvironmentName, ServiceName};

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Only these services: a name or a pattern such as 'common/*'
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Only this environment; can be given again
    #[arg(long = "env", alias = "in", value_name = "ENVIRONMENT", value_delimiter = ',')]
    pub(crate) environments: Vec<EnvironmentName>,
    /// Only services where something newer may not come yet, or of which nothing can be said
    #[arg(long)]
    pub(crate) blocked: bool,
    /// Show it again and again until `q` or Ctrl-C; on a pipe, the board once and then what changes, a line each
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Only this service
    pub(crate) service: Option<ServiceName>,
    /// Only this environment
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) env: Option<EnvironmentName>,
    /// Only since then: a day such as 2026-11-01, a time such as 2026-11-01T09:00:00Z, or how long ago, such as 7d
    #[arg(long, value_name = "WHEN", value_parser = since::parse)]
    pub(crate) since: Option<Since>,
    /// How many, newest first
    #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
    pub(crate) most: usize,
}
