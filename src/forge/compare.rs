//! The commits of a repository by GitHub's API: what lies between two of them, and the tags.
//!
//! Git can tell all of this too, and more of it: which commit touches which folder, histories without end, commits that
//! GitHub hides. What is not answered here is a fault, and its reader asks Git.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::api::{Answer, Api, Question};
use crate::model::{
    Class, CommitId, Fault, MOST_MESSAGE_BYTES, MOST_NAME_BYTES, Person, Relation, SourceCommit, SourceRange,
    Timestamp,
};

/// How many commits of a range are asked for: each hundred is a request, one after the other, as GitHub wants it.
const MOST_COMMITS: usize = 1000;

/// How many pages of tags are asked for, a hundred tags each.
const MOST_TAG_PAGES: usize = 20;

/// How many pages of tags are remembered, over all repositories.
const MOST_KEPT_PAGES: usize = 200;

/// The most that is read of one answer. The first page of a comparison has the changed files in it, with their text.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Reads repositories.
#[derive(Debug)]
pub struct Commits {
    api: Api,
    /// Pages of tags by their paths: unless they changed, asking for them again counts against no limit.
    tags: Mutex<HashMap<String, TagPage>>,
}

#[derive(Clone, Debug)]
struct TagPage {
    mark: String,
    tags: Vec<(CommitId, String)>,
    next: Option<String>,
}

