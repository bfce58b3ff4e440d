//! How a repository on another machine is reached: login, authorities, proxy, timeouts, and the wish to stop.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::SecretString;

use crate::model::{Fault, Timestamp};

/// Where a secret comes from. It is asked each time that the secret is used, so that a rotated one is seen.
pub trait Secret: fmt::Debug + Send + Sync {
    /// The secret as it is now.
    ///
    /// # Errors
    /// When it can't be had.
    fn read(&self) -> Result<SecretString, Fault>;

    /// When it ends, if that is known.
    fn ends_at(&self) -> Option<Timestamp> {
        None
    }
}

/// All that is needed to reach a repository beside its URL.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// How to log in.
    pub login: Login,
    /// The certificate authorities, in PEM form, that are trusted in place of the machine's.
    pub ca_file: Option<PathBuf>,
    /// The proxy for https; without it, the one that the environment names.
    pub proxy: Option<String>,
    /// How long things may take.
    pub limits: Limits,
    /// Whether to stop.
    pub stop: Stop,
}

/// How to log in.
#[derive(Clone, Debug, Default)]
pub enum Login {
    /// Not at all.
    #[default]
    None,
    /// By a key in a file.
    SshKey {
        /// The private key.
        file: PathBuf,
        /// What opens it, if it is encrypted.
        passphrase: Option<Arc<dyn Secret>>,
        /// The keys of the hosts; without it, the files that `ssh` reads by itself.
        known_hosts: Option<PathBuf>,
    },
    /// By a key that an agent holds.
    SshAgent {
        /// The agent's socket.
        socket: PathBuf,
        /// The keys of the hosts; without it, the files that `ssh` reads by itself.
        known_hosts: Option<PathBuf>,
    },
    /// By a name and a token, over https.
    Token {
        /// The name.
        username: String,
        /// The token.
        token: Arc<dyn Secret>,
    },
}

/// How long things may take before they are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A question that moves no objects.
    pub question: Duration,
    /// How long a fetch may go without a sign of life.
    pub silence: Duration,
    /// A whole fetch; the first one of a big repository takes minutes.
    pub fetch: Duration,
    /// A whole push, with the hooks of the other side.
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

/// A wish to stop, which one thread has and another one sees.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<StopState>);

#[derive(Debug, Default)]
struct StopState {
    is_requested: AtomicBool,
    /// How many programs run.
    running: AtomicUsize,
}

impl Stop {
    /// Ends what is under way with another machine, and lets nothing new begin. Whether something was.
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

/// A program runs.
#[derive(Debug)]
pub(super) struct Running(Stop);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}
