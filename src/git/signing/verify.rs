//! Verifies commit signatures against the allowed signers.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::git::GitError;
use crate::git::remote::program;
use crate::model::{CommitId, Printable, SignatureCheck};

/// Deadline for verifying one signature.
const DEADLINE: Duration = Duration::from_secs(30);

/// The cache is cleared at this size.
const MAX_KEPT: usize = 100_000;

/// The allowed signers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSigners {
    /// An allowed signers file, see ssh-keygen(1).
    pub ssh: Option<PathBuf>,
    /// The folder of a GPG keyring; every key in it is allowed.
    pub gpg_home: Option<PathBuf>,
}

/// Verifies each commit once until the allowed signers change.
#[derive(Debug)]
pub(in crate::git) struct Verifier {
    allowed: AllowedSigners,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    /// Modification times of the signers' files.
    modified_at: [Option<SystemTime>; 2],
    checks: HashMap<CommitId, SignatureCheck>,
}

impl Verifier {
    pub(in crate::git) fn new(allowed: AllowedSigners) -> Self {
        Self { allowed, cache: Mutex::default() }
    }

    pub(in crate::git) fn verify(&self, mirror: &Path, commit: CommitId) -> Result<SignatureCheck, GitError> {
        let modified_at = self.modified_at();
        if let Some(check) = self.cached(modified_at, commit) {
            return Ok(check);
        }
        let check = self.run_git(mirror, commit)?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.modified_at != modified_at || cache.checks.len() >= MAX_KEPT {
            *cache = Cache { modified_at, checks: HashMap::new() };
        }
        cache.checks.insert(commit, check.clone());
        Ok(check)
    }

    fn cached(&self, modified_at: [Option<SystemTime>; 2], commit: CommitId) -> Option<SignatureCheck> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.modified_at == modified_at { cache.checks.get(&commit).cloned() } else { None }
    }

    fn modified_at(&self) -> [Option<SystemTime>; 2] {
        let keyring = self.allowed.gpg_home.as_ref().map(|home| home.join("pubring.kbx"));
        [self.allowed.ssh.as_ref(), keyring.as_ref()]
            .map(|file| file.and_then(|file| fs::metadata(file).and_then(|file| file.modified()).ok()))
    }

    fn run_git(&self, mirror: &Path, commit: CommitId) -> Result<SignatureCheck, GitError> {
        let mut command = program::command(mirror);
        let nobody = PathBuf::from("/dev/null");
        let signers = self.allowed.ssh.as_ref().unwrap_or(&nobody);
        command.arg("-c").arg(format!("gpg.ssh.allowedSignersFile={}", signers.display()));
        match &self.allowed.gpg_home {
            Some(home) => drop(command.env("GNUPGHOME", home)),
            // Never the user's own keyring.
            None => drop(command.args(["-c", "gpg.program=false"])),
        }
        let output = program::run(command, ["verify-commit".to_owned(), commit.to_string()], DEADLINE)
            .map_err(|source| GitError::Program {
                operation: "verify a signature in",
                location: mirror.display().to_string(),
                source,
            })?;
        if output.status.success() {
            return Ok(SignatureCheck::Valid);
        }
        let message = output.message();
        let reason = if message.is_empty() { "not signed".to_owned() } else { message };
        Ok(SignatureCheck::Invalid { reason: Printable::bounded(&reason, 200).to_string() })
    }
}
