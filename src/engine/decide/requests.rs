//! Requests to registries that may outlive the pass that made them: a pass goes on without a silent registry, and a late
//! answer serves the next pass. A pass waits only for what it asked itself: one that is still running from an earlier pass
//! was waited for once.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::hash::Hash;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};

use crate::model::{Class, Fault};

/// How long after the first late answer others are waited for, before a pass uses them.
const LATE_PAUSE: Duration = Duration::from_secs(1);

/// How many times its patience a pass waits at most, however steadily answers trickle in.
const MOST_PATIENCE: u32 = 2;

/// Requests by their key.
#[derive(Debug)]
pub(crate) struct Requests<K, T> {
    running: JoinSet<Result<T, Fault>>,
    keys: HashMap<Id, K>,
    /// Answers that came after their pass.
    late: HashMap<K, (Instant, Result<T, Fault>)>,
    /// What the last pass assumed of keys without an answer. The same as a late answer is no news.
    assumed: HashMap<K, T>,
    /// The late answers that say something new, until [`Self::late_answer`] returns.
    news: BTreeSet<K>,
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

impl<K: Clone + Eq + Hash + Ord, T: PartialEq + Send + 'static> Requests<K, T> {
    pub(crate) fn new(valid_for: Duration) -> Self {
        Self {
            running: JoinSet::new(),
            keys: HashMap::new(),
            late: HashMap::new(),
            assumed: HashMap::new(),
            news: BTreeSet::new(),
            valid_for,
        }
    }

    /// Asks about every key, until nothing has answered for `patience`, and for twice that at most.
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
        let mut awaited = BTreeSet::new();
        self.late.retain(|_, (at, _)| at.elapsed() <= self.valid_for);
        for key in keys {
            self.assumed.remove(&key);
            self.news.remove(&key);
            if let Some((_, answer)) = self.late.remove(&key) {
                answers.answered.push((key, answer));
                continue;
            }
            if !running.contains(&key) {
                let id = self.running.spawn(request(&key)).id();
                self.keys.insert(id, key.clone());
                awaited.insert(key.clone());
            }
            answers.silent.insert(key);
        }
        let latest = Instant::now() + patience * MOST_PATIENCE;
        while !awaited.is_empty() {
            let until = latest.min(Instant::now() + patience);
            let Ok(Some(finished)) = timeout_at(until, self.running.join_next_with_id()).await else { break };
            let Some((key, answer)) = self.answer_of(finished) else { continue };
            awaited.remove(&key);
            if answers.silent.remove(&key) {
                answers.answered.push((key, answer));
            } else {
                self.keep_answer(key, answer);
            }
        }
        answers
    }

    /// Whether a late answer may still come, or came and no pass knows of it.
    pub(crate) fn is_pending(&self) -> bool {
        !self.news.is_empty() || !self.running.is_empty()
    }

    /// Uses `answer` for a key that did not answer in this pass.
    pub(crate) fn assume(&mut self, key: K, answer: T) {
        self.assumed.insert(key, answer);
    }

    /// Returns when a pass could use answers that came after theirs, or when no request is left: whether there are such
    /// answers. Cancelling it loses none.
    pub(crate) async fn late_answer(&mut self) -> bool {
        while self.news.is_empty() {
            match self.running.join_next_with_id().await {
                Some(finished) => self.keep(finished),
                None => return false,
            }
        }
        let deadline = Instant::now() + LATE_PAUSE;
        while let Ok(Some(finished)) = timeout_at(deadline, self.running.join_next_with_id()).await {
            self.keep(finished);
        }
        self.news.clear();
        true
    }

    fn keep(&mut self, finished: Result<(Id, Result<T, Fault>), JoinError>) {
        if let Some((key, answer)) = self.answer_of(finished) {
            self.keep_answer(key, answer);
        }
    }

    fn keep_answer(&mut self, key: K, answer: Result<T, Fault>) {
        // A failure changes nothing that a pass decides.
        if answer.as_ref().is_ok_and(|answer| self.assumed.get(&key) != Some(answer)) {
            self.news.insert(key.clone());
        }
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
