//! Decides for every target: reads what is missing, asks about digests, and applies the policy.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono_tz::Tz;
use tokio::time::Instant;

use crate::engine::base::blocking::blocking;
use crate::engine::base::context::Context;
use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::history::target_history::read_histories;
use crate::engine::proposals;
use crate::engine::proposals::pull_requests::{PullRequests, branch_of};
use crate::engine::proposals::refusals::{self, ToPropose};
use crate::engine::state::repository_state::RepositoryState;
use crate::model::{ByTarget, CommitId, EnvironmentId, Fault, SignatureCheck, TagList, TargetId, Timestamp};
use crate::policy::{
    self, Candidate, Decision, Group, Overrides, Selection, UnsignedCommits, VerificationStatus,
};
use crate::port::{Clock as _, Ports, Repository};

use super::artifacts::{self, Rejections};
use super::digest_requests::{soaking_tags, tags_to_ask};
use super::digests::{DigestRequests, Digests};
use super::facts::{FactContext, tagged};
use super::groups;
use super::health::{self, HealthByTarget, TargetHealth};
use super::poll::{self, PersistedTags, Polled, Selections, TagRequests};
use super::verification::{self, Verification, Verifications};
use super::warnings;

/// For how many times the wait for a registry a pass searches below candidates that are no images.
const MOST_WAITS: u32 = 2;

/// What is kept from one evaluation to the next. All of it can be read again.
#[derive(Debug, Default)]
pub(in crate::engine) struct Memory {
    selections: Selections,
    persisted: PersistedTags,
    pub(in crate::engine) tags: TagRequests,
    pub(in crate::engine) digests: DigestRequests,
    pub(in crate::engine) rejections: Rejections,
    pub(in crate::engine) proposals: proposals::fetch::Memory,
    health: health::Memory,
    verification: verification::Memory,
}

/// What is decided for every target, and what it was decided from.
#[derive(Debug)]
pub struct Evaluation {
    /// The repository at the commit that was decided on.
    pub state: Arc<RepositoryState>,
    /// The time of the decisions.
    pub now: Timestamp,
    /// The zone of freezes.
    pub(crate) zone: Tz,
    /// By target; none where the registry did not answer.
    pub decisions: ByTarget<Option<Decision>>,
    /// The admitted versions, by target; none where the registry did not answer.
    pub(crate) selections: ByTarget<Option<Arc<Selection>>>,
    /// The tag lists, by target; none where the registry did not answer.
    pub(crate) lists: ByTarget<Option<Arc<TagList>>>,
    pub(crate) digests: Digests,
    pub(crate) unsigned: UnsignedCommits,
    pub(crate) health: HealthByTarget,
    pub(crate) verifications: Verifications,
    /// The open pull requests, and what people refused.
    pub pull_requests: PullRequests,
}

