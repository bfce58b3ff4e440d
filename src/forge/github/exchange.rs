//! One question and its answer: answers that did not change are kept, and a server that stumbles is asked again.
//!
//! Only what changes nothing is asked again. Whether a change arrived whose answer was lost is seen by the next pass. When
//! the API asks to be left alone, it is, and the next pass that may ask does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::forge::api::{self, Api, GRAPHQL, Question};
use crate::model::{Class, Fault, Printable};

use super::Bearer;
use super::kept::{Answers, Kept};

/// How often what changes nothing is asked.
const MOST_ATTEMPTS: u32 = 3;

/// The first pause after a server stumbled; each is four times the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The most that is read of an answer: a page of a hundred pull requests with all that is said of their repositories, and
/// what people wrote.
const MOST_BYTES: usize = 16 * 1024 * 1024;

const PERMISSIONS: &str = "check forge.github.repository, and that the token sees it and has `contents: write` and \
                           `pull requests: write`, and `issues: write` for labels";

pub(super) struct Exchange {
    api: Api,
    bearer: Bearer,
    kept: Mutex<Answers>,
}

/// What came of a change.
pub(super) struct Answer(api::Answer);

impl Exchange {
    pub(super) fn new(api: Api, bearer: Bearer) -> Self {
        Self { api, bearer, kept: Mutex::default() }
    }

    /// Reads; an answer that did not change costs nothing of the limit.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..MOST_ATTEMPTS {
            match self.get_once(path).await {
                Err(fault) if fault.class() == Class::TryAgain && !self.api.is_left_alone() => {
                    tracing::debug!(path, error = %fault.in_one_line(), "asking again");
                    tokio::time::sleep(pause).await;
                    pause *= 4;
                }
                answered => return read(path, &answered?),
            }
        }
        read(path, &self.get_once(path).await?)
    }

    async fn get_once(&self, path: &str) -> Result<Arc<Vec<u8>>, Fault> {
        let kept = self.kept().find(path);
        let known = kept.as_ref().map(|kept| kept.mark.as_str());
        let answer = self.send(Method::GET, path, None, known).await?;
        if let Some(kept) = kept.filter(|_| answer.status == 304) {
            return Ok(kept.body);
        }
        let answer = Answer(answer).succeeded(path)?;
        let body = Arc::new(answer.body);
        if let Some(mark) = answer.mark {
            self.kept().keep(path, Kept { mark, body: Arc::clone(&body) });
        }
        Ok(body)
    }

    /// Changes something, once.
    pub(super) async fn change(&self, method: Method, path: &str, body: Value) -> Result<Answer, Fault> {
        self.send(method, path, Some(body), None).await.map(Answer)
    }

    /// The same by GraphQL, which has what REST has not.
    pub(super) async fn mutate(&self, query: &str, variables: Value) -> Result<(), Fault> {
        let body = json!({"query": query, "variables": variables});
        let said: Value = self.change(Method::POST, GRAPHQL, body).await?.read(GRAPHQL)?;
        match said["errors"][0]["message"].as_str() {
            None => Ok(()),
            Some(why) => Err(Fault::new(Class::Failed, Printable::new(why).to_string())),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        known: Option<&str>,
    ) -> Result<api::Answer, Fault> {
        let bearer = Arc::clone(&self.bearer);
        // A token is read from a file, or minted, which blocks.
        let token = tokio::task::spawn_blocking(move || bearer()).await;
        let token = token.map_err(|error| Fault::new(Class::Failed, "no token").with_source(error))??;
        let question = Question { method, path, token: Some(&token), body, known, most_bytes: MOST_BYTES };
        self.api.answer(question).await.map_err(|fault| match fault.class() {
            Class::Failed => fault.with_hint(PERMISSIONS),
            _ => fault,
        })
    }

    fn kept(&self) -> MutexGuard<'_, Answers> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    /// A success, or what GitHub says of why it is none.
    pub(super) fn succeeded(self, path: &str) -> Result<api::Answer, Fault> {
        if (200..300).contains(&self.0.status) {
            return Ok(self.0);
        }
        let path = Printable::bounded(path, 300);
        let message = format!("GitHub does not do {path}: {}: {}", self.0.status, self.reasons());
        Err(Fault::new(Class::Failed, message).with_hint(PERMISSIONS))
    }

    /// A success, read.
    pub(super) fn read<T: DeserializeOwned>(self, path: &str) -> Result<T, Fault> {
        read(path, &self.succeeded(path)?.body)
    }

    /// Whether GitHub says that what is to be made is there.
    pub(super) fn is_there_already(&self) -> bool {
        self.0.status == 422 && self.reasons().contains("already exists")
    }

    /// Everything that GitHub says of why not.
    fn reasons(&self) -> String {
        let Ok(said) = serde_json::from_slice::<Value>(&self.0.body) else { return "no reason".to_owned() };
        let message = said["message"].as_str().unwrap_or("no reason");
        let details = said["errors"].as_array().into_iter().flatten();
        let details = details.filter_map(|error| error.as_str().or_else(|| error["message"].as_str()));
        let all: Vec<&str> = std::iter::once(message).chain(details).collect();
        Printable::bounded(&all.join(": "), 500).to_string()
    }
}

/// An answer as what it is to be.
fn read<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("GitHub's answer to {} cannot be read", Printable::bounded(path, 300));
        Fault::new(Class::TryAgain, message).with_source(error)
    })
}
