//! From decisions to edits: which bytes of which files a promotion changes. Nothing is written here.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;
use uuid::{NoContext, Uuid};

use crate::manifest::{self, Edit, ImageField, Manifest};
use crate::model::{BlobId, Class, Content, Fault, ImageName, PromotionId, RepoPath, ServiceName, Timestamp};
use crate::policy::{Approved, Direction};

use crate::engine::base::ports::Repository;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;

/// What one promotion changes. It can only be made from a promotion that the policy approved.
#[derive(Clone, Debug)]
pub struct EditPlan {
    /// The promotion.
    pub id: PromotionId,
    /// What the policy approved.
    pub approved: Approved,
    /// The place of the target on the board.
    pub target: usize,
    /// The place of the environment in the repository policy.
    pub environment: usize,
    /// The service.
    pub service: ServiceName,
    /// The image.
    pub image: ImageName,
    /// The set that it ships in, if it does: its members go by one commit, all of them or none.
    pub group: Option<String>,
    /// The files, each as it was and as it will be.
    pub files: Vec<PlannedFile>,
    /// Who asked for it, if that is not whoever asks for this pass: it is in an open pull request already.
    pub requested_by: Option<String>,
    /// When it was let through, if it waits since then and is not let through anew.
    pub kept_since: Option<Timestamp>,
    /// What a way back leaves beside the manifests.
    pub beside: Option<Rollback>,
    /// The changelog file that its commit adds to, and what will be in it.
    pub changelog: Option<(RepoPath, Arc<[u8]>)>,
}

/// What is said and written of a way back, beside the manifests.
#[derive(Clone, Debug)]
pub struct Rollback {
    /// Why.
    pub reason: String,
    /// The control file that quarantines the version that is left, and its text.
    pub quarantine: Option<(RepoPath, String)>,
}

/// A file as it was and as it will be.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    /// The file.
    pub path: RepoPath,
    /// What is in it, the promotions before this one in the pass done.
    pub before: Arc<[u8]>,
    /// What will be in it.
    pub after: Arc<[u8]>,
}

/// The content of files while promotions are put on top of one another.
#[derive(Clone)]
struct Working {
    texts: HashMap<RepoPath, Arc<[u8]>>,
    /// The files that a promotion of this pass has changed.
    edited: HashSet<RepoPath>,
}

/// Plans the edits of approved promotions, in the order in which they will be committed: later environments first,
/// so that what soaked goes on before the environment that it soaked in moves.
///
/// A promotion that can't be edited in is told and left out, and with it those of its set; the others go on.
pub(crate) fn plan_edits(
    repository: &impl Repository,
    repository_policy: &RepositoryPolicy,
    state: &RepositoryState,
    mut approved: Vec<Planned>,
) -> Result<(Vec<EditPlan>, Vec<Problem>), Fault> {
    let group_of = |target: usize| {
        let service = state.deployed.targets[target].service();
        repository_policy.groups.iter().position(|group| group.has(service))
    };
    approved.sort_by_key(|(target, ..)| {
        // Those of one set stand together, before those that are in none.
        let set = group_of(*target).map_or(usize::MAX, |group| group);
        (Reverse(state.deployed.targets[*target].environment), set, *target)
    });
    let mut working = read_files(repository, state, approved.iter().map(|(target, ..)| *target))?;
    let mut alone = edit_those_alone(state, &approved, &working);
    let mut plans = Vec::with_capacity(approved.len());
    let mut problems = Vec::new();
    let is_one_set = |one: &Planned, other: &Planned| {
        let environment = |planned: &Planned| state.deployed.targets[planned.0].environment;
        let set = group_of(one.0);
        set.is_some() && set == group_of(other.0) && environment(one) == environment(other)
    };
    for set in approved.chunk_by(is_one_set) {
        let so_far = (set.len() > 1).then(|| (working.clone(), plans.len()));
        let mut is_whole = true;
        for (at, id, approved) in set {
            let target = &state.deployed.targets[*at];
            let edited = alone.remove(at).unwrap_or_else(|| edit_target(state, target, approved, &working));
            match edited {
                Ok(files) => {
                    working.take_in(&files);
                    let group = group_of(*at).map(|group| repository_policy.groups[group].name.clone());
                    plans.push(EditPlan::new((*at, *id, approved.clone()), target, group, files));
                }
                Err(problem) => {
                    is_whole = false;
                    let environment = &repository_policy.environments[target.environment].policy.name;
                    problems.push(problem.of(environment, target.service()));
                }
            }
        }
        if let Some((before, count)) = so_far.filter(|_| !is_whole) {
            working = before;
            plans.truncate(count);
        }
    }
    Ok((plans, problems))
}

/// What the policy approved for a target, under an identity.
pub(in crate::engine) type Planned = (usize, PromotionId, Approved);

impl EditPlan {
    fn new(
        (at, id, approved): Planned,
        target: &Target,
        group: Option<String>,
        files: Vec<PlannedFile>,
    ) -> Self {
        let (service, image) = target.subject.clone();
        let environment = target.environment;
        Self {
            id,
            approved,
            target: at,
            environment,
            service,
            image,
            group,
            files,
            requested_by: None,
            kept_since: None,
            beside: None,
            changelog: None,
        }
    }
}

