//! What can be wrong with a configuration as a whole.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::problem::Diagnosis;
use crate::model::{Class, Fault, Printable};

/// The configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", shown(.path))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than a configuration is.
    #[error("cannot read the configuration {name}: it is larger than 1 MiB")]
    TooLarge {
        /// The file, fit to be shown.
        name: String,
    },
    /// The file is not UTF-8.
    #[error("cannot read the configuration {}: byte {offset_bytes} is not UTF-8", shown(.path))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Where the first byte is that is not UTF-8, from 0.
        offset_bytes: usize,
    },
    /// Something in the file is wrong.
    #[error("{0}")]
    Invalid(Diagnosis),
}

fn shown(path: &std::path::Path) -> String {
    Printable::new(&path.to_string_lossy()).to_string()
}

impl ConfigError {
    /// What the error means for the one who has to act on it.
    pub fn class(&self) -> Class {
        Class::Usage
    }

    /// The error on several lines for a terminal: every problem with its line, marks and what to write instead.
    pub fn render(&self) -> String {
        match self {
            Self::Invalid(diagnosis) => diagnosis.render("error"),
            Self::Read { source, .. } => format!("error: {self}: {source}\n"),
            Self::TooLarge { .. } | Self::NotUtf8 { .. } => format!("error: {self}\n"),
        }
    }
}

impl From<ConfigError> for Fault {
    fn from(error: ConfigError) -> Self {
        let fault = Self::new(error.class(), error.to_string());
        match error {
            ConfigError::Read { source, .. } => fault
                .with_hint(
                    "name the file with --config or TIDEGATE_CONFIG, or write one with `tidegate init`",
                )
                .with_source(source),
            ConfigError::TooLarge { .. } => fault.with_hint("check that this is the configuration"),
            ConfigError::NotUtf8 { .. } => fault.with_hint("save the file as UTF-8"),
            ConfigError::Invalid(diagnosis) => match diagnosis.problems().first() {
                Some(first) => fault.with_hint(first.hint.clone()),
                None => fault,
            },
        }
    }
}
