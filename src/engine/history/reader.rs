//! Turns commits of the first-parent line into tag changes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::history::Subject;
use crate::manifest::ImageField;
use crate::model::{
    BlobId, CommitId, CommitInfo, Content, Fault, FetchEvidence, FileChange, ImageName, PinnedTag, RepoPath,
    ServiceName, TagChange, TagChangeCommit,
};

use crate::engine::base::ports::Repository;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::message::{Trailers, read_trailers};
use crate::engine::state::flux_policies::Resolver;
use crate::engine::state::snapshot::{Reading, Snapshot};

/// The tags of each image of each service, by the name that the file gives the service.
type TagsBySubject = HashMap<Subject, BTreeSet<PinnedTag>>;

/// The contents of one file.
#[derive(Default)]
struct Holdings {
    by_subject: TagsBySubject,
    /// The tags whose image depends on where the file lies.
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

/// How the head relates to the last known commit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Advance {
    /// These commits follow it, oldest first; all commits if none was known.
    FastForward(Vec<CommitId>),
    /// It is on the branch but off the first-parent line: somebody merged it into their own work, as `git pull` does.
    /// Nothing was removed; the differences came by that merge.
    MergedAside,
    /// The branch was rewritten and does not contain it. The whole first-parent line, oldest first.
    ForcePushed(Vec<CommitId>),
}

impl Advance {
    pub(crate) fn find(
        repository: &impl Repository,
        known: Option<CommitId>,
        head: CommitId,
    ) -> Result<Self, Fault> {
        let line = repository.line(head, known)?;
        match known {
            Some(known) if !line.is_down_to_known => {
                let is_aside = repository.contains(known, head)?;
                Ok(if is_aside { Self::MergedAside } else { Self::ForcePushed(line.commits) })
            }
            _ => Ok(Self::FastForward(line.commits)),
        }
    }
}

pub(crate) struct HistoryReader<'a, R> {
    pub(crate) repository: &'a R,
    pub(crate) repository_policy: &'a RepositoryPolicy,
    /// Files at the head; they are not read again.
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) resolver: &'a Resolver,
    /// When the new commits were fetched.
    pub(crate) evidence: FetchEvidence,
}

struct Moved {
    commit: TagChangeCommit,
    trailers: Vec<Trailers>,
    changes: Vec<FileChange>,
}

impl<R: Repository> HistoryReader<'_, R> {
    /// The tag changes of consecutive commits, both oldest first; sequences count from `first`. `met` has the fetches of
    /// commits that an earlier, dropped index knew.
    pub(crate) fn of(
        &self,
        line: &[CommitId],
        first: u64,
        met: &HashMap<CommitId, FetchEvidence>,
    ) -> Result<Vec<TagChange>, Fault> {
        let changed = self.repository.changes(line, &self.repository_policy.scope())?;
        let moved = changed.into_iter().map(|(info, mut changes)| {
            changes.retain(|change| self.is_read(change));
            let fetched = met.get(&info.id).copied().unwrap_or(self.evidence);
            Moved::new(&info, changes, fetched)
        });
        self.tag_changes(moved.collect(), first)
    }

    /// The tag changes since a head that is off the first-parent line.
    pub(crate) fn aside(&self, since: CommitId, first: u64) -> Result<Vec<TagChange>, Fault> {
        let head = self.snapshot.commit;
        let mut changes = self.repository.changed_files(since, head, &self.repository_policy.scope())?;
        changes.retain(|change| self.is_read(change));
        self.tag_changes(vec![Moved::aside(head, changes, self.evidence)], first)
    }

    fn is_read(&self, change: &FileChange) -> bool {
        !self.repository_policy.exclude.is_match(&change.path)
    }

    fn tag_changes(&self, commits: Vec<Moved>, first: u64) -> Result<Vec<TagChange>, Fault> {
        let holdings = self.holdings(&commits)?;
        let commits = (first..).zip(commits);
        let tag_changes = commits.flat_map(|(sequence, moved)| {
            moved.into_tag_changes(sequence, &holdings, self.resolver, self.repository_policy)
        });
        Ok(tag_changes.collect())
    }

    /// Reads every blob that a change names once, except those that the snapshot has read.
    fn holdings(&self, commits: &[Moved]) -> Result<HashMap<BlobId, Holdings>, Fault> {
        let changed: BTreeSet<BlobId> = commits
            .iter()
            .flat_map(|moved| &moved.changes)
            .flat_map(|change| [change.before, change.after])
            .flatten()
            .collect();
        let mut holdings: HashMap<BlobId, Holdings> = HashMap::with_capacity(changed.len());
        for file in self.snapshot.files.values().filter(|file| changed.contains(&file.blob)) {
            holdings.entry(file.blob).or_insert_with(|| holdings_of(&file.reading, self.resolver));
        }
        let unread: Vec<BlobId> = changed.into_iter().filter(|blob| !holdings.contains_key(blob)).collect();
        let read = self.repository.read_each(&unread, |_, content: Content<'_>| {
            holdings_of(&Reading::of(content), self.resolver)
        })?;
        holdings.extend(unread.into_iter().zip(read));
        Ok(holdings)
    }
}