/// Evaluates every target. Reads the histories of the targets in `about` even where nothing newer is available.
pub(in crate::engine) async fn evaluate<P: Ports>(
    context: Context<'_, P>,
    memory: &mut Memory,
    state: Arc<RepositoryState>,
    polled: &Polled,
    about: &[TargetId],
) -> Result<(Evaluation, Vec<Problem>), Fault> {
    let now = context.clock.now();
    let targets = &state.deployed.targets;
    poll::persist_tags(&**context.store, &mut memory.persisted, targets, polled, now).await?;
    let mut selections = memory.selections.select(targets, polled);
    let lists: ByTarget<Option<Arc<TagList>>> =
        targets.iter().map(|target| polled.tags.get(target.image()).cloned()).collect();
    let rejected = artifacts::drop_rejected(context, &mut memory.rejections, &state, &mut selections, now);
    let (fetched, unread) = proposals::fetch::fetch(context, &mut memory.proposals, &state).await;
    let mut problems: Vec<Problem> =
        state.deployed.problems.iter().chain(&polled.problems).chain(&unread).cloned().collect();
    problems.extend(warnings::warnings(&state, &lists, context.policy));
    problems.extend(rejected);
    let mut concerned = behind(&state, &selections);
    concerned.extend(fetched.targets(&state.deployed, context.policy));
    concerned.extend(about);
    read_histories(context, &state, with_groups(&state, context.policy, concerned)).await?;
    let (health, unclear) = health::observe(context, &mut memory.health, &state, now).await?;
    problems.extend(unclear);
    let memory_of = &mut memory.verification;
    let (verifications, unhealthy) = verification::verify(context, memory_of, &state, &health, now).await?;
    problems.extend(unhealthy);
    let unsigned = unsigned_commits(context, &state).await?;
    let mut undecided = Evaluation {
        decisions: state.deployed.targets.map(|_| None),
        zone: context.policy.zone(),
        digests: Digests::default(),
        pull_requests: fetched,
        state,
        now,
        selections,
        lists,
        unsigned,
        health,
        verifications,
    };
    let mut digests = Digests::default();
    let until = Instant::now() + context.registry_wait * MOST_WAITS;
    let nominated = loop {
        let known = undecided.facts(context.policy);
        let (nominated, failed) = ask(context, &mut memory.digests, known, &mut digests).await?;
        add_new(&mut problems, failed);
        let images = artifacts::check_images(context, &undecided.state, &mut digests, &nominated).await;
        add_new(&mut problems, images.problems);
        let Evaluation { state, selections, .. } = &mut undecided;
        let rejections = &mut memory.rejections;
        let dropped = artifacts::reject(context, rejections, state, selections, images.rejected, now);
        if dropped.is_empty() {
            break nominated;
        }
        problems.extend(dropped);
        if Instant::now() > until {
            // Without digests none of them goes; the next pass continues below what this one rejected.
            let nominated = nominate(&undecided.facts(context.policy));
            let image_of = |at: &TargetId| undecided.state.deployed.targets[*at].image();
            for (at, candidate) in &nominated {
                digests.asked.entry(tagged(image_of(at), &candidate.tag)).or_insert(None);
            }
            break nominated;
        }
    };
    undecided.digests = digests;
    let none = Overrides::default();
    problems.extend(undecided.read_refusals(context, &mut memory.proposals, &nominated, &none).await);
    let mut decisions = groups::decide(&undecided.facts(context.policy), &nominated);
    warnings::doubt_up_to_date(&undecided.state, &undecided.lists, &mut decisions);
    Ok((Evaluation { decisions, ..undecided }, problems))
}

/// Nominates candidates, and gets every digest that their decisions depend on, each once.
async fn ask<P: Ports>(
    context: Context<'_, P>,
    requests: &mut DigestRequests,
    known: FactContext<'_>,
    digests: &mut Digests,
) -> Result<(HashMap<TargetId, Candidate>, Vec<Problem>), Fault> {
    digests.recall(&**context.store, soaking_tags(&known)).await?;
    let nominated = nominate(&FactContext { digests, ..known });
    let targets = &known.state.deployed.targets;
    let proposed = known.pull_requests.proposed_tags(known.state, known.selections, context.policy);
    let tags = nominated.iter().map(|(at, candidate)| tagged(targets[*at].image(), &candidate.tag));
    digests.recall(&**context.store, tags.chain(proposed.iter().cloned()).collect()).await?;
    let mut tags = tags_to_ask(&FactContext { digests, ..known }, &nominated);
    tags.extend(proposed);
    let problems = digests.ask(context, requests, tags, known.now).await?;
    Ok((nominated, problems))
}

/// Adds problems that are not among the others yet: a registry that is down fails lists and digests alike.
fn add_new(problems: &mut Vec<Problem>, new: Vec<Problem>) {
    for problem in new {
        if !problems.iter().any(|known| known.key() == problem.key()) {
            problems.push(problem);
        }
    }
}

/// The candidates of the targets that have one, before anything is known of their digests.
fn nominate(facts: &FactContext<'_>) -> HashMap<TargetId, Candidate> {
    let nominate = |target: TargetId| Some((target, nominated(facts, target)?));
    facts.state.deployed.targets.ids().filter_map(nominate).collect()
}

