//! What the pages and the API show: what the last pass over everything found. Each answer is rendered once per snapshot.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

use super::problem::Problem;
use crate::model::{EnvironmentName, Fault, ServicePattern, Timestamp};
use crate::view::{History, PassView, Status};

/// The most questions about history that wait.
const MOST_QUESTIONS: usize = 32;

/// How long an answer about history may take: less than a request.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(8);

/// The most answers of one snapshot that are remembered.
const MOST_ANSWERS: usize = 1024;

/// The most bytes of answers of one snapshot that are remembered.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What passes found, and questions about history to whoever does the passes.
pub(crate) struct Snapshots {
    latest: watch::Sender<Option<Arc<Snapshot>>>,
    asking: mpsc::Sender<HistoryQuestion>,
    asked: tokio::sync::Mutex<mpsc::Receiver<HistoryQuestion>>,
    /// Differs between runs of the daemon.
    run: String,
}

/// Which moves to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HistoryRequest {
    /// Only these services; all if empty.
    pub(crate) services: Vec<ServicePattern>,
    /// Only these environments; all if empty.
    pub(crate) environments: Vec<EnvironmentName>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    /// Maximum moves, newest first.
    pub(crate) most: usize,
}

/// A question about history, to be answered between two passes.
pub(crate) struct HistoryQuestion {
    pub(crate) request: HistoryRequest,
    reply: oneshot::Sender<Result<History, Fault>>,
}

impl HistoryQuestion {
    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_over(&self) -> bool {
        self.reply.is_closed()
    }

    pub(crate) fn answer(self, answer: Result<History, Fault>) {
        // Nobody may wait for it any more.
        let _ = self.reply.send(answer);
    }
}

/// What one pass found.
pub(super) struct Snapshot {
    /// Changes with what is shown, except for the time of the pass.
    pub(super) id: String,
    number: u64,
    pub(super) view: PassView,
    pub(super) status: Status,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    by_key: HashMap<String, Arc<OnceLock<Result<Answer, Problem>>>>,
    bytes: usize,
}

/// An answer that was rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    /// The `Link` header.
    pub(super) link: Option<String>,
}

impl Snapshots {
    /// Nothing yet. `run` differs between runs of the daemon.
    pub(crate) fn new(run: &str) -> Self {
        let (asking, asked) = mpsc::channel(MOST_QUESTIONS);
        let (latest, _) = watch::channel(None);
        Self { latest, asking, asked: tokio::sync::Mutex::new(asked), run: run.to_owned() }
    }

    /// Shows what a pass over everything found.
    pub(crate) fn publish(&self, view: PassView) {
        let status = view.status();
        let before = self.latest.borrow().clone();
        let number = match &before {
            Some(before) if before.status.differs_only_in_time(&status) => before.number,
            Some(before) => before.number + 1,
            None => 0,
        };
        let id = format!("{}-{number}", self.run);
        let answers = Mutex::default();
        self.latest.send_replace(Some(Arc::new(Snapshot { id, number, view, status, answers })));
    }

    /// The next question about history.
    pub(crate) async fn question(&self) -> HistoryQuestion {
        match self.asked.lock().await.recv().await {
            Some(question) => question,
            // This holds a sender, so the channel is never closed.
            None => std::future::pending().await,
        }
    }

    /// What the last pass found.
    pub(super) fn latest(&self) -> Result<Arc<Snapshot>, Problem> {
        self.latest.borrow().clone().ok_or_else(Problem::not_yet)
    }

    /// Tells of every new snapshot.
    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.latest.subscribe()
    }

    /// The moves that match, newest first.
    pub(super) async fn history(&self, request: HistoryRequest) -> Result<History, Problem> {
        let (reply, answer) = oneshot::channel();
        let question = HistoryQuestion { request, reply };
        self.asking.try_send(question).map_err(|_| Problem::busy())?;
        match tokio::time::timeout(QUESTION_TIMEOUT, answer).await {
            Ok(Ok(Ok(history))) => Ok(history),
            Ok(Ok(Err(fault))) => Err(Problem::from(&fault)),
            Ok(Err(_)) | Err(_) => Err(Problem::busy()),
        }
    }
}

impl Snapshot {
    /// The answer to what `key` names, rendered by the first who asks.
    pub(super) fn answer(
        &self,
        key: &str,
        render: impl FnOnce() -> Result<Answer, Problem>,
    ) -> Result<Answer, Problem> {
        let slot = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            let is_full = answers.by_key.len() >= MOST_ANSWERS || answers.bytes >= MOST_BYTES;
            if is_full && !answers.by_key.contains_key(key) {
                *answers = Answers::default();
            }
            Arc::clone(answers.by_key.entry(key.to_owned()).or_default())
        };
        let mut is_new = false;
        let answer = slot.get_or_init(|| {
            is_new = true;
            render()
        });
        if is_new && let Ok(answer) = answer {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.bytes += answer.body.len() + key.len();
        }
        answer.clone()
    }

    /// The answer that was rendered for `key`, if it was.
    pub(super) fn known(&self, key: &str) -> Option<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.by_key.get(key)?.get()?.clone().ok()
    }
}

impl fmt::Debug for Snapshots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Snapshots").field("run", &self.run).finish_non_exhaustive()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Snapshot").field("id", &self.id).finish_non_exhaustive()
    }
}