/// What a force push removed, as tag changes of the new head: the rewritten branch does not show what it held before, and a
/// version that a force push removed was rolled back as by a commit.
///
/// `removed` are the tag changes of the removed commits, `added` those of the new ones, both oldest first; `sequence`
/// follows both.
pub(crate) fn removed_by_force_push(
    removed: &[TagChange],
    added: &[TagChange],
    head: CommitId,
    sequence: u64,
    evidence: FetchEvidence,
) -> Vec<TagChange> {
    let commit = Arc::new(TagChangeCommit {
        id: head,
        committed_at: evidence.fetched_at,
        parent_committed_at: None,
        author_name: "somebody who rewrote the branch".to_owned(),
        fetched: evidence,
    });
    let mut places: BTreeMap<PlaceOf<'_>, Held<'_>> = BTreeMap::new();
    for tag_change in removed {
        let (before, after) = (tag_change.before.as_slice(), tag_change.after.as_slice());
        places.entry(place_of(tag_change)).or_insert(Held { before: after, now: before }).before = after;
    }
    for tag_change in added {
        if let Some(held) = places.get_mut(&place_of(tag_change)) {
            held.now = &tag_change.after;
        }
    }
    places.retain(|_, held| held.before != held.now);
    let tag_changes = places.into_iter().map(|((path, service, image), held)| TagChange {
        sequence,
        commit: Arc::clone(&commit),
        path: path.clone(),
        service: service.clone(),
        image: image.clone(),
        before: held.before.to_vec(),
        after: held.now.to_vec(),
        promotion: None,
    });
    tag_changes.collect()
}

type PlaceOf<'a> = (&'a RepoPath, &'a ServiceName, &'a ImageName);

fn place_of(tag_change: &TagChange) -> PlaceOf<'_> {
    (&tag_change.path, &tag_change.service, &tag_change.image)
}

/// What a file held before the force push, and holds now.
struct Held<'a> {
    before: &'a [PinnedTag],
    now: &'a [PinnedTag],
}

fn holdings_of(reading: &Reading, resolver: &Resolver) -> Holdings {
    let mut holdings = Holdings::default();
    for field in reading.manifest().map(|manifest| manifest.fields.as_slice()).unwrap_or_default() {
        match resolver.image_by_itself(field) {
            Some(image) => Holdings::add(&mut holdings.by_subject, field, image),
            None if field.marker.is_none() => holdings.alone.push(field.clone()),
            None => {}
        }
    }
    holdings
}

impl Moved {
    fn new(info: &CommitInfo, changes: Vec<FileChange>, fetched: FetchEvidence) -> Self {
        let commit = TagChangeCommit {
            id: info.id,
            committed_at: info.committed_at,
            parent_committed_at: info.parent_committed_at,
            author_name: info.author_name.chars().take(200).collect(),
            fetched,
        };
        Self { commit, trailers: trailers_of(info), changes }
    }

    /// Differences since a head off the first-parent line. Their commit is unknown, so they count from the fetch.
    fn aside(head: CommitId, changes: Vec<FileChange>, fetched: FetchEvidence) -> Self {
        let commit = TagChangeCommit {
            id: head,
            committed_at: fetched.fetched_at,
            parent_committed_at: None,
            author_name: "somebody who merged the branch into their own work".to_owned(),
            fetched,
        };
        Self { commit, trailers: Vec::new(), changes }
    }

    fn into_tag_changes(
        self,
        sequence: u64,
        holdings: &HashMap<BlobId, Holdings>,
        resolver: &Resolver,
        repository_policy: &RepositoryPolicy,
    ) -> Vec<TagChange> {
        let commit = Arc::new(self.commit);
        let nothing = Holdings::default();
        let promotions = by_subject(&self.trailers);
        let held = |blob: Option<BlobId>| blob.and_then(|blob| holdings.get(&blob)).unwrap_or(&nothing);
        let mut tag_changes = Vec::new();
        for change in &self.changes {
            let before = held(change.before).at(&change.path, resolver);
            let after = held(change.after).at(&change.path, resolver);
            let subjects: BTreeSet<&Subject> = before.keys().chain(after.keys()).collect();
            for subject in subjects.into_iter().filter(|subject| before.get(*subject) != after.get(*subject))
            {
                let tags = |side: &TagsBySubject| {
                    side.get(subject).into_iter().flatten().cloned().collect::<Vec<_>>()
                };
                let after = tags(&after);
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
                    before: tags(&before),
                    promotion: promotion.map(|trailers| trailers.mark.clone()),
                    after,
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

/// The promotions in a commit's trailers; for a merge, in those of the newest merged commit that has any.
fn trailers_of(info: &CommitInfo) -> Vec<Trailers> {
    let messages = std::iter::once(&info.message).chain(&info.merged);
    messages
        .map(|message| read_trailers(message))
        .find(|promotions| !promotions.is_empty())
        .unwrap_or_default()
}

/// Promotions by their subject. One commit may have thousands.
fn by_subject(trailers: &[Trailers]) -> HashMap<(&ServiceName, &ImageName), Vec<&Trailers>> {
    let mut by_subject: HashMap<_, Vec<&Trailers>> = HashMap::new();
    for one in trailers {
        by_subject.entry((&one.service, &one.image.name)).or_default().push(one);
    }
    by_subject
}

/// Whether a promotion wrote what the commit holds: a message that was carried over to another change does not count.
fn wrote(trailers: &Trailers, after: &[PinnedTag]) -> bool {
    after.iter().any(|held| Some(&held.tag) == trailers.image.tag.as_ref())
}

/// Whether a promotion went into the environment of a file. An environment that the configuration no longer has may be
/// this one, renamed.
fn went_to(trailers: &Trailers, file: &RepoPath, repository_policy: &RepositoryPolicy) -> bool {
    let here = repository_policy.environment_of(file);
    here.is_some_and(|here| here.policy.name == trailers.environment)
        || repository_policy.find(&trailers.environment).is_none()
}

#[cfg(test)]
mod tests;
