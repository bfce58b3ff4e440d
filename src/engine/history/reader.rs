//! Turns commits into tag changes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::config::rules_of;
use crate::history::Subject;
use crate::manifest::{FieldShape, ImageField};
use crate::model::{
    BlobId, CommitChanges, CommitId, CommitInfo, Content, Fault, FetchEvidence, FileChange, ImageName,
    PinnedTag, ReplacedHead, RepoPath, ServiceName, TagChange, TagChangeCommit, TreeFile,
};

use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::message::{Trailers, read_trailers};
use crate::engine::state::flux_policies::Resolver;
use crate::engine::state::snapshot::{Reading, Snapshot};
use crate::port::Repository;

use super::former_paths::{FormerPaths, folders_of, paired, remove_folders_of};

/// The tags of each image of each service, by the name that the file gives the service.
type TagsBySubject = HashMap<Subject, BTreeSet<PinnedTag>>;

/// The contents of one file.
#[derive(Default)]
struct Holdings {
    by_subject: TagsBySubject,
    /// The tags whose image, or whether they count, depends on where the file lies.
    alone: Vec<ImageField>,
}

impl Holdings {
    fn add(tags: &mut TagsBySubject, field: &ImageField, image: &ImageName) {
        let pinned = PinnedTag { tag: field.tag.clone(), digest: field.digest.clone() };
        tags.entry((field.service.clone(), image.clone())).or_default().insert(pinned);
    }

    /// The contents of the file at this path.
    fn at(&self, path: &RepoPath, resolver: &Resolver) -> Cow<'_, TagsBySubject> {
        if self.alone.is_empty() {
            return Cow::Borrowed(&self.by_subject);
        }
        let mut tags = self.by_subject.clone();
        for field in &self.alone {
            if let Some(image) = resolver.image_of(path, field) {
                Self::add(&mut tags, field, image);
            }
        }
        Cow::Owned(tags)
    }
}

/// The contents of files.
struct HoldingsByBlob {
    plain: HashMap<BlobId, Holdings>,
    /// Of the files in which the configuration names fields.
    named: HashMap<RepoPath, HashMap<BlobId, Holdings>>,
}

impl HoldingsByBlob {
    fn get(&self, path: &RepoPath, blob: BlobId) -> Option<&Holdings> {
        self.named.get(path).unwrap_or(&self.plain).get(&blob)
    }
}

/// What commits changed.
pub(crate) struct HistoryPart {
    /// Oldest first.
    pub(crate) tag_changes: Vec<TagChange>,
    /// Files and folders that came into the scope from outside it, each with its former path first.
    pub(crate) renames: Vec<(RepoPath, RepoPath)>,
}

/// Turns commits into tag changes.
pub(crate) struct HistoryReader<'a, R> {
    pub(crate) repository: &'a R,
    pub(crate) repository_policy: &'a RepositoryPolicy,
    /// The files at the head, which need not be read a second time.
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) resolver: &'a Resolver,
    /// Where files and folders lay before they came into the scope.
    pub(crate) former_paths: &'a FormerPaths,
    /// When the commits that are new were fetched.
    pub(crate) evidence: FetchEvidence,
}

/// A commit, with no more of it than is needed.
struct Moved {
    commit: TagChangeCommit,
    trailers: Vec<Trailers>,
    changes: Vec<FileChange>,
    is_beside: bool,
}

