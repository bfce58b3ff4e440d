//! Changelogs as the other rooms use them: every value checked. Knows neither YAML nor how commits are had.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use globset::GlobSet;

use super::changelog_file::ChangelogFile;
use super::compile::TagPattern;
use super::host::Endpoint;
use super::secret::SecretSource;
use crate::changelog::{Forge, Rules, SourceName};
use crate::model::{ImageName, RepoPath};

/// The GitHub that everybody knows.
pub(super) const GITHUB: &str = "github.com";

/// Release changelogs.
#[derive(Clone, Debug)]
pub struct Changelog {
    /// What labels may name.
    pub(super) sources: Option<GlobSet>,
    /// How hosts are reached that need more than anonymous https, each once.
    pub hosts: Vec<SourceHost>,
    /// How commits are grouped.
    pub rules: Rules,
    /// Whether the commit of a promotion tells what changed.
    pub in_commits: bool,
    /// The file in the GitOps repository that promotions add to.
    pub file: Option<ChangelogFile>,
    /// What the releases of the GitOps repository are of, if there are any.
    pub releases: Option<GitRelease>,
    /// How long promotions wait for it.
    pub time_limit: Duration,
    /// How many lines of it a commit takes.
    pub most_lines: usize,
    /// How much space the history of one source repository may take.
    pub most_bytes: u64,
    /// Templates by their names.
    pub templates: BTreeMap<String, Template>,
}

/// What a release of the GitOps repository is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitRelease {
    /// A day.
    Day,
    /// One push.
    Batch,
}

/// How one host of source repositories is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceHost {
    /// The host, with its port if it has one, in lower case.
    pub host: String,
    /// Which forge it is.
    pub forge: Option<Forge>,
    /// The name and the token to read with.
    pub token: Option<(String, SecretSource)>,
    /// The API to ask for commits, if it has one and is to be asked.
    pub api: Option<GitHubApi>,
}

/// The API of a GitHub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitHubApi {
    /// Its URL; without it, the one that belongs to the host.
    pub url: Option<Endpoint>,
}

/// A template's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Where it is.
    pub file: PathBuf,
    /// Whether it makes HTML.
    pub is_html: bool,
}

/// Where the source of a service is.
#[derive(Clone, Debug)]
pub struct ServiceSource {
    /// The repository, instead of the one that labels name.
    pub repository: Option<SourceRepository>,
    /// How its tags are read.
    pub tag_pattern: Option<TagPattern>,
    /// The folders that concern the service; all of them when there is none.
    pub paths: Vec<RepoPath>,
}

/// A source repository that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceRepository {
    /// At this absolute path.
    Path(PathBuf),
    /// At a host.
    Named {
        /// Its name.
        name: SourceName,
        /// Where it is cloned from, when that is written.
        url: Option<String>,
    },
}

impl Changelog {
    /// Whether labels of an image may name this repository.
    pub fn allows(&self, image: &ImageName, source: &SourceName) -> bool {
        if let Some(globs) = &self.sources {
            return globs.is_match(source.to_string());
        }
        let namespace = image.repository().split_once('/').map(|(namespace, _)| namespace);
        let owner = source.path().split_once('/').map(|(owner, _)| owner);
        source.host() == GITHUB
            && namespace.zip(owner).is_some_and(|(namespace, owner)| namespace.eq_ignore_ascii_case(owner))
    }

    /// The API of a host to ask for commits. That of github.com needs not be named.
    pub fn api(&self, host: &str) -> Option<GitHubApi> {
        match self.host(host) {
            Some(known) => known.api.clone(),
            None => (host == GITHUB).then(GitHubApi::default),
        }
    }

    /// How a host is reached.
    pub fn host(&self, host: &str) -> Option<&SourceHost> {
        self.hosts.iter().find(|known| known.host == host)
    }
}

#[cfg(test)]
mod tests {
    use globset::{GlobBuilder, GlobSetBuilder};
    use rstest::rstest;

    use super::*;

    fn changelog(glob: Option<&str>) -> Changelog {
        let sources = glob.map(|glob| {
            let mut set = GlobSetBuilder::new();
            set.add(GlobBuilder::new(glob).literal_separator(true).build().unwrap());
            set.build().unwrap()
        });
        Changelog {
            sources,
            hosts: Vec::new(),
            rules: Rules::default(),
            in_commits: true,
            file: None,
            releases: None,
            time_limit: Duration::from_secs(10),
            most_lines: 40,
            most_bytes: 1 << 30,
            templates: BTreeMap::new(),
        }
    }

    #[rstest]
    #[case::own_owner(None, "github.com/vtr/app", true)]
    #[case::own_owner_shouting(None, "github.com/VTR/App", true)]
    #[case::another_owner(None, "github.com/nodejs/docker-node", false)]
    #[case::another_host(None, "gitlab.com/vtr/app", false)]
    #[case::by_glob(Some("gitlab.com/vtr/*"), "gitlab.com/vtr/app", true)]
    #[case::glob_instead(Some("gitlab.com/vtr/*"), "github.com/vtr/app", false)]
    #[case::glob_within_a_part(Some("gitlab.com/*"), "gitlab.com/vtr/app", false)]
    fn what_labels_may_name(#[case] glob: Option<&str>, #[case] source: &str, #[case] allowed: bool) {
        let image: ImageName = "ghcr.io/vtr/app".parse().unwrap();
        assert_eq!(changelog(glob).allows(&image, &source.parse().unwrap()), allowed);
    }

    #[test]
    fn an_image_without_a_namespace_has_no_owner() {
        let image: ImageName = "127.0.0.1:5000/app".parse().unwrap();
        assert!(!changelog(None).allows(&image, &"github.com/app/app".parse().unwrap()));
    }
}
