//! GitHub's REST API for statuses and deployments.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::sync::Mutex;

use serde_json::{Value, json};
use wiremock::Request;

use super::described::{Answer, example};
use super::github_api::{ApiServer, Part, REPOSITORY};

/// A running API.
pub(crate) type DeploymentServer = ApiServer<DeploymentApi>;

#[derive(Default)]
pub(crate) struct DeploymentApi {
    statuses: Mutex<Vec<Value>>,
    deployments: Mutex<Vec<Value>>,
    states: Mutex<Vec<(u64, Value)>>,
}

impl DeploymentServer {
    /// The bodies of statuses.
    pub(crate) fn statuses(&self) -> Vec<Value> {
        self.part().statuses.lock().unwrap().clone()
    }

    /// Each deployment with its states.
    pub(crate) fn deployments(&self) -> Vec<(Value, Vec<Value>)> {
        let states = self.part().states.lock().unwrap();
        let of = |id: &Value| {
            states.iter().filter(|(of, _)| json!(of) == *id).map(|(_, state)| state.clone()).collect()
        };
        let deployments = self.part().deployments.lock().unwrap();
        deployments.iter().map(|deployment| (deployment.clone(), of(&deployment["id"]))).collect()
    }
}

impl Part for DeploymentApi {
    fn answer(&self, method: &str, rest: &str, request: &Request, body: Value) -> Answer {
        let parts: Vec<&str> = rest.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
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
}

impl DeploymentApi {
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
