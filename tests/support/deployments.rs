//! GitHub's REST API as far as statuses and deployments are concerned. Each exchange is seen to be as GitHub's own description
//! has it.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::described::watch::{Watch, Witness};
use super::described::{Answer, example};

const REPOSITORY: &str = "vtr/gitops";
const PREFIX: &str = "/repos/vtr/gitops";

/// The token that may set statuses and create deployments.
pub(crate) const TOKEN: &str = "s3cret-deployments";

/// A running API.
pub(crate) struct DeploymentServer {
    server: MockServer,
    state: Arc<State>,
    _watch: Watch,
}

#[derive(Default)]
struct State {
    statuses: Mutex<Vec<Value>>,
    deployments: Mutex<Vec<Value>>,
    states: Mutex<Vec<(u64, Value)>>,
    /// What is answered instead; `None` does what is asked and loses the answer.
    troubles: Mutex<VecDeque<Option<ResponseTemplate>>>,
    witness: Witness,
}

impl DeploymentServer {
    pub(crate) async fn start() -> Self {
        let (server, watch) = (MockServer::start().await, Watch::default());
        let state = Arc::new(State { witness: watch.witness(), ..State::default() });
        Mock::given(any()).respond_with(Answers(Arc::clone(&state))).mount(&server).await;
        Self { server, state, _watch: watch }
    }

    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    /// What becomes of the next requests: this answer, or a lost one.
    pub(crate) fn next(&self, troubles: impl IntoIterator<Item = Option<ResponseTemplate>>) {
        *self.state.troubles.lock().unwrap() = troubles.into_iter().collect();
    }

    /// The bodies of statuses.
    pub(crate) fn statuses(&self) -> Vec<Value> {
        self.state.statuses.lock().unwrap().clone()
    }

    /// The deployments, and the states that each got.
    pub(crate) fn deployments(&self) -> Vec<(Value, Vec<Value>)> {
        let states = self.state.states.lock().unwrap();
        let of = |id: &Value| {
            states.iter().filter(|(of, _)| json!(of) == *id).map(|(_, state)| state.clone()).collect()
        };
        let deployments = self.state.deployments.lock().unwrap();
        deployments.iter().map(|deployment| (deployment.clone(), of(&deployment["id"]))).collect()
    }
}

struct Answers(Arc<State>);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let trouble = self.0.troubles.lock().unwrap().pop_front();
        self.0.witness.responded(request, || match trouble {
            Some(Some(answer)) => Err(answer),
            Some(None) => {
                self.0.answer(request);
                Err(ResponseTemplate::new(502))
            }
            None => Ok(self.0.answer(request)),
        })
    }
}

impl State {
    fn answer(&self, request: &Request) -> Answer {
        let bearer = request.headers.get("authorization").map(|value| value.to_str().unwrap());
        if bearer != Some(format!("Bearer {TOKEN}").as_str()) {
            return Answer::refusal(404, "Not Found");
        }
        let rest = request.url.path().strip_prefix(PREFIX).unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let parts: Vec<&str> = rest.trim_start_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["statuses", commit]) => {
                let mut status = body.clone();
                status["sha"] = (*commit).into();
                self.statuses.lock().unwrap().push(status);
                Answer::of(201, example("POST /repos/{owner}/{repo}/statuses/{sha}", REPOSITORY, body))
            }
            ("GET", ["deployments"]) => {
                let sha = request.url.query_pairs().find(|(name, _)| name == "sha").map(|(_, sha)| sha);
                let deployments = self.deployments.lock().unwrap();
                let found = deployments.iter().filter(|one| one["sha"].as_str() == sha.as_deref());
                Answer::of(200, found.cloned().collect())
            }
            ("POST", ["deployments"]) => Answer::of(201, self.create(&body)),
            ("POST", ["deployments", id, "statuses"]) => {
                self.states.lock().unwrap().push((id.parse().unwrap(), body.clone()));
                let operation = "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses";
                Answer::of(201, example(operation, REPOSITORY, json!({"state": body["state"]})))
            }
            (method, _) => Answer::refusal(404, &format!("{method} {rest}")),
        }
    }

    fn create(&self, body: &Value) -> Value {
        let mut deployments = self.deployments.lock().unwrap();
        let with = json!({
            "id": deployments.len() + 1,
            "sha": body["ref"],
            "ref": body["ref"],
            "environment": body["environment"],
            "description": body["description"],
            "payload": body["payload"],
        });
        let deployment = example("POST /repos/{owner}/{repo}/deployments", REPOSITORY, with);
        deployments.push(deployment.clone());
        deployment
    }
}
