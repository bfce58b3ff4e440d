//! The arguments of `tidegate changelog`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::model::{EnvironmentName, ImageName, ServiceName, Tag};

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
    #[arg(long, value_name = "TIME", value_parser = super::length_of_time, conflicts_with_all = ["from", "to"])]
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
    /// Write it to this file instead of printing it (-o is the form of the output, as everywhere)
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
