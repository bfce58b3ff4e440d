//! Verification: which promoted versions did not become healthy in time, and what follows. What was done already, and what people
//! did since, is read from Git.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::problem::{Problem, ProblemCondition, UnhealthyVersion};
use crate::engine::message::{failed_line, read_trailers};
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{
    BY_SCHEDULE, Class, CommitChanges, CommitId, CommitInfo, Elapsed, EnvironmentId, Fault, FileChange,
    Printable, PromotionId, RepoPath, ServiceName, Tag, TargetId, Timestamp, Unhealthy,
};
use crate::policy::{OnFailure, RolloutCommit, VerificationStatus, VerifiedRollout};
use crate::port::{Ports, Repository};

use super::health::HealthByTarget;

/// What Git said of failed promotions: for each commit that brought one, at which head.
#[derive(Debug, Default)]
pub(in crate::engine) struct Memory {
    head: Option<CommitId>,
    spared: HashMap<CommitId, Option<Spared>>,
}

/// The verification of what a target runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The promotion; `None` where a person set the version.
    pub promotion: Option<PromotionId>,
    /// The commit that brought the version.
    pub commit: CommitId,
    /// The version.
    pub tag: Tag,
    /// How long after its push it must be healthy.
    pub within: Duration,
    /// Until when that is.
    pub deadline: Timestamp,
    /// How far it is.
    pub status: VerificationStatus,
    /// What the environment wants done if it fails.
    pub on_failure: OnFailure,
    /// Why nothing but a report follows, whatever the environment wants.
    pub spared: Option<Spared>,
}

/// Why a failure is only reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spared {
    /// A person set the version. Untrusted text.
    SetBy(String),
    /// A person changed the service since. Untrusted text.
    ChangedBy {
        /// Who.
        author: String,
        /// The commit.
        commit: CommitId,
    },
    /// A control file already keeps the service as it is.
    Controlled(RepoPath),
    /// It was done before.
    Done(CommitId),
    /// Nobody looked at the clusters in time, so that it may have been healthy unseen.
    Unwatched,
    /// Another image of the service moved since.
    OtherMoved,
    /// The branch no longer has the commit that brought it.
    Rewritten,
}

/// The verifications of targets.
pub(crate) type Verifications = BTreeMap<TargetId, Verification>;

impl Verification {
    /// What a pass does now, beyond a report.
    pub fn follows(&self) -> Option<OnFailure> {
        let has_failed = matches!(self.status, VerificationStatus::Failed { .. });
        let acts = has_failed && self.spared.is_none() && self.on_failure != OnFailure::Report;
        acts.then_some(self.on_failure)
    }

    /// The matter with a version that did not become healthy in time.
    pub fn failure(&self) -> Option<&Unhealthy> {
        match &self.status {
            VerificationStatus::Failed { why, .. } | VerificationStatus::NotTried(why) => Some(why),
            _ => None,
        }
    }

    /// The reason of the commit that follows, with the conditions quoted.
    pub(in crate::engine) fn reason(&self) -> String {
        let why = self.failure().map(ToString::to_string).unwrap_or_default();
        let said = format!("{} did not become healthy within {}: {why}", self.tag, Elapsed(self.within));
        // A reason has at most 300 characters; the last one may be an ellipsis.
        Printable::bounded(&said, 299).to_string()
    }

    fn problem(&self) -> Option<Problem> {
        self.failure()?;
        let hint = match (&self.status, self.follows(), &self.spared) {
            (VerificationStatus::NotTried(_), ..) if self.on_failure != OnFailure::Report => {
                "Flux has not tried this version, so nothing speaks against it yet".to_owned()
            }
            (_, Some(OnFailure::Hold), _) => "a hold of it follows".to_owned(),
            (_, Some(_), _) => "the rollback to the last version that ran well follows".to_owned(),
            (_, None, Some(spared)) if self.on_failure != OnFailure::Report => {
                format!("`onFailure: {}` does nothing now: {spared}", self.on_failure.as_str())
            }
            _ => "mend it, push a version that runs, or go back with `tidegate rollback`".to_owned(),
        };
        Some(Problem { class: Class::TryAgain, ..Problem::warning(self.reason()).hint(hint) })
    }
}

