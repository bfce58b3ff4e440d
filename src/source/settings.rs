//! The question for notes, and the rules for source repositories.

use std::fmt;
use std::sync::Arc;

use crate::changelog::{Rules, Source, SourceName, Web};
use crate::model::{Digest, ImageName, RepoPath, Tag, Version};

/// Extracts the version from a tag of a source repository; nothing when the tag is no release of the service.
pub type ReadVersion = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The two images of a changelog.
#[derive(Clone, Debug)]
pub struct Question {
    /// The service's name in the notes.
    pub service: String,
    /// The image.
    pub image: ImageName,
    /// The running tag and its digest.
    pub from: (Tag, Digest),
    /// The new tag and its digest.
    pub to: (Tag, Digest),
    /// Whether the new tag is the lower version.
    pub is_downgrade: bool,
    /// The service's source settings.
    pub scope: Scope,
}

/// A service's source settings.
#[derive(Clone, Default)]
pub struct Scope {
    /// The repository, instead of the one in the labels.
    pub repository: Option<Source>,
    /// The clone URL, when the configuration gives one.
    pub url: Option<String>,
    /// The folders of the service; empty means all.
    pub paths: Vec<RepoPath>,
    /// How to read the source's tags; by default, a tag is a version.
    pub read_version: Option<ReadVersion>,
    /// Separates cached ranges of different settings.
    pub fingerprint: String,
}

impl Scope {
    /// The source's tag for an image's tag: one with the same version, preferring the same spelling.
    pub fn tag_of<'a, T>(&self, tags: &'a [(T, String)], image_tag: &Tag) -> Option<&'a (T, String)> {
        let bare = |version: &str| version.strip_prefix('v').unwrap_or(version).to_owned();
        let wanted = bare(image_tag.as_str());
        let is_it = |name: &str| match &self.read_version {
            Some(read) => read(name).is_some_and(|version| bare(&version) == wanted),
            None => bare(name) == wanted,
        };
        let mut same = tags.iter().filter(|(_, name)| is_it(name));
        let first = same.clone().next();
        same.find(|(_, name)| name == image_tag.as_str()).or(first)
    }

    /// The release that a source's tag names, spelled like the image's tags: with a `v` where `like` has one.
    pub fn release(&self, name: &str, like: &Tag) -> Option<String> {
        let version = match &self.read_version {
            Some(read) => read(name)?,
            None => name.to_owned(),
        };
        version.parse::<Version>().ok()?;
        let bare = version.strip_prefix('v').unwrap_or(&version);
        let sign = if like.as_str().starts_with('v') { "v" } else { "" };
        Some(format!("{sign}{bare}"))
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scope").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Settings for all notes.
pub struct Policy {
    /// Grouping rules.
    pub rules: Rules,
    /// Rules for source repositories.
    pub sources: Box<dyn SourceRules>,
}

/// Rules for source repositories.
pub trait SourceRules: Send + Sync {
    fn allows(&self, image: &ImageName, source: &SourceName) -> bool;

    /// The web pages of a repository.
    fn web(&self, source: &SourceName) -> Option<Web>;
}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Policy").field("rules", &self.rules).finish_non_exhaustive()
    }
}