impl<R: Repository> HistoryReader<'_, R> {
    /// Reads consecutive commits of the line, oldest first; the first that changes anything gets the sequence `first`. A
    /// commit that was `met` before, in an index that was dropped since, came when that says.
    pub(crate) fn of(
        &self,
        line: &[CommitId],
        first: u64,
        met: &HashMap<CommitId, FetchEvidence>,
    ) -> Result<HistoryPart, Fault> {
        let mut moved = Vec::new();
        let mut renames = Vec::new();
        for CommitChanges { commit, changes, merged } in self.repository.changes(line, &self.scope())? {
            let fetched = |id: CommitId| met.get(&id).copied().unwrap_or(self.evidence);
            for (beside, changes) in merged {
                let fetched = fetched(beside.id);
                moved.push(Moved {
                    is_beside: true,
                    ..self.moved(&beside, self.at_present_paths(changes), fetched)
                });
            }
            let changes = self.at_present_paths(changes);
            renames.extend(self.renames(&commit, &changes)?);
            if !changes.is_empty() {
                moved.push(self.moved(&commit, changes, fetched(commit.id)));
            }
        }
        Ok(HistoryPart { tag_changes: self.tag_changes(moved, first)?, renames })
    }

    /// What a force push took away: the branch went from one commit back to another, or to nothing of it.
    pub(crate) fn rewind(
        &self,
        from: CommitId,
        to: Option<CommitId>,
        by: ReplacedHead,
        first: u64,
    ) -> Result<Vec<TagChange>, Fault> {
        let scope = self.scope();
        let changes = if let Some(to) = to {
            self.repository.changed_files(from, to, &scope)?.files
        } else {
            let removed =
                |file: TreeFile| FileChange { path: file.path, before: Some(file.blob), after: None };
            self.repository.files(from, &scope)?.files.into_iter().map(removed).collect()
        };
        let commit = TagChangeCommit {
            id: by.new,
            committed_at: by.at,
            parent_committed_at: None,
            author_name: "a force push".to_owned(),
            fetched: FetchEvidence { absent_at: None, fetched_at: by.at },
        };
        let changes = self.at_present_paths(changes);
        self.tag_changes(vec![Moved { commit, trailers: Vec::new(), changes, is_beside: false }], first)
    }

    /// The folders of every environment, and what was outside of them once.
    fn scope(&self) -> Vec<RepoPath> {
        self.repository_policy.scope().into_iter().chain(self.former_paths.roots().cloned()).collect()
    }

    fn moved(&self, info: &CommitInfo, changes: Vec<FileChange>, fetched: FetchEvidence) -> Moved {
        let branch = &self.repository_policy.branch;
        let mut trailers = read_trailers(&info.message);
        for one in &mut trailers {
            one.mark.is_pushed_here = one.branch.as_ref() == Some(branch);
        }
        let is_pushed_here = trailers.iter().any(|one| one.mark.is_pushed_here);
        if trailers.is_empty() {
            trailers = promotions_merged_by(info);
        }
        let commit = TagChangeCommit {
            id: info.id,
            committed_at: info.committed_at,
            parent_committed_at: info.parent_committed_at,
            author_name: info.author_name.chars().take(200).collect(),
            fetched: FetchEvidence {
                // Nothing proves that it came before it was fetched.
                absent_at: fetched.absent_at.or((!is_pushed_here).then_some(fetched.fetched_at)),
                ..fetched
            },
        };
        Moved { commit, trailers, changes, is_beside: false }
    }

    /// Puts changes at former paths where the files are now: a rename is one change then. Leaves out excluded files.
    fn at_present_paths(&self, mut changes: Vec<FileChange>) -> Vec<FileChange> {
        changes.retain(|change| self.is_read(&change.path));
        if self.former_paths.is_empty() {
            return changes;
        }
        let mut by_path: BTreeMap<RepoPath, FileChange> = BTreeMap::new();
        for change in changes {
            let path = self.former_paths.present(&change.path).into_owned();
            let FileChange { before, after, .. } = change;
            let known = by_path.entry(path.clone()).or_insert(FileChange { path, before: None, after: None });
            known.before = known.before.or(before);
            known.after = known.after.or(after);
        }
        by_path.into_values().filter(|change| change.before != change.after).collect()
    }

    /// The files that a commit moved into the scope from outside it, and the folders that it moved whole: a file that was
    /// removed before belongs to the history of its folder.
    fn renames(
        &self,
        commit: &CommitInfo,
        changes: &[FileChange],
    ) -> Result<Vec<(RepoPath, RepoPath)>, Fault> {
        let added: Vec<(&RepoPath, BlobId)> = changes
            .iter()
            .filter(|change| change.before.is_none())
            .filter_map(|change| Some((&change.path, change.after?)))
            .collect();
        if added.is_empty() || commit.first_parent.is_none() {
            return Ok(Vec::new());
        }
        let scope = self.scope();
        let mut removed = self.repository.removed(commit.id)?;
        removed.retain(|(path, _)| self.is_read(path) && !scope.iter().any(|root| path.is_within(root)));
        let mut renames = paired(&removed, &added);
        let mut folders = folders_of(&renames);
        remove_folders_of(&mut folders, &scope);
        if !folders.is_empty() {
            let candidates: Vec<RepoPath> = folders.keys().cloned().collect();
            let left = self.repository.files(commit.id, &candidates)?.files;
            remove_folders_of(&mut folders, left.iter().map(|file| &file.path));
        }
        renames.extend(folders);
        Ok(renames)
    }

    fn is_read(&self, path: &RepoPath) -> bool {
        !self.repository_policy.exclude.is_match(path)
    }

    fn tag_changes(&self, commits: Vec<Moved>, first: u64) -> Result<Vec<TagChange>, Fault> {
        let holdings = self.holdings(&commits)?;
        let commits = (first..).zip(commits);
        let tag_changes = commits.flat_map(|(sequence, moved)| {
            moved.into_tag_changes(sequence, &holdings, self.resolver, self.repository_policy)
        });
        Ok(tag_changes.collect())
    }

    /// Reads every blob that a change names, once, but for those that the snapshot has read already.
    fn holdings(&self, commits: &[Moved]) -> Result<HoldingsByBlob, Fault> {
        let named = self.named_holdings(commits)?;
        let changed: BTreeSet<BlobId> = commits
            .iter()
            .flat_map(|moved| &moved.changes)
            .flat_map(|change| [change.before, change.after])
            .flatten()
            .collect();
        let mut holdings: HashMap<BlobId, Holdings> = HashMap::with_capacity(changed.len());
        let is_plain = |path: &RepoPath| rules_of(&self.repository_policy.fields, path).is_empty();
        for (path, file) in &self.snapshot.files {
            if !changed.contains(&file.blob) || !is_plain(path) {
                continue;
            }
            holdings.entry(file.blob).or_insert_with(|| holdings_of(&file.reading, self.resolver));
        }
        let unread: Vec<BlobId> = changed.into_iter().filter(|blob| !holdings.contains_key(blob)).collect();
        let read = self.repository.read_each(&unread, |_, content: Content<'_>| {
            holdings_of(&Reading::of(content, &[]), self.resolver)
        })?;
        holdings.extend(unread.into_iter().zip(read));
        Ok(HoldingsByBlob { plain: holdings, named })
    }

    /// Reads the blobs of files in which the configuration names fields.
    fn named_holdings(
        &self,
        commits: &[Moved],
    ) -> Result<HashMap<RepoPath, HashMap<BlobId, Holdings>>, Fault> {
        let fields = &self.repository_policy.fields;
        if fields.is_empty() {
            return Ok(HashMap::new());
        }
        let changes = commits.iter().flat_map(|moved| &moved.changes);
        let changes = changes.filter(|change| !rules_of(fields, &change.path).is_empty());
        let files: BTreeSet<(&RepoPath, BlobId)> = changes
            .flat_map(|change| {
                [change.before, change.after].into_iter().flatten().map(|blob| (&change.path, blob))
            })
            .collect();
        let (paths, blobs): (Vec<&RepoPath>, Vec<BlobId>) = files.into_iter().unzip();
        let read = self.repository.read_each(&blobs, |at, content: Content<'_>| {
            holdings_of(&Reading::of(content, &rules_of(fields, paths[at])), self.resolver)
        })?;
        let mut named: HashMap<RepoPath, HashMap<BlobId, Holdings>> = HashMap::new();
        for ((path, blob), holdings) in paths.into_iter().zip(blobs).zip(read) {
            named.entry(path.clone()).or_default().insert(blob, holdings);
        }
        Ok(named)
    }
}

