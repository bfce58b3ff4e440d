//! Notes: what changed, grouped, ready for any format. All texts are printable; escaping markup is left to the format.

use super::inline::{Issue, Span, plain};
use super::remark::Remark;
use super::section::Section;
use crate::model::{CommitId, Timestamp};

/// What changed between two images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notes {
    /// Service and versions.
    pub heading: Heading,
    /// What is missing or was assumed.
    pub remarks: Vec<Remark>,
    /// The releases, newest first, beginning with the new image's. Empty when the commits are unknown.
    pub releases: Vec<Release>,
    /// Changes that the running version has and the new one lacks.
    pub lost: Option<Release>,
    /// Contributors, most commits first.
    pub people: Vec<Contributor>,
    /// Totals.
    pub counts: Counts,
}

/// The versions that notes compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Name of the service.
    pub service: String,
    /// The running tag.
    pub from: String,
    /// The new tag.
    pub to: String,
    /// Whether `to` is older than `from`.
    pub is_downgrade: bool,
    /// The source repository.
    pub source: Option<String>,
    /// URL of the comparison.
    pub compare: Option<String>,
}

/// The changes of one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its tag.
    pub name: String,
    /// Time of its newest commit.
    pub at: Option<Timestamp>,
    /// The changes by section, in order; none is empty.
    pub groups: Vec<Group>,
    /// Dependency updates.
    pub updates: Vec<Update>,
    /// Number of commits by bots, which are not listed.
    pub bots: usize,
}

/// The changes of one section, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The section.
    pub section: Section,
    /// The changes.
    pub entries: Vec<Entry>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The conventional commit's scope.
    pub scope: Option<String>,
    /// Its description.
    pub text: Vec<Span>,
    /// Breaking notes, if they add to the text.
    pub breaking: Vec<Vec<Span>>,
    /// Its pull request.
    pub pull_request: Option<Issue>,
    /// Its commit.
    pub commit: CommitId,
    /// URL of the commit.
    pub url: Option<String>,
    /// Name of the author.
    pub author: String,
}

/// An update of one dependency, over the whole release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Name of the dependency.
    pub name: String,
    /// The version before, if known.
    pub from: Option<String>,
    /// The new version.
    pub to: String,
    /// The pull request of the newest update.
    pub pull_request: Option<Issue>,
}

/// An author of commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contributor {
    /// Name.
    pub name: String,
    /// URL of the profile, if known.
    pub url: Option<String>,
    /// Number of commits.
    pub commits: usize,
}

/// Totals of a range, before grouping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commits of the service, without merges.
    pub commits: usize,
    /// Reverts dropped together with their targets.
    pub reverted: usize,
    /// Commits dropped as copies of others.
    pub copies: usize,
}

impl Heading {
    /// A heading without a source repository.
    pub fn new(service: impl Into<String>, from: impl Into<String>, to: impl Into<String>) -> Self {
        let (service, from, to) = (service.into(), from.into(), to.into());
        Self { service, from, to, is_downgrade: false, source: None, compare: None }
    }
}

impl Notes {
    /// Notes for a range whose commits are unknown; the remarks say why.
    pub fn without_commits(heading: Heading, remarks: Vec<Remark>) -> Self {
        Self {
            heading,
            remarks,
            releases: Vec::new(),
            lost: None,
            people: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// All releases as one: changes by section, newest first.
    pub fn merged(&self) -> Vec<(Section, Vec<&Entry>)> {
        let mut merged: Vec<(Section, Vec<&Entry>)> = Vec::new();
        for group in self.releases.iter().flat_map(|release| &release.groups) {
            match merged.iter_mut().find(|(section, _)| *section == group.section) {
                Some((_, entries)) => entries.extend(&group.entries),
                None => merged.push((group.section, group.entries.iter().collect())),
            }
        }
        merged.sort_by_key(|(section, _)| *section);
        merged
    }

    /// All dependency updates, merged over the releases: from the oldest version to the newest.
    pub fn merged_updates(&self) -> Vec<Update> {
        let mut merged: Vec<Update> = Vec::new();
        for update in self.releases.iter().flat_map(|release| &release.updates) {
            merge_update(&mut merged, update.clone());
        }
        merged
    }

    /// Number of commits by bots, which are not listed.
    pub fn bots(&self) -> usize {
        self.releases.iter().map(|release| release.bots).sum()
    }

    /// Number of breaking changes.
    pub fn breaking_count(&self) -> usize {
        let groups = self.releases.iter().flat_map(|release| &release.groups);
        groups.filter(|group| group.section == Section::Breaking).map(|group| group.entries.len()).sum()
    }

    /// Whether no release has changes.
    pub fn is_empty(&self) -> bool {
        self.releases.iter().all(Release::is_empty)
    }
}

impl Release {
    /// Whether the release has no changes.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.updates.is_empty() && self.bots == 0
    }
}

impl Entry {
    /// Its description, without links.
    pub fn plain_text(&self) -> String {
        plain(&self.text)
    }
}

/// Adds an update that is older than all in `updates`.
pub(super) fn merge_update(updates: &mut Vec<Update>, older: Update) {
    match updates.iter_mut().find(|known| known.name == older.name) {
        Some(known) => known.from = older.from.or(known.from.take()),
        None => updates.push(older),
    }
}
