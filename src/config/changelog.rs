//! The `changelog` section, checked. Knows neither YAML nor how to fetch commits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use globset::GlobSet;

use super::compile::TagPattern;
use super::environment::Environment;
use super::host::Endpoint;
use super::secret::SecretSource;
use crate::changelog::{Forge, Rules, SourceName};
use crate::model::{ImageName, RepoPath};

pub(super) const GITHUB: &str = "github.com";

/// Changelogs: what changed between two images.
#[derive(Clone, Debug)]
pub struct Changelog {
    /// Source repositories that image labels may name; without it, those of the image's owner on github.com.
    pub(super) sources: Option<GlobSet>,
    /// Hosts that need more than anonymous https, each once.
    pub hosts: Vec<SourceHost>,
    /// How to group commits.
    pub rules: Rules,
    /// Put release notes into promotion commits.
    pub in_commits: bool,
    /// The file in the GitOps repository that promotions append to.
    pub file: Option<ChangelogFile>,
    /// How to group promotions into releases of the GitOps repository, if at all.
    pub releases: Option<GitRelease>,
    /// How long the promotions of a pass wait for release notes.
    pub time_limit: Duration,
    /// Maximum lines of release notes in a commit.
    pub max_lines: usize,
    /// Maximum size of the mirror of one source repository.
    pub max_bytes: u64,
    /// Templates by name.
    pub templates: BTreeMap<String, Template>,
}

/// What one release of the GitOps repository covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitRelease {
    /// The promotions of a day.
    Day,
    /// The promotions of a push.
    Batch,
}

/// How to reach one host of source repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceHost {
    /// The host with its port, if any, in lower case.
    pub host: String,
    /// Which forge it runs.
    pub forge: Option<Forge>,
    /// The user name and the token.
    pub token: Option<(String, SecretSource)>,
    /// The GitHub API to ask for commits; without it, Git alone.
    pub api: Option<GitHubApi>,
}

/// The API of GitHub or a GitHub Enterprise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitHubApi {
    /// Its URL; without it, the default of the host.
    pub url: Option<Endpoint>,
}

/// The file of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its path.
    pub file: PathBuf,
    /// The output is HTML, so values are escaped.
    pub is_html: bool,
}

/// The source repository of a service.
#[derive(Clone, Debug)]
pub struct ServiceSource {
    /// The repository, instead of the one that labels name.
    pub repository: Option<SourceRepository>,
    /// How to read the version from its Git tags.
    pub tag_pattern: Option<TagPattern>,
    /// The folders that belong to the service; empty for all.
    pub paths: Vec<RepoPath>,
}

/// A source repository in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceRepository {
    /// An absolute path on this machine.
    Path(PathBuf),
    /// A repository on a host.
    Named {
        /// Its name.
        name: SourceName,
        /// The URL to clone from, if the configuration has one.
        url: Option<String>,
    },
}

impl Changelog {
    /// Whether the labels of this image may name this repository.
    pub fn allows(&self, image: &ImageName, source: &SourceName) -> bool {
        if let Some(globs) = &self.sources {
            return globs.is_match(source.to_string());
        }
        let namespace = image.repository().split_once('/').map(|(namespace, _)| namespace);
        let owner = source.path().split_once('/').map(|(owner, _)| owner);
        source.host() == GITHUB
            && namespace.zip(owner).is_some_and(|(namespace, owner)| namespace.eq_ignore_ascii_case(owner))
    }

    /// The API to ask for commits; github.com needs no entry.
    pub fn api(&self, host: &str) -> Option<GitHubApi> {
        match self.host(host) {
            Some(known) => known.api.clone(),
            None => (host == GITHUB).then(GitHubApi::default),
        }
    }

    /// The entry of a host.
    pub fn host(&self, host: &str) -> Option<&SourceHost> {
        self.hosts.iter().find(|known| known.host == host)
    }
}

/// The placeholder of the environment name.
const ENVIRONMENT: &str = "{environment}";

/// The path of the changelog file in the GitOps repository, or of one file per environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangelogFile(String);

