//! GitHub's REST API for releases, with faults. Each exchange is checked against GitHub's own API description.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::described::watch::{Watch, Witness};
use super::described::{Answer, example, repository};

/// The repository.
const REPOSITORY: &str = "vtr/gitops";

/// The token with access to the repository.
pub(crate) const TOKEN: &str = "s3cret";

/// What happens to a request.
pub(crate) enum Trouble {
    /// This answer, without effect.
    Instead(ResponseTemplate),
    /// It takes effect, but the answer is lost.
    Lost,
    /// Somebody else creates a release with this tag first.
    After(&'static str),
}

/// The running API.
pub(crate) struct ReleaseServer {
    server: MockServer,
    state: Arc<State>,
    _watch: Watch,
}

#[derive(Default)]
struct State {
    releases: Mutex<Vec<Value>>,
    troubles: Mutex<VecDeque<Trouble>>,
    requests: Mutex<Vec<String>>,
    is_read_only: Mutex<bool>,
    witness: Witness,
}

impl ReleaseServer {
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

    pub(crate) fn allow_reading_only(&self) {
        *self.state.is_read_only.lock().unwrap() = true;
    }

    /// The releases.
    pub(crate) fn releases(&self) -> Vec<Value> {
        self.state.releases.lock().unwrap().clone()
    }

    /// The requests since the last call, as `METHOD path`.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.requests.lock().unwrap())
    }
}

struct Answers(Arc<State>);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.requests.lock().unwrap().push(format!("{} {}", request.method, request.url.path()));
        let trouble = self.0.troubles.lock().unwrap().pop_front();
        self.0.witness.responded(request, || match trouble {
            Some(Trouble::Instead(answer)) => Err(answer),
            Some(Trouble::Lost) => {
                self.0.answer(request);
                Err(ResponseTemplate::new(502))
            }
            Some(Trouble::After(tag)) => {
                self.0.make(&json!({"tag_name": tag, "name": "theirs", "body": "theirs"}));
                Ok(self.0.answer(request))
            }
            None => Ok(self.0.answer(request)),
        })
    }
}

impl State {
    fn answer(&self, request: &Request) -> Answer {
        let bearer = request.headers.get("authorization").map(|value| value.to_str().unwrap());
        let path = request.url.path();
        let Some(rest) = path.strip_prefix("/repos/vtr/gitops") else {
            return Answer::refusal(404, "Not Found");
        };
        if bearer != Some(format!("Bearer {TOKEN}").as_str()) {
            return Answer::refusal(404, "Not Found");
        }
        let may_write = !*self.is_read_only.lock().unwrap();
        if rest.is_empty() {
            return Answer::of(200, repository(REPOSITORY, json!({"permissions": {"push": may_write}})));
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (request.method.as_str(), rest) {
            ("GET", rest) => {
                let tag = rest.strip_prefix("/releases/tags/").unwrap();
                let releases = self.releases.lock().unwrap();
                match releases.iter().find(|release| release["tag_name"] == tag) {
                    Some(release) => Answer::of(200, release.clone()),
                    None => Answer::refusal(404, "Not Found"),
                }
            }
            _ if !may_write => Answer::refusal(403, "Resource not accessible by personal access token"),
            ("POST", "/releases") => match self.make(&body) {
                Some(release) => Answer::of(201, release),
                None => Answer::of(
                    422,
                    json!({
                        "message": "Validation Failed",
                        "errors": [{"resource": "Release", "code": "already_exists", "field": "tag_name"}],
                        "documentation_url": "https://docs.github.com/rest/releases/releases#create-a-release",
                    }),
                ),
            },
            ("PATCH", rest) => {
                let id: usize = rest.strip_prefix("/releases/").unwrap().parse().unwrap();
                let mut releases = self.releases.lock().unwrap();
                for key in ["name", "body"] {
                    releases[id - 1][key] = body[key].clone();
                }
                Answer::of(200, releases[id - 1].clone())
            }
            (method, rest) => Answer::refusal(404, &format!("{method} {rest}")),
        }
    }

    /// Creates a release; `None` if its tag already has one.
    fn make(&self, body: &Value) -> Option<Value> {
        let mut releases = self.releases.lock().unwrap();
        if releases.iter().any(|release| release["tag_name"] == body["tag_name"]) {
            return None;
        }
        let mut release = example("POST /repos/{owner}/{repo}/releases", REPOSITORY, body.clone());
        release["id"] = json!(releases.len() + 1);
        releases.push(release.clone());
        Some(release)
    }
}
