//! Requests to registries that may outlive the pass that made them: a pass goes on without a silent registry, and a late
//! answer serves the next pass.

use std::collections::{BTreeSet, HashMap};
use std::future::{Future, pending};
use std::hash::Hash;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use crate::model::{Class, Fault};

/// How long after the first late answer others are waited for, before a pass uses them.
const LATE_PAUSE: Duration = Duration::from_secs(1);

/// Requests by their key.
#[derive(Debug)]
pub(crate) struct Requests<K, T> {
    running: JoinSet<Result<T, Fault>>,
    keys: HashMap<Id, K>,
    /// Answers that came after their pass.
    late: HashMap<K, (Instant, Result<T, Fault>)>,
    /// A late answer came since [`Self::late_answer`] last returned.
    has_news: bool,
    /// How long a late answer can serve a pass.
    valid_for: Duration,
}

/// What came of requests within the time that a pass waits.
#[derive(Debug)]
pub(crate) struct Answers<K, T> {
    pub(crate) answered: Vec<(K, Result<T, Fault>)>,
    /// Still running.
    pub(crate) silent: BTreeSet<K>,
}

impl<K: Clone + Eq + Hash + Ord, T: Send + 'static> Requests<K, T> {
    pub(crate) fn new(valid_for: Duration) -> Self {
        Self {
            running: JoinSet::new(),
            keys: HashMap::new(),
            late: HashMap::new(),
            has_news: false,
            valid_for,
        }
    }

    /// Asks about every key, until nothing has answered for `patience`.
    pub(crate) async fn ask<F: Future<Output = Result<T, Fault>> + Send + 'static>(
        &mut self,
        keys: BTreeSet<K>,
        patience: Duration,
        request: impl Fn(&K) -> F,
    ) -> Answers<K, T> {
        while let Some(finished) = self.running.try_join_next_with_id() {
            self.keep(finished);
        }
        let mut answers = Answers { answered: Vec::new(), silent: BTreeSet::new() };
        let running: BTreeSet<K> = self.keys.values().cloned().collect();
        for key in keys {
            match self.late.remove(&key) {
                Some((at, answer)) if at.elapsed() <= self.valid_for => answers.answered.push((key, answer)),
                _ => {
                    if !running.contains(&key) {
                        let id = self.running.spawn(request(&key)).id();
                        self.keys.insert(id, key.clone());
                    }
                    answers.silent.insert(key);
                }
            }
        }
        self.late.clear();
        self.has_news = false;
        while !answers.silent.is_empty() {
            let Ok(Some(finished)) = timeout(patience, self.running.join_next_with_id()).await else { break };
            let Some((key, answer)) = self.answer_of(finished) else { continue };
            if answers.silent.remove(&key) {
                answers.answered.push((key, answer));
            } else {
                self.late.insert(key, (Instant::now(), answer));
            }
        }
        answers
    }

    /// Returns when a pass could use answers that came after theirs. Cancelling it loses none.
    pub(crate) async fn late_answer(&mut self) {
        while !self.has_news {
            match self.running.join_next_with_id().await {
                Some(finished) => self.keep(finished),
                None => return pending().await,
            }
        }
        let deadline = Instant::now() + LATE_PAUSE;
        while let Some(rest) = deadline.checked_duration_since(Instant::now())
            && let Ok(Some(finished)) = timeout(rest, self.running.join_next_with_id()).await
        {
            self.keep(finished);
        }
        self.has_news = false;
    }

    fn keep(&mut self, finished: Result<(Id, Result<T, Fault>), JoinError>) {
        let Some((key, answer)) = self.answer_of(finished) else { return };
        // A failure changes nothing that a pass decides.
        self.has_news |= answer.is_ok();
        self.late.insert(key, (Instant::now(), answer));
    }

    fn answer_of(
        &mut self,
        finished: Result<(Id, Result<T, Fault>), JoinError>,
    ) -> Option<(K, Result<T, Fault>)> {
        let (id, answer) = match finished {
            Ok(finished) => finished,
            Err(error) => {
                let fault = Fault::new(Class::Failed, format!("a registry request panicked: {error}"));
                (error.id(), Err(fault))
            }
        };
        Some((self.keys.remove(&id)?, answer))
    }
}
