//! Where a source repository's pages are. Every link is made here, of parts that were checked, so none can lead
//! elsewhere.

use super::source_name::SourceName;
use crate::model::CommitId;

/// How a forge names its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forge {
    /// GitHub, and those that name their pages as it does (Gitea, Forgejo).
    GitHub,
    /// GitLab.
    GitLab,
    /// Bitbucket.
    Bitbucket,
}

impl Forge {
    /// The forge that is known to be at a host, if one is.
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

/// The pages of a source repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    name: SourceName,
    forge: Forge,
}

impl Web {
    /// The pages of a repository, when its host is a forge that is known.
    pub fn of(name: &SourceName) -> Option<Self> {
        Forge::at(name.host()).map(|forge| Self { name: name.clone(), forge })
    }

    /// The pages of a repository at a forge that the caller knows.
    pub fn at(name: SourceName, forge: Forge) -> Self {
        Self { name, forge }
    }

    /// The repository.
    pub fn name(&self) -> &SourceName {
        &self.name
    }

    /// Which forge it is.
    pub fn forge(&self) -> Forge {
        self.forge
    }

    /// The page of a commit.
    pub fn commit(&self, id: CommitId) -> String {
        match self.forge {
            Forge::GitHub => format!("{}/commit/{id}", self.base()),
            Forge::GitLab => format!("{}/-/commit/{id}", self.base()),
            Forge::Bitbucket => format!("{}/commits/{id}", self.base()),
        }
    }

    /// The page of what lies between two commits.
    pub fn compare(&self, from: CommitId, to: CommitId) -> String {
        let (from, to) = (short(from), short(to));
        match self.forge {
            Forge::GitHub => format!("{}/compare/{from}...{to}", self.base()),
            Forge::GitLab => format!("{}/-/compare/{from}...{to}", self.base()),
            Forge::Bitbucket => format!("{}/branches/compare/{to}..{from}", self.base()),
        }
    }

    /// The page of an issue.
    pub(super) fn issue(&self, number: u64) -> String {
        match self.forge {
            Forge::GitHub | Forge::Bitbucket => format!("{}/issues/{number}", self.base()),
            Forge::GitLab => format!("{}/-/issues/{number}", self.base()),
        }
    }

    /// The page of a pull or merge request.
    pub(super) fn request(&self, number: u64) -> String {
        match self.forge {
            Forge::GitHub => format!("{}/pull/{number}", self.base()),
            Forge::GitLab => format!("{}/-/merge_requests/{number}", self.base()),
            Forge::Bitbucket => format!("{}/pull-requests/{number}", self.base()),
        }
    }

    /// The page of an issue of another repository at the same host.
    pub(super) fn issue_elsewhere(&self, repository: &str, number: u64) -> Option<String> {
        let name = format!("{}/{repository}", self.name.host()).parse().ok()?;
        Some(Self { name, forge: self.forge }.issue(number))
    }

    /// The page of somebody whose commits came through the forge's own address.
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

    /// What stands before the number of a pull request.
    pub(super) fn request_sign(&self) -> char {
        if self.forge == Forge::GitLab { '!' } else { '#' }
    }

    fn base(&self) -> String {
        format!("https://{}", self.name)
    }
}

/// As many digits as are enough for years to come.
fn short(id: CommitId) -> String {
    id.to_string().chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changelog::fixture::id;

    #[test]
    fn pages_of_each_forge() {
        let web = |name: &str| Web::of(&name.parse().unwrap()).unwrap();
        let github = web("github.com/vtr/app");
        assert_eq!(github.request(12), "https://github.com/vtr/app/pull/12");
        assert_eq!(
            github.compare(id(0xab), id(0xcd)),
            "https://github.com/vtr/app/compare/abababababab...cdcdcdcdcdcd"
        );
        let gitlab = web("gitlab.com/a/b/c");
        assert_eq!(gitlab.request(12), "https://gitlab.com/a/b/c/-/merge_requests/12");
        assert_eq!(gitlab.issue(3), "https://gitlab.com/a/b/c/-/issues/3");
        assert_eq!(web("bitbucket.org/a/b").request(1), "https://bitbucket.org/a/b/pull-requests/1");
        assert_eq!(Web::of(&"git.vtr.cl/a/b".parse().unwrap()), None);
    }

    #[test]
    fn people_are_known_by_the_forges_address() {
        let web = Web::of(&"github.com/vtr/app".parse().unwrap()).unwrap();
        for email in ["12345+ana-s@users.noreply.github.com", "ana-s@users.noreply.github.com"] {
            assert_eq!(web.person(email).unwrap(), "https://github.com/ana-s");
        }
        for email in ["ana@vtr.cl", "a/b@users.noreply.github.com", "@users.noreply.github.com", ""] {
            assert_eq!(web.person(email), None, "{email}");
        }
    }
}
