//! A configuration's forge, and the engine's port over it.

use std::sync::Arc;

use crate::config::{Auth, Config};
use crate::engine;
use crate::forge::{Api, Bearer, GitHub, GitHubSettings};
use crate::git::Login;
use crate::model::{
    Class, ClosedPage, CommitId, Fault, MergeMethod, OpenPullRequest, PullRequestBranch, PullRequestDraft,
    PullRequestOptions, PullRequestReview,
};

use super::git;

/// Where pull requests are opened, if some environment asks for them. `login` is that of the repository.
pub(super) fn forge(config: &Config, login: &Login) -> Result<Option<Arc<GitHub>>, Fault> {
    let Some(forge) = &config.forge else { return Ok(None) };
    let secret = match (&forge.token, login) {
        (Some(token), _) => git::kept(token),
        (None, Login::Token { token, .. }) => Arc::clone(token),
        (None, _) => return Err(Fault::new(Class::Usage, "there is no token to open pull requests with")),
    };
    let bearer: Bearer = Arc::new(move || secret.read());
    let named = match &config.git.auth {
        Auth::GithubApp { api, .. } => forge.api.as_ref().or(api.as_ref()),
        _ => forge.api.as_ref(),
    };
    let api = Api::new(&git::api_settings(&config.git, named))?;
    let settings =
        GitHubSettings { repository: forge.repository.clone(), base: config.git.branch.clone(), bearer };
    Ok(Some(Arc::new(GitHub::new(api, settings))))
}

impl engine::Forge for GitHub {
    async fn open_requests(&self) -> Result<Vec<OpenPullRequest>, Fault> {
        Self::open_requests(self).await
    }

    async fn closed_requests(&self, branch: &PullRequestBranch, page: usize) -> Result<ClosedPage, Fault> {
        Self::closed_requests(self, branch, page).await
    }

    async fn reviews(&self, number: u64) -> Result<Vec<PullRequestReview>, Fault> {
        Self::reviews(self, number).await
    }

    async fn message(&self, commit: CommitId) -> Result<String, Fault> {
        Self::message(self, commit).await
    }

    async fn open(&self, draft: &PullRequestDraft) -> Result<OpenPullRequest, Fault> {
        self.open_request(draft).await
    }

    async fn amend(&self, number: u64, title: Option<&str>, body: &str) -> Result<(), Fault> {
        self.amend_request(number, title, body).await
    }

    async fn close(&self, number: u64, body: &str) -> Result<(), Fault> {
        self.close_request(number, body).await
    }

    async fn comment(&self, number: u64, text: &str) -> Result<(), Fault> {
        self.comment_on(number, text).await
    }

    async fn give(&self, number: u64, extras: &PullRequestOptions) -> Vec<Fault> {
        Self::give(self, number, extras).await
    }

    async fn let_merge(&self, number: u64, head: CommitId, method: MergeMethod) -> Result<(), Fault> {
        Self::let_merge(self, number, head, method).await
    }

    async fn keep_open(&self, number: u64) -> Result<(), Fault> {
        self.do_not_merge(number).await
    }
}
