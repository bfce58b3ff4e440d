//! Signatures by an SSH key, in the form of OpenSSH's PROTOCOL.sshsig.

use std::fs;
use std::path::Path;

use secrecy::ExposeSecret;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

use crate::git::remote::Secret;
use crate::model::{Class, Fault};

/// What a signature is for, so that it can be taken for nothing else (gpg-interface.c of Git).
const NAMESPACE: &str = "git";

/// The most that is read of a key's file, in bytes.
const MOST_BYTES: u64 = 64 * 1024;

/// Reads a private key that can sign.
pub(super) fn read_key(file: &Path, passphrase: Option<&dyn Secret>) -> Result<PrivateKey, Fault> {
    let failed =
        |what: &str| Fault::new(Class::Failed, format!("cannot sign by the key {}: {what}", file.display()));
    let size = fs::metadata(file).map_err(|error| failed("it cannot be read").with_source(error))?.len();
    if size > MOST_BYTES {
        return Err(failed("it is larger than any key"));
    }
    let text = fs::read(file).map_err(|error| failed("it cannot be read").with_source(error))?;
    let key = PrivateKey::from_openssh(text).map_err(|_| {
        failed("it is no private key in OpenSSH's form")
            .with_hint("name the private key, not the one that ends in `.pub`; `ssh-keygen -p -f FILE` rewrites an old one")
    })?;
    let key = match (key.is_encrypted(), passphrase) {
        (false, _) => key,
        (true, None) => return Err(failed("it is encrypted, and no passphrase is configured")),
        (true, Some(passphrase)) => key
            .decrypt(passphrase.read()?.expose_secret())
            .map_err(|_| failed("the passphrase does not open it"))?,
    };
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Ok(key),
        // The only RSA in Rust that it could use leaks keys by its timing (RUSTSEC-2023-0071).
        other => Err(failed(&format!("{} is not supported", other.as_str()))
            .with_hint("make one for this alone: ssh-keygen -t ed25519 -f FILE")),
    }
}

pub(super) fn sign(key: &PrivateKey, commit: &[u8]) -> Result<String, Fault> {
    // Its errors are no `Error`s without features of it that would bring an RSA into the lock file.
    let failed = |error: ssh_key::Error| Fault::new(Class::Failed, format!("cannot sign a commit: {error}"));
    let signature = key.sign(NAMESPACE, HashAlg::Sha512, commit).map_err(failed)?;
    signature.to_pem(LineEnding::LF).map_err(failed)
}
