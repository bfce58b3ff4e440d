//! The changelog file in the GitOps repository: which promotions go in which file.

use super::settings::Environment;
use crate::model::RepoPath;

/// What stands for the environment's name.
const ENVIRONMENT: &str = "{environment}";

/// A changelog file in the GitOps repository, or one for each environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangelogFile(String);

impl ChangelogFile {
    /// Reads a path with perhaps `{environment}` in it; nothing when that can be no changelog.
    pub(super) fn read(text: &str) -> Option<Self> {
        let bare = text.replace(ENVIRONMENT, "x");
        let path: RepoPath = bare.parse().ok()?;
        let is_fit = |letter: char| letter.is_alphanumeric() || "/._-+ ".contains(letter);
        // Git reads its own files (`.gitmodules`), forges theirs, and Tidegate those under `.tidegate`.
        let good = text.len() <= 255
            && bare.chars().all(is_fit)
            && path.as_str().to_ascii_lowercase().ends_with(".md")
            && !path.as_str().split('/').any(|part| part.starts_with('.'));
        good.then(|| Self(text.to_owned()))
    }

    /// The file that promotions into an environment add to. A file in an environment's folder is of that one alone.
    pub fn of(&self, environment: &Environment, all: &[Environment]) -> Option<RepoPath> {
        let path: RepoPath = self.0.replace(ENVIRONMENT, environment.name.as_str()).parse().ok()?;
        let is_in = |one: &Environment| one.paths.iter().any(|folder| path.is_within(folder));
        (self.0.contains(ENVIRONMENT) || is_in(environment) || !all.iter().any(is_in)).then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::Approving;

    fn environment(name: &str) -> Environment {
        Environment {
            name: name.parse().unwrap(),
            paths: vec![format!("clusters/{name}").parse().unwrap()],
            after: None,
            soak: Duration::ZERO,
            approval: Approving::NotRequired,
            windows: Vec::new(),
            pull_requests: None,
        }
    }

    #[test]
    fn a_file_is_of_the_environments_that_it_is_meant_for() {
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
            let read = ChangelogFile::read(file).unwrap();
            let files = all.each_ref().map(|one| read.of(one, &all).map(|path| path.to_string()));
            assert_eq!(files, [non_prod, prod].map(|file| file.map(str::to_owned)), "{file}");
        }
    }

    #[test]
    fn what_can_be_no_changelog_is_refused() {
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
            assert_eq!(ChangelogFile::read(bad), None, "{bad}");
        }
        assert_eq!(ChangelogFile::read(&format!("{}.md", "a".repeat(300))), None);
    }
}
