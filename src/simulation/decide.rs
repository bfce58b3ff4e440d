//! Decides for a target of a replay: gathers its facts from the simulated state, and asks the policy room as the
//! engine does.

use std::borrow::Cow;

use crate::model::{Digest, EnvironmentId, Tag, TargetId, Timestamp};
use crate::policy::{
    self, Answer, Approved, Candidate, Decision, DigestNow, Facts, GateEvaluation, Member, Overrides,
    PreviousEnvironment, PreviousRunning, ReviewState, RolledBack, SoakMode, TargetPolicy,
};

use super::health::ReplayedHealth;
use super::line::Line;
use super::replay::Replay;
use super::report::StarvationPeriod;
use super::waiting::Waiting;

/// The facts about a target before its decision.
struct Asked<'s> {
    candidate: Option<Candidate>,
    /// The digest of the candidate's tag, if it was requested.
    digest: Option<Digest>,
    /// Whether it was requested in this pass.
    is_fresh: bool,
    rolled_back: Cow<'s, [RolledBack]>,
}

impl Asked<'_> {
    fn digest_now(&self) -> DigestNow<'_> {
        match (&self.candidate, &self.digest) {
            (Some(candidate), Some(digest)) => DigestNow::Is { tag: &candidate.tag, digest },
            _ => DigestNow::NotAsked,
        }
    }
}

