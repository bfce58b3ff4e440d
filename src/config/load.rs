//! Reading a configuration: bytes to text to the raw shape to checked settings.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::check;
use super::environment_variables::{EnvLookup, ProcessEnv};
use super::error::ConfigError;
use super::problem::{Diagnosis, Findings};
use super::settings::Config;
use super::source::Source;
use super::yaml;
use crate::model::Printable;

/// The most that a configuration may hold, in bytes.
const MOST_BYTES: usize = 1024 * 1024;

/// A configuration, and what is doubtful in it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is most likely not what was meant, if there is anything.
    pub warnings: Option<Diagnosis>,
}

impl Loaded {
    /// The warnings on several lines for a terminal; empty when there are none.
    pub fn render_warnings(&self) -> String {
        self.warnings.as_ref().map(|warnings| warnings.render("warning")).unwrap_or_default()
    }
}

impl Config {
    /// Reads the file at `path`, with the variables of this process.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than 1 MiB, or is no valid configuration.
    pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes))
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let name = path.to_string_lossy();
        if bytes.len() > MOST_BYTES {
            return Err(too_large(&name));
        }
        let text = String::from_utf8(bytes).map_err(|error| ConfigError::NotUtf8 {
            path: path.to_owned(),
            offset_bytes: error.utf8_error().valid_up_to(),
        })?;
        Self::parse(&text, &name, &ProcessEnv)
    }

    /// Reads a configuration from its text; `name` is what the file is told by in problems.
    ///
    /// # Errors
    /// When the text is larger than 1 MiB or no valid configuration; every problem is told, not only the first.
    pub fn parse(text: &str, name: &str, variables: &dyn EnvLookup) -> Result<Loaded, ConfigError> {
        if text.len() > MOST_BYTES {
            return Err(too_large(name));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source::new(name, text);
        let file = match yaml::read(text) {
            Ok(file) => file,
            Err(problem) => return Err(ConfigError::Invalid(Diagnosis::new(source, vec![*problem]))),
        };
        let mut findings = Findings::default();
        let Some(config) = check::config(&file, variables, &mut findings) else {
            return Err(ConfigError::Invalid(Diagnosis::new(source, findings.errors)));
        };
        let warnings = (!findings.warnings.is_empty()).then(|| Diagnosis::new(source, findings.warnings));
        Ok(Loaded { config, warnings })
    }
}

fn too_large(name: &str) -> ConfigError {
    ConfigError::TooLarge { name: Printable::new(name).to_string() }
}
