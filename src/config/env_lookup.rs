//! The one place that reads the environment variables of the process.

use std::ffi::OsString;

/// Environment variables; tests bring their own.
pub trait EnvLookup {
    /// The value of the variable, if it is set.
    fn value_of(&self, name: &str) -> Option<OsString>;
}

/// The environment variables of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnv;

impl EnvLookup for ProcessEnv {
    fn value_of(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }
}
