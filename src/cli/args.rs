//! The command line, as clap reads it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::since::{self, Since};
use crate::model::{BranchName, EnvironmentName, ImageName, ServiceName, Tag};
use crate::policy::GateName;

/// Carries image tags from the registry to production through Git alone.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, max_term_width = 110, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Begin here:
  tidegate demo                         see the whole thing on this machine
  tidegate init ./gitops > tidegate.yaml
                                        write a configuration from a repository
  tidegate -c tidegate.yaml plan        what would be promoted now, as a diff
  tidegate -c tidegate.yaml run         the daemon

Exit codes: 0 done or nothing to do, 1 failed, 2 usage or configuration, 3 a gate is closed,
4 refused for safety, 75 try again later.";

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The configuration file
    #[arg(
        short,
        long,
        global = true,
        env = "TIDEGATE_CONFIG",
        default_value = "config/tidegate.yaml",
        value_name = "FILE"
    )]
    pub(crate) config: PathBuf,
    /// How results are printed; JSON is a documented, versioned contract
    #[arg(short, long, global = true, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: Format,
    /// Whether to use colours
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
    /// Say less: only errors (twice: nothing)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) quiet: u8,
    /// Say more (twice: every request)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Whether to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// When the output is a terminal, and `NO_COLOR` is not set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Scan a repository and write a configuration for it
    #[command(
        after_help = "Examples:\n  tidegate init ./gitops > tidegate.yaml\n  tidegate init file:///srv/git/gitops.git --branch main --write tidegate.yaml"
    )]
    Init(Init),
    /// Show what would be promoted now, as a diff, and why the rest waits; changes nothing
    #[command(
        after_help = "Examples:\n  tidegate plan\n  tidegate plan -o json | jq '.promotions[].service'"
    )]
    Plan,
    /// Do one pass, then exit
    #[command(after_help = "Examples:\n  tidegate sync\n  tidegate sync -o json")]
    Sync,
    /// Run the daemon: a pass whenever the schedule says or a soak ends
    #[command(
        after_help = "SIGTERM and SIGINT finish the pass in hand, then exit; a Git server that does not answer is left after 20 s. SIGHUP reads the configuration again,\nand keeps the old one when the new one is wrong."
    )]
    Run,
    /// Promote one service by hand: the same gates, each override named and reasoned
    #[command(
        after_help = "Examples:\n  tidegate promote common/graphql-server --to prod\n  tidegate promote common/graphql-server --to prod --tag v1.0.180 \\\n      --override soak --reason 'fixes the outage of this morning'"
    )]
    Promote(Promote),
    /// Show the board: services by environments, what runs since when, what is coming and when
    #[command(
        after_help = "Examples:\n  tidegate status\n  tidegate status 'common/*'\n  tidegate status -o json"
    )]
    Status(Status),
    /// List what moved, from Git: promotions, and what people changed
    #[command(
        after_help = "Examples:\n  tidegate history\n  tidegate history common/graphql-server --env prod -n 5\n  tidegate history --since 7d -o json"
    )]
    History(History),
    /// Tell what changed between two images of a service: what the last environment runs and what the first one does
    #[command(
        after_help = "Examples:\n  tidegate changelog common/graphql-server\n  tidegate changelog common/graphql-server --from v1.0.176 --to v1.0.180 --format markdown\n  tidegate changelog --all --since 7d --env prod --format slack\n  tidegate changelog common/graphql-server --prepend CHANGELOG.md"
    )]
    Changelog(Changelog),
    /// Check reach and permission of the repository, the registries and the store
    Doctor,
    /// See the whole thing on this machine: real Git, a loopback registry, a short soak
    Demo(Demo),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  tidegate completions bash > /etc/bash_completion.d/tidegate")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// A folder, or the URL of a repository
    #[arg(value_name = "PATH|URL")]
    pub(crate) repository: String,
    /// The branch that Flux reads; without it, the one that is checked out or the default one
    #[arg(long)]
    pub(crate) branch: Option<BranchName>,
    /// Write the configuration to this file instead of printing it; an existing one is kept unless --force
    #[arg(short, long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// Replace the file that --write names
    #[arg(long, requires = "write")]
    pub(crate) force: bool,
}

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

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Only these services: a name or a pattern such as 'common/*'
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
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

#[derive(Debug, Args)]
pub(crate) struct Changelog {
    /// The service, as namespace/name
    #[arg(required_unless_present = "all")]
    pub(crate) service: Option<ServiceName>,
    /// Every service that changed in an environment in a period: the weekly release report
    #[arg(long, conflicts_with_all = ["service", "from", "to"], requires = "since")]
    pub(crate) all: bool,
    /// The tag to begin at; without it, what the last environment runs
    #[arg(long, value_name = "TAG")]
    pub(crate) from: Option<Tag>,
    /// The tag to end at; without it, what the first environment runs
    #[arg(long, value_name = "TAG")]
    pub(crate) to: Option<Tag>,
    /// What comes to this environment next; with --since, what came to it
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) env: Option<EnvironmentName>,
    /// What came to the environment in this time: 7d, 24h
    #[arg(long, value_name = "TIME", value_parser = length_of_time, conflicts_with_all = ["from", "to"])]
    pub(crate) since: Option<std::time::Duration>,
    /// The image, for a service that has several
    #[arg(long)]
    pub(crate) image: Option<ImageName>,
    /// How it is written; without it, for this terminal
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ChangelogFormat>,
    /// Write it by a template that the configuration names
    #[arg(long, value_name = "NAME", conflicts_with = "format")]
    pub(crate) template: Option<String>,
    /// Write it to this file instead of printing it
    #[arg(short, long, value_name = "FILE", conflicts_with = "prepend")]
    pub(crate) write: Option<PathBuf>,
    /// Add the releases to a file in the form of Keep a Changelog; those that it has stay as they are
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "template"])]
    pub(crate) prepend: Option<PathBuf>,
}

/// How a changelog is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChangelogFormat {
    /// Markdown, as forges show it
    Markdown,
    /// A section a release, as keepachangelog.com describes
    KeepAChangelog,
    /// Plain text
    Text,
    /// The text of a message in Slack
    Slack,
    /// Data; the same as -o json
    Json,
    /// A piece of HTML
    Html,
}

fn length_of_time(text: &str) -> Result<std::time::Duration, String> {
    crate::config::length_of_time(text).map_err(|(message, hint)| format!("{message}; {hint}"))
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the folder with the repository afterwards, and say where it is
    #[arg(long)]
    pub(crate) keep: bool,
    /// How long a version soaks in non-prod, in seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) soak: u64,
}
