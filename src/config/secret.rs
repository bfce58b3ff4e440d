//! Secrets. The configuration names a variable or a file; the value is read at each use, so that a rotated secret is seen.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use thiserror::Error;

use super::env_lookup::EnvLookup;
use crate::model::{Class, Fault, Printable, Secrets};

const MAX_BYTES: u64 = 64 * 1024;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In an environment variable.
    Env(String),
    /// In a file; a trailing line break is not part of it.
    File(PathBuf),
}

/// A secret cannot be read.
#[derive(Debug, Error)]
pub enum SecretError {
    /// Not set, empty, or not UTF-8.
    #[error("cannot read a secret from {0}: it is not set or empty")]
    NoText(SecretSource),
    /// The file is larger than a secret.
    #[error("cannot read a secret from {0}: it is larger than 64 KiB")]
    TooLarge(SecretSource),
    /// The file cannot be read.
    #[error("cannot read a secret from {from}")]
    Read {
        /// Where the secret should be.
        from: SecretSource,
        /// The system's error.
        source: io::Error,
    },
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    /// When the variable or the file cannot be read, is empty, or is not UTF-8.
    pub fn read(&self, variables: &dyn EnvLookup) -> Result<SecretString, SecretError> {
        let text = match self {
            Self::Env(name) => variables.value_of(name).and_then(|value| value.into_string().ok()),
            Self::File(path) => String::from_utf8(self.read_file(path)?).ok(),
        };
        let text = text.unwrap_or_default();
        match text.trim_end_matches(['\r', '\n']) {
            "" => Err(SecretError::NoText(self.clone())),
            secret => {
                Secrets::learn(secret);
                Ok(SecretString::from(secret))
            }
        }
    }

    fn read_file(&self, path: &Path) -> Result<Vec<u8>, SecretError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|source| SecretError::Read { from: self.clone(), source })?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(SecretError::TooLarge(self.clone()));
        }
        Ok(bytes)
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(formatter, "the environment variable {}", Printable::new(name)),
            Self::File(path) => write!(formatter, "the file {}", Printable::new(&path.to_string_lossy())),
        }
    }
}

impl SecretError {
    /// The class of the error.
    pub fn class(&self) -> Class {
        Class::Usage
    }
}

impl From<SecretError> for Fault {
    fn from(error: SecretError) -> Self {
        let fault = Self::new(error.class(), error.to_string());
        match error {
            SecretError::NoText(SecretSource::Env(name)) => {
                fault.with_hint(format!("set {} for the process", Printable::new(&name)))
            }
            SecretError::NoText(_) | SecretError::TooLarge(_) => {
                fault.with_hint("write the secret, and nothing else, into the file")
            }
            SecretError::Read { source, .. } => fault
                .with_hint("check that the file exists and that this user may read it")
                .with_source(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use secrecy::ExposeSecret;

    use super::*;

    struct One(&'static str, &'static str);

    impl EnvLookup for One {
        fn value_of(&self, name: &str) -> Option<OsString> {
            (name == self.0).then(|| self.1.into())
        }
    }

    #[test]
    fn a_variable_is_read() {
        let source = SecretSource::Env("TOKEN".into());
        assert_eq!(source.read(&One("TOKEN", "abc")).unwrap().expose_secret(), "abc");
        let error = Fault::from(source.read(&One("OTHER", "abc")).unwrap_err());
        assert_eq!(
            error.in_one_line(),
            "cannot read a secret from the environment variable TOKEN: it is not set or empty"
        );
        assert_eq!(error.hint(), Some("set TOKEN for the process"));
        assert!(source.read(&One("TOKEN", "")).is_err());
    }

    #[test]
    fn a_file_is_read_without_its_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (content, secret) in [("abc", "abc"), ("abc\n", "abc"), ("abc\r\n", "abc"), (" a b \n", " a b ")]
        {
            std::fs::write(&path, content).unwrap();
            let read = SecretSource::File(path.clone()).read(&One("", "")).unwrap();
            assert_eq!(read.expose_secret(), secret);
        }
    }

    #[test]
    fn a_file_that_cannot_be_a_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let source = SecretSource::File(path.clone());
        assert!(matches!(source.read(&One("", "")), Err(SecretError::Read { .. })));
        for content in [b"".to_vec(), b"\n".to_vec(), b"\xff\xfe".to_vec()] {
            std::fs::write(&path, content).unwrap();
            assert!(matches!(source.read(&One("", "")), Err(SecretError::NoText(_))));
        }
        std::fs::write(&path, vec![b'a'; 64 * 1024 + 1]).unwrap();
        assert!(matches!(source.read(&One("", "")), Err(SecretError::TooLarge(_))));
    }

    #[test]
    fn the_error_names_the_file_and_the_cause_once() {
        let fault =
            Fault::from(SecretSource::File("/nonexistent/token".into()).read(&One("", "")).unwrap_err());
        let line = fault.in_one_line();
        assert!(line.starts_with("cannot read a secret from the file /nonexistent/token: "), "{line}");
        assert_eq!(line.matches("os error").count(), 1, "{line}");
    }
}
