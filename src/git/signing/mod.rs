//! Signs commits, and verifies signatures.
//!
//! SSH keys sign in this process, since a pass may make a thousand commits; GPG keys by the `gpg` program.
//! `git verify-commit` verifies, as it does for everybody else.

mod verify;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

use super::ProgramError;
use super::remote::Secret;
use super::remote::program::{self, Output};
use crate::model::{Class, Fault};

pub use self::verify::AllowedSigners;
pub(super) use self::verify::Verifier;

/// Deadline for one signature; a smart card takes seconds.
const GPG_DEADLINE: Duration = Duration::from_secs(30);

/// The sshsig namespace of Git (gpg-interface.c), which keeps the signature from being used elsewhere.
const NAMESPACE: &str = "git";

/// Maximum size of a key file, in bytes.
const MAX_KEY_BYTES: u64 = 64 * 1024;

/// How commits are signed.
#[derive(Clone, Debug, Default)]
pub enum Signing {
    #[default]
    None,
    /// An SSH key: Ed25519 or ECDSA.
    Ssh { file: PathBuf, passphrase: Option<Arc<dyn Secret>> },
    Gpg {
        /// Fingerprint, key ID or address.
        key: String,
        /// The keyring's folder; by default the user's.
        home: Option<PathBuf>,
    },
}

impl Signing {
    /// Reads the key once per push.
    pub(super) fn signer(&self) -> Result<Option<Signer>, Fault> {
        match self {
            Self::None => Ok(None),
            Self::Ssh { file, passphrase } => {
                Ok(Some(Signer::Ssh(Box::new(read_ssh_key(file, passphrase.as_deref())?))))
            }
            Self::Gpg { key, home } => Ok(Some(Signer::Gpg { key: key.clone(), home: home.clone() })),
        }
    }
}

pub(super) enum Signer {
    Ssh(Box<PrivateKey>),
    Gpg { key: String, home: Option<PathBuf> },
}

impl Signer {
    /// Signs a commit's bytes; returns the armored signature.
    pub(super) fn sign(&self, commit: &[u8]) -> Result<String, Fault> {
        match self {
            Self::Ssh(key) => sign_with_ssh(key, commit),
            Self::Gpg { key, home } => sign_with_gpg(key, home.as_deref(), commit),
        }
    }
}

/// Signs by a key without a passphrase, or one that gpg-agent has cached.
fn sign_with_gpg(key: &str, home: Option<&Path>, commit: &[u8]) -> Result<String, Fault> {
    let failed = || Fault::new(Class::Failed, format!("cannot sign a commit with the GPG key {key}"));
    let mut file = tempfile::NamedTempFile::new().map_err(|error| failed().with_source(error))?;
    file.write_all(commit).map_err(|error| failed().with_source(error))?;
    let mut command = Command::new("gpg");
    program::unattended(&mut command);
    if let Some(home) = home {
        command.env("GNUPGHOME", home);
    }
    command.args(["--batch", "--no-tty", "--quiet", "--pinentry-mode", "error", "--armor", "--detach-sign"]);
    command.args(["--local-user", key, "--output", "-", "--"]).arg(file.path());
    let signed = program::run(command, [""; 0], GPG_DEADLINE).and_then(Output::success);
    let output = signed.map_err(|error| {
        let hint = match &error {
            ProgramError::Missing { .. } => "install it, on Debian with `apt install gpg`",
            _ => "the keyring in git.signing.gpgHome must hold the secret key, without a passphrase",
        };
        failed().with_hint(hint).with_source(error)
    })?;
    String::from_utf8(output.stdout).map_err(|error| failed().with_source(error))
}

fn read_ssh_key(file: &Path, passphrase: Option<&dyn Secret>) -> Result<PrivateKey, Fault> {
    let failed = |what: &str| {
        Fault::new(Class::Failed, format!("cannot sign with the key {}: {what}", file.display()))
    };
    let size = fs::metadata(file).map_err(|error| failed("it cannot be read").with_source(error))?.len();
    if size > MAX_KEY_BYTES {
        return Err(failed("it is too large for a key"));
    }
    let text = fs::read(file).map_err(|error| failed("it cannot be read").with_source(error))?;
    let key = PrivateKey::from_openssh(text).map_err(|_| {
        failed("it is not a private key in OpenSSH format")
            .with_hint("name the private key, not the one that ends in `.pub`; `ssh-keygen -p -f FILE` rewrites an old one")
    })?;
    let key = match (key.is_encrypted(), passphrase) {
        (false, _) => key,
        (true, None) => return Err(failed("it is encrypted, and no passphrase is configured")),
        (true, Some(passphrase)) => {
            key.decrypt(passphrase.read()?.expose_secret()).map_err(|_| failed("the passphrase is wrong"))?
        }
    };
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Ok(key),
        // The available RSA implementation has a timing side channel (RUSTSEC-2023-0071).
        other => Err(failed(&format!("{} is not supported", other.as_str()))
            .with_hint("create a dedicated key: ssh-keygen -t ed25519 -f FILE")),
    }
}

fn sign_with_ssh(key: &PrivateKey, commit: &[u8]) -> Result<String, Fault> {
    // ssh-key's errors implement `Error` only with a feature that brings RSA into the lock file.
    let failed = |error: ssh_key::Error| Fault::new(Class::Failed, format!("cannot sign a commit: {error}"));
    let signature = key.sign(NAMESPACE, HashAlg::Sha512, commit).map_err(failed)?;
    signature.to_pem(LineEnding::LF).map_err(failed)
}