fn holdings_of(reading: &Reading, resolver: &Resolver) -> Holdings {
    let mut holdings = Holdings::default();
    for field in reading.manifest().map(|manifest| manifest.fields.as_slice()).unwrap_or_default() {
        match resolver.image_by_itself(field) {
            Some(_) if resolver.layout().depends_on_file(field.shape) => holdings.alone.push(field.clone()),
            Some(image) => Holdings::add(&mut holdings.by_subject, field, image),
            None if field.shape == FieldShape::ChartVersion && !resolver.layout().has_charts() => {}
            None if field.marker.is_none() => holdings.alone.push(field.clone()),
            None => {}
        }
    }
    holdings
}

impl Moved {
    fn into_tag_changes(
        self,
        sequence: u64,
        holdings: &HoldingsByBlob,
        resolver: &Resolver,
        repository_policy: &RepositoryPolicy,
    ) -> Vec<TagChange> {
        let (commit, is_beside) = (Arc::new(self.commit), self.is_beside);
        let nothing = Holdings::default();
        let promotions = by_subject(&self.trailers);
        let held = |path: &RepoPath, blob: Option<BlobId>| {
            blob.and_then(|blob| holdings.get(path, blob)).unwrap_or(&nothing)
        };
        let mut tag_changes = Vec::new();
        for change in &self.changes {
            let before = held(&change.path, change.before).at(&change.path, resolver);
            let after = held(&change.path, change.after).at(&change.path, resolver);
            let subjects: BTreeSet<&Subject> = before.keys().chain(after.keys()).collect();
            let renamed = renamed_subjects(&before, &after);
            for subject in subjects {
                let former = renamed.get(subject).copied();
                let tags = |side: &TagsBySubject, subject: &Subject| {
                    side.get(subject).into_iter().flatten().cloned().collect::<Vec<_>>()
                };
                let (held, after) = (tags(&before, former.unwrap_or(subject)), tags(&after, subject));
                if held == after && former.is_none() {
                    continue;
                }
                let is_it = |trailers: &&&Trailers| {
                    wrote(trailers, &after) && went_to(trailers, &change.path, repository_policy)
                };
                let names = names_in_trailers(&change.path, &subject.0, resolver);
                let mut candidates =
                    names.iter().filter_map(|service| promotions.get(&(service, &subject.1)));
                let promotion = candidates.find_map(|promotions| promotions.iter().find(is_it));
                tag_changes.push(TagChange {
                    sequence,
                    commit: Arc::clone(&commit),
                    path: change.path.clone(),
                    service: subject.0.clone(),
                    image: subject.1.clone(),
                    before: held,
                    promotion: promotion.map(|trailers| trailers.mark.clone()),
                    after,
                    is_beside,
                    renamed_from: former.cloned(),
                });
            }
        }
        tag_changes
    }
}

