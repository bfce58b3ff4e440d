//! Whether a commit was signed by somebody who is allowed to.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::git::GitError;
use crate::git::remote::program;
use crate::model::{CommitId, Printable};

/// How long looking at one signature may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// From so many answers on, all are forgotten.
const MOST_KEPT: usize = 100_000;

/// Who may sign. Who is in none of the two may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSigners {
    /// SSH keys, in the form of ALLOWED SIGNERS in ssh-keygen(1).
    pub ssh: Option<PathBuf>,
    /// The folder of a GPG keyring; every key in it may sign.
    pub gpg_home: Option<PathBuf>,
}

/// What a commit's signature says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// It is good, and by somebody who may sign.
    ByAllowed,
    /// There is none, or it is none that counts.
    Not {
        /// Why, fit to be shown.
        reason: String,
    },
}

/// Looks at signatures, each once until the allowed signers change.
#[derive(Debug)]
pub(in crate::git) struct Verifier {
    allowed: AllowedSigners,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// When the files of the signers were last written.
    written_at: [Option<SystemTime>; 2],
    answers: HashMap<CommitId, Signed>,
}

impl Verifier {
    pub(in crate::git) fn new(allowed: AllowedSigners) -> Self {
        Self { allowed, seen: Mutex::default() }
    }

    /// What the signature of a commit in the mirror says.
    pub(in crate::git) fn verify(&self, mirror: &Path, commit: CommitId) -> Result<Signed, GitError> {
        let written_at = self.written_at();
        if let Some(answer) = self.known(written_at, commit) {
            return Ok(answer);
        }
        let answer = self.ask(mirror, commit)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.written_at != written_at || seen.answers.len() >= MOST_KEPT {
            *seen = Seen { written_at, answers: HashMap::new() };
        }
        seen.answers.insert(commit, answer.clone());
        Ok(answer)
    }

    fn known(&self, written_at: [Option<SystemTime>; 2], commit: CommitId) -> Option<Signed> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.written_at == written_at { seen.answers.get(&commit).cloned() } else { None }
    }

    fn written_at(&self) -> [Option<SystemTime>; 2] {
        let keyring = self.allowed.gpg_home.as_ref().map(|home| home.join("pubring.kbx"));
        [self.allowed.ssh.as_ref(), keyring.as_ref()]
            .map(|file| file.and_then(|file| fs::metadata(file).and_then(|file| file.modified()).ok()))
    }

    fn ask(&self, mirror: &Path, commit: CommitId) -> Result<Signed, GitError> {
        let mut command = program::command(mirror);
        let nobody = PathBuf::from("/dev/null");
        let signers = self.allowed.ssh.as_ref().unwrap_or(&nobody);
        command.arg("-c").arg(format!("gpg.ssh.allowedSignersFile={}", signers.display()));
        match &self.allowed.gpg_home {
            Some(home) => drop(command.env("GNUPGHOME", home)),
            // Not the keys that this user happens to have.
            None => drop(command.args(["-c", "gpg.program=false"])),
        }
        let output = program::run(command, ["verify-commit".to_owned(), commit.to_string()], DEADLINE)
            .map_err(|source| GitError::Program {
                operation: "verify the signature of a commit in",
                location: mirror.display().to_string(),
                source,
            })?;
        if output.status.success() {
            return Ok(Signed::ByAllowed);
        }
        let said = output.said();
        let reason = if said.is_empty() { "it is not signed".to_owned() } else { said };
        Ok(Signed::Not { reason: Printable::bounded(&reason, 200).to_string() })
    }
}
