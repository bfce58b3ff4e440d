//! Secrets of the configuration, as the rooms that use them read them.

use std::sync::Arc;

use crate::config::{ProcessEnv, SecretSource};
use crate::notify::ReadSecret;

/// Reads the secret at each use.
pub(super) fn read(source: &SecretSource) -> ReadSecret {
    let source = source.clone();
    Arc::new(move || Ok(source.read(&ProcessEnv)?))
}
