//! Signing commits, and asking whether a commit was signed by somebody who is allowed to.
//!
//! An SSH key signs inside this process, since a pass may make a thousand commits. GPG is its program's business. What
//! somebody else signed is judged by `git verify-commit`, and so by the same programs that everybody else asks.

mod gpg;
mod ssh;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use super::remote::Secret;
use crate::model::Fault;

pub(super) use self::verify::Verifier;
pub use self::verify::{AllowedSigners, Signed};

/// How commits are signed.
#[derive(Clone, Debug, Default)]
pub enum Signing {
    /// Not at all.
    #[default]
    None,
    /// By an SSH key, Ed25519 or ECDSA.
    Ssh {
        /// The private key.
        file: PathBuf,
        /// What opens it, if it is encrypted.
        passphrase: Option<Arc<dyn Secret>>,
    },
    /// By a key of GPG.
    Gpg {
        /// The key's fingerprint, identifier or address.
        key: String,
        /// The folder of the keyring; without it, the user's.
        home: Option<PathBuf>,
    },
}

impl Signing {
    /// Reads the key, if there is one to read, so that one push is signed by one key.
    pub(super) fn signer(&self) -> Result<Option<Signer>, Fault> {
        match self {
            Self::None => Ok(None),
            Self::Ssh { file, passphrase } => {
                Ok(Some(Signer::Ssh(Box::new(ssh::read_key(file, passphrase.as_deref())?))))
            }
            Self::Gpg { key, home } => Ok(Some(Signer::Gpg { key: key.clone(), home: home.clone() })),
        }
    }
}

/// A key that is ready to sign.
pub(super) enum Signer {
    Ssh(Box<ssh_key::PrivateKey>),
    Gpg { key: String, home: Option<PathBuf> },
}

impl Signer {
    /// The signature of a commit's bytes, in the armour that Git puts into the commit.
    pub(super) fn sign(&self, commit: &[u8]) -> Result<String, Fault> {
        match self {
            Self::Ssh(key) => ssh::sign(key, commit),
            Self::Gpg { key, home } => gpg::sign(key, home.as_deref(), commit),
        }
    }
}
