//! Runs the `git` program unattended: no prompts, only our configuration, a pinned locale, a deadline.
//!
//! Hooks of a local repository run below it, so it gets a minimal environment: ours may hold secrets.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, kill_process_group};

use super::reach::Stop;
use crate::git::ProgramError;
use crate::git::handle::GLOBAL_CONFIG_FILE;
use crate::model::Printable;

/// Maximum output kept per stream; 10,000 branches are about 1 MiB.
const MAX_OUTPUT_BYTES: usize = 8 * 1024 * 1024;

/// Interval between checks for the exit of a program that closed its output.
const POLL: Duration = Duration::from_millis(2);

/// Interval between deadline checks while a program runs.
const CHECK_INTERVAL: Duration = Duration::from_millis(25);

/// The variables of our environment that the program and its hooks inherit.
const INHERITED_VARIABLES: [&str; 5] = ["PATH", "HOME", "TMPDIR", "USER", "LOGNAME"];

/// Overrides the machine's Git configuration.
const PINNED_VARIABLES: [(&str, &str); 6] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ALLOW_PROTOCOL", "file"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_ADVICE", "0"),
];

/// Settings for a mirror: no background maintenance, no hooks, one pack per fetch.
const SETTINGS: [&str; 6] = [
    "gc.auto=0",
    "maintenance.auto=false",
    "core.hooksPath=/dev/null",
    "fetch.unpackLimit=1",
    "core.fsync=none",
    "core.askPass=",
];

/// The output and exit status of a program.
pub(in crate::git) struct Output {
    pub(in crate::git) status: ExitStatus,
    pub(in crate::git) stdout: Vec<u8>,
    pub(in crate::git) stderr: Vec<u8>,
}

impl Output {
    /// The output, or an error if the exit status is not 0.
    pub(in crate::git) fn success(self) -> Result<Self, ProgramError> {
        if self.status.success() {
            return Ok(self);
        }
        Err(ProgramError::Ended { status: self.status, message: self.message() })
    }

    /// Standard error without progress lines, on one line, bounded and printable.
    pub(in crate::git) fn message(&self) -> String {
        let text = self.diagnostics();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Printable::bounded(&lines.join("; "), 500).to_string()
    }

    /// Standard error without progress lines.
    pub(in crate::git) fn diagnostics(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let lines = text.split(['\n', '\r']).filter(|line| !is_progress(line));
        lines.flat_map(|line| [line, "\n"]).collect()
    }
}

/// A progress line of Git (progress.c), local or from the remote.
fn is_progress(line: &str) -> bool {
    let line = line.trim_start_matches("remote:").trim_start();
    let Some((what, rest)) = line.split_once(": ") else { return line.starts_with("Total ") };
    let is_title = what.ends_with(" objects") || what.ends_with(" deltas") || what == "Checking connectivity";
    is_title && rest.trim_start().starts_with(|first: char| first.is_ascii_digit())
}

/// How long a program may run.
#[derive(Clone, Debug)]
pub(in crate::git) struct Timeouts {
    /// From start to exit.
    pub(in crate::git) deadline: Duration,
    /// Longest time without output, if limited.
    pub(in crate::git) silence: Option<Duration>,
    /// Ends the program when requested.
    pub(in crate::git) stop: Stop,
    /// How much of its standard output is kept.
    pub(in crate::git) max_output_bytes: usize,
}

impl From<Duration> for Timeouts {
    fn from(deadline: Duration) -> Self {
        Self { deadline, silence: None, stop: Stop::default(), max_output_bytes: MAX_OUTPUT_BYTES }
    }
}

/// `git` on the mirror in `folder`.
pub(in crate::git) fn command(folder: &Path) -> Command {
    let mut command = Command::new(program());
    unattended(&mut command);
    command
        .envs(PINNED_VARIABLES)
        .env("GIT_CONFIG_GLOBAL", folder.join(GLOBAL_CONFIG_FILE))
        .env("GIT_DIR", folder);
    for setting in SETTINGS {
        command.arg("-c").arg(setting);
    }
    command
}

