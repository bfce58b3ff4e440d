//! A repository on this machine, through the `git` program: its hooks run, its alternates are followed, and its branch
//! moves by compare-and-swap under Git's own lock.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::fs::{Access as Permission, access};

use super::program::{self, Output};
use super::{Pushed, push_report};
use crate::git::{GitError, ProgramError};
use crate::model::{BranchName, CommitId, Printable};

/// How long a question may take that moves no objects.
const QUESTION: Duration = Duration::from_mins(1);

/// How long a fetch or a push may take; the first fetch of a big repository takes minutes.
const TRANSFER: Duration = Duration::from_mins(15);

/// What can be done with the remote repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Where it is.
    pub location: String,
    /// Where its branch is.
    pub head: CommitId,
    /// Whether a push can work.
    pub push: PushAccess,
}

/// Whether a push can work, as far as can be told without pushing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushAccess {
    /// Nothing speaks against it. A hook still may.
    Likely,
    /// It can't.
    Denied {
        /// Why not, fit to be shown.
        reason: String,
    },
}

/// A repository on this machine.
#[derive(Debug)]
pub(in crate::git) struct PathRemote {
    path: PathBuf,
    mirror: PathBuf,
}

impl PathRemote {
    pub(super) fn new(path: PathBuf, mirror: &Path) -> Self {
        Self { path, mirror: mirror.to_owned() }
    }

    pub(super) fn head(&self, branch: &BranchName) -> Result<CommitId, GitError> {
        let reference = full_name(branch);
        let listed = self.references(&reference)?;
        if let Some((id, _)) = listed.iter().find(|(_, name)| *name == reference) {
            return Ok(*id);
        }
        let branches: Vec<String> = self
            .references("refs/heads/*")?
            .iter()
            .filter_map(|(_, name)| name.strip_prefix("refs/heads/").map(str::to_owned))
            .collect();
        Err(GitError::no_branch(&self.location(), branch, &branches))
    }

    pub(super) fn fetch(&self, branch: &BranchName, reference: &str) -> Result<(), GitError> {
        const OPTIONS: [&str; 4] = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"];
        // Git would take the cut into the mirror without a word.
        if self.ask(&["rev-parse", "--is-shallow-repository"])? == "true" {
            return Err(GitError::Shallow { location: self.location() });
        }
        let mut command = self.command();
        command.arg("fetch").args(OPTIONS).arg("--").arg(&self.path);
        let refspec = format!("+{}:{reference}", full_name(branch));
        let fetched = program::run(command, [refspec], TRANSFER).and_then(Output::success);
        fetched.map(drop).map_err(|source| self.failed("fetch from", source))
    }

    pub(super) fn push(
        &self,
        branch: &BranchName,
        base: CommitId,
        tip: CommitId,
    ) -> Result<Pushed, GitError> {
        let reference = full_name(branch);
        let mut command = self.command();
        // The lease refuses when the branch is not at `base`, even where moving it would be a fast-forward.
        command
            .args(["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-progress"])
            .arg(format!("--force-with-lease={reference}:{base}"))
            .arg("--")
            .arg(&self.path);
        let output = program::run(command, [format!("{tip}:{reference}")], TRANSFER)
            .map_err(|source| self.failed("push to", source))?;
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match push_report::read(&reference, &stdout, &stderr) {
            Some(Pushed::Done) if output.status.success() => Ok(Pushed::Done),
            Some(refused @ (Pushed::Moved | Pushed::Declined { .. })) => Ok(refused),
            _ => Err(self.failed("push to", ended(&output))),
        }
    }

    pub(super) fn tidy(&self) -> Result<(), GitError> {
        let arguments = ["repack", "-d", "-q", "-n", "--geometric=2"];
        let output = program::run(self.command(), arguments, TRANSFER).and_then(Output::success);
        output.map(drop).map_err(|source| self.failed("repack the mirror of", source))
    }

    pub(super) fn check(&self, branch: &BranchName) -> Result<Access, GitError> {
        let head = self.head(branch)?;
        Ok(Access { location: self.location(), head, push: self.push_access(branch)? })
    }

    fn push_access(&self, branch: &BranchName) -> Result<PushAccess, GitError> {
        let folder = self.ask(&["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
        for part in ["objects", "refs/heads"] {
            let path = Path::new(&folder).join(part);
            if let Err(error) = access(&path, Permission::WRITE_OK) {
                let reason = format!("{} cannot be written to: {error}", path.display());
                return Ok(PushAccess::Denied { reason });
            }
        }
        let is_bare = self.ask(&["rev-parse", "--is-bare-repository"])? == "true";
        let is_checked_out =
            self.ask(&["symbolic-ref", "-q", "HEAD"]).is_ok_and(|head| head == full_name(branch));
        let policy = self.ask(&["config", "receive.denyCurrentBranch"]).unwrap_or_default();
        if !is_bare && is_checked_out && !["ignore", "warn", "updateInstead"].contains(&policy.as_str()) {
            let reason = format!("{branch} is checked out there, and Git does not push to such a branch");
            return Ok(PushAccess::Denied { reason });
        }
        Ok(PushAccess::Likely)
    }

    /// The references there that match `pattern`.
    fn references(&self, pattern: &str) -> Result<Vec<(CommitId, String)>, GitError> {
        let mut command = self.command();
        command.args(["ls-remote", "--quiet", "--"]).arg(&self.path);
        let output = program::run(command, [pattern], QUESTION).and_then(Output::success);
        let output = output.map_err(|source| self.unreachable(source))?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().map(|line| self.reference(line)).collect()
    }

    fn reference(&self, line: &str) -> Result<(CommitId, String), GitError> {
        let parsed = line.split_once('\t').and_then(|(id, name)| Some((id.parse().ok()?, name.to_owned())));
        parsed.ok_or_else(|| {
            let said = Printable::new(line).to_string();
            self.failed("list the branches of", ProgramError::Answer { said })
        })
    }

    /// One line from a command that is run in the repository itself.
    fn ask(&self, arguments: &[&str]) -> Result<String, GitError> {
        let mut command = self.command();
        command.env_remove("GIT_DIR").arg("-C").arg(&self.path);
        if let Some(parent) = self.path.parent() {
            command.env("GIT_CEILING_DIRECTORIES", parent);
        }
        let output = program::run(command, arguments, QUESTION).and_then(Output::success);
        let output = output.map_err(|source| self.failed("look into", source))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    fn command(&self) -> Command {
        program::command(&self.mirror)
    }

    fn unreachable(&self, source: ProgramError) -> GitError {
        match source {
            ProgramError::Ended { .. } => GitError::NoRepository { location: self.location(), source },
            _ => self.failed("list the branches of", source),
        }
    }

    fn failed(&self, operation: &'static str, source: ProgramError) -> GitError {
        GitError::Program { operation, location: self.location(), source }
    }

    fn location(&self) -> String {
        Printable::bounded(&self.path.to_string_lossy(), 500).to_string()
    }
}

fn full_name(branch: &BranchName) -> String {
    format!("refs/heads/{branch}")
}

fn ended(output: &Output) -> ProgramError {
    ProgramError::Ended { status: output.status, said: output.said() }
}