impl fmt::Display for Spared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetBy(author) => write!(formatter, "{} set this version", Printable::bounded(author, 60)),
            Self::ChangedBy { author, commit } => {
                let author = Printable::bounded(author, 60);
                write!(formatter, "{author} changed the service since, in commit {}", commit.short())
            }
            Self::Controlled(file) => {
                write!(formatter, "{} keeps it as it is", Printable::new(file.as_str()))
            }
            Self::Done(commit) => write!(formatter, "it was done in commit {}", commit.short()),
            Self::Unwatched => formatter
                .write_str("nobody looked at the cluster in time, so it may have been healthy unseen"),
            Self::OtherMoved => formatter.write_str("another image of the service moved since"),
            Self::Rewritten => formatter.write_str("the branch no longer has the commit that brought it"),
        }
    }
}

/// Verifies what runs in the environments that ask for it.
pub(super) async fn verify<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    state: &Arc<RepositoryState>,
    health: &HealthByTarget,
    now: Timestamp,
) -> Result<(Verifications, Vec<Problem>), Fault> {
    let mut verifications = Verifications::new();
    if context.policy.verifications.is_empty() {
        return Ok((verifications, Vec::new()));
    }
    for target in state.deployed.targets.ids() {
        verifications.extend(verification(context, state, health, target, now).map(|one| (target, one)));
    }
    ask_git(context, memory, state, &mut verifications).await?;
    let mut problems = Vec::new();
    for (target, verification) in &verifications {
        let Some(problem) = verification.problem() else { continue };
        let deployed = &state.deployed.targets[*target];
        let environment = &context.policy.environments[deployed.environment].policy.name;
        let condition = UnhealthyVersion {
            environment: environment.clone(),
            service: deployed.service().clone(),
            image: deployed.image().clone(),
            tag: verification.tag.clone(),
            since: verification.deadline,
        };
        let problem = problem.of(environment, deployed.service());
        problems
            .push(Problem { condition: Some(ProblemCondition::Unhealthy(Box::new(condition))), ..problem });
    }
    Ok((verifications, problems))
}

/// The verification of a target, as far as Git need not be asked.
fn verification<P: Ports>(
    context: Context<'_, P>,
    state: &RepositoryState,
    health: &HealthByTarget,
    target: TargetId,
    now: Timestamp,
) -> Option<Verification> {
    let deployed = &state.deployed.targets[target];
    let policy = context.policy.verifications.get(&deployed.environment)?;
    let health = health.of(target)?;
    let rollout = state.rollout_commit(target)?;
    let [running] = deployed.running.as_slice() else { return None };
    if deployed.inactive.is_some() {
        return None;
    }
    let promotion = state.promotion(target);
    let pushed_at = pushed_at(rollout);
    let verified = VerifiedRollout {
        commit: rollout.commit,
        pushed_at,
        health: &health.now,
        observed: &health.observed,
    };
    let status = policy.verify(&verified, now);
    let was_watched = !matches!(status, VerificationStatus::Failed { was_watched: false, .. });
    let by_person = match promotion {
        Some(mark) if mark.requested_by == BY_SCHEDULE => None,
        Some(mark) => Some(mark.requested_by.clone()),
        None => Some(rollout.author.clone()),
    };
    if by_person.is_some() && !was_watched {
        // What ran long before somebody looked is nobody's promotion.
        return None;
    }
    let controls = state.covering(context.policy, target);
    let spared = by_person
        .map(Spared::SetBy)
        .or_else(|| (!was_watched).then_some(Spared::Unwatched))
        .or_else(|| other_moved(state, target).then_some(Spared::OtherMoved));
    let controlled = || Some(Spared::Controlled(controls.hand_on(now)?.clone()));
    Some(Verification {
        promotion: promotion.map(|mark| mark.id),
        commit: rollout.commit,
        tag: running.tag.clone(),
        within: policy.within,
        deadline: policy.deadline(pushed_at),
        status,
        on_failure: policy.on_failure,
        spared: spared.or_else(controlled),
    })
}

/// When a rollout came to the branch: a person's clock does not count.
fn pushed_at(rollout: &RolloutCommit) -> Timestamp {
    match rollout.fetched {
        Some(fetched) if !rollout.by_tidegate => fetched.fetched_at,
        _ => rollout.committed_at,
    }
}

