//! The arguments of the commands that only read.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::completion;
use crate::cli::moment;
use crate::model::{EnvironmentName, ImageName, Tag};

use super::shared::{During, Environments, Services};

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) services: Services<false>,
    #[command(flatten)]
    pub(crate) environments: Environments,
    /// Only services that a gate blocks, or that cannot be decided
    #[arg(long)]
    pub(crate) blocked: bool,
    /// Order of the rows
    #[arg(long, default_value = "service", value_name = "KEY")]
    pub(crate) sort: SortKey,
    /// Redraw until `q` or Ctrl-C; on a pipe, print the board once and then one line per change
    #[arg(long)]
    pub(crate) watch: bool,
}

/// The order of the rows of `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortKey {
    /// By name
    #[default]
    Service,
    /// Most recent change first
    Since,
    /// Next promotion first, then blocked services, then those up to date
    Next,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) services: Services<true>,
    /// Only this environment [default: every one that has the service]
    #[arg(short, long, alias = "in", value_name = "ENV", add = completion::environments())]
    pub(crate) env: Option<EnvironmentName>,
    /// Image, for a service that has several
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<ImageName>,
    /// Tag to explain [default: the one that comes next]
    #[arg(long, value_name = "TAG", add = completion::tags())]
    pub(crate) tag: Option<Tag>,
    /// Wait until the version runs there
    #[arg(long)]
    pub(crate) wait: bool,
    /// What to wait for
    #[arg(long = "for", alias = "until", requires = "wait", default_value = "promoted", value_name = "WHAT")]
    pub(crate) wait_for: WaitFor,
    /// Longest wait, such as 30m [default: no limit]
    #[arg(long, requires = "wait", value_name = "DURATION", value_parser = moment::duration)]
    pub(crate) timeout: Option<Duration>,
}

/// What `explain --wait` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WaitFor {
    /// The version, or a higher one, runs
    Promoted,
    /// Every gate is open, or it runs
    Open,
}

#[derive(Debug, Args)]
pub(crate) struct Diagnose {
    #[command(flatten)]
    pub(crate) services: Services<true>,
    #[command(flatten)]
    pub(crate) environments: Environments,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(flatten)]
    pub(crate) services: Services<false>,
    #[command(flatten)]
    pub(crate) environments: Environments,
    #[command(flatten)]
    pub(crate) during: During,
    /// Maximum number, newest first
    #[arg(long, alias = "most", default_value_t = 20, value_name = "COUNT")]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Changelog {
    #[command(flatten)]
    pub(crate) services: Services<false>,
    /// Every service that changed in the period
    #[arg(long, conflicts_with_all = ["services", "namespace", "from", "to"], requires = "since")]
    pub(crate) all: bool,
    /// Tag to start after [default: what the last environment runs]
    #[arg(long, value_name = "TAG", add = completion::tags())]
    pub(crate) from: Option<Tag>,
    /// Tag to end with [default: what the first environment runs]
    #[arg(long, value_name = "TAG", add = completion::tags())]
    pub(crate) to: Option<Tag>,
    /// Next promotion to this environment; with --since, past promotions
    #[arg(short, long, alias = "in", value_name = "ENV", add = completion::environments())]
    pub(crate) env: Option<EnvironmentName>,
    #[command(flatten)]
    pub(crate) during: During,
    /// Image, for a service that has several
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<ImageName>,
    /// Text format [default: for this terminal]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ChangelogFormat>,
    /// Render with a template that the configuration names
    #[arg(long, value_name = "NAME", conflicts_with = "format")]
    pub(crate) template: Option<String>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE", conflicts_with = "prepend")]
    pub(crate) write: Option<PathBuf>,
    /// Add the releases to a Keep a Changelog file; those it has stay as they are
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "template"])]
    pub(crate) prepend: Option<PathBuf>,
}

/// The text format of a changelog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChangelogFormat {
    /// Markdown, as forges show it
    Markdown,
    /// One section per release, as keepachangelog.com describes
    KeepAChangelog,
    /// Plain text
    Text,
    /// The text of a message in Slack
    Slack,
    /// Data; the same as -o json
    Json,
    /// An HTML fragment
    Html,
}

#[derive(Debug, Args)]
#[command(mut_arg("since", |arg| arg.alias("from")), mut_arg("until", |arg| arg.alias("to")))]
pub(crate) struct Record {
    #[command(flatten)]
    pub(crate) during: During,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(mut_arg("since", |arg| arg.alias("from")), mut_arg("until", |arg| arg.alias("to")))]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) services: Services<false>,
    #[command(flatten)]
    pub(crate) during: During,
    /// Replay a file that `tidegate record` wrote; needs no repository
    #[arg(long, value_name = "FILE")]
    pub(crate) recording: Option<PathBuf>,
    /// Replay this configuration too, beside the current one
    #[arg(long, value_name = "CONFIG")]
    pub(crate) against: Option<PathBuf>,
    /// Maximum arrivals to list, newest last; -v lists all
    #[arg(long, alias = "most", default_value_t = 30, value_name = "COUNT")]
    pub(crate) limit: usize,
}
