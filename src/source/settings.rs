//! What is asked, and what may be looked into.

use std::fmt;
use std::sync::Arc;

use crate::changelog::{Rules, Source, SourceName, Web};
use crate::model::{Digest, ImageName, RepoPath, Tag, Version};

/// Reads the version out of a tag of a source repository; nothing when the tag names no release of the service.
pub type ReadVersion = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Between which images notes are asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// The service, as it is named in the notes.
    pub service: String,
    /// The image.
    pub image: ImageName,
    /// The tag that runs, and its digest.
    pub from: (Tag, Digest),
    /// The new tag, and its digest.
    pub to: (Tag, Digest),
    /// Whether the new tag is the lower version.
    pub is_downgrade: bool,
    /// What the configuration says of the service's source.
    pub scope: Scope,
}

/// What the configuration says of a service's source.
#[derive(Clone, Default)]
pub struct Scope {
    /// The repository, instead of the one that the labels name.
    pub repository: Option<Source>,
    /// Where that repository is cloned from, when the configuration writes it as a URL.
    pub url: Option<String>,
    /// The folders that concern the service; all of them when there is none.
    pub paths: Vec<RepoPath>,
    /// How the source's tags are read; without it, a tag is a version.
    pub read_version: Option<ReadVersion>,
    /// What tells this scope from another one when ranges are kept.
    pub fingerprint: String,
}

impl Scope {
    /// The tag of the source repository that stands for an image's tag: the one whose version is the same, and before
    /// others the one that is written the same.
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

    /// The version of the release that a tag of the source repository names, if it names one, written as the image's
    /// own tags are: with a `v` where `like` has one.
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

/// What holds for all notes.
pub struct Policy {
    /// How commits are grouped.
    pub rules: Rules,
    /// What is known of source repositories.
    pub sources: Box<dyn SourceRules>,
}

/// What is known of source repositories.
pub trait SourceRules: Send + Sync {
    /// Whether labels of an image may name this repository.
    fn allows(&self, image: &ImageName, source: &SourceName) -> bool;

    /// The pages of a repository.
    fn web(&self, source: &SourceName) -> Option<Web>;
}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Policy").field("rules", &self.rules).finish_non_exhaustive()
    }
}
