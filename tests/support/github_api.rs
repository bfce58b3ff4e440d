//! A fake of a part of GitHub's REST API, with faults. Each exchange is checked against GitHub's own API description.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::described::Answer;
use super::described::watch::{Watch, Witness};

/// The repository of the API.
pub(crate) const REPOSITORY: &str = "vtr/gitops";

/// The token with access to the repository.
pub(crate) const TOKEN: &str = "s3cret-github";

/// What happens to a request.
pub(crate) enum Trouble {
    /// This answer, without effect.
    Instead(ResponseTemplate),
    /// It takes effect, but the answer is lost.
    Lost,
    /// Somebody else creates an object with this name first.
    After(&'static str),
}

/// The part of the API that a server answers.
pub(crate) trait Part: Default + Send + Sync + 'static {
    /// Answers an authorized request to a path below the repository.
    fn answer(&self, method: &str, rest: &str, request: &Request, body: Value) -> Answer;

    /// Creates an object as somebody else.
    fn create_elsewhere(&self, _name: &str) {}
}

/// A running API.
pub(crate) struct ApiServer<P> {
    server: MockServer,
    state: Arc<State<P>>,
    _watch: Watch,
}

#[derive(Default)]
struct State<P> {
    part: P,
    troubles: Mutex<VecDeque<Trouble>>,
    requests: Mutex<Vec<String>>,
    witness: Witness,
}

impl<P: Part> ApiServer<P> {
    pub(crate) async fn start() -> Self {
        let (server, watch) = (MockServer::start().await, Watch::default());
        let state = Arc::new(State { witness: watch.witness(), ..State::default() });
        Mock::given(any()).respond_with(Answers(Arc::clone(&state))).mount(&server).await;
        Self { server, state, _watch: watch }
    }

    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    /// Sets what happens to the next requests.
    pub(crate) fn next(&self, troubles: impl IntoIterator<Item = Trouble>) {
        *self.state.troubles.lock().unwrap() = troubles.into_iter().collect();
    }

    /// The requests since the last call, as `METHOD path`.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.requests.lock().unwrap())
    }

    /// The part with its objects.
    pub(super) fn part(&self) -> &P {
        &self.state.part
    }
}

struct Answers<P>(Arc<State<P>>);

impl<P: Part> Respond for Answers<P> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.requests.lock().unwrap().push(format!("{} {}", request.method, request.url.path()));
        let trouble = self.0.troubles.lock().unwrap().pop_front();
        self.0.witness.responded(request, || match trouble {
            Some(Trouble::Instead(answer)) => Err(answer),
            Some(Trouble::Lost) => {
                self.0.answer(request);
                Err(ResponseTemplate::new(502))
            }
            Some(Trouble::After(name)) => {
                self.0.part.create_elsewhere(name);
                Ok(self.0.answer(request))
            }
            None => Ok(self.0.answer(request)),
        })
    }
}

impl<P: Part> State<P> {
    fn answer(&self, request: &Request) -> Answer {
        let bearer = request.headers.get("authorization").map(|value| value.to_str().unwrap());
        let rest = request.url.path().strip_prefix(&format!("/repos/{REPOSITORY}"));
        match rest.filter(|_| bearer == Some(format!("Bearer {TOKEN}").as_str())) {
            Some(rest) => {
                let body = serde_json::from_slice(&request.body).unwrap_or_default();
                self.part.answer(request.method.as_str(), rest, request, body)
            }
            None => Answer::refusal(404, "Not Found"),
        }
    }
}
