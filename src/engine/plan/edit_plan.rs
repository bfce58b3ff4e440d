//! From approved promotions to edits: which bytes of which files change. Nothing is written here.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;
use uuid::{NoContext, Uuid};

use crate::manifest::{self, Edit, ImageField, Manifest};
use crate::model::{BlobId, Class, Content, Fault, ImageName, PromotionId, RepoPath, ServiceName, Timestamp};
use crate::policy::{Approved, Decision, Direction};

use crate::engine::base::ports::Repository;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;

/// What one promotion changes. Can only be made from a promotion that the policy approved.
#[derive(Clone, Debug)]
pub struct EditPlan {
    pub id: PromotionId,
    pub approved: Approved,
    pub target: usize,
    pub environment: usize,
    pub service: ServiceName,
    pub image: ImageName,
    /// The group it ships in, if any: all members go by one commit, or none.
    pub group: Option<String>,
    pub files: Vec<PlannedFile>,
    /// Who requested it, when an open pull request already proposes it; else whoever requests the pass.
    pub requested_by: Option<String>,
    /// When it was approved, if it has waited in a pull request since then and is not approved again.
    pub kept_since: Option<Timestamp>,
    /// Set for a rollback.
    pub rollback: Option<Rollback>,
    /// The changelog file that its commit writes, and its new text.
    pub changelog: Option<(RepoPath, Arc<[u8]>)>,
}

/// What a rollback adds to its commit besides the manifests.
#[derive(Clone, Debug)]
pub struct Rollback {
    pub reason: String,
    /// The control file that quarantines the version rolled back from, and its text.
    pub quarantine: Option<(RepoPath, String)>,
}

/// A file before and after a promotion.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    pub path: RepoPath,
    /// Its text with the earlier promotions of the pass applied.
    pub before: Arc<[u8]>,
    pub after: Arc<[u8]>,
}

/// Texts of files while promotions are applied one after another.
#[derive(Clone)]
struct Working {
    texts: HashMap<RepoPath, Arc<[u8]>>,
    /// Files that a promotion of this pass has changed.
    edited: HashSet<RepoPath>,
}

/// Plans the edits of approved promotions in commit order: later environments first, so that a version that soaked is
/// promoted before the environment that it soaked in moves on.
///
/// A promotion that cannot be written becomes a problem and is left out, and its group with it; the others go on.
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
    approved.sort_by_key(|one| {
        // The members of a group follow one another, before targets without a group.
        let group = group_of(one.target).unwrap_or(usize::MAX);
        (Reverse(state.deployed.targets[one.target].environment), group, one.target)
    });
    let mut working = read_files(repository, state, approved.iter().map(|one| one.target))?;
    let mut alone = edit_those_alone(state, &approved, &working);
    let mut plans = Vec::with_capacity(approved.len());
    let mut problems = Vec::new();
    let is_one_group = |one: &Planned, other: &Planned| {
        let environment = |planned: &Planned| state.deployed.targets[planned.target].environment;
        let group = group_of(one.target);
        group.is_some() && group == group_of(other.target) && environment(one) == environment(other)
    };
    for group in approved.chunk_by(is_one_group) {
        let so_far = (group.len() > 1).then(|| (working.clone(), plans.len()));
        let mut is_whole = true;
        for planned in group {
            let target = &state.deployed.targets[planned.target];
            let edited = alone
                .remove(&planned.target)
                .unwrap_or_else(|| edit_target(state, target, &planned.approved, &working));
            match edited {
                Ok(files) => {
                    working.apply(&files);
                    let group = group_of(planned.target);
                    let group = group.map(|group| repository_policy.groups[group].name.clone());
                    plans.push(EditPlan::new(planned.clone(), target, group, files));
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

/// An approved promotion, before its edits are planned.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Planned {
    pub(in crate::engine) target: usize,
    pub(in crate::engine) id: PromotionId,
    pub(in crate::engine) approved: Approved,
}

/// The promotions that `decisions` approve, each under a new id.
pub(in crate::engine) fn approved(decisions: &[Option<Decision>], now: Timestamp) -> Vec<Planned> {
    let approved = decisions.iter().enumerate().filter_map(|(target, decision)| match decision {
        Some(Decision::Promote(approved)) => {
            Some(Planned { target, id: new_id(now), approved: (**approved).clone() })
        }
        _ => None,
    });
    approved.collect()
}

impl EditPlan {
    fn new(
        Planned { target: at, id, approved }: Planned,
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
            rollback: None,
            changelog: None,
        }
    }
}

/// Edits the targets whose files no other target changes, in parallel. That is nearly all of them.
fn edit_those_alone(
    state: &RepositoryState,
    approved: &[Planned],
    working: &Working,
) -> HashMap<usize, Result<Vec<PlannedFile>, Problem>> {
    let mut uses: HashMap<&RepoPath, usize> = HashMap::new();
    for path in approved.iter().flat_map(|one| state.deployed.targets[one.target].held.keys()) {
        *uses.entry(path).or_default() += 1;
    }
    let is_alone =
        |target: usize| state.deployed.targets[target].held.keys().all(|path| uses.get(path) == Some(&1));
    approved
        .par_iter()
        .filter(|one| is_alone(one.target))
        .map(|one| {
            let target = &state.deployed.targets[one.target];
            (one.target, edit_target(state, target, &one.approved, working))
        })
        .collect()
}

impl Working {
    fn apply(&mut self, files: &[PlannedFile]) {
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
            "no field is left to change; an earlier promotion of this pass may have changed it",
        ));
    }
    Ok(files)
}

/// The new text of a file; none if no field in it is behind. The fields come from the snapshot, unless an earlier promotion
/// changed the text.
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
            let version = target.rules.version_of(&field.tag);
            version.is_some_and(|version| candidate.version.may_follow(&version))
        }
        Direction::Back => field.tag != candidate.tag,
    };
    let is_meant = |field: &&ImageField| {
        state.resolver.service_of(path, &field.service) == *target.service()
            && state.resolver.image_of(path, field) == Some(target.image())
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
