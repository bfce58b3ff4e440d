//! Why a configuration cannot be used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::diagnostic::FileDiagnostics;
use crate::model::{Class, Fault, Printable};

/// The configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", shown(.path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is larger than 1 MiB.
    #[error("cannot read the configuration {name}: it is larger than 1 MiB")]
    TooLarge {
        /// The file, safe for a terminal.
        name: String,
    },
    /// The file is not UTF-8.
    #[error("cannot read the configuration {}: byte {offset_bytes} is not UTF-8", shown(.path))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Offset of the first byte that is not UTF-8.
        offset_bytes: usize,
    },
    /// The file has errors.
    #[error("{0}")]
    Invalid(FileDiagnostics),
}

fn shown(path: &std::path::Path) -> String {
    Printable::new(&path.to_string_lossy()).to_string()
}

impl ConfigError {
    /// The class of the error.
    pub fn class(&self) -> Class {
        Class::Usage
    }

    /// The error for a terminal: every diagnostic with its source line and hint.
    pub fn render(&self) -> String {
        match self {
            Self::Invalid(diagnostics) => diagnostics.render("error"),
            Self::Read { source, .. } => format!("error: {self}: {source}\n"),
            Self::TooLarge { .. } | Self::NotUtf8 { .. } => format!("error: {self}\n"),
        }
    }
}

impl From<ConfigError> for Fault {
    fn from(error: ConfigError) -> Self {
        let fault = Self::new(error.class(), error.to_string());
        match error {
            ConfigError::Read { path, source } => fault
                .with_hint(format!(
                    "name the file with --config or TIDEGATE_CONFIG, or create it: tidegate init REPOSITORY --write {}",
                    shown(&path)
                ))
                .with_source(source),
            ConfigError::TooLarge { .. } => fault.with_hint("check that this is the configuration"),
            ConfigError::NotUtf8 { .. } => fault.with_hint("save the file as UTF-8"),
            ConfigError::Invalid(ref diagnostics) => {
                let hint = diagnostics.diagnostics().first().map(|first| first.hint.clone()).unwrap_or_default();
                fault.with_hint(hint).with_rendered(error.render())
            }
        }
    }
}
