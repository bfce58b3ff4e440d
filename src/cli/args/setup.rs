//! The arguments of the commands that begin: a configuration from a repository, and the demonstration.

use std::path::PathBuf;

use clap::Args;

use crate::model::BranchName;

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
pub(crate) struct Demo {
    /// Keep the folder with the repository afterwards, and say where it is
    #[arg(long)]
    pub(crate) keep: bool,
    /// How long a version soaks in non-prod, in seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) soak: u64,
}
