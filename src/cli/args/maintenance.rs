//! The arguments of the commands that look after a running Tidegate.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::examples;

#[derive(Debug, Subcommand)]
pub(crate) enum Notify {
    /// Send a test message to a channel, and print what the other side answers
    #[command(after_help = examples::NOTIFY_TEST)]
    Test(NotifyTest),
}

#[derive(Debug, Args)]
pub(crate) struct NotifyTest {
    /// Channel, by its name in the configuration
    #[arg(value_name = "CHANNEL")]
    pub(crate) channel: String,
    /// Send an example of each kind of notification that the channel gets, instead of one message
    #[arg(long)]
    pub(crate) each: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// File to write; never replaces one without --force
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Replace the file
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// File that `tidegate backup` wrote
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
