//! The repository that the mirror mirrors, wherever it is: what its branch is at, fetch, push.
//!
//! All of it goes through the `git` program, and through `ssh` below it. libgit2's own local transport runs no hooks and
//! moves the branch without looking at what it was, so that a person's push in between is lost; its network transports
//! have no deadline that a thread can be sure of, read one `known_hosts` file only, and bring a second TLS library. What is
//! particular to a way of getting there is in [`path`], [`ssh`] and [`https`], and their credentials are theirs alone.

mod all_refs;
mod https;
mod path;
pub(in crate::git) mod program;
mod push_report;
mod reach;
mod remote_error;
mod ssh;
mod url;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use self::program::{Output, Timeouts};
use self::push_report::PushMode;
use self::url::Location;
use crate::git::{GitError, ProgramError};
use crate::model::{BranchName, CommitId, NetworkUrl, Printable, Protocol, PullRequestBranch, Timestamp};

pub use self::reach::{Limits, Login, Reach, Secret, Stop};
pub use self::remote_error::RemoteError;

/// The folder that a URL names on this machine; it need not be there.
///
/// # Errors
/// When it is the URL of something else, or one that is never used.
pub fn local_path(url: &str) -> Result<PathBuf, GitError> {
    match Location::parse(url)? {
        Location::Path(path) => Ok(path),
        Location::Network(url) => {
            Err(GitError::Url { url: url.to_string(), reason: "it is not on this machine" })
        }
    }
}

/// What can be done with the remote repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Where it is.
    pub location: String,
    /// Where its branch is.
    pub head: CommitId,
    /// Whether a push can work.
    pub push: PushAccess,
    /// When the login ends, if that is known.
    pub login_ends: Option<Timestamp>,
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

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PushOutcome {
    /// The branch is at the new tip.
    Accepted,
    /// Somebody else moved the branch first, or holds its lock now.
    BranchMoved,
    /// The server refused: a hook, a protected branch.
    Declined {
        /// The server's words, printable.
        reason: String,
    },
}

/// The repository that the mirror mirrors.
#[derive(Debug)]
pub(super) struct Remote {
    location: Location,
    mirror: PathBuf,
    reach: Reach,
}

impl Remote {
    /// The repository at `url`, as seen from the mirror at `mirror`. Asks nobody yet.
    pub(super) fn new(url: &str, mirror: &Path, reach: Reach) -> Result<Self, GitError> {
        Ok(Self { location: Location::parse(url)?, mirror: mirror.to_owned(), reach })
    }