/// Edits, in parallel, the targets whose files no other target changes: nearly all.
fn edit_those_alone(
    state: &RepositoryState,
    approved: &[Planned],
    working: &Working,
) -> HashMap<usize, Result<Vec<PlannedFile>, Problem>> {
    let mut uses: HashMap<&RepoPath, usize> = HashMap::new();
    for path in approved.iter().flat_map(|(target, ..)| state.deployed.targets[*target].held.keys()) {
        *uses.entry(path).or_default() += 1;
    }
    let is_alone =
        |target: usize| state.deployed.targets[target].held.keys().all(|path| uses.get(path) == Some(&1));
    approved
        .par_iter()
        .filter(|(target, ..)| is_alone(*target))
        .map(|(at, _, approved)| (*at, edit_target(state, &state.deployed.targets[*at], approved, working)))
        .collect()
}

impl Working {
    fn take_in(&mut self, files: &[PlannedFile]) {
        for file in files {
            self.texts.insert(file.path.clone(), Arc::clone(&file.after));
            self.edited.insert(file.path.clone());
        }
    }
}

fn read_files(
    repository: &impl Repository,
    state: &RepositoryState,
    targets: impl Iterator<Item = usize>,
) -> Result<Working, Fault> {
    let paths: BTreeSet<&RepoPath> =
        targets.flat_map(|target| state.deployed.targets[target].held.keys()).collect();
    let known: Vec<(&RepoPath, BlobId)> =
        paths.into_iter().filter_map(|path| Some((path, state.snapshot.files.get(path)?.blob))).collect();
    let blobs: Vec<BlobId> = known.iter().map(|(_, blob)| *blob).collect();
    let texts: Vec<Arc<[u8]>> = repository.read_each(&blobs, |_, content| match content {
        Content::Bytes(text) => Arc::from(text),
        Content::LfsPointer | Content::TooLarge { .. } => Arc::from(&[][..]),
    })?;
    let texts = known.into_iter().map(|(path, _)| path.clone()).zip(texts).collect();
    Ok(Working { texts, edited: HashSet::new() })
}

fn edit_target(
    state: &RepositoryState,
    target: &Target,
    approved: &Approved,
    working: &Working,
) -> Result<Vec<PlannedFile>, Problem> {
    let mut files = Vec::with_capacity(target.held.len());
    for path in target.held.keys() {
        let Some(before) = working.texts.get(path) else { continue };
        let is_edited = working.edited.contains(path);
        if let Some(after) = edit_file(state, target, approved, path, before, is_edited)? {
            files.push(PlannedFile { path: path.clone(), before: Arc::clone(before), after });
        }
    }
    if files.is_empty() {
        return Err(Problem::error(
            Class::Failed,
            "nothing is left to change; it may have been changed by a promotion before it",
        ));
    }
    Ok(files)
}

/// The new text of a file; nothing when no field in it is lower than the candidate. The fields are those that the
/// snapshot has read, unless the text is not that of the snapshot any more.
fn edit_file(
    state: &RepositoryState,
    target: &Target,
    approved: &Approved,
    path: &RepoPath,
    before: &Arc<[u8]>,
    is_edited: bool,
) -> Result<Option<Arc<[u8]>>, Problem> {
    let reread;
    let known = state.snapshot.files.get(path).and_then(|file| file.reading.manifest());
    let manifest: &Manifest = if let Some(manifest) = known.filter(|_| !is_edited) {
        manifest
    } else {
        reread = manifest::read(before).map_err(|unreadable| unreadable_now(path, &unreadable))?;
        &reread
    };
    let candidate = approved.candidate();
    let is_behind = |field: &ImageField| match approved.direction() {
        Direction::Forward => {
            target.rules.version_of(&field.tag).is_some_and(|version| version < candidate.version)
        }
        Direction::Back => field.tag != candidate.tag,
    };
    let is_meant = |field: &&ImageField| {
        field.service == *target.service()
            && state.resolver.image_of(field) == Some(target.image())
            && is_behind(field)
    };
    let edits: Vec<Edit<'_>> = manifest
        .fields
        .iter()
        .filter(is_meant)
        .map(|field| Edit {
            field,
            tag: &candidate.tag,
            digest: field.digest.as_ref().map(|_| approved.digest()),
        })
        .collect();
    if edits.is_empty() {
        return Ok(None);
    }
    match manifest::edit(before, &edits) {
        Ok(after) => Ok(Some(Arc::from(after))),
        Err(refused) => {
            let position = refused.position().map(|position| (position.line, position.column));
            Err(Problem::error(refused.class(), refused.to_string()).at(path, position).hint(refused.hint()))
        }
    }
}

fn unreadable_now(path: &RepoPath, unreadable: &manifest::Unreadable) -> Problem {
    let position = (unreadable.position.line, unreadable.position.column);
    Problem::error(Class::Failed, unreadable.to_string()).at(path, Some(position))
}

/// An id that sorts by time.
pub(in crate::engine) fn new_id(now: Timestamp) -> PromotionId {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let time = uuid::Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
    PromotionId::from_uuid(Uuid::new_v7(time))
}

#[cfg(test)]
mod tests;
