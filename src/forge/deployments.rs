//! Commit statuses and deployments: what GitHub's pages show of a promotion.
//!
//! A status is set again without harm. A deployment carries the id of its message, by which a repetition finds it.

use std::fmt;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, ApiRequest, ApiResponse};
use super::compare::RepositoryAccess;
use crate::model::{Class, Fault, Printable};

const MAX_BYTES: usize = 1024 * 1024;

/// GitHub takes 140 characters in a description.
const MAX_DESCRIPTION_CHARS: usize = 139;

/// The key of the message's id in the payload of a deployment.
const MESSAGE: &str = "tidegateMessage";

/// Sets statuses and creates deployments.
#[derive(Clone)]
pub struct Deployments {
    api: Api,
}

/// A status of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatus {
    /// The commit.
    pub commit: String,
    /// Its name: a later status of the same name replaces it.
    pub context: String,
    /// One line.
    pub description: String,
}

/// A deployment of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentDraft {
    /// The commit.
    pub commit: String,
    /// The environment's name at GitHub, created with the deployment.
    pub environment: String,
    /// One line.
    pub description: String,
    /// Identifies it, so that it is created once.
    pub id: String,
    /// Labels, reviewers and auto-merge.
    pub payload: Value,
}

#[derive(Deserialize)]
struct Existing {
    id: u64,
    payload: Value,
}

#[derive(Deserialize)]
struct Created {
    id: u64,
}

impl Deployments {
    pub fn new(api: Api) -> Self {
        Self { api }
    }

    /// Whether the token sees the repository. Only a message shows whether it may write there.
    ///
    /// # Errors
    /// When the API is unreachable, or hides the repository.
    pub async fn check(&self, access: RepositoryAccess<'_>) -> Result<(), Fault> {
        let path = format!("/repos/{}", access.repository);
        let response = self.ask(access, Method::GET, &path, None).await?;
        if response.status == 200 { Ok(()) } else { Err(self.refused(&path, &response, "metadata: read")) }
    }

    /// Sets a successful status on a commit.
    ///
    /// # Errors
    /// When the API is unreachable, the commit unknown, or the token lacks `statuses: write`. Safe to retry.
    pub async fn set_status(&self, access: RepositoryAccess<'_>, status: &CommitStatus) -> Result<(), Fault> {
        let path = format!("/repos/{}/statuses/{}", access.repository, status.commit);
        let body = json!({
            "state": "success",
            "context": status.context,
            "description": cut(&status.description),
        });
        let response = self.ask(access, Method::POST, &path, Some(body)).await?;
        self.created(&path, &response, "statuses: write")
    }

    /// Creates a deployment with the state `success`, unless it exists.
    ///
    /// # Errors
    /// When the API is unreachable, the commit unknown, or the token lacks `deployments: write`. Safe to retry.
    pub async fn deploy(&self, access: RepositoryAccess<'_>, draft: &DeploymentDraft) -> Result<(), Fault> {
        let id = match self.find(access, draft).await? {
            Some(id) => id,
            None => self.create(access, draft).await?,
        };
        let path = format!("/repos/{}/deployments/{id}/statuses", access.repository);
        // One environment has many services: a deployment of one leaves those of the others active.
        let body = json!({
            "state": "success",
            "description": cut(&draft.description),
            "environment": draft.environment,
            "auto_inactive": false,
        });
        let response = self.ask(access, Method::POST, &path, Some(body)).await?;
        self.created(&path, &response, "deployments: write")
    }

    async fn find(
        &self,
        access: RepositoryAccess<'_>,
        draft: &DeploymentDraft,
    ) -> Result<Option<u64>, Fault> {
        let path = format!("/repos/{}/deployments?sha={}&per_page=100", access.repository, draft.commit);
        let response = self.ask(access, Method::GET, &path, None).await?;
        if response.status != 200 {
            return Err(self.refused(&path, &response, "deployments: write"));
        }
        let existing: Vec<Existing> = self.api.read(&path, &response)?;
        let is_it = |one: &Existing| payload(&one.payload)[MESSAGE] == draft.id.as_str();
        Ok(existing.iter().find(|one| is_it(one)).map(|one| one.id))
    }

    async fn create(&self, access: RepositoryAccess<'_>, draft: &DeploymentDraft) -> Result<u64, Fault> {
        let path = format!("/repos/{}/deployments", access.repository);
        let mut carried = draft.payload.clone();
        carried[MESSAGE] = draft.id.as_str().into();
        let body = json!({
            "ref": draft.commit,
            "task": "deploy",
            // The commit is on the branch: there is nothing to merge and nothing to wait for.
            "auto_merge": false,
            "required_contexts": [],
            "environment": draft.environment,
            "description": cut(&draft.description),
            "payload": carried,
        });
        let response = self.ask(access, Method::POST, &path, Some(body)).await?;
        self.created(&path, &response, "deployments: write")?;
        let created: Created = self.api.read(&path, &response)?;
        Ok(created.id)
    }

    async fn ask(
        &self,
        access: RepositoryAccess<'_>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<ApiResponse, Fault> {
        let request =
            ApiRequest { method, path, token: access.token, body, etag: None, max_bytes: MAX_BYTES };
        self.api.send(request).await
    }

    fn created(&self, path: &str, response: &ApiResponse, permission: &str) -> Result<(), Fault> {
        if response.status == 201 { Ok(()) } else { Err(self.refused(path, response, permission)) }
    }

    fn refused(&self, path: &str, response: &ApiResponse, permission: &str) -> Fault {
        // GitHub hides what a token may not see.
        let class = if response.status == 422 { Class::Refused } else { Class::Failed };
        self.api
            .fault(class, path, &response.reason())
            .with_hint(format!("the token needs the permission `{permission}`"))
    }
}

/// A payload, which GitHub returns as it was sent or as a text.
fn payload(value: &Value) -> Value {
    match value.as_str() {
        Some(text) => serde_json::from_str(text).unwrap_or_default(),
        None => value.clone(),
    }
}

fn cut(text: &str) -> String {
    Printable::bounded(text, MAX_DESCRIPTION_CHARS).to_string()
}

impl fmt::Debug for Deployments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Deployments").field("url", &self.api.url()).finish_non_exhaustive()
    }
}
