//! Real repositories, made by the real `git` program, the same on every machine: no configuration but what is here, fixed
//! people and a clock that goes a minute a commit.

#![expect(clippy::expect_used, reason = "helpers of tests fail as tests do")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};

use tempfile::TempDir;

/// The time of the first commit, in seconds since 1970.
pub(crate) const FIRST_COMMIT: i64 = 1_700_000_000;

/// The seconds from one commit to the next.
pub(crate) const BETWEEN_COMMITS: i64 = 60;

/// `git` in `folder`, unattended and without anybody's configuration.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.env_clear().current_dir(folder);
    for name in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("HOME", folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "Person")
            .env(format!("GIT_{who}_EMAIL"), "person@example.org")
            .env(format!("GIT_{who}_DATE"), format!("{FIRST_COMMIT} +0000"));
    }
    command
}

/// Runs `git` in `folder`; whatever becomes of it.
pub(crate) fn try_git(folder: &Path, arguments: &[&str]) -> Output {
    command(folder)
        .args(arguments)
        .output()
        .expect("these tests need the program `git`: install it, on Debian with `apt install git`")
}

/// Runs `git` in `folder`, which must work, and returns what it writes, without the last newline.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = try_git(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?} ended with {}: {said}", output.status);
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// One change of a commit.
#[derive(Clone, Debug)]
pub(crate) enum Change<'a> {
    /// A regular file has this content.
    File(&'a str, &'a [u8]),
    /// An executable file has this content.
    Executable(&'a str, &'a [u8]),
    /// A symbolic link leads there.
    Link(&'a str, &'a str),
    /// Another repository is at this commit.
    Submodule(&'a str, &'a str),
    /// The file or folder is gone.
    Gone(&'a str),
}

/// A bare repository in a folder of its own, as a team's server has it.
pub(crate) struct Origin {
    folder: TempDir,
    commits: AtomicI64,
}

impl Origin {
    /// A bare repository with no commit.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        git(folder.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "origin.git"]);
        Self { folder, commits: AtomicI64::new(0) }
    }

    /// A bare repository whose branch `main` has one commit with these files.
    pub(crate) fn with_files(files: &[(&str, &str)]) -> Self {
        let origin = Self::empty();
        let changes: Vec<Change<'_>> =
            files.iter().map(|(path, text)| Change::File(path, text.as_bytes())).collect();
        origin.commit("first", &changes);
        origin
    }

    /// Where the repository is.
    pub(crate) fn path(&self) -> PathBuf {
        self.beside("origin.git")
    }

    /// The repository's path as a URL in the configuration.
    pub(crate) fn url(&self) -> String {
        self.path().to_str().expect("a path in UTF-8").to_owned()
    }

    /// A path beside the repository, gone with it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `git` in the repository, which must work.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.path(), arguments)
    }

    /// The commit that a reference is at.
    pub(crate) fn at(&self, reference: &str) -> String {
        self.git(&["rev-parse", "--verify", reference])
    }

    /// A file's content on `main`.
    pub(crate) fn file(&self, path: &str) -> String {
        String::from_utf8(self.git_bytes(&["cat-file", "blob", &format!("main:{path}")])).expect("UTF-8")
    }

    /// What `git` writes, to the byte.
    pub(crate) fn git_bytes(&self, arguments: &[&str]) -> Vec<u8> {
        let output = try_git(&self.path(), arguments);
        assert!(output.status.success(), "git {arguments:?} ended with {}", output.status);
        output.stdout
    }

    /// Adds a commit to `main`, a minute after the one before.
    pub(crate) fn commit(&self, message: &str, changes: &[Change<'_>]) -> String {
        self.commit_on("main", message, changes)
    }

    /// Adds a commit to a branch, a minute after the one before.
    pub(crate) fn commit_on(&self, branch: &str, message: &str, changes: &[Change<'_>]) -> String {
        let count = self.commits.fetch_add(1, Ordering::Relaxed);
        let mut stream = Vec::new();
        let has_parent =
            try_git(&self.path(), &["rev-parse", "--verify", "--quiet", branch]).status.success();
        let parent = has_parent.then(|| format!("refs/heads/{branch}^0"));
        write_commit(&mut stream, branch, count, message, parent.as_deref(), changes);
        self.import(&stream);
        self.at(&format!("refs/heads/{branch}"))
    }

    /// Adds so many commits to `main` at once; the changes of each are made from its number.
    pub(crate) fn commits(&self, count: i64, changes: impl Fn(i64) -> (String, String)) {
        let first = self.commits.fetch_add(count, Ordering::Relaxed);
        self.import(&stream_of(("main", "refs/heads/main"), first..first + count, changes));
    }

    /// Feeds `git fast-import`.
    pub(crate) fn import(&self, stream: &[u8]) {
        import(&self.path(), stream);
    }

    /// Installs a hook, a shell script.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        let path = self.path().join("hooks").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the hooks' folder");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a hook");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("an executable hook");
    }

    /// A clone with a working copy, as a person has it.
    pub(crate) fn clone_to(&self, name: &str) -> PathBuf {
        git(self.folder.path(), &["clone", "--quiet", &self.url(), name]);
        self.beside(name)
    }
}

/// What `git fast-import` makes commits of, each of one change that is made from its number, counted from 0: on a branch, on
/// top of where something else is. The times of the commits are counted too.
pub(crate) fn stream_of(
    (branch, parent): (&str, &str),
    times: Range<i64>,
    changes: impl Fn(i64) -> (String, String),
) -> Vec<u8> {
    let mut stream = Vec::new();
    let parent = format!("{parent}^0");
    for (number, time) in (0..).zip(times) {
        let (path, text) = changes(number);
        let parent = (number == 0).then_some(parent.as_str());
        let message = format!("commit {number}");
        let change = Change::File(&path, text.as_bytes());
        write_commit(&mut stream, branch, time, &message, parent, &[change]);
    }
    stream
}

/// Feeds `git fast-import` in a repository.
pub(crate) fn import(repository: &Path, stream: &[u8]) {
    let mut child = command(repository)
        .args(["fast-import", "--quiet", "--force"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("git fast-import");
    child.stdin.take().expect("a pipe").write_all(stream).expect("git reads on");
    assert!(child.wait().expect("git fast-import").success());
}

fn write_commit(
    stream: &mut Vec<u8>,
    branch: &str,
    number: i64,
    message: &str,
    parent: Option<&str>,
    changes: &[Change<'_>],
) {
    let time = FIRST_COMMIT + number * BETWEEN_COMMITS;
    let mut head = String::new();
    let _ = writeln!(head, "commit refs/heads/{branch}");
    let _ = writeln!(head, "committer Person <person@example.org> {time} +0000");
    let _ = writeln!(head, "data {}\n{message}", message.len());
    if let Some(parent) = parent {
        let _ = writeln!(head, "from {parent}");
    }
    stream.extend_from_slice(head.as_bytes());
    for change in changes {
        let (mode, path, content): (_, _, &[u8]) = match change {
            Change::File(path, content) => ("100644", path, content),
            Change::Executable(path, content) => ("100755", path, content),
            Change::Link(path, target) => ("120000", path, target.as_bytes()),
            Change::Submodule(path, commit) => {
                stream.extend_from_slice(format!("M 160000 {commit} {path}\n").as_bytes());
                continue;
            }
            Change::Gone(path) => {
                stream.extend_from_slice(format!("D {path}\n").as_bytes());
                continue;
            }
        };
        stream.extend_from_slice(format!("M {mode} inline {path}\ndata {}\n", content.len()).as_bytes());
        stream.extend_from_slice(content);
        stream.push(b'\n');
    }
}