    /// Where `branch` is now: one listing of references, no objects.
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
        Err(GitError::no_branch(&self.display_url(), branch, &branches))
    }

    /// Brings `branch` and everything under it into the mirror, and sets `reference` there to it.
    pub(super) fn fetch(&self, branch: &BranchName, reference: &str) -> Result<(), GitError> {
        const OPTIONS: [&str; 4] =
            ["--progress", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"];
        let operation = "fetch from";
        // Git would take the cut into the mirror without a word.
        if let Location::Path(path) = &self.location
            && path::is_shallow(self, path)?
        {
            return Err(GitError::Shallow { location: self.display_url() });
        }
        let mut command = self.command(operation)?;
        command.arg("fetch").args(OPTIONS).arg("--").arg(self.address());
        let refspec = format!("+{}:{reference}", full_name(branch));
        let limits = &self.reach.limits;
        let timeouts = Timeouts { silence: Some(limits.silence), ..self.timeouts(limits.fetch) };
        let fetched = program::run(command, [refspec], timeouts);
        let output = self.succeeded(operation, fetched)?;
        // A server whose own history is cut is left alone by Git, which says so and ends well.
        if output.diagnostics().contains("shallow roots are not allowed to be updated") {
            return Err(GitError::Shallow { location: self.display_url() });
        }
        Ok(())
    }

    /// Where one of Tidegate's own branches is now, if it is there.
    pub(super) fn tip(&self, branch: &PullRequestBranch) -> Result<Option<CommitId>, GitError> {
        let reference = full_name(branch.name());
        let listed = self.references(&reference)?;
        Ok(listed.iter().find(|(_, name)| *name == reference).map(|(id, _)| *id))
    }

    /// Moves `branch` from `base`, and from nothing else, to `tip`.
    pub(super) fn push(
        &self,
        branch: &BranchName,
        base: CommitId,
        tip: CommitId,
    ) -> Result<PushOutcome, GitError> {
        self.push_with_lease(&full_name(branch), Some(base), Some(tip), PushMode::FastForward)
    }

    /// Puts one of Tidegate's own branches to `tip`, or removes it, if it is still where it was `seen`, or still not there.
    pub(super) fn put(
        &self,
        branch: &PullRequestBranch,
        seen: Option<CommitId>,
        tip: Option<CommitId>,
    ) -> Result<PushOutcome, GitError> {
        self.push_with_lease(&full_name(branch.name()), seen, tip, PushMode::Force)
    }

    fn push_with_lease(
        &self,
        reference: &str,
        seen: Option<CommitId>,
        tip: Option<CommitId>,
        may: PushMode,
    ) -> Result<PushOutcome, GitError> {
        let text = |commit: Option<CommitId>| commit.map(|commit| commit.to_string()).unwrap_or_default();
        let mut command = self.push_command("push to")?;
        // The lease refuses when the branch is not where it was seen, even where moving it would be a fast-forward.
        let lease = format!("--force-with-lease={reference}:{}", text(seen));
        command.arg(lease).arg("--").arg(self.address());
        let timeouts = self.timeouts(self.reach.limits.push);
        let output = program::run(command, [format!("{}:{reference}", text(tip))], timeouts)
            .map_err(|source| self.failed("push to", source))?;
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), output.diagnostics());
        match push_report::read(reference, &stdout, &stderr, may) {
            Some(PushOutcome::Accepted) if output.status.success() => Ok(PushOutcome::Accepted),
            Some(refused @ (PushOutcome::BranchMoved | PushOutcome::Declined { .. })) => Ok(refused),
            _ => Err(self.error_of("push to", &output)),
        }
    }

    /// Merges the mirror's packs, so that looking an object up stays cheap.
    pub(super) fn repack(&self) -> Result<(), GitError> {
        let arguments = ["repack", "-d", "-q", "-n", "--geometric=2"];
        let timeouts = self.timeouts(self.reach.limits.fetch);
        let output = program::run(program::command(&self.mirror), arguments, timeouts);
        output
            .and_then(Output::success)
            .map(drop)
            .map_err(|source| self.failed("repack the mirror of", source))
    }

    /// What can be done there, for a person to read. The mirror has `head`, which is where the branch is.
    pub(super) fn check(&self, branch: &BranchName, head: CommitId) -> Result<Access, GitError> {
        let push = match &self.location {
            Location::Path(path) => path::push_access(self, path, branch)?,
            Location::Network(_) => self.rehearse_push(branch, head)?,
        };
        let login_ends = match &self.reach.login {
            Login::Token { token, .. } => token.ends_at(),
            _ => None,
        };
        Ok(Access { location: self.display_url(), head, push, login_ends })
    }

    /// Asks to push what is there already, and stops before anything is sent: the server looks at who asks.
    fn rehearse_push(&self, branch: &BranchName, head: CommitId) -> Result<PushAccess, GitError> {
        let mut command = self.push_command("push to")?;
        command.args(["--dry-run", "--"]).arg(self.address());
        let refspec = format!("{head}:{}", full_name(branch));
        let output = program::run(command, [refspec], self.timeouts(self.reach.limits.question))
            .map_err(|source| self.failed("push to", source))?;
        if output.status.success() {
            return Ok(PushAccess::Likely);
        }
        match self.error_of("push to", &output) {
            GitError::Remote { source: remote_error, .. } if remote_error.is_denial() => {
                Ok(PushAccess::Denied { reason: remote_error.to_string() })
            }
            error => Err(error),
        }
    }

    fn push_command(&self, operation: &'static str) -> Result<Command, GitError> {
        let mut command = self.command(operation)?;
        if matches!(self.location, Location::Path(_)) {
            // To look for resemblances between new objects costs more than to write them out to a disk.
            command.args(["-c", "pack.window=0"]);
        }
        command.args(["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-progress"]);
        Ok(command)
    }

    /// The references there that match `pattern`.
    fn references(&self, pattern: &str) -> Result<Vec<(CommitId, String)>, GitError> {
        let operation = "list the branches of";
        let mut command = self.command(operation)?;
        command.args(["ls-remote", "--quiet", "--"]).arg(self.address());
        let listed = program::run(command, [pattern], self.timeouts(self.reach.limits.question));
        let output = self.succeeded(operation, listed)?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().map(|line| self.reference(line)).collect()
    }

    fn reference(&self, line: &str) -> Result<(CommitId, String), GitError> {
        let parsed = line.split_once('\t').and_then(|(id, name)| Some((id.parse().ok()?, name.to_owned())));
        parsed.ok_or_else(|| {
            let message = Printable::new(line).to_string();
            self.failed("list the branches of", ProgramError::Answer { message })
        })
    }

    /// `git` on the mirror, able to reach the remote repository.
    fn command(&self, operation: &'static str) -> Result<Command, GitError> {
        let mut command = program::command(&self.mirror);
        let Location::Network(url) = &self.location else { return Ok(command) };
        command.env("GIT_ALLOW_PROTOCOL", url.protocol().as_str());
        match url.protocol() {
            Protocol::Ssh => ssh::prepare(&mut command, &self.reach, &self.mirror),
            Protocol::Https | Protocol::Http => https::prepare(&mut command, &self.reach),
            Protocol::Git => Ok(()),
        }
        .map_err(|fault| GitError::Login {
            operation,
            location: self.display_url(),
            fault: Box::new(fault),
        })?;
        Ok(command)
    }

    fn timeouts(&self, deadline: Duration) -> Timeouts {
        Timeouts { stop: self.reach.stop.clone(), ..deadline.into() }
    }

    fn succeeded(
        &self,
        operation: &'static str,
        ran: Result<Output, ProgramError>,
    ) -> Result<Output, GitError> {
        let output = ran.map_err(|source| self.failed(operation, source))?;
        if output.status.success() { Ok(output) } else { Err(self.error_of(operation, &output)) }
    }

    /// What a program that ended badly tells.
    fn error_of(&self, operation: &'static str, output: &Output) -> GitError {
        let ended = ProgramError::Ended { status: output.status, message: output.message() };
        let Location::Network(url) = &self.location else {
            return match operation {
                "list the branches of" => {
                    GitError::NoRepository { location: self.display_url(), source: ended }
                }
                _ => self.failed(operation, ended),
            };
        };
        let Some(remote_error) = self.remote_error(url, output) else { return self.failed(operation, ended) };
        GitError::Remote { operation, location: self.display_url(), source: Box::new(remote_error) }
    }

    /// What is known of the remote_error, with what only a further question can tell.
    fn remote_error(&self, url: &NetworkUrl, output: &Output) -> Option<RemoteError> {
        let remote_error = remote_error::of(&output.diagnostics())?;
        match url.protocol() {
            Protocol::Ssh => Some(ssh::diagnose(remote_error, url, &self.reach)),
            _ => Some(remote_error),
        }
    }

    fn failed(&self, operation: &'static str, source: ProgramError) -> GitError {
        GitError::Program { operation, location: self.display_url(), source }
    }

    fn address(&self) -> PathBuf {
        match &self.location {
            Location::Path(path) => path.clone(),
            Location::Network(url) => PathBuf::from(url.to_string()),
        }
    }

    fn display_url(&self) -> String {
        Printable::bounded(&self.address().to_string_lossy(), 500).to_string()
    }
}

fn full_name(branch: &BranchName) -> String {
    format!("refs/heads/{branch}")
}
