//! GitHub's REST API as far as releases are concerned, as its documentation describes it, with what goes wrong on the way.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The token that may make releases of the one repository, `vtr/gitops`.
pub(crate) const TOKEN: &str = "s3cret";

/// What becomes of a request.
pub(crate) enum Trouble {
    /// It is answered so, and nothing is done.
    Instead(ResponseTemplate),
    /// It is done, and the answer is lost.
    Lost,
    /// Somebody else makes a release with this tag first.
    After(&'static str),
}

/// A running API.
pub(crate) struct ReleaseServer {
    server: MockServer,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    releases: Mutex<Vec<Value>>,
    troubles: Mutex<VecDeque<Trouble>>,
    requests: Mutex<Vec<String>>,
    is_read_only: Mutex<bool>,
}

impl ReleaseServer {
    pub(crate) async fn start() -> Self {
        let (server, state) = (MockServer::start().await, Arc::new(State::default()));
        Mock::given(any()).respond_with(Answers(Arc::clone(&state))).mount(&server).await;
        Self { server, state }
    }

    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    /// What becomes of the next requests.
    pub(crate) fn next(&self, troubles: impl IntoIterator<Item = Trouble>) {
        *self.state.troubles.lock().unwrap() = troubles.into_iter().collect();
    }

    pub(crate) fn allow_reading_only(&self) {
        *self.state.is_read_only.lock().unwrap() = true;
    }

    /// The releases as they are.
    pub(crate) fn releases(&self) -> Vec<Value> {
        self.state.releases.lock().unwrap().clone()
    }

    /// What was asked since the last time, as `METHOD path`.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.requests.lock().unwrap())
    }
}

struct Answers(Arc<State>);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.requests.lock().unwrap().push(format!("{} {}", request.method, request.url.path()));
        let trouble = self.0.troubles.lock().unwrap().pop_front();
        match trouble {
            Some(Trouble::Instead(answer)) => answer,
            Some(Trouble::Lost) => {
                self.0.answer(request);
                ResponseTemplate::new(502)
            }
            Some(Trouble::After(tag)) => {
                self.0.make(&json!({"tag_name": tag, "name": "theirs", "body": "theirs"}));
                self.0.answer(request)
            }
            None => self.0.answer(request),
        }
    }
}

impl State {
    fn answer(&self, request: &Request) -> ResponseTemplate {
        let refuse = |status: u16, message: &str| {
            ResponseTemplate::new(status).set_body_json(json!({"message": message}))
        };
        let bearer = request.headers.get("authorization").map(|value| value.to_str().unwrap());
        let path = request.url.path();
        let Some(rest) = path.strip_prefix("/repos/vtr/gitops") else { return refuse(404, "Not Found") };
        if bearer != Some(format!("Bearer {TOKEN}").as_str()) {
            return refuse(404, "Not Found");
        }
        let may_write = !*self.is_read_only.lock().unwrap();
        if rest.is_empty() {
            return ResponseTemplate::new(200).set_body_json(json!({"permissions": {"push": may_write}}));
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (request.method.as_str(), rest) {
            ("GET", rest) => {
                let tag = rest.strip_prefix("/releases/tags/").unwrap();
                let releases = self.releases.lock().unwrap();
                match releases.iter().find(|release| release["tag_name"] == tag) {
                    Some(release) => ResponseTemplate::new(200).set_body_json(release),
                    None => refuse(404, "Not Found"),
                }
            }
            _ if !may_write => refuse(403, "Resource not accessible by personal access token"),
            ("POST", "/releases") => match self.make(&body) {
                Some(release) => ResponseTemplate::new(201).set_body_json(release),
                None => ResponseTemplate::new(422).set_body_json(json!({
                    "message": "Validation Failed",
                    "errors": [{"resource": "Release", "code": "already_exists", "field": "tag_name"}],
                })),
            },
            ("PATCH", rest) => {
                let id: usize = rest.strip_prefix("/releases/").unwrap().parse().unwrap();
                let mut releases = self.releases.lock().unwrap();
                for key in ["name", "body"] {
                    releases[id - 1][key] = body[key].clone();
                }
                ResponseTemplate::new(200).set_body_json(&releases[id - 1])
            }
            (method, rest) => refuse(404, &format!("{method} {rest}")),
        }
    }

    /// A release; nothing when its tag has one.
    fn make(&self, body: &Value) -> Option<Value> {
        let mut releases = self.releases.lock().unwrap();
        if releases.iter().any(|release| release["tag_name"] == body["tag_name"]) {
            return None;
        }
        let mut release = body.clone();
        release["id"] = json!(releases.len() + 1);
        releases.push(release.clone());
        Some(release)
    }
}
