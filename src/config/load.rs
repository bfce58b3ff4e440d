//! Reads a configuration: bytes, text, raw shape, checked settings.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::check;
use super::diagnostic::{Diagnostics, FileDiagnostics};
use super::env_lookup::{EnvLookup, ProcessEnv};
use super::error::ConfigError;
use super::settings::Config;
use super::source::Source;
use super::yaml;
use crate::model::Printable;

const MAX_BYTES: usize = 1024 * 1024;

/// A configuration and its warnings.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is valid, but most likely not intended.
    pub warnings: Option<FileDiagnostics>,
}

impl Loaded {
    /// The warnings for a terminal; empty without warnings.
    pub fn render_warnings(&self) -> String {
        self.warnings.as_ref().map(|warnings| warnings.render("warning")).unwrap_or_default()
    }
}

impl Config {
    /// Reads the file at `path`, with the environment variables of this process.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than 1 MiB, or is not a valid configuration.
    pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let name = path.to_string_lossy();
        if bytes.len() > MAX_BYTES {
            return Err(too_large(&name));
        }
        let text = String::from_utf8(bytes).map_err(|error| ConfigError::NotUtf8 {
            path: path.to_owned(),
            offset_bytes: error.utf8_error().valid_up_to(),
        })?;
        Self::parse(&text, &name, &ProcessEnv)
    }

    /// Reads a configuration from its text; diagnostics call the file `name`.
    ///
    /// # Errors
    /// When the text is larger than 1 MiB or not a valid configuration. The error has every diagnostic, not only the first.
    pub fn parse(text: &str, name: &str, variables: &dyn EnvLookup) -> Result<Loaded, ConfigError> {
        if text.len() > MAX_BYTES {
            return Err(too_large(name));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source::new(name, text);
        let file = match yaml::read(text) {
            Ok(file) => file,
            Err(error) => return Err(ConfigError::Invalid(FileDiagnostics::new(source, vec![*error]))),
        };
        let mut diagnostics = Diagnostics::default();
        let Some(config) = check::config(&file, variables, &mut diagnostics) else {
            return Err(ConfigError::Invalid(FileDiagnostics::new(source, diagnostics.errors)));
        };
        let warnings =
            (!diagnostics.warnings.is_empty()).then(|| FileDiagnostics::new(source, diagnostics.warnings));
        Ok(Loaded { config, warnings })
    }
}

fn too_large(name: &str) -> ConfigError {
    ConfigError::TooLarge { name: Printable::new(name).to_string() }
}
