//! The forge of a configuration, and its tokens.

use std::fmt;
use std::sync::Arc;

use crate::config::{Auth, Config, Endpoint, ProcessEnv, Remote, SecretSource};
use crate::forge::{Api, ApiSettings, Bearer, GitHub, GitHubSettings};
use crate::git::{Login, Secret};
use crate::model::{Class, Fault, Timestamp};

use super::git;

/// The forge for pull requests, if an environment uses them. `login` is that of the repository.
pub(super) fn forge(config: &Config, login: &Login) -> Result<Option<Arc<GitHub>>, Fault> {
    let Some(forge) = &config.forge else { return Ok(None) };
    let secret = match (&forge.token, login) {
        (Some(token), _) => git::kept(token),
        (None, Login::Token { token, .. }) => Arc::clone(token),
        (None, _) => return Err(Fault::new(Class::Usage, "no token to open pull requests")),
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

/// How to reach GitHub for notifications, and the token: the named one, or that of the repository.
pub(super) fn github(
    config: &Config,
    named: Option<&Endpoint>,
    token: Option<&SecretSource>,
) -> Result<(ApiSettings, Arc<dyn Secret>), Fault> {
    let token = match (token, git::login(&config.git)?) {
        (Some(token), _) => git::kept(token),
        (None, Login::Token { token, .. }) => token,
        (None, _) => return Err(Fault::new(Class::Usage, "no token for statuses and deployments")),
    };
    let named = match &config.git.auth {
        Auth::GithubApp { api, .. } => named.or(api.as_ref()),
        _ => named,
    };
    Ok((git::api_settings(&config.git, named), token))
}

/// A person's token at GitHub; app tokens renew themselves.
pub(crate) struct Token {
    /// Its key in the configuration.
    pub(crate) key: &'static str,
    api: ApiSettings,
    source: SecretSource,
}

/// The tokens for the GitOps repository and its pull requests, at hosts that are known to be GitHub.
pub(crate) fn tokens(config: &Config) -> Vec<Token> {
    let named = config.forge.as_ref().and_then(|forge| forge.api.as_ref());
    let api = || git::api_settings(&config.git, named);
    let is_github = match &config.git.remote {
        Remote::Network(url) => config.forge.is_some() || url.host() == "github.com",
        Remote::Path(_) => false,
    };
    let of_git = match &config.git.auth {
        Auth::Token { token, .. } if is_github => Some(("git.auth.token", token)),
        _ => None,
    };
    let of_forge = config.forge.as_ref().and_then(|forge| forge.token.as_ref());
    let all = of_git.into_iter().chain(of_forge.map(|token| ("forge.github.token", token)));
    all.map(|(key, source)| Token { key, api: api(), source: source.clone() }).collect()
}

impl Token {
    /// The token's expiry, if GitHub sends one.
    ///
    /// # Errors
    /// When the token is unreadable, or GitHub is unreachable or rejects it.
    pub(crate) async fn ends(&self) -> Result<Option<Timestamp>, Fault> {
        Api::new(&self.api)?.token_ends(&self.source.read(&ProcessEnv)?).await
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Token").field("key", &self.key).finish_non_exhaustive()
    }
}
