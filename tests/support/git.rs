//! Real repositories, made with the real `git`, identical on every machine: no user configuration, fixed people, and a
//! clock that advances a minute per commit.

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

/// Time of the first commit, in seconds since 1970.
pub(crate) const FIRST_COMMIT: i64 = 1_700_000_000;

/// Seconds between commits.
pub(crate) const BETWEEN_COMMITS: i64 = 60;

/// `git` in `folder`, non-interactive and without user configuration.
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

/// Runs `git` in `folder` with any result.
pub(crate) fn try_git(folder: &Path, arguments: &[&str]) -> Output {
    command(folder)
        .args(arguments)
        .output()
        .expect("these tests need the program `git`: install it, on Debian with `apt install git`")
}

/// Runs `git` in `folder`, which must succeed, and returns its output without the last newline.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = try_git(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?} ended with {}: {said}", output.status);
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// A change in a commit.
#[derive(Clone, Debug)]
pub(crate) enum Change<'a> {
    /// Writes a regular file.
    File(&'a str, &'a [u8]),
    /// Writes an executable file.
    Executable(&'a str, &'a [u8]),
    /// Writes a symbolic link.
    Link(&'a str, &'a str),
    /// Writes a submodule at a commit.
    Submodule(&'a str, &'a str),
    /// Removes a file or a folder.
    Gone(&'a str),
}

/// A bare repository in its own folder, as on a team's server.
pub(crate) struct Origin {
    folder: TempDir,
    commits: AtomicI64,
}

impl Origin {
    /// A bare repository without commits.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        git(folder.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "origin.git"]);
        Self { folder, commits: AtomicI64::new(0) }
    }

    /// A bare repository with one commit of these files on `main`.
    pub(crate) fn with_files(files: &[(&str, &str)]) -> Self {
        let origin = Self::empty();
        let changes: Vec<Change<'_>> =
            files.iter().map(|(path, text)| Change::File(path, text.as_bytes())).collect();
        origin.commit("first", &changes);
        origin
    }

    /// The path of the repository.
    pub(crate) fn path(&self) -> PathBuf {
        self.beside("origin.git")
    }

    /// The repository's path as a URL in the configuration.
    pub(crate) fn url(&self) -> String {
        self.path().to_str().expect("a path in UTF-8").to_owned()
    }

    /// A path beside the repository, removed with it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `git` in the repository, which must succeed.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.path(), arguments)
    }

    /// The commit of a ref.
    pub(crate) fn at(&self, reference: &str) -> String {
        self.git(&["rev-parse", "--verify", reference])
    }

    /// A file's content on `main`.
    pub(crate) fn file(&self, path: &str) -> String {
        String::from_utf8(self.git_bytes(&["cat-file", "blob", &format!("main:{path}")])).expect("UTF-8")
    }

    /// The output of `git`, as bytes.
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

    /// Adds `count` commits to `main` at once; `changes` makes path and text from the number of a commit.
    pub(crate) fn commits(&self, count: i64, changes: impl Fn(i64) -> (String, String)) {
        let first = self.commits.fetch_add(count, Ordering::Relaxed);
        self.import(&stream_of(("main", "refs/heads/main"), first..first + count, changes));
    }

    /// Runs `git fast-import` with this input.
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

    /// A clone with a working tree, as people have.
    pub(crate) fn clone_to(&self, name: &str) -> PathBuf {
        git(self.folder.path(), &["clone", "--quiet", &self.url(), name]);
        self.beside(name)
    }
}

/// Input for `git fast-import`: commits on a branch, on top of a ref, each with one change made from its number, from
/// 0. Their times advance too.
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

/// Runs `git fast-import` in a repository.
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
