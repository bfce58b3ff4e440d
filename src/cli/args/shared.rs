//! Arguments that several commands share. Each group is defined once, so that a flag means the same everywhere.

use clap::Args;

use crate::cli::completion;
use crate::cli::moment::{self, Moment};
use crate::model::EnvironmentName;

/// Which services. `REQUIRED` makes at least one mandatory.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Services<const REQUIRED: bool> {
    /// A service: namespace/name, its bare name where that is unique, or a pattern such as 'common/*'
    #[arg(value_name = "SERVICE", required = REQUIRED, add = completion::services())]
    pub(crate) services: Vec<String>,
    #[command(flatten)]
    pub(crate) namespace: Namespace,
}

/// The namespace of services that are given by their bare names.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Namespace {
    /// Namespace of services given without one; alone, all of its services
    #[arg(short, long, value_name = "NAMESPACE", add = completion::namespaces())]
    pub(crate) namespace: Option<String>,
}

/// Which environments; all of them when none is named.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Environments {
    /// Only this environment; repeatable
    #[arg(short, long = "env", alias = "in", value_name = "ENV", add = completion::environments(), value_delimiter = ',')]
    pub(crate) environments: Vec<EnvironmentName>,
}

/// From when to when.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct During {
    /// Start: 7d, 1w, 24h (ago), today, yesterday, 2026-11-29, 2026-11-29T09:52; a zone or offset may follow
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub(crate) since: Option<Moment>,
    /// End, in the same forms [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub(crate) until: Option<Moment>,
}

/// The expiry of a control file.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Expiry {
    /// When it expires: 4h, 3d, 1w (from now), tomorrow, 2026-12-01, 2026-12-01T09:00; a zone or offset may follow
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub(crate) expires: Option<Moment>,
}

/// Whether and how a change is made.
#[derive(Clone, Debug, Args)]
pub(crate) struct Consent {
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Your name in the commit [default: git's user.name, else the system's]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}
