//! The `git` program on a repository of the demo, without anybody's configuration, and how a history is written.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::model::{Class, Fault, Printable, Timestamp};

const BRANCH: &str = "refs/heads/main";

/// A bare repository. Every command is short and blocks, so that none is left running when the demo is stopped.
#[derive(Debug)]
pub(super) struct Git {
    folder: PathBuf,
}

/// A person's commit.
#[derive(Debug)]
pub(super) struct PersonCommit {
    pub(super) at: Timestamp,
    pub(super) author: &'static str,
    pub(super) subject: String,
    /// The paths that it writes, with their content.
    pub(super) files: Vec<(String, String)>,
    pub(super) tag: Option<&'static str>,
}

impl Git {
    /// Creates an empty bare repository in `folder`.
    pub(super) fn create(folder: PathBuf) -> Result<Self, Fault> {
        std::fs::create_dir(&folder).map_err(|error| {
            Fault::new(Class::Failed, format!("cannot make the folder {}", folder.display()))
                .with_source(error)
        })?;
        let git = Self { folder };
        git.text(&["init", "--quiet", "--bare", "--template="])?;
        // `init --initial-branch` is younger than many a git.
        git.text(&["symbolic-ref", "HEAD", BRANCH])?;
        Ok(git)
    }

    /// Writes `commits` to the branch, oldest first.
    pub(super) fn import(&self, commits: &[PersonCommit]) -> Result<(), Fault> {
        self.run(&["fast-import", "--quiet"], fast_import(commits).as_bytes()).map(|_| ())
    }

    /// The output of a command, without the last line break.
    pub(super) fn text(&self, arguments: &[&str]) -> Result<String, Fault> {
        let written = self.run(arguments, &[])?;
        Ok(String::from_utf8_lossy(&written).trim_end_matches('\n').to_owned())
    }

    /// The output of a command, to the byte.
    pub(super) fn bytes(&self, arguments: &[&str]) -> Result<Vec<u8>, Fault> {
        self.run(arguments, &[])
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, Fault> {
        let operation = format!("git {}", arguments.first().copied().unwrap_or_default());
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Fault::new(Class::Failed, "the demo needs the program git")
                .with_source(error)
                .with_hint("install it: on Debian by `apt-get install git`"),
            _ => Fault::new(Class::Failed, format!("cannot run `{operation}`")).with_source(error),
        };
        let mut child = command(&self.folder).args(arguments).spawn().map_err(failed)?;
        if let Some(mut pipe) = child.stdin.take() {
            // A program that stops reading prints the reason on standard error.
            let _ = pipe.write_all(input);
        }
        let output = child.wait_with_output().map_err(failed)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        let message = format!(
            "`{operation}` ended with {}: {}",
            output.status,
            Printable::bounded(complaint.trim(), 500)
        );
        Err(Fault::new(Class::Failed, message))
    }
}

/// `git` in `folder`, unattended, the same on every machine.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
        .env("GIT_DIR", folder)
        .env("HOME", folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A group of its own: Ctrl-C goes to the demo alone.
    command.process_group(0);
    command
}

/// The commits in the language of `git fast-import`.
fn fast_import(commits: &[PersonCommit]) -> String {
    let mut stream = String::new();
    // Writing to a text cannot fail.
    for commit in commits {
        let PersonCommit { at, author, subject, files, tag } = commit;
        let _ = writeln!(stream, "commit {BRANCH}\ncommitter {author} {} +0000", at.timestamp());
        let _ = writeln!(stream, "data {}\n{subject}", subject.len());
        for (path, text) in files {
            let _ = writeln!(stream, "M 100644 inline {path}\ndata {}\n{text}", text.len());
        }
        if let Some(tag) = tag {
            let _ = writeln!(stream, "reset refs/tags/{tag}\nfrom {BRANCH}\n");
        }
    }
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_written_to_the_byte() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::create(folder.path().join("r.git")).unwrap();
        let commit = |day: i64, text: &str| PersonCommit {
            at: chrono::DateTime::from_timestamp(day * 86_400, 0).unwrap(),
            author: "A B <a@b.example>",
            subject: format!("day {day}"),
            files: vec![("clusters/x/ñ.yaml".to_owned(), text.to_owned())],
            tag: (day == 1).then_some("v1"),
        };
        git.import(&[commit(1, "a: 1\r\n"), commit(2, "a: 2")]).unwrap();
        assert_eq!(git.text(&["log", "--format=%s %ct %an"]).unwrap(), "day 2 172800 A B\nday 1 86400 A B");
        assert_eq!(git.text(&["rev-parse", "v1"]).unwrap(), git.text(&["rev-parse", "main~1"]).unwrap());
        assert_eq!(git.bytes(&["cat-file", "blob", "main~1:clusters/x/ñ.yaml"]).unwrap(), b"a: 1\r\n");
        assert_eq!(git.bytes(&["cat-file", "blob", "main:clusters/x/ñ.yaml"]).unwrap(), b"a: 2");
    }

    #[test]
    fn a_failure_names_the_command_and_the_output_of_git() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::create(folder.path().join("r.git")).unwrap();
        let fault = git.text(&["rev-parse", "--verify", "no-such-branch"]).unwrap_err();
        assert!(fault.to_string().contains("`git rev-parse` ended with"), "{fault}");
        assert!(fault.to_string().contains("fatal:"), "{fault}");
    }
}