/// Whether a later commit moved another image of the service: a rollback would take that one back.
fn other_moved(state: &RepositoryState, target: TargetId) -> bool {
    let here = &state.deployed.targets[target];
    let Some(rollout) = state.rollout_commit(target) else { return false };
    let is_same = |other: &TargetId| {
        let other = &state.deployed.targets[*other];
        other.environment == here.environment && other.service() == here.service()
    };
    let others = state.deployed.targets.ids().filter(is_same).filter_map(|other| state.rollout_commit(other));
    let key = |rollout: &RolloutCommit| (rollout.committed_at, rollout.commit);
    others.map(key).max().is_some_and(|newest| newest != key(rollout))
}

/// A failed promotion, to be looked up in Git.
struct Failed {
    commit: CommitId,
    promotions: Vec<PromotionId>,
    service: ServiceName,
    environment: EnvironmentId,
    files: BTreeSet<RepoPath>,
}

/// Spares what was answered before, and what people changed since.
async fn ask_git<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    state: &Arc<RepositoryState>,
    verifications: &mut Verifications,
) -> Result<(), Fault> {
    let head = state.commit();
    if memory.head != Some(head) {
        *memory = Memory { head: Some(head), spared: HashMap::new() };
    }
    let mut failed: BTreeMap<CommitId, Failed> = BTreeMap::new();
    for (target, verification) in verifications.iter().filter(|(_, one)| one.follows().is_some()) {
        let deployed = &state.deployed.targets[*target];
        let one = failed.entry(verification.commit).or_insert_with(|| Failed {
            commit: verification.commit,
            promotions: Vec::new(),
            service: deployed.service().clone(),
            environment: deployed.environment,
            files: BTreeSet::new(),
        });
        one.promotions.extend(verification.promotion);
        one.files.extend(deployed.held.keys().cloned());
    }
    failed.retain(|commit, _| !memory.spared.contains_key(commit));
    if !failed.is_empty() {
        let repository = Arc::clone(context.repository);
        let paths =
            failed.values().flat_map(|one| context.policy.environments[one.environment].paths.clone());
        let paths: BTreeSet<RepoPath> = paths.collect();
        let paths: Vec<RepoPath> = paths.into_iter().collect();
        let spared = blocking(move || {
            let spared =
                |one: &Failed| Ok::<_, Fault>((one.commit, spared(&*repository, one, &paths, head)?));
            failed.values().map(spared).collect::<Result<Vec<_>, _>>()
        })
        .await?;
        memory.spared.extend(spared);
    }
    for verification in verifications.values_mut().filter(|one| one.follows().is_some()) {
        verification.spared = memory.spared.get(&verification.commit).cloned().flatten();
    }
    Ok(())
}

fn spared<R: Repository>(
    repository: &R,
    failed: &Failed,
    paths: &[RepoPath],
    head: CommitId,
) -> Result<Option<Spared>, Fault> {
    let lines: Vec<String> = failed.promotions.iter().map(|id| failed_line(*id)).collect();
    let found = repository.find_in_messages(head, Some(failed.commit), &lines)?;
    if let Some((_, commit)) = found.first() {
        return Ok(Some(Spared::Done(*commit)));
    }
    let line = repository.line(head, Some(failed.commit))?;
    if !line.is_down_to_known {
        return Ok(Some(Spared::Rewritten));
    }
    let changes = repository.changes(&line.commits, paths)?;
    Ok(changes.iter().find_map(|changes| changed_by_person(changes, failed)))
}

/// The person who changed a file of the service by a commit.
fn changed_by_person(changes: &CommitChanges, failed: &Failed) -> Option<Spared> {
    let touches = |files: &[FileChange]| files.iter().any(|file| failed.files.contains(&file.path));
    let by_person = |commit: &CommitInfo| {
        let trailers = read_trailers(&commit.message);
        let asked =
            trailers.iter().find(|one| one.service == failed.service && one.mark.requested_by != BY_SCHEDULE);
        match asked {
            Some(asked) => Some(asked.mark.requested_by.clone()),
            None => trailers.is_empty().then(|| commit.author_name.clone()),
        }
    };
    let merged = changes.merged.iter().filter(|(_, files)| touches(files)).map(|(commit, _)| commit);
    let own = (changes.merged.is_empty() && touches(&changes.changes)).then_some(&changes.commit);
    let commit = changes.commit.id;
    merged.chain(own).find_map(by_person).map(|author| Spared::ChangedBy { author, commit })
}

#[cfg(test)]
mod tests;
