//! From approved promotions to edits: which bytes of which files change. Nothing is written here.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;
use uuid::{NoContext, Uuid};

use crate::manifest::{self, Edit, EditRefused, ImageField, Manifest};
use crate::model::{
    BlobId, ByTarget, Class, Content, EnvironmentId, Fault, ImageName, PromotionId, RepoPath, ServiceName,
    TargetId, Timestamp,
};
use crate::policy::{Approved, Decision, Direction};

use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::state::deployed::Target;
use crate::engine::state::repository_state::RepositoryState;
use crate::port::Repository;

/// What one promotion changes. Can only be made from a promotion that the policy approved.
#[derive(Clone, Debug)]
pub struct EditPlan {
    pub id: PromotionId,
    pub approved: Approved,
    pub target: TargetId,
    pub environment: EnvironmentId,
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
    /// The promotion that failed its verification, if that is why.
    pub failed: Option<PromotionId>,
}

/// A file before and after a promotion.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    pub path: RepoPath,
    /// Its text with the earlier promotions of the pass applied.
    pub before: Arc<[u8]>,
    pub after: Arc<[u8]>,
}

/// Maximum bytes that the promotions of one pass write into one file; each of them writes the whole file.
const MAX_REWRITTEN_BYTES: usize = 32 << 20;

/// The new text of a file, and the promotions that share its anchored values.
struct JointEdit {
    after: Option<Arc<[u8]>>,
    companions: Vec<Planned>,
}