/// The candidate of one target.
pub(in crate::engine) fn nominated(facts: &FactContext<'_>, target: TargetId) -> Option<Candidate> {
    let known = facts.facts(target, None)?;
    policy::find_candidate(&facts.policy(target), &known, facts.now).ok().cloned()
}

/// The candidates that would be proposed if nobody had refused them. Those of a group with a closed gate are left out.
fn to_propose<'c>(
    facts: &FactContext<'_>,
    candidates: impl IntoIterator<Item = (&'c TargetId, &'c Candidate)>,
    overrides: &Overrides,
) -> Vec<ToPropose> {
    let targets = &facts.state.deployed.targets;
    let group_of = |target: TargetId| {
        let group = facts.repository_policy.group_of(targets[target].service())?;
        Some((targets[target].environment, group.name.as_str()))
    };
    let mut open = Vec::new();
    let mut blocked = BTreeSet::new();
    for (target, candidate) in candidates {
        if branch_of(facts.repository_policy, &targets[*target], false).is_none() {
            continue;
        }
        let Some(known) = facts.facts(*target, Some(candidate)) else { continue };
        let evaluation = policy::evaluate(&facts.policy(*target), &known, candidate, facts.now);
        match policy::approve_overriding(&evaluation, overrides) {
            Ok(_) => open.push(ToPropose { target: *target, tag: candidate.tag.clone() }),
            Err(_) => blocked.extend(group_of(*target)),
        }
    }
    open.retain(|one| group_of(one.target).is_none_or(|group| !blocked.contains(&group)));
    open
}

/// The targets with something newer in their registry.
fn behind(state: &RepositoryState, selections: &ByTarget<Option<Arc<Selection>>>) -> Vec<TargetId> {
    let targets = &state.deployed.targets;
    let is_behind = |at: &TargetId| {
        let selection = selections[*at].as_deref();
        let lowest = targets[*at].running.first();
        let newer = selection.zip(lowest).map(|(selection, lowest)| selection.above(&lowest.version));
        newer.is_some_and(|mut newer| newer.next().is_some())
    };
    targets.ids().filter(is_behind).collect()
}

/// These targets, and all members of their groups.
fn with_groups(
    state: &RepositoryState,
    repository_policy: &RepositoryPolicy,
    mut targets: Vec<TargetId>,
) -> Vec<TargetId> {
    let all = &state.deployed.targets;
    let is_concerned = |group: &&Group| targets.iter().any(|at| group.has(all[*at].service()));
    let groups: Vec<&Group> = repository_policy.groups.iter().filter(is_concerned).collect();
    let is_member = |at: &TargetId| groups.iter().any(|group| group.has(all[*at].service()));
    targets.extend(all.ids().filter(is_member));
    targets
}

/// The rollout commits of soaking versions that do not count because no allowed key signed them.
async fn unsigned_commits<P: Ports>(
    context: Context<'_, P>,
    state: &Arc<RepositoryState>,
) -> Result<UnsignedCommits, Fault> {
    if !context.repository.requires_signatures() {
        return Ok(UnsignedCommits::new());
    }
    let (state, repository_policy) = (Arc::clone(state), Arc::clone(context.policy));
    let repository = Arc::clone(context.repository);
    blocking(move || {
        let soaks: BTreeSet<EnvironmentId> =
            repository_policy.environments.iter().filter_map(|environment| environment.before).collect();
        let targets = state.deployed.targets.entries();
        let soaking = targets.filter(|(_, target)| soaks.contains(&target.environment)).map(|(at, _)| at);
        let commits: BTreeSet<CommitId> = soaking
            .flat_map(|at| {
                let past = state.past(at).iter().map(|run| run.rollout_commit.commit);
                state.rollout_commit(at).map(|rollout_commit| rollout_commit.commit).into_iter().chain(past)
            })
            .collect();
        let mut unsigned = UnsignedCommits::new();
        for commit in commits {
            if let SignatureCheck::Invalid { reason } = repository.signed(commit)? {
                unsigned.insert(commit, reason);
            }
        }
        Ok(unsigned)
    })
    .await
}

