//! What a process of Tidegate costs, as the kernel counts it in `/proc`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// How often a running process is looked at. Its peak is what grew until the last look.
const LOOK: Duration = Duration::from_millis(1);

/// What the clock of `/proc/PID/stat` counts in: `USER_HZ` is 100 a second on every Linux that there is.
const TICK: Duration = Duration::from_millis(10);

/// What one run of a command cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Of the process itself.
    pub(crate) processor: Duration,
    /// Of the `git` processes that it ran.
    pub(crate) processor_of_git: Duration,
    /// The most memory that the process itself held.
    pub(crate) peak_bytes: u64,
}

/// Tidegate with a configuration.
pub(crate) struct Tidegate {
    config: PathBuf,
}

impl Tidegate {
    pub(crate) fn new(config: &Path) -> Self {
        Self { config: config.to_owned() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(arguments).env_remove("RUST_LOG").env("TIDEGATE_CONFIG", &self.config);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; its output goes to files, as a pipe would make it wait for us.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Cost, Output) {
        let stdout = self.config.with_extension("stdout");
        let stderr = self.config.with_extension("stderr");
        let mut command = self.command(arguments);
        command.stdout(fs::File::create(&stdout).unwrap()).stderr(fs::File::create(&stderr).unwrap());
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        let peak_bytes = watch(&child);
        let wall = started.elapsed();
        // It has ended and was not waited for: the kernel keeps its times until then.
        let times = Times::of(child.id());
        let status = child.wait().unwrap();
        let output = Output { status, stdout: fs::read(stdout).unwrap(), stderr: fs::read(stderr).unwrap() };
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(status.success(), "tidegate {arguments:?}: {status}: {told}");
        (Cost { wall, processor: times.own, processor_of_git: times.children, peak_bytes }, output)
    }

    /// Starts the daemon.
    pub(crate) fn daemon(&self) -> Daemon {
        let log = fs::File::create(self.config.with_extension("log")).unwrap();
        let child = self.command(&["run"]).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Daemon { child }
    }
}

/// Looks at a process until it ends. The most memory that it held.
fn watch(child: &Child) -> u64 {
    let mut peak_bytes = 0;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while waitid(WaitId::Pid(Pid::from_child(child)), options).unwrap().is_none() {
        peak_bytes = peak_bytes.max(status(child.id(), "VmHWM:").unwrap_or_default() * 1024);
        thread::sleep(LOOK);
    }
    peak_bytes
}

/// A daemon that runs. It ends with this value.
pub(crate) struct Daemon {
    child: Child,
}

impl Daemon {
    /// Its processor time until now, without that of `git`.
    pub(crate) fn processor(&self) -> Duration {
        Times::of(self.child.id()).own
    }

    /// The memory that it holds now.
    pub(crate) fn resident_bytes(&self) -> u64 {
        status(self.child.id(), "VmRSS:").unwrap() * 1024
    }

    /// How often one of its threads woke until now.
    pub(crate) fn wakeups(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let wakeups =
            |task: &Path| field(&fs::read_to_string(task.join("status")).ok()?, "voluntary_ctxt_switches:");
        tasks.flatten().filter_map(|task| wakeups(&task.path())).sum()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time, user and system together.
struct Times {
    own: Duration,
    children: Duration,
}

impl Times {
    fn of(process: u32) -> Self {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        // The name of the program stands in brackets and may hold anything; behind it are numbers.
        let (_, numbers) = stat.rsplit_once(") ").unwrap();
        let ticks: Vec<u32> =
            numbers.split(' ').skip(11).take(4).map(|field| field.parse().unwrap()).collect();
        let [user, system, user_of_children, system_of_children] = ticks[..] else { panic!("{stat}") };
        Self { own: TICK * (user + system), children: TICK * (user_of_children + system_of_children) }
    }
}

/// A number of `/proc/PID/status`; nothing when the process has ended.
fn status(process: u32, name: &str) -> Option<u64> {
    field(&fs::read_to_string(format!("/proc/{process}/status")).ok()?, name)
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
