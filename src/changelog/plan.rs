//! Turns two images into queries to a source repository, and the answers into a range of commits. Every way in which a
//! label can be missing or wrong becomes a remark here.

use super::origin::{Label, Origin, Revision};
use super::remark::Remark;
use super::source_name::SourceName;
use crate::model::{CommitId, Digest, Tag};

/// An image with its labels.
#[derive(Clone, Copy, Debug)]
pub struct LabelledImage<'a> {
    /// Its tag.
    pub tag: &'a Tag,
    /// Its digest.
    pub digest: &'a Digest,
    /// Where it comes from, according to its labels.
    pub origin: &'a Origin,
}

/// A source repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A repository on a host.
    Named(SourceName),
    /// A local path, which only the configuration can name.
    Local(String),
}

/// How to find the commit of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitQuery {
    /// The image's tag, used to find a tag of the source repository if the revision does not help.
    pub tag: Tag,
    /// The revision label.
    pub revision: Option<Revision>,
}

/// The answer to a [`CommitQuery`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitMatch {
    /// Found by the revision label.
    Revision(CommitId),
    /// Found by a tag of the source repository.
    Tag(CommitId, String),
    /// Not found.
    Missing,
}

/// Which commits to look up in which repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The repository.
    pub source: Source,
    /// The running image's commit.
    pub from: CommitQuery,
    /// The new image's commit.
    pub to: CommitQuery,
    /// Remarks so far.
    pub remarks: Vec<Remark>,
}

impl Plan {
    /// Makes a plan. `configured` is the repository that the configuration names for the service.
    ///
    /// # Errors
    /// When there is no repository to query, or both images are the same. The remarks say why.
    pub fn make(
        from: LabelledImage<'_>,
        to: LabelledImage<'_>,
        configured: Option<&Source>,
        is_allowed: impl Fn(&SourceName) -> bool,
    ) -> Result<Self, Vec<Remark>> {
        if from.digest == to.digest {
            return Err(vec![Remark::SameImage]);
        }
        let mut remarks = Vec::new();
        let source = match configured {
            Some(source) => {
                warn_of_differing_labels(source, &[from, to], &mut remarks);
                source.clone()
            }
            None => Source::Named(source_of_labels(from, to, is_allowed, &mut remarks)?),
        };
        let from = query(from, &mut remarks);
        let to = query(to, &mut remarks);
        Ok(Self { source, from, to, remarks })
    }

    /// Turns the two answers into a range.
    ///
    /// # Errors
    /// When a commit is missing, or both are the same. The remarks say why.
    pub fn resolve(mut self, from: CommitMatch, to: CommitMatch) -> Result<ResolvedRange, Vec<Remark>> {
        let source = self.source.to_string();
        let from = resolve_one(&self.from, from, &source, &mut self.remarks);
        let to = resolve_one(&self.to, to, &source, &mut self.remarks);
        let (Some(from), Some(to)) = (from, to) else { return Err(self.remarks) };
        if from == to {
            self.remarks.push(Remark::SameRevision { revision: to.short() });
            return Err(self.remarks);
        }
        Ok(ResolvedRange { source: self.source, from, to, remarks: self.remarks })
    }
}

/// A range of commits to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRange {
    /// The repository.
    pub source: Source,
    /// The running image's commit.
    pub from: CommitId,
    /// The new image's commit.
    pub to: CommitId,
    /// Remarks so far.
    pub remarks: Vec<Remark>,
}

impl Source {
    /// Host and path, unless the source is local.
    pub fn name(&self) -> Option<&SourceName> {
        match self {
            Self::Named(name) => Some(name),
            Self::Local(_) => None,
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(name) => name.fmt(formatter),
            Self::Local(path) => formatter.write_str(&super::clean::line(path)),
        }
    }
}

/// Adds a remark for each label that names another repository than the configuration does.
fn warn_of_differing_labels(source: &Source, images: &[LabelledImage<'_>], remarks: &mut Vec<Remark>) {
    let Source::Named(used) = source else { return };
    for image in images {
        if let Label::Valid(labelled) = &image.origin.source
            && !labelled.is_same(used)
        {
            remarks.push(Remark::SourceDiffers {
                tag: image.tag.to_string(),
                label: labelled.to_string(),
                used: used.to_string(),
            });
        }
    }
}

/// The repository in the labels: the new image's, or else the running one's.
fn source_of_labels(
    from: LabelledImage<'_>,
    to: LabelledImage<'_>,
    is_allowed: impl Fn(&SourceName) -> bool,
    remarks: &mut Vec<Remark>,
) -> Result<SourceName, Vec<Remark>> {
    let mut usable = |image: LabelledImage<'_>| match &image.origin.source {
        Label::Missing => None,
        Label::Invalid(label) => {
            remarks.push(Remark::BadSource { tag: image.tag.to_string(), label: label.clone() });
            None
        }
        Label::Valid(name) if !is_allowed(name) => {
            let (tag, source) = (image.tag.to_string(), name.to_string());
            remarks.push(Remark::SourceNotAllowed { tag, source });
            None
        }
        Label::Valid(name) => Some(name.clone()),
    };
    match (usable(from), usable(to)) {
        (Some(before), Some(after)) if !before.is_same(&after) => {
            remarks.push(Remark::SourceMoved { before: before.to_string(), after: after.to_string() });
            Ok(after)
        }
        (_, Some(name)) | (Some(name), None) => Ok(name),
        (None, None) => {
            if remarks.is_empty() {
                remarks.push(Remark::NoSource);
            }
            Err(std::mem::take(remarks))
        }
    }
}

fn query(image: LabelledImage<'_>, remarks: &mut Vec<Remark>) -> CommitQuery {
    let tag = image.tag.to_string();
    let revision = match &image.origin.revision {
        Label::Valid(revision) => {
            if revision.is_dirty {
                remarks.push(Remark::Dirty { tag });
            }
            Some(revision.clone())
        }
        Label::Invalid(label) => {
            remarks.push(Remark::BadRevision { tag, label: label.clone() });
            None
        }
        // `resolve_one` adds the remark, when it knows whether a tag was found instead.
        Label::Missing => None,
    };
    CommitQuery { tag: image.tag.clone(), revision }
}

fn resolve_one(
    query: &CommitQuery,
    found: CommitMatch,
    source: &str,
    remarks: &mut Vec<Remark>,
) -> Option<CommitId> {
    let tag = query.tag.to_string();
    let source = source.to_owned();
    if let (Some(revision), CommitMatch::Tag(..) | CommitMatch::Missing) = (&query.revision, &found) {
        let (tag, revision, source) = (tag.clone(), revision.short().to_owned(), source.clone());
        remarks.push(Remark::UnknownRevision { tag, revision, source });
    }
    match found {
        CommitMatch::Revision(commit) => Some(commit),
        CommitMatch::Tag(commit, name) => {
            remarks.push(Remark::ByTag { tag, name: super::clean::name(&name) });
            Some(commit)
        }
        CommitMatch::Missing if query.revision.is_none() => {
            remarks.push(Remark::NoRevision { tag, source });
            None
        }
        CommitMatch::Missing => {
            remarks.push(Remark::NoSuchTag { tag, source });
            None
        }
    }
}

#[cfg(test)]
mod tests;
