//! The arguments of the commands that look at what happened as a whole.

use std::path::PathBuf;

use clap::Args;

use crate::cli::since::{self, Since};
use crate::model::ServicePattern;

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// When it begins: a day, a time, or how long ago, such as 90d; without it, when the registries were first watched
    #[arg(long, value_name = "WHEN", value_parser = since::parse)]
    pub(crate) from: Option<Since>,
    /// When it ends, likewise; without it, now
    #[arg(long, value_name = "WHEN", value_parser = since::parse)]
    pub(crate) to: Option<Since>,
    /// Write it to this file instead of printing it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Only these services: a name or a pattern such as 'common/*'
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<ServicePattern>,
    /// When it begins: a day, a time, or how long ago, such as 90d; without it, when the registries were first watched
    #[arg(long, value_name = "WHEN", value_parser = since::parse)]
    pub(crate) from: Option<Since>,
    /// When it ends, likewise; without it, now
    #[arg(long, value_name = "WHEN", value_parser = since::parse)]
    pub(crate) to: Option<Since>,
    /// Replay what `tidegate record` wrote, with no repository at all
    #[arg(long, value_name = "FILE")]
    pub(crate) recording: Option<PathBuf>,
    /// Replay this configuration too, beside the one that is in force
    #[arg(long, value_name = "CONFIG")]
    pub(crate) against: Option<PathBuf>,
    /// How many arrivals are listed, the last ones; -v lists all, and what was passed over
    #[arg(short = 'n', long, default_value_t = 30, value_name = "COUNT")]
    pub(crate) most: usize,
}
