//! Releases of a repository at GitHub: one a tag, made if it is not there and amended if it says something else.
//!
//! What a release should be is known from elsewhere at any time, so an answer that was lost costs nothing: asked again, the
//! release is found by its tag. GitHub has at most one release a tag.

use std::fmt;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::api::{Answer, Api, Question};
use super::compare::Asked;
use crate::model::{Class, CommitId, Fault};

/// The most that is read of one answer, in bytes.
const MOST_BYTES: usize = 1024 * 1024;

/// Makes releases.
#[derive(Clone)]
pub struct Releases {
    api: Api,
}

/// What a release should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseDraft {
    /// Its tag, which is made with it.
    pub tag: String,
    /// The commit of the tag, if the tag is not there.
    pub commit: CommitId,
    /// The title.
    pub title: String,
    /// The text, in Markdown.
    pub body: String,
}

/// What became of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It was made.
    Made,
    /// It was there, and says something else now.
    Amended,
    /// It was there as it should be.
    Kept,
}

#[derive(Deserialize)]
struct Found {
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
    /// Makes releases by this API.
    pub fn new(api: Api) -> Self {
        Self { api }
    }

    /// Sees that there is such a release.
    ///
    /// # Errors
    /// When the API can't be asked, or the token may not. Asking again later does no harm.
    pub async fn publish(&self, asked: Asked<'_>, draft: &ReleaseDraft) -> Result<Published, Fault> {
        if let Some(found) = self.find(asked, &draft.tag).await? {
            return self.amend(asked, &found, draft).await;
        }
        let path = format!("/repos/{}/releases", asked.repository);
        let body = json!({
            "tag_name": draft.tag,
            "target_commitish": draft.commit.to_string(),
            "name": draft.title,
            "body": draft.body,
            "draft": false,
            "prerelease": false,
        });
        let answer = self.ask(asked, Method::POST, &path, Some(body)).await?;
        match answer.status {
            201 => Ok(Published::Made),
            // Somebody else was first, as another Tidegate may be.
            422 => match self.find(asked, &draft.tag).await? {
                Some(found) => self.amend(asked, &found, draft).await,
                None => Err(self.refused(&path, &answer)),
            },
            _ => Err(self.refused(&path, &answer)),
        }
    }

    /// Whether the token may make releases.
    ///
    /// # Errors
    /// When it may not, or nobody can tell.
    pub async fn check(&self, asked: Asked<'_>) -> Result<(), Fault> {
        let path = format!("/repos/{}", asked.repository);
        let answer = self.ask(asked, Method::GET, &path, None).await?;
        if answer.status != 200 {
            return Err(self.refused(&path, &answer).with_hint("the token may not see the repository"));
        }
        let repository: Repository = self.read(&path, &answer)?;
        // An app's token does not say.
        if repository.permissions.is_none_or(|permissions| permissions.push) {
            return Ok(());
        }
        Err(self
            .api
            .fault(Class::Failed, &path, "the token may not write")
            .with_hint("give it the permission `contents: write`"))
    }

    async fn find(&self, asked: Asked<'_>, tag: &str) -> Result<Option<Found>, Fault> {
        let path = format!("/repos/{}/releases/tags/{tag}", asked.repository);
        let answer = self.ask(asked, Method::GET, &path, None).await?;
        match answer.status {
            200 => self.read(&path, &answer).map(Some),
            404 => Ok(None),
            _ => Err(self.refused(&path, &answer)),
        }
    }

    async fn amend(&self, asked: Asked<'_>, found: &Found, draft: &ReleaseDraft) -> Result<Published, Fault> {
        // GitHub hands texts out with the line breaks that its forms make.
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().replace("\r\n", "\n");
        if text(&found.body).trim_end() == draft.body.trim_end() && text(&found.name) == draft.title {
            return Ok(Published::Kept);
        }
        let path = format!("/repos/{}/releases/{}", asked.repository, found.id);
        let body = json!({"name": draft.title, "body": draft.body});
        let answer = self.ask(asked, Method::PATCH, &path, Some(body)).await?;
        if answer.status == 200 { Ok(Published::Amended) } else { Err(self.refused(&path, &answer)) }
    }

    async fn ask(
        &self,
        asked: Asked<'_>,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<Answer, Fault> {
        let question =
            Question { method, path, token: asked.token, body, known: None, most_bytes: MOST_BYTES };
        self.api.answer(question).await
    }

    fn read<T: serde::de::DeserializeOwned>(&self, path: &str, answer: &Answer) -> Result<T, Fault> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            self.api.fault(Class::Failed, path, "the answer is not what GitHub documents").with_source(error)
        })
    }

    fn refused(&self, path: &str, answer: &Answer) -> Fault {
        let said = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
        let said = said.as_ref().and_then(|body| body["message"].as_str()).unwrap_or("no reason");
        let why = format!("{}: {}", answer.status, crate::model::Printable::bounded(said, 300));
        self.api.fault(Class::Failed, path, &why)
    }
}

impl fmt::Debug for Releases {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Releases").field("url", &self.api.url()).finish_non_exhaustive()
    }
}