impl Evaluation {
    /// Reads what people refused of the candidates that would be proposed.
    pub(super) async fn read_refusals<'c, P: Ports>(
        &mut self,
        context: Context<'_, P>,
        memory: &mut proposals::fetch::Memory,
        candidates: impl IntoIterator<Item = (&'c TargetId, &'c Candidate)>,
        overrides: &Overrides,
    ) -> Vec<Problem> {
        let to_propose = to_propose(&self.facts(context.policy), candidates, overrides);
        let known = &mut memory.refusals;
        let read = refusals::read(context, known, &self.state, &self.pull_requests, &to_propose).await;
        self.pull_requests.refused = read.refused;
        self.pull_requests.unknown.extend(read.unknown);
        read.problems
    }

    pub(crate) fn facts<'a>(&'a self, repository_policy: &'a RepositoryPolicy) -> FactContext<'a> {
        FactContext {
            repository_policy,
            state: &self.state,
            selections: &self.selections,
            digests: &self.digests,
            unsigned: &self.unsigned,
            health: &self.health,
            pull_requests: &self.pull_requests,
            now: self.now,
        }
    }

    /// The health of a target; `None` where its environment has no cluster.
    pub fn health_of(&self, target: TargetId) -> Option<&TargetHealth> {
        self.health.of(target)
    }

    /// The verification of what a target runs; `None` where its environment asks for none.
    pub fn verification_of(&self, target: TargetId) -> Option<&Verification> {
        self.verifications.get(&target)
    }

    /// The verifications of what runs where environments ask for them.
    pub fn verifications(&self) -> impl Iterator<Item = (TargetId, &Verification)> {
        self.verifications.iter().map(|(target, verification)| (*target, verification))
    }

    /// The same, without decisions for any but the chosen targets.
    pub(in crate::engine) fn only(self, chosen: &[TargetId]) -> Self {
        let Self { mut decisions, .. } = self;
        for (target, decision) in decisions.entries_mut() {
            decision.take_if(|_| !chosen.contains(&target));
        }
        Self { decisions, ..self }
    }

    /// What this evaluation says of the chosen targets, and an earlier one, of the same targets, of all others.
    pub(in crate::engine) fn completed_by(mut self, earlier: &Self, chosen: &[TargetId]) -> Self {
        for target in self.decisions.ids().filter(|target| !chosen.contains(target)) {
            self.decisions[target].clone_from(&earlier.decisions[target]);
            self.selections[target].clone_from(&earlier.selections[target]);
            self.lists[target].clone_from(&earlier.lists[target]);
        }
        self.digests.complete_by(&earlier.digests);
        self.pull_requests.complete_by(&earlier.pull_requests, chosen);
        let unsigned = earlier.unsigned.iter().map(|(commit, reason)| (*commit, reason.clone()));
        self.unsigned.extend(unsigned);
        self
    }

    /// Whether control files have expired.
    pub(crate) fn has_expired_controls(&self) -> bool {
        self.state.controls.expired(self.zone, self.now).next().is_some()
    }

    /// The next time at which a decision may change without anything new being seen.
    pub fn next_opening(&self) -> Option<Timestamp> {
        let opening = |decision: &Decision| match decision {
            Decision::Wait(evaluation) => evaluation.earliest(),
            Decision::Current { .. } | Decision::Promote(_) => None,
        };
        let openings = self.decisions.iter().flatten().filter_map(opening).filter(|at| *at > self.now);
        let pending = self.verifications.values().filter(|one| one.status == VerificationStatus::Pending);
        let deadlines = pending.map(|one| one.deadline);
        openings.chain(deadlines).chain(self.state.controls.next_expiry(self.now)).min()
    }
}
