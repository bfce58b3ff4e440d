//! GitHub's REST API for releases.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::sync::Mutex;

use serde_json::{Value, json};
use wiremock::Request;

use super::described::{Answer, example, repository};
use super::github_api::{ApiServer, Part, REPOSITORY};

/// A running API.
pub(crate) type ReleaseServer = ApiServer<ReleaseApi>;

#[derive(Default)]
pub(crate) struct ReleaseApi {
    releases: Mutex<Vec<Value>>,
    is_read_only: Mutex<bool>,
}

impl ReleaseServer {
    pub(crate) fn allow_reading_only(&self) {
        *self.part().is_read_only.lock().unwrap() = true;
    }

    /// The releases.
    pub(crate) fn releases(&self) -> Vec<Value> {
        self.part().releases.lock().unwrap().clone()
    }
}

impl Part for ReleaseApi {
    fn answer(&self, method: &str, rest: &str, _request: &Request, body: Value) -> Answer {
        let may_write = !*self.is_read_only.lock().unwrap();
        if rest.is_empty() {
            return Answer::of(200, repository(REPOSITORY, json!({"permissions": {"push": may_write}})));
        }
        match (method, rest) {
            ("GET", rest) => {
                let tag = rest.strip_prefix("/releases/tags/").unwrap();
                let releases = self.releases.lock().unwrap();
                match releases.iter().find(|release| release["tag_name"] == tag) {
                    Some(release) => Answer::of(200, release.clone()),
                    None => Answer::refusal(404, "Not Found"),
                }
            }
            _ if !may_write => Answer::refusal(403, "Resource not accessible by personal access token"),
            ("POST", "/releases") => match self.create(&body) {
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

    fn create_elsewhere(&self, tag: &str) {
        self.create(&json!({"tag_name": tag, "name": "theirs", "body": "theirs"}));
    }
}

impl ReleaseApi {
    /// Creates a release; `None` if its tag already has one.
    fn create(&self, body: &Value) -> Option<Value> {
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