/// The names that trailers may use for a service that a file calls `written`. Older versions read no namespaces from other
/// files and assumed `default`.
fn names_in_trailers(path: &RepoPath, written: &ServiceName, resolver: &Resolver) -> Vec<ServiceName> {
    let service = resolver.service_of(path, written);
    let assumed = ServiceName::new("default", written.name()).ok().filter(|_| !written.has_namespace());
    std::iter::once(service).chain(assumed).collect()
}

/// The promotions of the newest commit that a merge brought and that has any.
fn promotions_merged_by(info: &CommitInfo) -> Vec<Trailers> {
    info.merged
        .iter()
        .map(|message| read_trailers(message))
        .find(|promotions| !promotions.is_empty())
        .unwrap_or_default()
}

/// The services and images of a file that a commit renamed, by their new names: the service or the image stayed, or
/// nothing else changed in the file.
fn renamed_subjects<'a>(
    before: &'a TagsBySubject,
    after: &'a TagsBySubject,
) -> HashMap<&'a Subject, &'a Subject> {
    let mut gone: Vec<&Subject> = before.keys().filter(|subject| !after.contains_key(*subject)).collect();
    let mut new: Vec<&Subject> = after.keys().filter(|subject| !before.contains_key(*subject)).collect();
    let mut renamed = HashMap::new();
    gone.sort();
    new.sort();
    if let ([former], [subject]) = (gone.as_slice(), new.as_slice()) {
        renamed.insert(*subject, *former);
        return renamed;
    }
    for subject in new {
        let mut alike = gone.iter().enumerate().filter(|(_, one)| one.0 == subject.0 || one.1 == subject.1);
        if let (Some((at, former)), None) = (alike.next(), alike.next()) {
            renamed.insert(subject, *former);
            gone.remove(at);
        }
    }
    renamed
}

/// The promotions that a commit tells of, by what they moved. One commit may tell of thousands.
fn by_subject(trailers: &[Trailers]) -> HashMap<(&ServiceName, &ImageName), Vec<&Trailers>> {
    let mut by_subject: HashMap<_, Vec<&Trailers>> = HashMap::new();
    for one in trailers {
        by_subject.entry((&one.service, &one.image.name)).or_default().push(one);
    }
    by_subject
}

/// Whether a promotion of the same subject is the tag change that the commit made: a message that was carried over to
/// another change does not count.
fn wrote(promotion: &Trailers, after: &[PinnedTag]) -> bool {
    after.iter().any(|held| Some(&held.tag) == promotion.image.tag.as_ref())
}

/// Whether a promotion went into the environment of a file. An environment that the configuration no longer names may be
/// this one under an earlier name.
fn went_to(promotion: &Trailers, file: &RepoPath, repository_policy: &RepositoryPolicy) -> bool {
    let here = repository_policy.environment_of(file);
    here.is_some_and(|here| here.policy.name == promotion.environment)
        || repository_policy.find(&promotion.environment).is_none()
}

#[cfg(test)]
mod tests;
