//! Runs the `git` program unattended: no prompt, no configuration but ours, a pinned language, a deadline.
//!
//! Hooks of a repository on this machine run below it, so it gets a small environment instead of ours, which may hold
//! secrets.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::git::ProgramError;
use crate::git::folder::GLOBAL_CONFIG_FILE;
use crate::model::Printable;

/// The most that is kept of what the program writes; 10,000 branches are about 1 MiB.
const MOST_OUTPUT_BYTES: u64 = 8 * 1024 * 1024;

/// How often an ended program's exit is looked for.
const POLL: Duration = Duration::from_millis(2);

/// What of our environment the program and the hooks below it get.
const KEPT_VARIABLES: [&str; 5] = ["PATH", "HOME", "TMPDIR", "USER", "LOGNAME"];

/// The same on every machine, whatever its Git configuration says.
const PINNED_VARIABLES: [(&str, &str); 7] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ALLOW_PROTOCOL", "file"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_ADVICE", "0"),
    ("LC_ALL", "C"),
];

/// The settings that matter to a mirror: no work behind our back, no hook of its own, one pack a fetch.
const SETTINGS: [&str; 5] = [
    "gc.auto=0",
    "maintenance.auto=false",
    "core.hooksPath=/dev/null",
    "fetch.unpackLimit=1",
    "core.fsync=none",
];

/// What the program wrote and how it ended.
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Output {
    /// The output, if the program ended well.
    pub(super) fn success(self) -> Result<Self, ProgramError> {
        if self.status.success() {
            return Ok(self);
        }
        Err(ProgramError::Ended { status: self.status, said: self.said() })
    }

    /// The end of what it wrote to its standard error, on one line, fit to be shown.
    pub(super) fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Printable::bounded(&lines.join("; "), 500).to_string()
    }
}

/// `git` on the mirror in `folder`.
pub(super) fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.env_clear();
    for name in KEPT_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .envs(PINNED_VARIABLES)
        .env("GIT_CONFIG_GLOBAL", folder.join(GLOBAL_CONFIG_FILE))
        .env("GIT_DIR", folder);
    for setting in SETTINGS {
        command.arg("-c").arg(setting);
    }
    command
}

/// Runs `command` to its end, or kills it and everything below it at the deadline.
pub(super) fn run<S: AsRef<OsStr>>(
    mut command: Command,
    arguments: impl IntoIterator<Item = S>,
    deadline: Duration,
) -> Result<Output, ProgramError> {
    let started = Instant::now();
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own: Ctrl-C in a terminal lets the pass in hand finish, and the deadline reaches hooks too.
    command.process_group(0);
    let mut child = command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ProgramError::Missing(source),
        _ => ProgramError::Run(source),
    })?;
    let stdout = read_aside(child.stdout.take());
    let stderr = read_aside(child.stderr.take());
    let left = || deadline.saturating_sub(started.elapsed());
    let ended = (|| {
        let stdout = stdout.recv_timeout(left()).ok()?;
        let stderr = stderr.recv_timeout(left()).ok()?;
        Some((stdout, stderr, wait(&mut child, left)?))
    })();
    let Some((stdout, stderr, status)) = ended else {
        kill(&mut child);
        return Err(ProgramError::Deadline { deadline });
    };
    Ok(Output { status: status.map_err(ProgramError::Run)?, stdout, stderr })
}

/// Reads a pipe to its end in a thread, so that a program that fills the other one is not stuck.
fn read_aside(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut pipe) = pipe {
            // What broke off is judged by the exit status; the rest is drained so that the program can end.
            let _ = pipe.by_ref().take(MOST_OUTPUT_BYTES).read_to_end(&mut kept);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        let _ = sender.send(kept);
    });
    receiver
}

/// The exit status, or nothing when it does not come in the time left.
fn wait(child: &mut Child, left: impl Fn() -> Duration) -> Option<io::Result<ExitStatus>> {
    loop {
        match child.try_wait() {
            Ok(None) if left().is_zero() => return None,
            Ok(None) => thread::sleep(POLL.min(left())),
            Ok(Some(status)) => return Some(Ok(status)),
            Err(source) => return Some(Err(source)),
        }
    }
}

fn kill(child: &mut Child) {
    // Both fail only when the process is gone already, which is what is wanted.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::folder::Folder;

    fn shell(script: &str, deadline: Duration) -> Result<Output, ProgramError> {
        run(Command::new("sh"), ["-c", script], deadline)
    }

    #[test]
    fn the_deadline_reaches_what_the_program_started() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > '{}'; wait", note.display());
        let error = shell(&script, Duration::from_secs(1)).err().unwrap();
        assert!(matches!(error, ProgramError::Deadline { .. }));
        let pid = std::fs::read_to_string(&note).unwrap();
        let stat = Path::new("/proc").join(pid.trim()).join("stat");
        // Killed is gone, or a zombie until init looks.
        let is_dead = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")).eq(&false);
        let started = Instant::now();
        while !is_dead() {
            assert!(started.elapsed() < Duration::from_secs(10), "{stat:?} lives");
            thread::sleep(POLL);
        }
    }

    #[test]
    fn much_on_both_pipes_does_not_block() {
        let script = "head -c 3000000 /dev/zero >&2; head -c 20000000 /dev/zero; exit 3";
        let output = shell(script, Duration::from_secs(30)).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(output.stdout.len() as u64, MOST_OUTPUT_BYTES);
        assert_eq!(output.stderr.len(), 3_000_000);
    }

    #[test]
    fn a_missing_program_is_told_as_that() {
        let error = run(Command::new("no-such-program-here"), [""; 0], POLL).err().unwrap();
        assert!(matches!(error, ProgramError::Missing(_)));
    }

    #[test]
    fn a_repository_that_somebody_else_owns_is_opened_since_it_was_named() {
        let place = tempfile::tempdir().unwrap();
        let mirror = place.path().join("mirror");
        Folder::open(&mirror, String::new()).unwrap();
        let ours = mirror.join(GLOBAL_CONFIG_FILE);
        let works = |global_config: &Path, arguments: &[&str]| {
            let mut command = command(&mirror);
            // Git's own switch for its tests of this.
            command.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1").env("GIT_CONFIG_GLOBAL", global_config);
            command.env_remove("GIT_DIR").current_dir(place.path());
            run(command, arguments, Duration::from_secs(30)).unwrap().status.success()
        };
        assert!(works(&ours, &["init", "--quiet", "--bare", "remote.git"]));
        let look = ["-C", "remote.git", "rev-parse", "--absolute-git-dir"];
        assert!(!works(Path::new("/dev/null"), &look), "the switch does not work, so this tests nothing");
        assert!(works(&ours, &look));
        assert!(works(&ours, &["ls-remote", "--quiet", "./remote.git"]));
    }

    #[test]
    fn neither_our_secrets_nor_the_users_configuration_get_in() {
        let command = command(Path::new("/mirror"));
        let mut shell = Command::new("env");
        shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = run(shell, [""; 0], Duration::from_secs(5)).unwrap();
        let seen = String::from_utf8(output.stdout).unwrap();
        assert!(!seen.contains("CARGO"), "{seen}");
        assert!(seen.contains("LC_ALL=C") && seen.contains("GIT_CONFIG_GLOBAL=/mirror/"), "{seen}");
    }
}
