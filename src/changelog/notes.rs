//! Notes: what changed, grouped and ready to be written in any format. Every text is fit to be shown; what a format must
//! escape beyond that is its own business.

use super::inline::{Issue, Span, plain};
use super::remark::Remark;
use super::section::Section;
use crate::model::{CommitId, Timestamp};

/// What changed between two images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notes {
    /// Of what, and from where to where.
    pub heading: Heading,
    /// What has to be said beside the commits.
    pub remarks: Vec<Remark>,
    /// The releases, newest first; the first one is the new image's. Empty when no commits are known.
    pub releases: Vec<Release>,
    /// What the running version has and the new one lacks.
    pub lost: Option<Release>,
    /// Those who wrote the commits, the busiest first.
    pub people: Vec<Contributor>,
    /// How much there was before it was grouped.
    pub counts: Counts,
}

/// Of what notes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// The service, or whatever they are of.
    pub service: String,
    /// The tag that runs.
    pub from: String,
    /// The new tag.
    pub to: String,
    /// Whether it goes back to an older version.
    pub is_downgrade: bool,
    /// The source repository.
    pub source: Option<String>,
    /// The page of the whole difference.
    pub compare: Option<String>,
}

/// What came with one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its tag.
    pub name: String,
    /// When its newest commit was made.
    pub at: Option<Timestamp>,
    /// The changes by section, in the sections' order; none is empty.
    pub groups: Vec<Group>,
    /// Dependencies that moved.
    pub updates: Vec<Update>,
    /// Commits of machines that are not told one by one.
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
    /// What it concerns.
    pub scope: Option<String>,
    /// What it does.
    pub text: Vec<Span>,
    /// What breaks by it, where more is said than the text.
    pub breaking: Vec<Vec<Span>>,
    /// The pull request that brought it.
    pub request: Option<Issue>,
    /// The commit.
    pub commit: CommitId,
    /// The commit's page.
    pub url: Option<String>,
    /// Who wrote it.
    pub author: String,
}

/// A dependency that moved, over the whole release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The dependency.
    pub name: String,
    /// The version before, where it is known.
    pub from: Option<String>,
    /// The version now.
    pub to: String,
    /// The pull request that brought the newest version.
    pub request: Option<Issue>,
}

/// Somebody who wrote commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contributor {
    /// The name.
    pub name: String,
    /// The page, where it is known.
    pub url: Option<String>,
    /// How many commits.
    pub commits: usize,
}

/// How much there was before it was grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The commits of the service in the range, merges left out.
    pub commits: usize,
    /// How many reverts met what they take back, so that neither is told.
    pub reverted: usize,
    /// How many commits were copies of others.
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
    /// Notes of a range that could not be had.
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

    /// Every change of every release, section by section, newest first: for formats that don't part the releases.
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

    /// Every dependency that moved, over all releases: from the oldest version to the newest.
    pub fn merged_updates(&self) -> Vec<Update> {
        let mut merged: Vec<Update> = Vec::new();
        for update in self.releases.iter().flat_map(|release| &release.updates) {
            merge_update(&mut merged, update.clone());
        }
        merged
    }

    /// How many commits of machines are not told one by one.
    pub fn bots(&self) -> usize {
        self.releases.iter().map(|release| release.bots).sum()
    }

    /// How many changes break something.
    pub fn breaking_count(&self) -> usize {
        let groups = self.releases.iter().flat_map(|release| &release.groups);
        groups.filter(|group| group.section == Section::Breaking).map(|group| group.entries.len()).sum()
    }

    /// Whether there is no change to tell.
    pub fn is_empty(&self) -> bool {
        self.releases.iter().all(Release::is_empty)
    }
}

impl Release {
    /// Whether there is nothing to tell of it.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.updates.is_empty() && self.bots == 0
    }
}

impl Entry {
    /// What it does, without links.
    pub fn plain_text(&self) -> String {
        plain(&self.text)
    }
}

/// Adds an update that is older than those that are there.
pub(super) fn merge_update(updates: &mut Vec<Update>, older: Update) {
    match updates.iter_mut().find(|known| known.name == older.name) {
        Some(known) => known.from = older.from.or(known.from.take()),
        None => updates.push(older),
    }
}
