//! The command line as clap reads it: global options, and the commands. The arguments of the commands stand in a file each
//! by what the commands do.

mod check;
mod control;
mod examples;
mod maintenance;
mod moves;
mod shared;
mod views;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::BranchName;

pub(crate) use check::{Check, CheckFormat};
pub(crate) use control::{Approve, Freeze, Hold, Pin, Quarantine, Release};
pub(crate) use maintenance::{Audit, Backup, Notify, Restore, Token, TokenCreate, TokenRevoke};
pub(crate) use moves::{Plan, Promote, Rollback, Sync};
pub(crate) use shared::{Consent, During, Namespace, Services};
pub(crate) use views::{
    Changelog, ChangelogFormat, Diagnose, Explain, History, Record, Simulate, SortKey, Status, WaitFor,
};

/// Carries image tags from the registry to production through Git alone.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, max_term_width = 110, disable_help_flag = true, after_help = examples::TIDEGATE)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Configuration file [default: tidegate.yaml here or in a folder above, then config/tidegate.yaml]
    #[arg(short, long, global = true, env = "TIDEGATE_CONFIG", hide_env = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Ask the running daemon at this URL instead, with the token in `TIDEGATE_TOKEN`
    #[arg(long, global = true, env = "TIDEGATE_SERVER", hide_env = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Output format; JSON and YAML are a documented, versioned contract
    #[arg(short, long, global = true, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: Format,
    /// When to use colours
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
    /// Print only errors, and results that matter
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) quiet: u8,
    /// Print more (twice: every request)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print help
    #[arg(short, long, global = true, action = clap::ArgAction::HelpShort)]
    pub(crate) help: Option<bool>,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For people, with every column
    Wide,
    /// For programs
    Json,
    /// For programs
    Yaml,
}

/// The format for programs that the arguments ask for, read without the rest of them.
pub(crate) fn output_format(arguments: impl Iterator<Item = OsString>) -> Option<Format> {
    let mut found = None;
    let mut is_value = false;
    for argument in arguments.skip(1).filter_map(|argument| argument.into_string().ok()) {
        let value = match argument.as_str() {
            "--" => break,
            value if is_value => Some(value),
            short if short.starts_with("-o") => Some(short[2..].trim_start_matches('=')),
            long => long.strip_prefix("--output="),
        };
        is_value = !is_value && matches!(argument.as_str(), "-o" | "--output");
        if let Some(value) = value {
            found = Format::from_str(value, false).ok().or(found);
        }
    }
    found.filter(|format| matches!(format, Format::Json | Format::Yaml))
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a configuration from a repository
    #[command(after_help = examples::INIT)]
    Init(Init),
    /// Show what would be promoted now, as a diff, and why the rest waits; changes nothing
    #[command(after_help = examples::PLAN)]
    Plan(Plan),
    /// Do one pass, then exit
    #[command(after_help = examples::SYNC)]
    Sync(Sync),
    /// Run the daemon: a pass on every tick of the schedule, and whenever a gate opens
    #[command(after_help = examples::RUN)]
    Run,
    /// Promote services by hand: the same gates, each override named and reasoned
    #[command(after_help = examples::PROMOTE)]
    Promote(Promote),
    /// Go back to the version that ran before, and quarantine the current one, in one commit
    #[command(after_help = examples::ROLLBACK)]
    Rollback(Rollback),
    /// Hold services: nothing is promoted until the hold is released or expires
    #[command(after_help = examples::HOLD)]
    Hold(Hold),
    /// Pin services to a range of versions, or to the one that runs
    #[command(after_help = examples::PIN)]
    Pin(Pin),
    /// Quarantine a version: it is promoted nowhere
    #[command(after_help = examples::QUARANTINE)]
    Quarantine(Quarantine),
    /// Approve the image that comes next to an environment that requires approval
    #[command(after_help = examples::APPROVE)]
    Approve(Approve),
    /// Freeze environments for a time
    #[command(after_help = examples::FREEZE)]
    Freeze(Freeze),
    /// Remove control files: holds, pins, quarantines, approvals, freezes
    #[command(after_help = examples::RELEASE)]
    Release(Release),
    /// Show services by environments: what runs since when, what comes next and when
    #[command(after_help = examples::STATUS)]
    Status(Status),
    /// Explain why a version is where it is and when the next one comes: every gate, and what opens it
    #[command(after_help = examples::EXPLAIN)]
    Explain(Explain),
    /// List tag changes from Git: promotions, and changes by people
    #[command(after_help = examples::HISTORY)]
    History(History),
    /// Show what changed between two versions of a service
    #[command(after_help = examples::CHANGELOG)]
    Changelog(Changelog),
    /// Replay the past under a policy: what would have been promoted where, and when; works offline
    #[command(after_help = examples::SIMULATE)]
    Simulate(Simulate),
    /// Write the past to a file that `simulate` replays elsewhere; works offline
    #[command(after_help = examples::RECORD)]
    Record(Record),
    /// Check the repository against the team's conventions: tags, resources, secrets, names, sources; works offline
    #[command(after_help = examples::CHECK)]
    Check(Check),
    /// Find out what is wrong with a service in its clusters, and what to do; changes nothing
    #[command(after_help = examples::DIAGNOSE)]
    Diagnose(Diagnose),
    /// Check that the repository, the registries and the store can be reached and used
    #[command(after_help = examples::DOCTOR)]
    Doctor,
    /// Try the notification channels
    #[command(after_help = examples::NOTIFY_TEST)]
    Notify {
        #[command(subcommand)]
        command: Notify,
    },
    /// Write the store to a file, beside a running daemon
    #[command(after_help = examples::BACKUP)]
    Backup(Backup),
    /// Replace the store by one from a file, while no daemon runs
    #[command(after_help = examples::RESTORE)]
    Restore(Restore),
    /// Manage the tokens by which people and programs read the board and the API
    #[command(after_help = examples::TOKEN)]
    Token {
        #[command(subcommand)]
        command: Token,
    },
    /// Show who made and revoked tokens, and who logged in and out with one
    #[command(after_help = examples::AUDIT)]
    Audit(Audit),
    /// Try everything on this machine: real Git, a loopback registry, a short soak
    #[command(after_help = examples::DEMO)]
    Demo(Demo),
    /// Print a completion script for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Show what this binary was built from: commit, target, compiler
    #[command(after_help = examples::VERSION)]
    Version,
    /// Write the manual pages into a folder
    #[command(hide = true)]
    ManPages {
        /// The folder
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// A folder, or the URL of a repository
    #[arg(value_name = "PATH|URL")]
    pub(crate) repository: String,
    /// Branch that Flux reads [default: the checked-out or default branch]
    #[arg(long)]
    pub(crate) branch: Option<BranchName>,
    /// Write to this file instead of standard output; never replaces one without --force
    #[arg(short, long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// Replace the file that --write names
    #[arg(long, requires = "write")]
    pub(crate) force: bool,
    /// Write the rules of Flux's ImagePolicies into the configuration, so that the objects can be removed
    #[arg(long)]
    pub(crate) from_flux: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the daemon and its board running until Ctrl-C, and the folder with the repository for good
    #[arg(long)]
    pub(crate) keep: bool,
    /// Soak in non-prod, in seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) soak: u64,
}
