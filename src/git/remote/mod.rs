//! The remote repository: read its branch head, fetch, push.
//!
//! Everything goes through the `git` program, and `ssh` below it. libgit2's local transport runs no hooks and moves the
//! branch without comparing its old value, which would lose a person's push; its network transports have no reliable
//! deadline, read only one `known_hosts` file, and bring a second TLS library. [`path`], [`ssh`] and [`https`] hold what is
//! specific to a transport, with its credentials.

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

/// The local folder that a URL names, whether or not it exists.
///
/// # Errors
/// The URL names another machine, or is invalid.
pub fn local_path(url: &str) -> Result<PathBuf, GitError> {
    match Location::parse(url)? {
        Location::Path(path) => Ok(path),
        Location::Network(url) => {
            Err(GitError::Url { url: url.to_string(), reason: "it is not on this machine" })
        }
    }
}

/// The access that Tidegate has to the remote repository, for `doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub location: String,
    pub head: CommitId,
    pub push: PushAccess,
    /// When the login expires, if known.
    pub login_ends: Option<Timestamp>,
}

/// Whether a push would be accepted, as far as a dry run shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushAccess {
    /// The dry run passed. A hook or a branch rule may still decline the real push.
    Likely,
    Denied {
        /// The server's words, printable.
        reason: String,
        /// What to do about it.
        hint: &'static str,
    },
}

/// The outcome of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PushOutcome {
    /// The branch is at the new tip.
    Accepted,
    /// Somebody else moved the branch first, or the server cannot lock or write it.
    BranchMoved {
        /// Git's words, printable.
        reason: String,
    },
    /// The server refused: a hook, a protected branch.
    Declined {
        /// The server's words, printable.
        reason: String,
    },
}

/// The remote repository.
#[derive(Debug)]
pub(super) struct Remote {
    location: Location,
    mirror: PathBuf,
    reach: Reach,
}

impl Remote {
    /// The repository at `url`, with a mirror at `mirror`. Makes no connection.
    pub(super) fn new(url: &str, mirror: &Path, reach: Reach) -> Result<Self, GitError> {
        Ok(Self { location: Location::parse(url)?, mirror: mirror.to_owned(), reach })
    }

    /// The current head of `branch`: one ls-refs, no objects.
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

    /// Fetches `branch` with its whole history into the mirror, as `reference`.
    pub(super) fn fetch(&self, branch: &BranchName, reference: &str) -> Result<(), GitError> {
        const OPTIONS: [&str; 4] =
            ["--progress", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"];
        let operation = "fetch from";
        // Git would silently make the mirror shallow too.
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
        // For a shallow server Git fetches nothing, prints this, and exits with 0.
        if output.diagnostics().contains("shallow roots are not allowed to be updated") {
            return Err(GitError::Shallow { location: self.display_url() });
        }
        Ok(())
    }

    /// The head of one of Tidegate's own branches, if the branch exists.
    pub(super) fn tip(&self, branch: &PullRequestBranch) -> Result<Option<CommitId>, GitError> {
        let reference = full_name(branch.name());
        let listed = self.references(&reference)?;
        Ok(listed.iter().find(|(_, name)| *name == reference).map(|(id, _)| *id))
    }

    /// Moves `branch` to `tip` if it is at `base`.
    pub(super) fn push(
        &self,
        branch: &BranchName,
        base: CommitId,
        tip: CommitId,
    ) -> Result<PushOutcome, GitError> {
        self.push_with_lease(&full_name(branch), Some(base), Some(tip), PushMode::FastForward)
    }

    /// Sets one of Tidegate's own branches to `tip`, or deletes it, if it is still at `seen` (`None`: does not exist).
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
        mode: PushMode,
    ) -> Result<PushOutcome, GitError> {
        let text = |commit: Option<CommitId>| commit.map(|commit| commit.to_string()).unwrap_or_default();
        let mut command = self.push_command("push to")?;
        // The lease also refuses a fast-forward from any other commit.
        let lease = format!("--force-with-lease={reference}:{}", text(seen));
        command.arg(lease).arg("--").arg(self.address());
        let timeouts = self.timeouts(self.reach.limits.push);
        let output = program::run(command, [format!("{}:{reference}", text(tip))], timeouts)
            .map_err(|source| self.failed("push to", source))?;
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), output.diagnostics());
        match push_report::read(reference, &stdout, &stderr, mode) {
            Some(PushOutcome::Accepted) if output.status.success() => Ok(PushOutcome::Accepted),
            Some(refused @ (PushOutcome::BranchMoved { .. } | PushOutcome::Declined { .. })) => Ok(refused),
            _ => Err(self.error_of("push to", &output)),
        }
    }

    /// Merges the mirror's packs, which keeps object lookups cheap.
    pub(super) fn repack(&self) -> Result<(), GitError> {
        let arguments = ["repack", "-d", "-q", "-n", "--geometric=2"];
        let timeouts = self.timeouts(self.reach.limits.fetch);
        let output = program::run(program::command(&self.mirror), arguments, timeouts);
        output
            .and_then(Output::success)
            .map(drop)
            .map_err(|source| self.failed("repack the mirror of", source))
    }

    /// Checks access. The mirror already has `head`, the branch's current head.
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

    /// Dry-runs a push of the current head: the server checks the login, and nothing is sent.
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
                Ok(PushAccess::Denied {
                    reason: remote_error.to_string(),
                    hint: "give this user write access to the repository",
                })
            }
            error => Err(error),
        }
    }

    fn push_command(&self, operation: &'static str) -> Result<Command, GitError> {
        let mut command = self.command(operation)?;
        if matches!(self.location, Location::Path(_)) {
            // Searching for deltas costs more than writing the objects to a disk.
            command.args(["-c", "pack.window=0"]);
        }
        command.args(["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-progress"]);
        Ok(command)
    }

    /// The remote references that match `pattern`.
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
        let id = line.split('\t').next().unwrap_or_default();
        if id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(GitError::Sha256 { location: self.display_url() });
        }
        let parsed = line.split_once('\t').and_then(|(id, name)| Some((id.parse().ok()?, name.to_owned())));
        parsed.ok_or_else(|| {
            let message = Printable::new(line).to_string();
            self.failed("list the branches of", ProgramError::Answer { message })
        })
    }

    /// `git` on the mirror, with the credentials for the remote.
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

    /// The error of a failed program.
    fn error_of(&self, operation: &'static str, output: &Output) -> GitError {
        // Git's connect.c and fetch-pack.c.
        if ["mismatched algorithms", "mismatch object format"]
            .iter()
            .any(|words| output.diagnostics().contains(words))
        {
            return GitError::Sha256 { location: self.display_url() };
        }
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

    /// The recognised error, completed by a further question to the server where that helps.
    fn remote_error(&self, url: &NetworkUrl, output: &Output) -> Option<RemoteError> {
        let remote_error = remote_error::recognise(&output.diagnostics())?;
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