impl Replay<'_> {
    /// Decides for a target, together with its group.
    pub(super) fn decide(
        &mut self,
        target: TargetId,
        now: Timestamp,
        approved: &mut Vec<(TargetId, Approved)>,
    ) {
        if let Some(group) = self.targets[target].group {
            return self.decide_set(group, self.targets[target].environment, now, approved);
        }
        self.look_at_soaking(target, now);
        self.see_health_before(target, now);
        let Some((candidate, digest, is_fresh)) = self.ask(target, now) else {
            return self.settle(target, None, now, approved);
        };
        let rolled_back = self.rolled_back(target);
        let asked = Asked { candidate, digest, is_fresh, rolled_back };
        let facts = self.facts(target, asked.digest_now(), &asked.rolled_back);
        let decision = facts.map(|facts| policy::decide_ungrouped(&self.policy_of(target), &facts, now));
        let decision = decision.map(|alone| alone.decide_fresh(asked.is_fresh));
        self.settle(target, decision, now, approved);
    }

    /// Decides for the members of a group in an environment together.
    fn decide_set(
        &mut self,
        group: usize,
        environment: EnvironmentId,
        now: Timestamp,
        approved: &mut Vec<(TargetId, Approved)>,
    ) {
        let members: Vec<TargetId> = self
            .targets
            .ids()
            .filter(|at| {
                self.targets[*at].environment == environment && self.targets[*at].group == Some(group)
            })
            .collect();
        let mut known = Vec::new();
        for target in members {
            self.due.remove(&(std::cmp::Reverse(environment), target));
            self.look_at_soaking(target, now);
            self.see_health_before(target, now);
            match self.ask(target, now) {
                Some(asked) => known.push((target, asked)),
                None => self.settle(target, None, now, approved),
            }
        }
        let is_unclear = self.is_unclear(group, environment);
        let unclear = is_unclear.then_some("a version of it cannot be read");
        let asked: Vec<(TargetId, Asked<'_>)> = known
            .into_iter()
            .map(|(target, (candidate, digest, is_fresh))| {
                (target, Asked { candidate, digest, is_fresh, rolled_back: self.rolled_back(target) })
            })
            .collect();
        let mut set: Vec<(TargetId, bool, Member<'_>)> = asked
            .iter()
            .map(|(target, asked)| (*target, asked.is_fresh, self.member(*target, asked, now)))
            .collect();
        let mut members: Vec<&mut Member<'_>> = set.iter_mut().map(|(.., member)| member).collect();
        let name = &self.policy.groups[group].name;
        policy::settle_together(name, &mut members, &Overrides::default(), unclear, now);
        let decisions: Vec<(TargetId, Option<Decision>)> = set
            .into_iter()
            .map(|(target, is_fresh, member)| {
                (target, member.alone.map(|alone| alone.decide_fresh(is_fresh)))
            })
            .collect();
        drop(asked);
        for (target, decision) in decisions {
            self.settle(target, decision, now, approved);
        }
    }

    fn member<'s>(&'s self, target: TargetId, asked: &'s Asked<'s>, now: Timestamp) -> Member<'s> {
        let policy = self.policy_of(target);
        let facts = self.facts(target, asked.digest_now(), &asked.rolled_back);
        Member::new(&self.subject_of(target).0, facts.map(|facts| (policy, facts)), now)
    }

    /// Whether a member of a group holds a tag without a version, here or in the previous environment.
    fn is_unclear(&self, group: usize, environment: EnvironmentId) -> bool {
        let before = self.policy.environments[environment].before;
        let concerns = |at: &TargetId| {
            let target = &self.targets[*at];
            (target.environment == environment || Some(target.environment) == before)
                && self.policy.groups[group].has(&self.subject_of(*at).0)
                && !target.line.held().is_empty()
                && target.line.running().is_none()
        };
        self.targets.ids().any(|at| concerns(&at))
    }

    /// The candidate, and its digest if that is worth a request; `None` if the running version is unknown.
    fn ask(&mut self, target: TargetId, now: Timestamp) -> Option<(Option<Candidate>, Option<Digest>, bool)> {
        let rolled_back = self.rolled_back(target);
        let facts = self.facts(target, DigestNow::NotAsked, &rolled_back)?;
        let policy = self.policy_of(target);
        let Ok(candidate) = policy::find_candidate(&policy, &facts, now) else {
            return Some((None, None, false));
        };
        let wants_digest = policy::evaluate(&policy, &facts, candidate, now).wants_digest();
        let candidate = candidate.clone();
        let selection = self.targets[target].selection;
        if wants_digest {
            let digest = self.registry.ask(selection, &candidate.tag, now);
            return Some((Some(candidate), digest, true));
        }
        let seen = self.registry.observations(selection).of(&candidate.tag).last();
        let digest = seen.map(|seen| seen.digest.clone());
        Some((Some(candidate), digest, false))
    }

    /// Requests the digests of versions that soak although they were replaced, and of those that soak in a group.
    fn look_at_soaking(&mut self, target: TargetId, now: Timestamp) {
        let here = &self.targets[target];
        let is_elapsed = here.soak_mode == SoakMode::Elapsed;
        let Some(before) = here.before.filter(|_| is_elapsed || here.group.is_some()) else { return };
        let Some(lowest) = here.line.running().and_then(|running| running.first()) else { return };
        let there = &self.targets[before].line;
        let past = there.past().iter().map(|run| &run.candidate).filter(|_| is_elapsed);
        let counts = |candidate: &&Candidate| {
            candidate.version > lowest.version || (here.group.is_some() && candidate.tag == lowest.tag)
        };
        let seen = self.registry.observations(here.selection);
        let is_new = |candidate: &&Candidate| here.group.is_some() || seen.of(&candidate.tag).is_empty();
        let unseen: Vec<Tag> = there
            .only()
            .into_iter()
            .chain(past)
            .filter(counts)
            .filter(is_new)
            .map(|candidate| candidate.tag.clone())
            .collect();
        let selection = here.selection;
        for tag in unseen {
            self.registry.ask(selection, &tag, now);
        }
    }

    fn policy_of(&self, target: TargetId) -> TargetPolicy<'_> {
        let here = &self.targets[target];
        TargetPolicy {
            environment: &self.policy.environments[here.environment].policy,
            rules: here.line.rules(),
            soak: here.soak,
            soak_mode: here.soak_mode,
            clock_tolerance: self.policy.clock_tolerance,
            minimum_age: here.minimum_age,
        }
    }

    /// The facts about a target; `None` if the running version is unknown.
    fn facts<'s>(
        &'s self,
        target: TargetId,
        digest_now: DigestNow<'s>,
        rolled_back: &'s [RolledBack],
    ) -> Option<Facts<'s>> {
        let here = &self.targets[target];
        Some(Facts {
            running: here.line.running()?,
            selection: self.registry.selection(here.selection),
            rolled_back,
            // Refused pull requests are not part of a replay: promotions count as merged at once.
            refused: None,
            before: self.before(target),
            observations: self.registry.observations(here.selection),
            digest_now,
            controls: &here.covering,
            reviewing: ReviewState::TakenAsGiven,
            train_hold: here.after.iter().find_map(|next| self.targets[*next].boards.as_ref()),
        })
    }

    fn before(&self, target: TargetId) -> Option<PreviousEnvironment<'_>> {
        let here = &self.targets[target];
        let before = self.policy.environments[here.environment].before?;
        let there = here.before.map(|before| &self.targets[before].line);
        Some(PreviousEnvironment {
            environment: &self.policy.environments[before].policy.name,
            running: there.map_or(PreviousRunning::Missing, Line::as_before),
            past: there.map(Line::past).unwrap_or_default(),
            unsigned: &self.unsigned,
            // A timeline does not record suspensions.
            inactive: None,
            health: here
                .before
                .and_then(|before| self.targets[before].health.as_ref())
                .map(ReplayedHealth::as_before),
        })
    }

    /// The versions that people rolled back from, here and in earlier environments.
    fn rolled_back(&self, target: TargetId) -> Cow<'_, [RolledBack]> {
        let chain = std::iter::successors(Some(target), |at| self.targets[*at].before);
        let mut left = chain.map(|at| self.targets[at].line.left()).filter(|left| !left.is_empty());
        match (left.next(), left.next()) {
            (None, _) => Cow::Borrowed(&[]),
            (Some(only), None) => Cow::Borrowed(only),
            (Some(one), Some(other)) => {
                Cow::Owned(one.iter().chain(other).chain(left.flatten()).cloned().collect())
            }
        }
    }

    /// Records a decision: when to decide again, what the target waits for, and what must wait for it.
    fn settle(
        &mut self,
        target: TargetId,
        decision: Option<Decision>,
        now: Timestamp,
        approved: &mut Vec<(TargetId, Approved)>,
    ) {
        if self.policy.soak_mode == SoakMode::Train {
            let to = &self.policy.environments[self.targets[target].environment].policy.name;
            let boards = decision.as_ref().and_then(|decision| policy::train_hold(to, decision));
            if boards != self.targets[target].boards {
                self.targets[target].boards = boards;
                let before = self.targets[target].before;
                self.due.extend(before.map(|at| (std::cmp::Reverse(self.targets[at].environment), at)));
            }
        }
        match decision {
            None | Some(Decision::Current { .. }) => {
                self.targets[target].waiting = None;
                self.wake_at(target, None);
            }
            Some(Decision::Promote(candidate)) => {
                self.wake_at(target, None);
                approved.push((target, *candidate));
            }
            Some(Decision::Wait(evaluation)) => {
                let here = &mut self.targets[target];
                let before = here.before;
                here.starved = starved(here.starved, &evaluation, now);
                here.waiting = Some(Waiting::go_on(here.waiting.take(), &evaluation, now));
                let healthy = before.and_then(|before| self.targets[before].health.as_ref());
                let changes_at = healthy.and_then(|health| health.changes_at);
                let wake = next_change(&evaluation, now).into_iter().chain(changes_at).min();
                self.wake_at(target, wake);
            }
        }
    }
}

/// When time alone changes an answer: at the opening of the next gate, which shows what it waits for after that.
fn next_change(evaluation: &GateEvaluation, now: Timestamp) -> Option<Timestamp> {
    let opens = evaluation.closed().filter_map(|report| match report.answer {
        Answer::ClosedUntil(at) => Some(at),
        Answer::Open | Answer::Closed | Answer::Refused => None,
    });
    opens.chain(evaluation.earliest()).filter(|at| *at > now).min()
}

/// The longest row of versions that were replaced before their soak ended.
fn starved(
    known: Option<StarvationPeriod>,
    evaluation: &GateEvaluation,
    now: Timestamp,
) -> Option<StarvationPeriod> {
    let Some(found) = evaluation.starvation() else { return known };
    let found = StarvationPeriod { superseded_count: found.superseded_count, since: found.since, until: now };
    match known {
        Some(known) if known.superseded_count > found.superseded_count => Some(known),
        _ => Some(found),
    }
}
