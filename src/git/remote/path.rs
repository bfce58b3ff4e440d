//! Checks that only a repository on this machine allows. Its hooks run, its alternates are followed, and its branch moves
//! under Git's own lock.

use std::path::Path;

use rustix::fs::{Access as Permission, access};

use super::program::{self, Output};
use super::{PushAccess, Remote, full_name};
use crate::git::GitError;
use crate::model::BranchName;

/// Whether the repository is a shallow clone.
pub(super) fn is_shallow(remote: &Remote, path: &Path) -> Result<bool, GitError> {
    Ok(ask(remote, path, &["rev-parse", "--is-shallow-repository"])? == "true")
}

/// Whether this user can write to the repository, and whether Git would accept a push to the branch.
pub(super) fn push_access(remote: &Remote, path: &Path, branch: &BranchName) -> Result<PushAccess, GitError> {
    let ask = |arguments: &[&str]| ask(remote, path, arguments);
    let folder = ask(&["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
    for part in ["objects", "refs/heads"] {
        let path = Path::new(&folder).join(part);
        if let Err(error) = access(&path, Permission::WRITE_OK) {
            let reason = format!("{} is not writable: {error}", path.display());
            return Ok(PushAccess::Denied { reason, hint: "give this user write access to the repository" });
        }
    }
    let lock = Path::new(&folder).join(format!("{}.lock", full_name(branch)));
    if lock.exists() {
        let reason = format!("{} is locked", lock.display());
        return Ok(PushAccess::Denied {
            reason,
            hint: "remove that file if no Git process works in the repository",
        });
    }
    let is_bare = ask(&["rev-parse", "--is-bare-repository"])? == "true";
    let is_checked_out = ask(&["symbolic-ref", "-q", "HEAD"]).is_ok_and(|head| head == full_name(branch));
    let policy = ask(&["config", "receive.denyCurrentBranch"]).unwrap_or_default();
    if !is_bare && is_checked_out && !["ignore", "warn", "updateInstead"].contains(&policy.as_str()) {
        let reason = format!("{branch} is checked out there; Git does not push to a checked-out branch");
        let hint = "name the bare repository that Flux reads as `git.url`, or check out another branch there";
        return Ok(PushAccess::Denied { reason, hint });
    }
    Ok(PushAccess::Likely)
}

/// The first line of a command's output, run in the repository itself.
fn ask(remote: &Remote, path: &Path, arguments: &[&str]) -> Result<String, GitError> {
    let mut command = program::command(&remote.mirror);
    command.env_remove("GIT_DIR").arg("-C").arg(path);
    if let Some(parent) = path.parent() {
        command.env("GIT_CEILING_DIRECTORIES", parent);
    }
    let timeouts = remote.timeouts(remote.reach.limits.question);
    let output = program::run(command, arguments, timeouts).and_then(Output::success);
    let output = output.map_err(|source| remote.failed("look into", source))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
