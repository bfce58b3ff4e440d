//! Commit ranges and tags through GitHub's API.
//!
//! A mirror knows all of this and more: which commit touches which folder, histories of any length, hidden commits. A
//! range that the API does not return whole is an error, and the caller falls back to Git.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::api::{Api, ApiRequest, ApiResponse};
use crate::model::{
    Class, CommitId, Fault, MOST_MESSAGE_BYTES, MOST_NAME_BYTES, Person, Relation, SourceCommit, SourceRange,
    Timestamp,
};

/// Each hundred is one request, in sequence, as GitHub recommends.
const MAX_COMMITS: usize = 1000;

/// Pages of a hundred tags.
const MAX_TAG_PAGES: usize = 20;

/// Cached pages over all repositories.
const MAX_KEPT_PAGES: usize = 200;

/// The first page of a comparison includes the changed files and their patches.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Reads commits and tags.
#[derive(Debug)]
pub struct Commits {
    api: Api,
    /// Pages of tags by path: an unchanged one costs no request of the limit.
    tags: Mutex<HashMap<String, TagPage>>,
}

#[derive(Clone, Debug)]
struct TagPage {
    etag: String,
    tags: Vec<(CommitId, String)>,
    next: Option<String>,
}

/// A repository and the token to read it.
#[derive(Clone, Copy, Debug)]
pub struct RepositoryAccess<'a> {
    /// `owner/name`.
    pub repository: &'a str,
    /// Anonymous without one.
    pub token: Option<&'a SecretString>,
}

#[derive(Deserialize)]
struct Comparison {
    status: String,
    total_commits: usize,
    commits: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    sha: String,
    commit: Details,
    #[serde(default)]
    parents: Vec<Named>,
}

#[derive(Deserialize)]
struct Details {
    author: Option<Who>,
    committer: Option<Who>,
    message: String,
}

#[derive(Default, Deserialize)]
struct Who {
    name: Option<String>,
    email: Option<String>,
    date: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Named {
    sha: String,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    commit: Named,
}

impl Commits {
    /// Creates a reader.
    pub fn new(api: Api) -> Self {
        Self { api, tags: Mutex::default() }
    }

    /// Checks that enough requests are left in this hour. The last ones are reserved for what Git cannot do.
    ///
    /// # Errors
    /// Few requests are left.
    pub fn check(&self) -> Result<(), Fault> {
        if self.api.has_headroom() {
            return Ok(());
        }
        let message = format!("{} has few requests left in this hour", self.api.url());
        Err(Fault::new(Class::TryAgain, message))
    }

    /// Resolves an abbreviated commit id, if it is unambiguous.
    ///
    /// # Errors
    /// When the API is unreachable or hides the repository.
    pub async fn commit(&self, access: RepositoryAccess<'_>, hex: &str) -> Result<Option<CommitId>, Fault> {
        // The response includes the changed files; one per page keeps it small.
        let path = path_of(access.repository, &format!("commits/{hex}?per_page=1"))?;
        let response = self.ask(access, &path, None).await?;
        if matches!(response.status, 409 | 422) {
            return Ok(None);
        }
        let named: Named = self.read(&path, &response)?;
        // A branch may have the same name.
        Ok(named.sha.parse().ok().filter(|_| named.sha.starts_with(hex)))
    }

    /// All tags with their commits, by name.
    ///
    /// # Errors
    /// When the API is unreachable, hides the repository, or returns too many pages.
    pub async fn tags(&self, access: RepositoryAccess<'_>) -> Result<Vec<(CommitId, String)>, Fault> {
        let mut next = Some(path_of(access.repository, "tags?per_page=100")?);
        let mut tags = Vec::new();
        let mut pages = 0;
        while let Some(path) = next.take() {
            pages += 1;
            if pages > MAX_TAG_PAGES {
                return Err(self.api.fault(Class::Failed, &path, "the repository has too many tags"));
            }
            let page = self.tag_page(access, &path).await?;
            tags.extend(page.tags);
            next = page.next;
        }
        tags.sort_by(|(_, one), (_, other)| one.cmp(other));
        Ok(tags)
    }

    async fn tag_page(&self, access: RepositoryAccess<'_>, path: &str) -> Result<TagPage, Fault> {
        let kept = self.tags.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        let response = self.ask(access, path, kept.as_ref().map(|page| page.etag.as_str())).await?;
        if let Some(page) = kept.filter(|_| response.status == 304) {
            return Ok(page);
        }
        let tags: Vec<Tag> = self.read(path, &response)?;
        let tags = tags.into_iter().filter_map(|tag| Some((tag.commit.sha.parse().ok()?, tag.name)));
        let page = TagPage {
            tags: tags.collect(),
            next: response.next,
            etag: response.etag.clone().unwrap_or_default(),
        };
        if response.etag.is_some() {
            let mut kept = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= MAX_KEPT_PAGES {
                kept.clear();
            }
            kept.insert(path.to_owned(), page.clone());
        }
        Ok(page)
    }

