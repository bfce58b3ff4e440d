//! The arguments of `tidegate check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Folder of the repository, or a folder in it
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) path: PathBuf,
    /// Only findings in files that changed since the current branch left this branch, tag or commit
    #[arg(long, value_name = "REF")]
    pub(crate) since: Option<String>,
    /// Correct what needs no decision, such as deprecated API versions; every other byte stays
    #[arg(long)]
    pub(crate) fix: bool,
    /// Fail on warnings too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Format of the findings for another program, instead of --output
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<CheckFormat>,
}

/// Who reads the findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// SARIF 2.1.0, as code scanning services read it
    Sarif,
    /// Annotations of a GitHub Actions run
    Github,
}
