//! From two images to what has to be asked of which repository, and from its answer to a range: every case that a label
//! can be missing or wrong in ends here, as a remark.

use super::origin::{Label, Origin, Revision};
use super::remark::Remark;
use super::source_name::SourceName;
use crate::model::{CommitId, Digest, Tag};

/// An image, and what it says of itself.
#[derive(Clone, Copy, Debug)]
pub struct LabelledImage<'a> {
    /// Its tag.
    pub tag: &'a Tag,
    /// Its digest.
    pub digest: &'a Digest,
    /// Where it says it comes from.
    pub origin: &'a Origin,
}

/// A source repository, as it is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// At a host.
    Named(SourceName),
    /// At a path of this machine. Only a configuration names one.
    Local(String),
}

/// How a commit is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitQuery {
    /// The image's tag, by which a tag of the source is found when there is no revision.
    pub tag: Tag,
    /// The commit that the image names.
    pub revision: Option<Revision>,
}

/// What the source repository knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitMatch {
    /// The commit that the image names.
    Revision(CommitId),
    /// The commit of a tag of the source.
    Tag(CommitId, String),
    /// Nothing.
    Missing,
}

/// What has to be asked of which repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The repository.
    pub source: Source,
    /// The running image's commit.
    pub from: CommitQuery,
    /// The new image's commit.
    pub to: CommitQuery,
    /// What has to be said already.
    pub remarks: Vec<Remark>,
}

impl Plan {
    /// Plans what to ask. `configured` is the repository that the configuration names for the service.
    ///
    /// # Errors
    /// When there is nothing to ask.
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
                warn_of_others(source, &[from, to], &mut remarks);
                source.clone()
            }
            None => Source::Named(by_labels(from, to, is_allowed, &mut remarks)?),
        };
        let from = queries(from, &mut remarks);
        let to = queries(to, &mut remarks);
        Ok(Self { source, from, to, remarks })
    }

    /// The two commits that the repository knew.
    ///
    /// # Errors
    /// When one is missing, or both are the same.
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

/// A range that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRange {
    /// The repository.
    pub source: Source,
    /// The running image's commit.
    pub from: CommitId,
    /// The new image's commit.
    pub to: CommitId,
    /// What has to be said.
    pub remarks: Vec<Remark>,
}

impl Source {
    /// Its name at its host, if it has one.
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

/// Says of labels that name another repository than the configuration.
fn warn_of_others(source: &Source, images: &[LabelledImage<'_>], remarks: &mut Vec<Remark>) {
    let Source::Named(used) = source else { return };
    for image in images {
        if let Label::Valid(said) = &image.origin.source
            && !said.is_same(used)
        {
            remarks.push(Remark::SourceDiffers {
                tag: image.tag.to_string(),
                said: said.to_string(),
                used: used.to_string(),
            });
        }
    }
}

/// The repository that the labels name: the new image's, or else the running one's.
fn by_labels(
    from: LabelledImage<'_>,
    to: LabelledImage<'_>,
    is_allowed: impl Fn(&SourceName) -> bool,
    remarks: &mut Vec<Remark>,
) -> Result<SourceName, Vec<Remark>> {
    let mut usable = |image: LabelledImage<'_>| match &image.origin.source {
        Label::Missing => None,
        Label::Invalid(said) => {
            remarks.push(Remark::BadSource { tag: image.tag.to_string(), said: said.clone() });
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

fn queries(image: LabelledImage<'_>, remarks: &mut Vec<Remark>) -> CommitQuery {
    let tag = image.tag.to_string();
    let revision = match &image.origin.revision {
        Label::Valid(revision) => {
            if revision.is_dirty {
                remarks.push(Remark::Dirty { tag });
            }
            Some(revision.clone())
        }
        Label::Invalid(said) => {
            remarks.push(Remark::BadRevision { tag, said: said.clone() });
            None
        }
        // Told with what is found instead.
        Label::Missing => None,
    };
    CommitQuery { tag: image.tag.clone(), revision }
}

fn resolve_one(
    queries: &CommitQuery,
    found: CommitMatch,
    source: &str,
    remarks: &mut Vec<Remark>,
) -> Option<CommitId> {
    let tag = queries.tag.to_string();
    let source = source.to_owned();
    if let (Some(revision), CommitMatch::Tag(..) | CommitMatch::Missing) = (&queries.revision, &found) {
        let (tag, revision, source) = (tag.clone(), revision.short().to_owned(), source.clone());
        remarks.push(Remark::UnknownRevision { tag, revision, source });
    }
    match found {
        CommitMatch::Revision(commit) => Some(commit),
        CommitMatch::Tag(commit, name) => {
            remarks.push(Remark::ByTag { tag, name: super::clean::name(&name) });
            Some(commit)
        }
        CommitMatch::Missing if queries.revision.is_none() => {
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
