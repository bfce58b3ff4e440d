//! Fetches every branch and tag of a source repository, without file contents where the server supports filters, and up to
//! a size limit.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::program::{self, Output, Timeouts};
use super::reach::Stop;
use super::{Location, Remote, path};
use crate::git::GitError;
use crate::model::CommitId;

/// Where the remote's branches and tags go in the mirror.
const REFSPECS: [&str; 2] = ["+refs/heads/*:refs/source/heads/*", "+refs/tags/*:refs/source/tags/*"];

/// Interval between checks of the mirror's size during a fetch.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Timeout of a command on the mirror itself.
const QUESTION: Duration = Duration::from_secs(30);

impl Remote {
    /// Fetches every branch and tag. Keeps deleted ones: an image may have been built from them.
    pub(in crate::git) fn fetch_all(&self, most_bytes: u64) -> Result<(), GitError> {
        self.fetch_history(&REFSPECS.map(str::to_owned), most_bytes)
    }

    /// Fetches one commit and its history, whether or not a branch contains it.
    pub(in crate::git) fn fetch_one(&self, commit: CommitId, most_bytes: u64) -> Result<(), GitError> {
        self.fetch_history(&[format!("+{commit}:refs/source/commits/{commit}")], most_bytes)
    }

    fn fetch_history(&self, refspecs: &[String], most_bytes: u64) -> Result<(), GitError> {
        let operation = "fetch from";
        if let Location::Path(there) = &self.location
            && path::is_shallow(self, there)?
        {
            return Err(GitError::Shallow { location: self.display_url() });
        }
        let mut command = self.command(operation)?;
        // A promisor remote for the omitted blobs, given on the command line so it is not written to the configuration.
        let address = self.address();
        for setting in [
            format!("remote.source.url={}", address.to_string_lossy()),
            "remote.source.promisor=true".to_owned(),
            "remote.source.partialclonefilter=blob:none".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        command.args(["fetch", "--progress", "--no-tags", "--no-write-fetch-head"]);
        command.args(["--no-auto-maintenance", "--filter=blob:none", "source"]);
        let limits = &self.reach.limits;
        let own = Stop::default();
        let timeouts = Timeouts { silence: Some(limits.silence), stop: own.clone(), ..limits.fetch.into() };
        let (is_done, is_too_large) = (AtomicBool::new(false), AtomicBool::new(false));
        let fetched = thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    is_too_large.fetch_or(size(&self.mirror) > most_bytes, Ordering::Relaxed);
                    if is_too_large.load(Ordering::Relaxed) || self.reach.stop.is_requested() {
                        own.ask();
                        return;
                    }
                    thread::park_timeout(CHECK_INTERVAL);
                }
            });
            let fetched = program::run(command, refspecs, timeouts);
            is_done.store(true, Ordering::Relaxed);
            fetched
        });
        if is_too_large.load(Ordering::Relaxed) || size(&self.mirror) > most_bytes {
            return Err(GitError::TooLarge { location: self.display_url(), most_mib: most_bytes >> 20 });
        }
        self.succeeded(operation, fetched)?;
        match fs::remove_file(self.mirror.join("shallow")) {
            Ok(()) => Err(GitError::Shallow { location: self.display_url() }),
            Err(_) => Ok(()),
        }
    }

    /// The mirror's tags with the commits that they point to.
    pub(in crate::git) fn mirrored_tags(&self) -> Result<Vec<(CommitId, String)>, GitError> {
        const FORM: &str = "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(refname)";
        let command = program::command(&self.mirror);
        let arguments = ["for-each-ref", FORM, "refs/source/tags"];
        let listed = program::run(command, arguments, QUESTION).and_then(Output::success);
        let output = listed.map_err(|source| self.failed("list the tags of the mirror of", source))?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().filter_map(tag).collect())
    }
}

/// Parses a tag; `None` if it points to no commit.
fn tag(line: &str) -> Option<(CommitId, String)> {
    let (types, name) = line.rsplit_once(" refs/source/tags/")?;
    let mut words = types.split(' ');
    let (kind, id) = (words.next()?, words.next()?);
    let (peeled_kind, peeled) = (words.next()?, words.next()?);
    let id = match (kind, peeled_kind) {
        ("commit", _) => id,
        (_, "commit") => peeled,
        _ => return None,
    };
    Some((id.parse().ok()?, name.to_owned()))
}

/// The size of the packs in bytes.
fn size(mirror: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(mirror.join("objects/pack")) else { return 0 };
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|metadata| metadata.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_with_their_commits() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let read = |line: &str| tag(line).map(|(id, name)| (id.to_string(), name));
        assert_eq!(read(&format!("commit {a}   refs/source/tags/v1")), Some((a.clone(), "v1".into())));
        assert_eq!(
            read(&format!("tag {a} commit {b} refs/source/tags/x/v1")),
            Some((b.clone(), "x/v1".into()))
        );
        assert_eq!(read(&format!("blob {a}   refs/source/tags/v1")), None);
        assert_eq!(read(&format!("tag {a} tree {b} refs/source/tags/v1")), None);
        assert_eq!(read("nonsense"), None);
    }
}
