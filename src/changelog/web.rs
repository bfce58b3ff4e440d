//! URLs of a source repository's pages. Every link is built here from validated parts, so none can lead elsewhere.

use super::source_name::SourceName;
use crate::model::CommitId;

/// The scheme by which a forge forms its URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forge {
    /// GitHub, and forges with the same URLs (Gitea, Forgejo).
    GitHub,
    /// GitLab.
    GitLab,
    /// Bitbucket.
    Bitbucket,
}

impl Forge {
    /// The forge at a well-known host.
    pub fn at(host: &str) -> Option<Self> {
        match host {
            "github.com" | "codeberg.org" | "gitea.com" => Some(Self::GitHub),
            "bitbucket.org" => Some(Self::Bitbucket),
            _ if host.starts_with("gitlab.") => Some(Self::GitLab),
            _ if host.starts_with("gitea.") || host.starts_with("forgejo.") => Some(Self::GitHub),
            _ => None,
        }
    }
}

/// Builds URLs of a source repository's pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    name: SourceName,
    forge: Forge,
}

impl Web {
    /// For a repository on a well-known host.
    pub fn of(name: &SourceName) -> Option<Self> {
        Forge::at(name.host()).map(|forge| Self { name: name.clone(), forge })
    }

    /// For a repository on a forge that the caller knows.
    pub fn at(name: SourceName, forge: Forge) -> Self {
        Self { name, forge }
    }

    /// The repository.
    pub fn name(&self) -> &SourceName {
        &self.name
    }

    /// The forge.
    pub fn forge(&self) -> Forge {
        self.forge
    }

    /// URL of a commit.
    pub fn commit(&self, id: CommitId) -> String {
        match self.forge {
            Forge::GitHub => format!("{}/commit/{id}", self.base()),
            Forge::GitLab => format!("{}/-/commit/{id}", self.base()),
            Forge::Bitbucket => format!("{}/commits/{id}", self.base()),
        }
    }

    /// URL of the comparison of two commits.
    pub fn compare(&self, from: CommitId, to: CommitId) -> String {
        let (from, to) = (short(from), short(to));
        match self.forge {
            Forge::GitHub => format!("{}/compare/{from}...{to}", self.base()),
            Forge::GitLab => format!("{}/-/compare/{from}...{to}", self.base()),
            Forge::Bitbucket => format!("{}/branches/compare/{to}..{from}", self.base()),
        }
    }

    pub(super) fn issue(&self, number: u64) -> String {
        match self.forge {
            Forge::GitHub | Forge::Bitbucket => format!("{}/issues/{number}", self.base()),
            Forge::GitLab => format!("{}/-/issues/{number}", self.base()),
        }
    }

    pub(super) fn pull_request(&self, number: u64) -> String {
        match self.forge {
            Forge::GitHub => format!("{}/pull/{number}", self.base()),
            Forge::GitLab => format!("{}/-/merge_requests/{number}", self.base()),
            Forge::Bitbucket => format!("{}/pull-requests/{number}", self.base()),
        }
    }

    /// URL of an issue in another repository on the same host.
    pub(super) fn issue_elsewhere(&self, repository: &str, number: u64) -> Option<String> {
        let name = format!("{}/{repository}", self.name.host()).parse().ok()?;
        Some(Self { name, forge: self.forge }.issue(number))
    }

    /// URL of the profile of a user who commits with the forge's no-reply address.
    pub(super) fn person(&self, email: &str) -> Option<String> {
        let (local, domain) = email.split_once('@')?;
        if domain != format!("users.noreply.{}", self.name.host()) {
            return None;
        }
        let login = local.split_once('+').map_or(local, |(_, login)| login);
        let is_login = (1..=39).contains(&login.len())
            && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        is_login.then(|| format!("https://{}/{login}", self.name.host()))
    }

    /// The sign before the number of a pull request.
    pub(super) fn pull_request_sign(&self) -> char {
        if self.forge == Forge::GitLab { '!' } else { '#' }
    }

    fn base(&self) -> String {
        format!("https://{}", self.name)
    }
}

/// 12 digits: long enough to stay unambiguous.
fn short(id: CommitId) -> String {
    id.to_string().chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changelog::fixture::id;

    #[test]
    fn builds_the_urls_of_each_forge() {
        let web = |name: &str| Web::of(&name.parse().unwrap()).unwrap();
        let github = web("github.com/vtr/app");
        assert_eq!(github.pull_request(12), "https://github.com/vtr/app/pull/12");
        assert_eq!(
            github.compare(id(0xab), id(0xcd)),
            "https://github.com/vtr/app/compare/abababababab...cdcdcdcdcdcd"
        );
        let gitlab = web("gitlab.com/a/b/c");
        assert_eq!(gitlab.pull_request(12), "https://gitlab.com/a/b/c/-/merge_requests/12");
        assert_eq!(gitlab.issue(3), "https://gitlab.com/a/b/c/-/issues/3");
        assert_eq!(web("bitbucket.org/a/b").pull_request(1), "https://bitbucket.org/a/b/pull-requests/1");
        assert_eq!(Web::of(&"git.vtr.cl/a/b".parse().unwrap()), None);
    }

    #[test]
    fn links_users_with_a_no_reply_address() {
        let web = Web::of(&"github.com/vtr/app".parse().unwrap()).unwrap();
        for email in ["12345+ana-s@users.noreply.github.com", "ana-s@users.noreply.github.com"] {
            assert_eq!(web.person(email).unwrap(), "https://github.com/ana-s");
        }
        for email in ["ana@vtr.cl", "a/b@users.noreply.github.com", "@users.noreply.github.com", ""] {
            assert_eq!(web.person(email), None, "{email}");
        }
    }
}