/// The path of `git`, searched once. With a cleared environment the standard library can spawn only a program given by
/// path; for a bare name it forks, which copies the page tables of a process that may hold a large repository.
fn program() -> &'static OsStr {
    static PROGRAM: OnceLock<OsString> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let mut paths = std::env::split_paths(&folders).map(|folder| folder.join("git"));
        // A bare name makes the error say that there is none.
        paths
            .find(|path| path.is_absolute() && access(path, Access::EXEC_OK).is_ok())
            .map_or_else(|| "git".into(), PathBuf::into_os_string)
    })
}

/// Clears the environment except for [`INHERITED_VARIABLES`], and pins the locale.
pub(in crate::git) fn unattended(command: &mut Command) {
    command.env_clear().env("LC_ALL", "C");
    for name in INHERITED_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

/// Runs `command` to its end, or kills its process group when a timeout passes or a stop is requested.
pub(in crate::git) fn run<S: AsRef<OsStr>>(
    mut command: Command,
    arguments: impl IntoIterator<Item = S>,
    timeouts: impl Into<Timeouts>,
) -> Result<Output, ProgramError> {
    let timeouts = timeouts.into();
    let most = timeouts.max_output_bytes;
    let mut stdout = Vec::new();
    command.args(arguments).stdin(Stdio::null());
    let output = run_streaming(command, None, timeouts, |bytes| {
        // Output beyond the limit is drained so that the program can end.
        let room = most.saturating_sub(stdout.len());
        stdout.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(())
    })?;
    Ok(Output { stdout, ..output })
}

/// As [`run`], but writes `input` to the program and hands its output to `visit` as it comes, in pieces of any size. An
/// error of `visit` kills the program. The returned output is empty.
pub(in crate::git) fn stream(
    mut command: Command,
    input: Vec<u8>,
    timeouts: impl Into<Timeouts>,
    visit: impl FnMut(&[u8]) -> Result<(), ProgramError>,
) -> Result<Output, ProgramError> {
    command.stdin(Stdio::piped());
    run_streaming(command, Some(input), timeouts.into(), visit)
}

fn run_streaming(
    mut command: Command,
    input: Option<Vec<u8>>,
    timeouts: Timeouts,
    visit: impl FnMut(&[u8]) -> Result<(), ProgramError>,
) -> Result<Output, ProgramError> {
    let _running = timeouts.stop.mark();
    if timeouts.stop.is_requested() {
        return Err(ProgramError::Stopped);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // A process group of its own: Ctrl-C in a terminal lets the current pass finish, and a deadline also kills hooks.
    command.process_group(0);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ProgramError::Missing { program, source },
        _ => ProgramError::Run { program, source },
    })?;
    let supervisor = Supervisor::new(timeouts);
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // A program that ends early shows in its exit status.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let stdout = pieces_in_thread(child.stdout.take(), &supervisor);
    let stderr = read_in_thread(child.stderr.take(), &supervisor);
    let ended = supervisor.hand_on(&stdout, visit).and_then(|()| {
        let stderr = supervisor.receive(&stderr)?;
        Ok((stderr, supervisor.wait(&mut child)?))
    });
    match ended {
        Ok((stderr, status)) => Ok(Output { status, stdout: Vec::new(), stderr }),
        Err(error) => {
            kill(&mut child);
            Err(error)
        }
    }
}

/// Enforces the timeouts of a running program.
struct Supervisor {
    started: Instant,
    timeouts: Timeouts,
    /// Time of the last output, in milliseconds after the start.
    last_output_ms: Arc<AtomicU64>,
}

impl Supervisor {
    fn new(timeouts: Timeouts) -> Self {
        Self { started: Instant::now(), timeouts, last_output_ms: Arc::default() }
    }

