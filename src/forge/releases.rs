//! GitHub releases: creates one for a tag, or updates it when its text differs.
//!
//! A lost response costs nothing: the next attempt finds the release by its tag. GitHub has one release per tag.

use std::fmt;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::api::{Api, ApiRequest, ApiResponse};
use super::compare::RepositoryAccess;
use crate::model::{Class, CommitId, Fault};

const MAX_BYTES: usize = 1024 * 1024;

/// Creates releases.
#[derive(Clone)]
pub struct Releases {
    api: Api,
}

/// A release as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseDraft {
    /// The tag, created with the release.
    pub tag: String,
    /// The commit to tag, if the tag does not exist.
    pub commit: CommitId,
    /// The title.
    pub title: String,
    /// The text, in Markdown.
    pub body: String,
}

/// The outcome of publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The release is new.
    Created,
    /// The release had another text.
    Updated,
    /// The release was up to date.
    Unchanged,
}

#[derive(Deserialize)]
struct ExistingRelease {
    id: u64,
    name: Option<String>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    permissions: Option<Permissions>,
}

#[derive(Deserialize)]
struct Permissions {
    push: bool,
}

impl Releases {
    pub fn new(api: Api) -> Self {
        Self { api }
    }

    /// Creates or updates a release.
    ///
    /// # Errors
    /// When the API is unreachable or the token lacks permission. Safe to retry.
    pub async fn publish(
        &self,
        access: RepositoryAccess<'_>,
        draft: &ReleaseDraft,
    ) -> Result<Published, Fault> {
        if let Some(existing) = self.find(access, &draft.tag).await? {
            return self.amend(access, &existing, draft).await;
        }
        let path = format!("/repos/{}/releases", access.repository);
        let body = json!({
            "tag_name": draft.tag,
            "target_commitish": draft.commit.to_string(),
            "name": draft.title,
            "body": draft.body,
            "draft": false,
            "prerelease": false,
        });
        let response = self.ask(access, Method::POST, &path, Some(body)).await?;
        match response.status {
            201 => Ok(Published::Created),
            // Another writer was first.
            422 => match self.find(access, &draft.tag).await? {
                Some(existing) => self.amend(access, &existing, draft).await,
                None => Err(self.refused(&path, &response)),
            },
            _ => Err(self.refused(&path, &response)),
        }
    }

    /// Checks that the token may create releases.
    ///
    /// # Errors
    /// When it may not, or the repository is hidden.
    pub async fn check(&self, access: RepositoryAccess<'_>) -> Result<(), Fault> {
        let path = format!("/repos/{}", access.repository);
        let response = self.ask(access, Method::GET, &path, None).await?;
        if response.status != 200 {
            return Err(self.refused(&path, &response).with_hint("the token may not see the repository"));
        }
        let repository: Repository = self.api.read(&path, &response)?;
        // GitHub omits permissions for app tokens.
        if repository.permissions.is_none_or(|permissions| permissions.push) {
            return Ok(());
        }
        Err(self
            .api
            .fault(Class::Failed, &path, "the token may not write")
            .with_hint("give it the permission `contents: write`"))
    }

    async fn find(&self, access: RepositoryAccess<'_>, tag: &str) -> Result<Option<ExistingRelease>, Fault> {
        let path = format!("/repos/{}/releases/tags/{tag}", access.repository);
        let response = self.ask(access, Method::GET, &path, None).await?;
        match response.status {
            200 => self.api.read(&path, &response).map(Some),
            404 => Ok(None),
            _ => Err(self.refused(&path, &response)),
        }
    }

    async fn amend(
        &self,
        access: RepositoryAccess<'_>,
        existing: &ExistingRelease,
        draft: &ReleaseDraft,
    ) -> Result<Published, Fault> {
        // GitHub's forms submit CRLF.
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().replace("\r\n", "\n");
        if text(&existing.body).trim_end() == draft.body.trim_end() && text(&existing.name) == draft.title {
            return Ok(Published::Unchanged);
        }
        let path = format!("/repos/{}/releases/{}", access.repository, existing.id);
        let body = json!({"name": draft.title, "body": draft.body});
        let response = self.ask(access, Method::PATCH, &path, Some(body)).await?;
        if response.status == 200 { Ok(Published::Updated) } else { Err(self.refused(&path, &response)) }
    }

    async fn ask(
        &self,
        access: RepositoryAccess<'_>,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<ApiResponse, Fault> {
        let request =
            ApiRequest { method, path, token: access.token, body, etag: None, max_bytes: MAX_BYTES };
        self.api.send(request).await
    }

    fn refused(&self, path: &str, response: &ApiResponse) -> Fault {
        self.api.fault(Class::Failed, path, &response.reason())
    }
}

impl fmt::Debug for Releases {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Releases").field("url", &self.api.url()).finish_non_exhaustive()
    }
}