/// A repository, and who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The owner and the name: `vtr/graphql-server`.
    pub repository: &'a str,
    /// Who asks; nobody in particular without it.
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
    /// A reader that asks this API.
    pub fn new(api: Api) -> Self {
        Self { api, tags: Mutex::default() }
    }

    /// Whether more than the last of the hour's requests are left. They are for what Git can't do.
    ///
    /// # Errors
    /// When they are not.
    pub fn check(&self) -> Result<(), Fault> {
        if self.api.has_plenty() {
            return Ok(());
        }
        let message = format!("{} has few requests left in this hour", self.api.url());
        Err(Fault::new(Class::TryAgain, message))
    }

    /// The commit whose name begins with these digits, if there is just one.
    ///
    /// # Errors
    /// When the API can't be asked, or shows no such repository.
    pub async fn commit(&self, asked: Asked<'_>, hex: &str) -> Result<Option<CommitId>, Fault> {
        // The changed files come with it, and one is less than all.
        let path = path_of(asked.repository, &format!("commits/{hex}?per_page=1"))?;
        let answer = self.ask(asked, &path, None).await?;
        if matches!(answer.status, 409 | 422) {
            return Ok(None);
        }
        let named: Named = self.read(&path, &answer)?;
        // A branch may be called as these digits.
        Ok(named.sha.parse().ok().filter(|_| named.sha.starts_with(hex)))
    }

    /// The tags, each with the commit that it is of, by name.
    ///
    /// # Errors
    /// When the API can't be asked or shows no such repository, or there are too many.
    pub async fn tags(&self, asked: Asked<'_>) -> Result<Vec<(CommitId, String)>, Fault> {
        let mut next = Some(path_of(asked.repository, "tags?per_page=100")?);
        let mut tags = Vec::new();
        let mut pages = 0;
        while let Some(path) = next.take() {
            pages += 1;
            if pages > MOST_TAG_PAGES {
                return Err(self.api.fault(
                    Class::Failed,
                    &path,
                    "the repository has too many tags for that",
                ));
            }
            let page = self.tag_page(asked, &path).await?;
            tags.extend(page.tags);
            next = page.next;
        }
        tags.sort_by(|(_, one), (_, other)| one.cmp(other));
        Ok(tags)
    }

    async fn tag_page(&self, asked: Asked<'_>, path: &str) -> Result<TagPage, Fault> {
        let kept = self.tags.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        let answer = self.ask(asked, path, kept.as_ref().map(|page| page.mark.as_str())).await?;
        if let Some(page) = kept.filter(|_| answer.status == 304) {
            return Ok(page);
        }
        let tags: Vec<Tag> = self.read(path, &answer)?;
        let tags = tags.into_iter().filter_map(|tag| Some((tag.commit.sha.parse().ok()?, tag.name)));
        let page = TagPage {
            tags: tags.collect(),
            next: answer.next,
            mark: answer.mark.clone().unwrap_or_default(),
        };
        if answer.mark.is_some() {
            let mut kept = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= MOST_KEPT_PAGES {
                kept.clear();
            }
            kept.insert(path.to_owned(), page.clone());
        }
        Ok(page)
    }

    /// What lies between two commits, in no order.
    ///
    /// # Errors
    /// When the API can't be asked, shows no such repository or commits, or there are too many of them.
    pub async fn between(
        &self,
        asked: Asked<'_>,
        from: CommitId,
        to: CommitId,
    ) -> Result<SourceRange, Fault> {
        let (status, ahead) = self.pages(asked, from, to).await?;
        let (relation, commits, lost) = match status.as_str() {
            "ahead" | "identical" => (Relation::Forward, ahead, Vec::new()),
            "behind" => (Relation::Backward, self.pages(asked, to, from).await?.1, Vec::new()),
            "diverged" => (Relation::Diverged, ahead, self.pages(asked, to, from).await?.1),
            _ => {
                let path = path_of(asked.repository, "compare")?;
                return Err(self.api.fault(
                    Class::Failed,
                    &path,
                    "it knows of a status that is not known here",
                ));
            }
        };
        Ok(SourceRange { relation, commits, lost, is_cut: false })
    }

    /// How `to` lies to `from`, and every commit that it has and `from` has not.
    async fn pages(
        &self,
        asked: Asked<'_>,
        from: CommitId,
        to: CommitId,
    ) -> Result<(String, Vec<SourceCommit>), Fault> {
        let mut path = path_of(asked.repository, &format!("compare/{from}...{to}?per_page=100"))?;
        let mut commits = Vec::new();
        loop {
            let answer = self.ask(asked, &path, None).await?;
            let page: Comparison = self.read(&path, &answer)?;
            if page.total_commits > MOST_COMMITS {
                let why = format!("{} commits are more than it is asked for", page.total_commits);
                return Err(self.api.fault(Class::Failed, &path, &why));
            }
            let is_empty = page.commits.is_empty();
            let page_commits = page.commits.into_iter().map(commit).collect::<Option<Vec<_>>>();
            commits.extend(page_commits.ok_or_else(|| self.unreadable(&path))?);
            // What is not whole does not count: a newest commit that is missing would be taken for one that never was.
            let is_over = is_empty || commits.len() > page.total_commits;
            match answer.next.filter(|_| !is_over) {
                Some(next) => path = next,
                None if commits.len() == page.total_commits => return Ok((page.status, commits)),
                None => {
                    let why = format!("it told {} of {} commits", commits.len(), page.total_commits);
                    return Err(self.api.fault(Class::Failed, &path, &why));
                }
            }
        }
    }

    async fn ask(&self, asked: Asked<'_>, path: &str, known: Option<&str>) -> Result<Answer, Fault> {
        let question = Question {
            method: Method::GET,
            path,
            token: asked.token,
            body: None,
            known,
            most_bytes: MOST_BYTES,
        };
        let answer = self.api.answer(question).await?;
        if answer.status != 404 {
            return Ok(answer);
        }
        let why = match asked.token {
            Some(_) => "there is no such thing, or the token may not see it",
            None => "there is no such thing, or it is not for everybody and there is no token",
        };
        Err(self.api.fault(Class::Failed, path, why))
    }

    fn read<T: DeserializeOwned>(&self, path: &str, answer: &Answer) -> Result<T, Fault> {
        if answer.status != 200 {
            return Err(self.api.fault(Class::Failed, path, &format!("the answer is {}", answer.status)));
        }
        serde_json::from_slice(&answer.body).map_err(|error| self.unreadable(path).with_source(error))
    }

    fn unreadable(&self, path: &str) -> Fault {
        self.api.fault(Class::Failed, path, "the answer is not what GitHub documents")
    }
}

/// A path at the API. A repository is an owner and a name.
fn path_of(repository: &str, rest: &str) -> Result<String, Fault> {
    let is_part = |part: &&str| !matches!(*part, "" | "." | "..");
    let is_repository = repository.split('/').count() == 2
        && repository.split('/').filter(is_part).count() == 2
        && repository.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
    if is_repository {
        return Ok(format!("/repos/{repository}/{rest}"));
    }
    Err(Fault::new(Class::Failed, format!("{repository} is no name of a repository at GitHub")))
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