impl ChangelogFile {
    /// Parses a path that may contain `{environment}`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bare = text.replace(ENVIRONMENT, "x");
        let path: RepoPath = bare.parse().ok()?;
        let is_fit = |letter: char| letter.is_alphanumeric() || "/._-+ ".contains(letter);
        // Dot files belong to Git (`.gitmodules`), to forges (`.github`) and to Tidegate (`.tidegate`).
        let good = text.len() <= 255
            && bare.chars().all(is_fit)
            && path.as_str().to_ascii_lowercase().ends_with(".md")
            && !path.as_str().split('/').any(|part| part.starts_with('.'));
        good.then(|| Self(text.to_owned()))
    }

    /// The file for promotions into an environment. A file in the folder of an environment is for that one alone.
    pub fn of(&self, environment: &Environment, all: &[Environment]) -> Option<RepoPath> {
        let path: RepoPath = self.0.replace(ENVIRONMENT, environment.name.as_str()).parse().ok()?;
        let is_in = |one: &Environment| one.paths.iter().any(|folder| path.is_within(folder));
        (self.0.contains(ENVIRONMENT) || is_in(environment) || !all.iter().any(is_in)).then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use globset::{GlobBuilder, GlobSetBuilder};
    use rstest::rstest;

    use super::*;
    use crate::policy::ApprovalPolicy;

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
            max_lines: 40,
            max_bytes: 1 << 30,
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
    fn labels_may_name_allowed_repositories(
        #[case] glob: Option<&str>,
        #[case] source: &str,
        #[case] allowed: bool,
    ) {
        let image: ImageName = "ghcr.io/vtr/app".parse().unwrap();
        assert_eq!(changelog(glob).allows(&image, &source.parse().unwrap()), allowed);
    }

    #[test]
    fn an_image_without_a_namespace_has_no_owner() {
        let image: ImageName = "127.0.0.1:5000/app".parse().unwrap();
        assert!(!changelog(None).allows(&image, &"github.com/app/app".parse().unwrap()));
    }

    fn environment(name: &str) -> Environment {
        Environment {
            name: name.parse().unwrap(),
            paths: vec![format!("clusters/{name}").parse().unwrap()],
            after: None,
            soak: Duration::ZERO,
            minimum_age: None,
            approval: ApprovalPolicy::NotRequired,
            windows: Vec::new(),
            pull_requests: None,
            clusters: Vec::new(),
            verification: None,
        }
    }

    #[test]
    fn a_file_in_an_environment_folder_is_for_that_environment() {
        let all = [environment("non-prod"), environment("prod")];
        for (file, non_prod, prod) in [
            ("clusters/prod/CHANGELOG.md", None, Some("clusters/prod/CHANGELOG.md")),
            ("CHANGELOG.md", Some("CHANGELOG.md"), Some("CHANGELOG.md")),
            ("docs/{environment}.md", Some("docs/non-prod.md"), Some("docs/prod.md")),
            (
                "clusters/{environment}/CHANGELOG.md",
                Some("clusters/non-prod/CHANGELOG.md"),
                Some("clusters/prod/CHANGELOG.md"),
            ),
        ] {
            let read = ChangelogFile::parse(file).unwrap();
            let files = all.each_ref().map(|one| read.of(one, &all).map(|path| path.to_string()));
            assert_eq!(files, [non_prod, prod].map(|file| file.map(str::to_owned)), "{file}");
        }
    }

    #[test]
    fn other_paths_are_refused() {
        for bad in [
            "",
            "CHANGELOG",
            "/etc/x.md",
            "../x.md",
            "a/../x.md",
            "a//x.md",
            ".tidegate/x.md",
            ".github/x.md",
            "a/.git/x.md",
            "x.yaml",
            "a\\x.md",
            "a\nx.md",
            "{service}.md",
            "a\u{202e}.md",
            "~$(x).md",
            ".md",
        ] {
            assert_eq!(ChangelogFile::parse(bad), None, "{bad}");
        }
        assert_eq!(ChangelogFile::parse(&format!("{}.md", "a".repeat(300))), None);
    }
}
