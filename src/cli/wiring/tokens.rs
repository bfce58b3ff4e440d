//! Tokens of people that the configuration names, and the GitHub that each is of.

use std::fmt;

use crate::config::{Auth, Config, ProcessEnv, Remote, SecretSource};
use crate::forge::{Api, ApiSettings};
use crate::model::{Fault, Timestamp};

use super::git::api_settings;

/// A token at GitHub. An app's are none: they are renewed before they end.
pub(crate) struct Token {
    /// Where the configuration names it.
    pub(crate) key: &'static str,
    api: ApiSettings,
    source: SecretSource,
}

/// The tokens for the GitOps repository and its pull requests. Of a host that nothing says to be a GitHub, nobody is asked.
pub(crate) fn tokens(config: &Config) -> Vec<Token> {
    let named = config.forge.as_ref().and_then(|forge| forge.api.as_ref());
    let api = || api_settings(&config.git, named);
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
    /// When it ends, if GitHub says that it does.
    ///
    /// # Errors
    /// When it can't be read, or GitHub can't be asked or does not know it.
    pub(crate) async fn ends(&self) -> Result<Option<Timestamp>, Fault> {
        Api::new(&self.api)?.token_ends(&self.source.read(&ProcessEnv)?).await
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Token").field("key", &self.key).finish_non_exhaustive()
    }
}