    /// The commits between two others, unordered.
    ///
    /// # Errors
    /// When the API is unreachable, hides the repository or a commit, or returns too many.
    pub async fn between(
        &self,
        access: RepositoryAccess<'_>,
        from: CommitId,
        to: CommitId,
    ) -> Result<SourceRange, Fault> {
        let (status, ahead) = self.pages(access, from, to).await?;
        let (relation, commits, lost) = match status.as_str() {
            "ahead" | "identical" => (Relation::Forward, ahead, Vec::new()),
            "behind" => (Relation::Backward, self.pages(access, to, from).await?.1, Vec::new()),
            "diverged" => (Relation::Diverged, ahead, self.pages(access, to, from).await?.1),
            _ => {
                let path = path_of(access.repository, "compare")?;
                return Err(self.api.fault(Class::Failed, &path, "unknown comparison status"));
            }
        };
        Ok(SourceRange { relation, commits, lost, is_cut: false })
    }

    /// The status of `to` against `from`, and the commits of `to` that `from` lacks.
    async fn pages(
        &self,
        access: RepositoryAccess<'_>,
        from: CommitId,
        to: CommitId,
    ) -> Result<(String, Vec<SourceCommit>), Fault> {
        let mut path = path_of(access.repository, &format!("compare/{from}...{to}?per_page=100"))?;
        let mut commits = Vec::new();
        loop {
            let response = self.ask(access, &path, None).await?;
            let page: Comparison = self.read(&path, &response)?;
            if page.total_commits > MAX_COMMITS {
                let why = format!("{} commits are too many", page.total_commits);
                return Err(self.api.fault(Class::Failed, &path, &why));
            }
            let is_empty = page.commits.is_empty();
            let page_commits = page.commits.into_iter().map(commit).collect::<Option<Vec<_>>>();
            commits.extend(page_commits.ok_or_else(|| self.api.undocumented(&path))?);
            // An incomplete range is an error: a missing newest commit would look as if it did not exist.
            let is_over = is_empty || commits.len() > page.total_commits;
            match response.next.filter(|_| !is_over) {
                Some(next) => path = next,
                None if commits.len() == page.total_commits => return Ok((page.status, commits)),
                None => {
                    let why = format!("{} of {} commits returned", commits.len(), page.total_commits);
                    return Err(self.api.fault(Class::Failed, &path, &why));
                }
            }
        }
    }

    async fn ask(
        &self,
        access: RepositoryAccess<'_>,
        path: &str,
        etag: Option<&str>,
    ) -> Result<ApiResponse, Fault> {
        let request = ApiRequest {
            method: Method::GET,
            path,
            token: access.token,
            body: None,
            etag,
            max_bytes: MAX_BYTES,
        };
        let response = self.api.send(request).await?;
        if response.status != 404 {
            return Ok(response);
        }
        let why = match access.token {
            Some(_) => "not found, or hidden from the token",
            None => "not found, or private and no token is set",
        };
        Err(self.api.fault(Class::Failed, path, why))
    }

    fn read<T: DeserializeOwned>(&self, path: &str, response: &ApiResponse) -> Result<T, Fault> {
        if response.status != 200 {
            return Err(self.api.fault(Class::Failed, path, &format!("the response is {}", response.status)));
        }
        self.api.read(path, response)
    }
}

/// An API path below a repository, whose name must be `owner/name`.
fn path_of(repository: &str, rest: &str) -> Result<String, Fault> {
    let is_part = |part: &&str| !matches!(*part, "" | "." | "..");
    let is_repository = repository.split('/').count() == 2
        && repository.split('/').filter(is_part).count() == 2
        && repository.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
    if is_repository {
        return Ok(format!("/repos/{repository}/{rest}"));
    }
    Err(Fault::new(Class::Failed, format!("{repository} is not a GitHub repository name")))
}

fn commit(entry: Entry) -> Option<SourceCommit> {
    let (author, committer) =
        (entry.commit.author.unwrap_or_default(), entry.commit.committer.unwrap_or_default());
    let committed_at = committer.date.or(author.date)?;
    Some(SourceCommit {
        id: entry.sha.parse().ok()?,
        parents: entry.parents.iter().map(|parent| parent.sha.parse().ok()).collect::<Option<_>>()?,
        author: Person {
            name: bounded(author.name, MOST_NAME_BYTES),
            email: bounded(author.email, MOST_NAME_BYTES),
        },
        authored_at: author.date.unwrap_or(committed_at),
        committed_at,
        message: bounded(Some(entry.commit.message), MOST_MESSAGE_BYTES),
        is_relevant: true,
    })
}

fn bounded(text: Option<String>, most: usize) -> String {
    let mut text = text.unwrap_or_default();
    text.truncate(text.floor_char_boundary(most));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_of_an_owner_and_a_name() {
        assert_eq!(path_of("vtr/app.js", "tags").unwrap(), "/repos/vtr/app.js/tags");
        for bad in ["vtr", "a/b/c", "vtr/..", "vtr/app?x", "vtr/", "vtr/a b", "vtr/a%2f"] {
            assert!(path_of(bad, "tags").is_err(), "{bad}");
        }
    }
}