/// Texts of files while promotions are applied one after another.
#[derive(Clone)]
struct Working {
    texts: HashMap<RepoPath, Arc<[u8]>>,
    /// Bytes written so far, by file.
    rewritten: HashMap<RepoPath, usize>,
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
    let group_of = |target: TargetId| {
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
    let mut joined: HashSet<TargetId> = HashSet::new();
    for group in approved.chunk_by(is_one_group) {
        let so_far = (group.len() > 1).then(|| (working.clone(), plans.len()));
        let mut is_whole = true;
        for planned in group {
            if joined.contains(&planned.target) {
                continue;
            }
            let target = &state.deployed.targets[planned.target];
            let edited = alone.remove(&planned.target).unwrap_or_else(|| {
                let others = approved.iter().filter(|other| may_join(state, planned, other));
                let others = others
                    .filter(|other| group_of(planned.target).is_none() && group_of(other.target).is_none());
                edit_target(state, planned, &others.collect::<Vec<_>>(), &working)
            });
            match edited {
                Ok(Edited { files, companions }) => {
                    working.apply(&files);
                    let group = group_of(planned.target);
                    let group = group.map(|group| repository_policy.groups[group].name.clone());
                    let group = group.or_else(|| joint_name(state, planned, &companions));
                    joined.extend(companions.iter().map(|other| other.target));
                    let unchanged =
                        |file: &PlannedFile| PlannedFile { before: Arc::clone(&file.after), ..file.clone() };
                    let seen: Vec<PlannedFile> = files.iter().map(unchanged).collect();
                    plans.push(EditPlan::new(planned.clone(), target, group.clone(), files));
                    plans.extend(companions.into_iter().map(|other| {
                        let target = &state.deployed.targets[other.target];
                        EditPlan::new(other, target, group.clone(), seen.clone())
                    }));
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
    pub(in crate::engine) target: TargetId,
    pub(in crate::engine) id: PromotionId,
    pub(in crate::engine) approved: Approved,
}

/// The promotions that `decisions` approve, each under a new id.
pub(in crate::engine) fn approved(decisions: &ByTarget<Option<Decision>>, now: Timestamp) -> Vec<Planned> {
    let approved = decisions.entries().filter_map(|(target, decision)| match decision {
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
) -> HashMap<TargetId, Result<Edited, Problem>> {
    let mut uses: HashMap<&RepoPath, usize> = HashMap::new();
    for path in approved.iter().flat_map(|one| state.deployed.targets[one.target].held.keys()) {
        *uses.entry(path).or_default() += 1;
    }
    let is_alone =
        |target: TargetId| state.deployed.targets[target].held.keys().all(|path| uses.get(path) == Some(&1));
    approved
        .par_iter()
        .filter(|one| is_alone(one.target))
        .map(|one| (one.target, edit_target(state, one, &[], working)))
        .collect()
}

impl Working {
    fn apply(&mut self, files: &[PlannedFile]) {
        for file in files {
            self.texts.insert(file.path.clone(), Arc::clone(&file.after));
            *self.rewritten.entry(file.path.clone()).or_default() += file.after.len();
            self.edited.insert(file.path.clone());
        }
    }
}

fn read_files(
    repository: &impl Repository,
    state: &RepositoryState,
    targets: impl Iterator<Item = TargetId>,
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
    Ok(Working { texts, rewritten: HashMap::new(), edited: HashSet::new() })
}

/// The edits of one promotion.
struct Edited {
    files: Vec<PlannedFile>,
    /// Promotions of images that share an anchored value with it, made by the same edits.
    companions: Vec<Planned>,
}

/// Whether two promotions may share one edit: they write the same tag into the same environment.
fn may_join(state: &RepositoryState, one: &Planned, other: &Planned) -> bool {
    let (target, other_target) = (&state.deployed.targets[one.target], &state.deployed.targets[other.target]);
    one.target != other.target
        && target.environment == other_target.environment
        && one.approved.candidate().tag == other.approved.candidate().tag
        && one.approved.direction() == other.approved.direction()
        && target.held.keys().eq(other_target.held.keys())
}

/// The name of a set of promotions that only an anchor ties together.
fn joint_name(state: &RepositoryState, planned: &Planned, companions: &[Planned]) -> Option<String> {
    let name = |planned: &Planned| state.deployed.targets[planned.target].service().name().to_owned();
    let names: BTreeSet<String> = std::iter::once(planned).chain(companions).map(name).collect();
    (!companions.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join(" and "))
}

fn edit_target(
    state: &RepositoryState,
    planned: &Planned,
    others: &[&Planned],
    working: &Working,
) -> Result<Edited, Problem> {
    let target = &state.deployed.targets[planned.target];
    let mut companions: Vec<Planned> = Vec::new();
    let mut files = Vec::with_capacity(target.held.len());
    for path in target.held.keys() {
        let Some(before) = working.texts.get(path) else { continue };
        if working.rewritten.get(path).is_some_and(|written| written + before.len() > MAX_REWRITTEN_BYTES) {
            return Err(too_costly(path));
        }
        let file = FileEdit { state, path, before, is_edited: working.edited.contains(path) };
        let promotions: Vec<&Planned> = std::iter::once(planned).chain(&companions).collect();
        let edited = match file.edit(&promotions) {
            // The value is also another image's; both may go there.
            Err(Refused { is_shared: true, problem }) => {
                let joint = file.edit_with_any(planned, others).ok_or(problem)?;
                companions = joint.companions;
                joint.after
            }
            edited => edited.map_err(|refused| refused.problem)?,
        };
        if let Some(after) = edited {
            files.push(PlannedFile { path: path.clone(), before: Arc::clone(before), after });
        }
    }
    if files.is_empty() {
        return Err(Problem::error(
            Class::Failed,
            "no field is left to change; an earlier promotion of this pass may have changed it",
        ));
    }
    Ok(Edited { files, companions })
}

fn too_costly(path: &RepoPath) -> Problem {
    Problem::warning(
        "the promotions of this pass rewrite the file too often; the rest follow in the next pass",
    )
    .at(path, None)
    .hint("give each HelmRelease a file of its own")
}

/// An edit that was refused.
struct Refused {
    /// Whether another image shares the value.
    is_shared: bool,
    problem: Problem,
}

/// A file that a promotion edits.
struct FileEdit<'a> {
    state: &'a RepositoryState,
    path: &'a RepoPath,
    before: &'a Arc<[u8]>,
    /// Whether an earlier promotion changed the text, so that the fields of the snapshot are not its fields.
    is_edited: bool,
}

impl FileEdit<'_> {
    /// The new text with these promotions made; none if no field is behind.
    fn edit(&self, promotions: &[&Planned]) -> Result<Option<Arc<[u8]>>, Refused> {
        let Self { state, path, before, is_edited } = self;
        let rules = state.snapshot.rules_of(path);
        let reread;
        let known = state.snapshot.files.get(path).and_then(|file| file.reading.manifest());
        let manifest: &Manifest = if let Some(manifest) = known.filter(|_| !is_edited) {
            manifest
        } else {
            reread = manifest::read_with(before, &rules).map_err(|unreadable| Refused {
                is_shared: false,
                problem: unreadable_now(path, &unreadable),
            })?;
            &reread
        };
        let edits: Vec<Edit<'_>> = promotions
            .iter()
            .flat_map(|planned| {
                let fields = manifest.fields.iter().filter(|field| self.is_meant(planned, field));
                fields.map(|field| Edit {
                    field,
                    tag: &planned.approved.candidate().tag,
                    digest: field.digest.as_ref().map(|_| planned.approved.digest()),
                })
            })
            .collect();
        if edits.is_empty() {
            return Ok(None);
        }
        match manifest::edit_with(before, &rules, &edits) {
            Ok(after) => Ok(Some(Arc::from(after))),
            Err(refused) => {
                let position = refused.position().map(|position| (position.line, position.column));
                let problem = Problem::error(refused.class(), refused.to_string());
                let problem = problem.at(path, position).hint(refused.hint());
                Err(Refused { is_shared: matches!(refused, EditRefused::SharedAnchor { .. }), problem })
            }
        }
    }

    /// The new text with the promotion and those of `others` that share its anchored values, by name or all of them.
    fn edit_with_any(&self, planned: &Planned, others: &[&Planned]) -> Option<JointEdit> {
        let alone = others.iter().map(|other| vec![*other]);
        let sets = alone.chain((others.len() > 1).then(|| others.to_vec()));
        sets.take(MAX_JOINT_TRIES).find_map(|set| {
            let promotions: Vec<&Planned> = std::iter::once(planned).chain(set.iter().copied()).collect();
            let after = self.edit(&promotions).ok()?;
            Some(JointEdit { after, companions: set.into_iter().cloned().collect() })
        })
    }

    /// Whether a field is of the promotion's target and behind its candidate.
    fn is_meant(&self, Planned { target, approved, .. }: &Planned, field: &ImageField) -> bool {
        let target = &self.state.deployed.targets[*target];
        let candidate = approved.candidate();
        let is_behind = match approved.direction() {
            Direction::Forward => {
                let version = target.rules.version_of(&field.tag);
                version.is_some_and(|version| candidate.version.may_follow(&version))
            }
            // Folders may differ: one that holds a lower version stays.
            Direction::Back => {
                let version = target.rules.version_of(&field.tag);
                version.is_some_and(|version| version > candidate.version)
            }
        };
        is_behind
            && self.state.resolver.service_of(self.path, &field.service) == *target.service()
            && self.state.resolver.image_of(self.path, field) == Some(target.image())
    }
}

/// How many sets of promotions are tried for one anchored value.
const MAX_JOINT_TRIES: usize = 8;

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
