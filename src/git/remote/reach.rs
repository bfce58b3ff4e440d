//! How to reach the remote repository: login, certificate authorities, proxy, timeouts, and the request to stop.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::SecretString;

use crate::model::{Fault, Timestamp};

/// A source of a secret. It is read at each use, so a rotated secret is picked up.
pub trait Secret: fmt::Debug + Send + Sync {
    /// The current secret.
    ///
    /// # Errors
    /// The file or variable is missing, or a token cannot be minted.
    fn read(&self) -> Result<SecretString, Fault>;

    /// When it expires, if known.
    fn ends_at(&self) -> Option<Timestamp> {
        None
    }
}

/// Connection settings of a repository, beside its URL.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    pub login: Login,
    /// Certificate authorities in PEM form, trusted instead of the machine's.
    pub ca_file: Option<PathBuf>,
    /// The proxy for https; `None` uses the one that the environment names.
    pub proxy: Option<String>,
    pub limits: Limits,
    pub stop: Stop,
}

/// The login for the remote repository.
#[derive(Clone, Debug, Default)]
pub enum Login {
    /// Anonymous, or a local path.
    #[default]
    None,
    /// An ssh key in a file.
    SshKey {
        file: PathBuf,
        /// The passphrase of an encrypted key.
        passphrase: Option<Arc<dyn Secret>>,
        /// The `known_hosts` file; `None` uses the defaults of `ssh`.
        known_hosts: Option<PathBuf>,
    },
    /// A key held by an ssh agent.
    SshAgent {
        /// The agent's socket.
        socket: PathBuf,
        /// The `known_hosts` file; `None` uses the defaults of `ssh`.
        known_hosts: Option<PathBuf>,
    },
    /// Basic authentication over https.
    Token { username: String, token: Arc<dyn Secret> },
}

/// Timeouts of Git operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A command that transfers no objects.
    pub question: Duration,
    /// Longest time without output during a fetch.
    pub silence: Duration,
    /// A whole fetch; the first one of a big repository takes minutes.
    pub fetch: Duration,
    /// A whole push, including the server's hooks.
    pub push: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            question: Duration::from_mins(1),
            silence: Duration::from_mins(2),
            fetch: Duration::from_hours(1),
            push: Duration::from_mins(10),
        }
    }
}

/// A request to stop, shared between threads.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<StopState>);

#[derive(Debug, Default)]
struct StopState {
    is_requested: AtomicBool,
    /// Number of running programs.
    running: AtomicUsize,
}

impl Stop {
    /// Ends running remote operations and prevents new ones. Returns whether any was running.
    pub fn ask(&self) -> bool {
        self.0.is_requested.store(true, Ordering::SeqCst);
        self.0.running.load(Ordering::SeqCst) > 0
    }

    pub(super) fn is_requested(&self) -> bool {
        self.0.is_requested.load(Ordering::SeqCst)
    }

    /// Counts a program as running until the mark is dropped.
    pub(super) fn mark(&self) -> Running {
        self.0.running.fetch_add(1, Ordering::SeqCst);
        Running(self.clone())
    }
}

/// Counts one running program until dropped.
#[derive(Debug)]
pub(super) struct Running(Stop);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}
