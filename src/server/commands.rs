//! Commands that people and programs ask for through the server. Whoever does the passes runs them, one at a time between two
//! passes, on behalf of the owner of a token.

use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};

use super::problem::Problem;
use crate::model::{AccessToken, CommitId};

/// The most commands that wait.
const MOST_WAITING: usize = 16;

/// How long an answer may take: less than a request.
const TIMEOUT: Duration = Duration::from_secs(9);

/// A command that somebody asks for.
#[derive(Clone, Debug)]
pub(crate) struct CommandRequest {
    /// As on the command line, without the program's name.
    pub(crate) arguments: Vec<String>,
    /// The width of the terminal that shows it, if one does.
    pub(crate) width: Option<usize>,
    /// On whose behalf: any token reads.
    pub(crate) token: Option<AccessToken>,
    /// Why, for commits that do not say so themselves.
    pub(crate) reason: Option<String>,
    /// The head of the branch that they saw; nothing is written on another one.
    pub(crate) seen: Option<CommitId>,
    /// The key under which the same request acts once.
    pub(crate) key: Option<String>,
}

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) enum CommandReply {
    Ran(CommandRun),
    /// The token does not allow it.
    Denied {
        missing: String,
    },
    /// The branch is not as they saw it: its head, and the commits since, newest first.
    Moved {
        head: CommitId,
        commits: Vec<String>,
    },
    /// Another request had the same key.
    KeyReused,
}

/// A command that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CommandRun {
    pub(crate) exit_code: u8,
    /// Its standard output.
    pub(crate) output: String,
    /// Its standard error.
    pub(crate) errors: String,
    /// What went wrong, in one line, and what to do about it.
    pub(crate) fault: Option<(String, Option<String>)>,
    /// The head of the branch that it saw.
    pub(crate) head: Option<String>,
}

impl CommandRequest {
    /// The same for the same request.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for argument in self.arguments.iter().chain(&self.reason) {
            hash.update(argument.len().to_le_bytes());
            hash.update(argument);
        }
        format!("{:x}", hash.finalize())
    }
}

/// A request and where its answer goes.
pub(crate) struct WaitingCommand {
    pub(crate) request: CommandRequest,
    reply: oneshot::Sender<CommandReply>,
}

impl WaitingCommand {
    /// Whether nobody waits for it any more. It is not begun then.
    pub(crate) fn is_over(&self) -> bool {
        self.reply.is_closed()
    }

    pub(crate) fn answer(self, reply: CommandReply) {
        // Nobody may wait for it any more.
        let _ = self.reply.send(reply);
    }
}

/// The commands that wait.
pub(crate) struct Commands {
    asking: mpsc::Sender<WaitingCommand>,
    asked: tokio::sync::Mutex<mpsc::Receiver<WaitingCommand>>,
}

impl Commands {
    /// None yet.
    pub(crate) fn new() -> Self {
        let (asking, asked) = mpsc::channel(MOST_WAITING);
        Self { asking, asked: tokio::sync::Mutex::new(asked) }
    }

    /// The next command.
    pub(crate) async fn next(&self) -> WaitingCommand {
        match self.asked.lock().await.recv().await {
            Some(command) => command,
            // This holds a sender, so the channel is never closed.
            None => std::future::pending().await,
        }
    }

    /// Has a command run.
    pub(super) async fn run(&self, request: CommandRequest) -> Result<CommandReply, Problem> {
        let (reply, answer) = oneshot::channel();
        let busy = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many commands wait for their turn");
        self.asking.try_send(WaitingCommand { request, reply }).map_err(|_| busy())?;
        match tokio::time::timeout(TIMEOUT, answer).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) | Err(_) => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The command has not ended yet: a pass or another command takes long",
            )
            .with_hint("it may still end; ask again with the same Idempotency-Key, or look at the history")),
        }
    }
}

impl fmt::Debug for Commands {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Commands").finish_non_exhaustive()
    }
}
