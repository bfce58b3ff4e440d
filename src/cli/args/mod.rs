//! The command line, as clap reads it: what every command takes, and which commands there are. The arguments of each have
//! a file by what the command is about.

mod changelog;
mod control;
mod examples;
mod explain;
mod moves;
mod replay;
mod setup;
mod views;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use changelog::{Changelog, ChangelogFormat};
pub(crate) use control::{Approve, Freeze, Going, Hold, Pin, Quarantine, Release};
pub(crate) use explain::{Explain, Until};
pub(crate) use moves::{Promote, Rollback};
pub(crate) use replay::{Record, Simulate};
pub(crate) use setup::{Demo, Init};
pub(crate) use views::{History, Status};

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
    /// Promote services by hand: the same gates, each override named and reasoned
    #[command(after_help = examples::PROMOTE)]
    Promote(Promote),
    /// Go back to the version that ran before, and quarantine the one that is left, in one commit
    #[command(after_help = examples::ROLLBACK)]
    Rollback(Rollback),
    /// Hold services: nothing is promoted until it is released, or over
    #[command(after_help = examples::HOLD)]
    Hold(Hold),
    /// Pin services: only some versions come, or none but what runs
    #[command(after_help = examples::PIN)]
    Pin(Pin),
    /// Quarantine a version: it goes nowhere any more
    #[command(after_help = examples::QUARANTINE)]
    Quarantine(Quarantine),
    /// Approve the image that would come next to an environment which asks for approvals
    #[command(after_help = examples::APPROVE)]
    Approve(Approve),
    /// Freeze environments for a time
    #[command(after_help = examples::FREEZE)]
    Freeze(Freeze),
    /// Release what was held, pinned, quarantined, approved or frozen: removes control files
    #[command(after_help = examples::RELEASE)]
    Release(Release),
    /// Show the board: services by environments, what runs since when, what is coming and when
    #[command(
        after_help = "Examples:\n  tidegate status\n  tidegate status 'common/*' --env prod\n  tidegate status --blocked --watch\n  tidegate status -o json"
    )]
    Status(Status),
    /// Tell why a version is where it is and when the next one comes: every gate, and what would open it
    #[command(after_help = examples::EXPLAIN)]
    Explain(Explain),
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
    /// Replay what happened under a policy: what would have gone where, when; asks nobody
    #[command(after_help = examples::SIMULATE)]
    Simulate(Simulate),
    /// Write down what happened, to be replayed elsewhere; asks nobody
    #[command(after_help = examples::RECORD)]
    Record(Record),
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

/// A length of time as the configuration has it: `24h`, `90m`.
fn length_of_time(text: &str) -> Result<std::time::Duration, String> {
    crate::config::parse_duration(text).map_err(|error| format!("{}; {}", error.message, error.hint))
}
