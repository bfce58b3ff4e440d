//! The `forge` section, which environments with `delivery: pullRequest` need.

use super::git_auth;
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::host::Endpoint;
use crate::config::location::{Located, Location};
use crate::config::raw;
use crate::config::secret::SecretSource;
use crate::config::settings::{Auth, Forge, Git, Remote};
use crate::model::{EnvironmentName, Printable, PullRequestBranch};

const EXAMPLE: &str = "write `forge: {github: {repository: vtr/gitops}}`";

/// Where to open pull requests, if an environment has `delivery: pullRequest`; reports what is missing there.
pub(super) fn forge(file: &raw::File, git: Option<&Git>, diagnostics: &mut Diagnostics) -> Option<Forge> {
    let section = &file.forge;
    let Some(requested_at) = requested_at(file) else {
        if let Some(section) = section {
            diagnostics.warning(
                section.at.start(),
                "`forge` has no effect, because every environment has `delivery: push`",
                "write `delivery: pullRequest` in an environment, or remove `forge`",
            );
        }
        return None;
    };
    refuse_branch_names(file, diagnostics);
    let git = git?;
    let raw = section.as_ref().and_then(|section| section.value.github.as_ref());
    if raw.is_none() && !is_at_github(&git.remote) {
        diagnostics.error(requested_at, "there is no forge to open pull requests at", EXAMPLE);
        return None;
    }
    let raw = raw.map(|raw| &raw.value);
    let repository = match raw.and_then(|raw| raw.repository.as_ref()) {
        Some(text) => diagnostics.ok_or_report(text.at, repository(&text.value)),
        None => diagnostics.ok_or_report(requested_at, repository_of(&git.remote)),
    };
    let api = raw.and_then(|raw| raw.api.as_ref());
    let api: Option<Option<Endpoint>> = match api {
        Some(text) => diagnostics.ok_or_report(text.at, git_auth::api(&text.value)).map(Some),
        None => Some(None),
    };
    let token: Option<Option<SecretSource>> = match raw.and_then(|raw| raw.token.as_ref()) {
        Some(token) => token_of(token, diagnostics).map(Some),
        None => Some(None),
    };
    let (repository, api, token) = (repository?, api?, token?);
    if token.is_none() && !matches!(git.auth, Auth::Token { .. } | Auth::GithubApp { .. }) {
        diagnostics.error(
            requested_at,
            "there is no token to open pull requests with",
            "write `forge: {github: {token: {env: GITHUB_TOKEN}}}`",
        );
        return None;
    }
    Some(Forge { repository, api, token })
}

/// The first `delivery: pullRequest`.
fn requested_at(file: &raw::File) -> Option<Location> {
    let deliveries = file.environments.value.iter().filter_map(|environment| environment.delivery.as_ref());
    deliveries
        .filter(|delivery| delivery.value == raw::Delivery::PullRequest)
        .map(|delivery| delivery.at)
        .next()
}

/// Names that Git does not take for a branch, and a followed branch among Tidegate's own.
fn refuse_branch_names(file: &raw::File, diagnostics: &mut Diagnostics) {
    for environment in &file.environments.value {
        let name: Option<EnvironmentName> = environment.name.value.parse().ok();
        if name.is_some_and(|name| PullRequestBranch::of_environment(&name).is_err()) {
            diagnostics.error(
                environment.name.at,
                "Git cannot name a branch after this environment, so no pull request can be opened for it",
                "choose a name without `..`, and without `.` or `.lock` at the end",
            );
        }
    }
    if let Some(branch) =
        file.git.branch.as_ref().filter(|name| name.value.parse::<PullRequestBranch>().is_ok())
    {
        diagnostics.error(
            branch.at,
            "branches under `tidegate/` are reserved for Tidegate's pull requests",
            "have Flux follow another branch, such as `main`",
        );
    }
}

fn is_at_github(remote: &Remote) -> bool {
    matches!(remote, Remote::Network(url) if matches!(url.host(), "github.com" | "ssh.github.com"))
}

pub(super) fn repository_of(remote: &Remote) -> Result<String, InvalidValue> {
    let unknown = || {
        InvalidValue::new(
            "`git.url` is not a repository at GitHub",
            "write its name as `repository: vtr/gitops`",
        )
    };
    match remote {
        Remote::Network(url) => {
            let path = url.path().trim_end_matches('/');
            repository(path.strip_suffix(".git").unwrap_or(path)).map_err(|_| unknown())
        }
        Remote::Path(_) => Err(unknown()),
    }
}

/// `owner/name`, of characters that need no escaping in a path.
pub(super) fn repository(text: &str) -> Result<String, InvalidValue> {
    let is_part = |part: &str| {
        !part.is_empty()
            && !matches!(part, "." | "..")
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match text.split_once('/') {
        Some((owner, name)) if is_part(owner) && is_part(name) => Ok(text.to_owned()),
        _ => Err(InvalidValue::new(
            format!("`{}` is not the name of a repository", Printable::bounded(text, 80)),
            "write owner and name: `vtr/gitops`",
        )),
    }
}

pub(super) fn token_of(raw: &Located<raw::Token>, diagnostics: &mut Diagnostics) -> Option<SecretSource> {
    if let Some(username) = &raw.value.username {
        diagnostics.error(username.at, "the API takes a token without a user name", "remove `username`");
    }
    match git_auth::token_of(raw, diagnostics)? {
        Auth::Token { token, .. } => Some(token),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_an_owner_and_a_name() {
        for good in ["vtr/gitops", "v-t.r/git_ops"] {
            assert_eq!(repository(good).unwrap(), good);
        }
        for bad in ["", "vtr", "vtr/", "/gitops", "a/b/c", "vtr/git ops", "../x", "vtr/.."] {
            assert!(repository(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_repository_is_read_from_the_url() {
        for url in [
            "git@github.com:vtr/gitops.git",
            "https://github.com/vtr/gitops",
            "ssh://git@github.com/vtr/gitops.git",
        ] {
            let remote = Remote::Network(url.parse().unwrap());
            assert!(is_at_github(&remote));
            assert_eq!(repository_of(&remote).unwrap(), "vtr/gitops", "{url}");
        }
        assert!(repository_of(&Remote::Path("/srv/git/gitops.git".into())).is_err());
    }
}
