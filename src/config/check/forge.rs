//! The `forge` section: where pull requests are opened, if some environment's promotions are delivered by them.

use super::git_auth;
use crate::config::host::Endpoint;
use crate::config::location::{Located, Location};
use crate::config::problem::{Findings, Wrong};
use crate::config::raw;
use crate::config::secret::SecretSource;
use crate::config::settings::{Auth, Forge, Git, Remote};
use crate::model::{EnvironmentName, Printable, PullRequestBranch};

const EXAMPLE: &str = "write `forge: {github: {repository: vtr/gitops}}`";

/// Where pull requests are opened; nothing when nobody asks for any. What is missing is noted where it is asked for.
pub(super) fn forge(file: &raw::File, git: Option<&Git>, findings: &mut Findings) -> Option<Forge> {
    let section = &file.forge;
    let Some(asked_at) = asked_at(file) else {
        if let Some(section) = section {
            findings.warning(
                section.at.start(),
                "`forge` has no effect, since every promotion is pushed",
                "write `delivery: pullRequest` in an environment, or leave `forge` out",
            );
        }
        return None;
    };
    refuse_names(file, findings);
    let git = git?;
    let raw = section.as_ref().and_then(|section| section.value.github.as_ref());
    if raw.is_none() && !is_at_github(&git.remote) {
        findings.error(asked_at, "it is not known where pull requests are opened", EXAMPLE);
        return None;
    }
    let raw = raw.map(|raw| &raw.value);
    let repository = match raw.and_then(|raw| raw.repository.as_ref()) {
        Some(text) => findings.take(text.at, repository(&text.value)),
        None => findings.take(asked_at, repository_of(&git.remote)),
    };
    let api = raw.and_then(|raw| raw.api.as_ref());
    let api: Option<Option<Endpoint>> = match api {
        Some(text) => findings.take(text.at, git_auth::api(&text.value)).map(Some),
        None => Some(None),
    };
    let token: Option<Option<SecretSource>> = match raw.and_then(|raw| raw.token.as_ref()) {
        Some(token) => token_of(token, findings).map(Some),
        None => Some(None),
    };
    let (repository, api, token) = (repository?, api?, token?);
    if token.is_none() && !matches!(git.auth, Auth::Token { .. } | Auth::GithubApp { .. }) {
        findings.error(
            asked_at,
            "there is no token to open pull requests with",
            "write `forge: {github: {token: {env: GITHUB_TOKEN}}}`",
        );
        return None;
    }
    Some(Forge { repository, api, token })
}

/// Where the first environment asks for pull requests.
fn asked_at(file: &raw::File) -> Option<Location> {
    let deliveries = file.environments.value.iter().filter_map(|environment| environment.delivery.as_ref());
    deliveries.filter(|delivery| delivery.value == raw::Delivery::PullRequest).map(|asked| asked.at).next()
}

/// What would be no branch, or the branch that Flux follows.
fn refuse_names(file: &raw::File, findings: &mut Findings) {
    for environment in &file.environments.value {
        let name: Option<EnvironmentName> = environment.name.value.parse().ok();
        if name.is_some_and(|name| PullRequestBranch::of_environment(&name).is_err()) {
            findings.error(
                environment.name.at,
                "no branch can be named after this environment, so nothing can be proposed to it",
                "leave out two dots in a row, and a dot or `.lock` at the end",
            );
        }
    }
    if let Some(branch) =
        file.git.branch.as_ref().filter(|name| name.value.parse::<PullRequestBranch>().is_ok())
    {
        findings.error(
            branch.at,
            "branches that begin with `tidegate/` are those of Tidegate's pull requests",
            "have Flux follow another branch, such as `main`",
        );
    }
}

fn is_at_github(remote: &Remote) -> bool {
    matches!(remote, Remote::Network(url) if matches!(url.host(), "github.com" | "ssh.github.com"))
}

fn repository_of(remote: &Remote) -> Result<String, Wrong> {
    let unknown = || ("it is not known which repository pull requests are of".to_owned(), EXAMPLE.to_owned());
    match remote {
        Remote::Network(url) => {
            let path = url.path().trim_end_matches('/');
            repository(path.strip_suffix(".git").unwrap_or(path)).map_err(|_| unknown())
        }
        Remote::Path(_) => Err(unknown()),
    }
}

/// `owner/name`, of letters that stand in a path as they are.
fn repository(text: &str) -> Result<String, Wrong> {
    let is_part = |part: &str| {
        !part.is_empty()
            && !matches!(part, "." | "..")
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match text.split_once('/') {
        Some((owner, name)) if is_part(owner) && is_part(name) => Ok(text.to_owned()),
        _ => Err((
            format!("`{}` is not the name of a repository", Printable::bounded(text, 80)),
            "write its owner and its name: `vtr/gitops`".to_owned(),
        )),
    }
}

fn token_of(raw: &Located<raw::Token>, findings: &mut Findings) -> Option<SecretSource> {
    if let Some(username) = &raw.value.username {
        findings.error(username.at, "the API takes a token without a name", "leave `username` out");
    }
    match git_auth::token_of(raw, findings)? {
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
    fn it_is_read_off_the_url() {
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