    fn last_output(&self) -> LastOutput {
        LastOutput { started: self.started, at_ms: Arc::clone(&self.last_output_ms) }
    }

    fn check(&self) -> Result<(), ProgramError> {
        let (elapsed, deadline) = (self.started.elapsed(), self.timeouts.deadline);
        if self.timeouts.stop.is_requested() {
            return Err(ProgramError::Stopped);
        }
        if elapsed >= deadline {
            return Err(ProgramError::Deadline { deadline });
        }
        let last = Duration::from_millis(self.last_output_ms.load(Ordering::Relaxed));
        match self.timeouts.silence {
            Some(silence) if elapsed.saturating_sub(last) >= silence => Err(ProgramError::Silent { silence }),
            _ => Ok(()),
        }
    }

    /// Forwards the output of one pipe until it is closed.
    fn hand_on(
        &self,
        pipe: &mpsc::Receiver<Vec<u8>>,
        mut visit: impl FnMut(&[u8]) -> Result<(), ProgramError>,
    ) -> Result<(), ProgramError> {
        loop {
            match pipe.recv_timeout(CHECK_INTERVAL.min(self.timeouts.deadline)) {
                Ok(bytes) => visit(&bytes)?,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.check()?;
        }
    }

    /// Everything read from one pipe.
    fn receive(&self, pipe: &mpsc::Receiver<Vec<u8>>) -> Result<Vec<u8>, ProgramError> {
        loop {
            match pipe.recv_timeout(CHECK_INTERVAL.min(self.timeouts.deadline)) {
                Ok(bytes) => return Ok(bytes),
                // The reading thread always sends before it ends.
                Err(_) => self.check()?,
            }
        }
    }

    fn wait(&self, child: &mut Child) -> Result<ExitStatus, ProgramError> {
        let failed = |source| ProgramError::Run { program: "git".to_owned(), source };
        loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                return Ok(status);
            }
            self.check()?;
            thread::sleep(POLL);
        }
    }
}

/// Notes when a program wrote something.
struct LastOutput {
    started: Instant,
    at_ms: Arc<AtomicU64>,
}

impl LastOutput {
    fn is_now(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.at_ms.store(now, Ordering::Relaxed);
    }
}

/// Reads a pipe to its end in a thread, so a program that fills the other pipe does not block.
fn read_in_thread(
    mut pipe: Option<impl Read + Send + 'static>,
    supervisor: &Supervisor,
) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    let last_output = supervisor.last_output();
    thread::spawn(move || {
        let (mut kept, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
        // A broken pipe shows in the exit status; output beyond the limit is drained so that the program can end.
        while let Some(read) = pipe.as_mut().and_then(|pipe| next(pipe, &mut buffer)) {
            let room = MAX_OUTPUT_BYTES.saturating_sub(kept.len());
            kept.extend_from_slice(&buffer[..read.min(room)]);
            last_output.is_now();
        }
        let _ = sender.send(kept);
    });
    receiver
}

/// Reads a pipe piece by piece in a thread, a few pieces ahead.
fn pieces_in_thread(
    mut pipe: Option<impl Read + Send + 'static>,
    supervisor: &Supervisor,
) -> mpsc::Receiver<Vec<u8>> {
    const PIECES_AHEAD: usize = 8;
    let (sender, receiver) = mpsc::sync_channel(PIECES_AHEAD);
    let last_output = supervisor.last_output();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Some(read) = pipe.as_mut().and_then(|pipe| next(pipe, &mut buffer)) {
            last_output.is_now();
            if sender.send(buffer[..read].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The number of bytes read, `None` at the end.
fn next(pipe: &mut impl Read, buffer: &mut [u8]) -> Option<usize> {
    loop {
        match pipe.read(buffer) {
            Ok(0) => return None,
            Ok(read) => return Some(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

fn kill(child: &mut Child) {
    // Both fail only when the process is already gone.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

#[cfg(test)]
mod tests;
