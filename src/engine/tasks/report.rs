//! What a pass saw, decided and did.

use crate::engine::base::problem::{Problem, ProblemCondition};
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::plan::edit_plan::EditPlan;
use crate::engine::reconcile::report::PullRequestReport;
use crate::engine::state::deployed::Target;
use crate::model::{
    CommitId, Digest, EnvironmentName, ImageName, Intent, Outcome, PromotionId, RepoPath, ServiceName, Tag,
    TargetId, Timestamp,
};

/// What a pass saw, decided and did.
#[derive(Debug)]
pub struct PassReport {
    /// What was decided, on the commit that promotions were made from.
    pub evaluation: Evaluation,
    /// The promotions that were planned and not pushed: those of a dry run.
    pub planned: Vec<EditPlan>,
    /// The promotions that were pushed.
    pub promoted: Vec<Promoted>,
    /// The pull requests, with what is or was done about each.
    pub requests: Vec<PullRequestReport>,
    /// The intents of an interrupted pass, with their outcomes.
    pub recovered: Vec<(Intent, Outcome)>,
    /// What could not be read, matched or done.
    pub problems: Vec<Problem>,
    /// When to look again at the latest, if a gate is known to open.
    pub next_opening: Option<Timestamp>,
    /// The targets of a scoped pass.
    pub scope: Option<Vec<TargetId>>,
}

/// A promotion that is on the branch.
#[derive(Clone, Debug)]
pub struct Promoted {
    /// Its id.
    pub id: PromotionId,
    /// Its commit.
    pub commit: CommitId,
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The image.
    pub image: ImageName,
    /// The lowest tag that ran.
    pub from: Tag,
    /// The tag that was written.
    pub to: Tag,
    /// Its digest.
    pub digest: Digest,
    /// The control file by which a rollback quarantined the version rolled back from.
    pub quarantine: Option<RepoPath>,
}

impl PassReport {
    /// Whether nothing is to be done.
    pub fn is_idle(&self) -> bool {
        self.planned.is_empty() && !self.requests.iter().any(PullRequestReport::has_work)
    }

    /// The hosts of registries that did not answer, or only sometimes.
    pub fn silent_registries(&self) -> Vec<&str> {
        let mut hosts: Vec<&str> = self
            .problems
            .iter()
            .filter_map(|problem| match &problem.condition {
                Some(ProblemCondition::SilentRegistry { host }) => Some(host.as_str()),
                _ => None,
            })
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    /// The report of a pass that followed another one, with what both did.
    #[must_use]
    pub fn after(mut self, earlier: Self) -> Self {
        self.promoted.splice(..0, earlier.promoted);
        self.recovered.splice(..0, earlier.recovered);
        for request in earlier.requests.into_iter().filter(|request| request.is_done) {
            match self.requests.iter_mut().find(|now| now.branch == request.branch) {
                Some(now) if now.is_done => {}
                Some(now) => *now = request,
                None => self.requests.push(request),
            }
        }
        self
    }

    /// The head of the branch after the pass: its commits stand on one another.
    pub fn head(&self) -> CommitId {
        self.promoted.last().map_or(self.evaluation.state.commit(), |last| last.commit)
    }

    /// What this scoped pass found, and what `earlier` found about every other target. None where anything but what `earlier`
    /// promoted came to the branch in between: only a pass over everything tells what that changed.
    pub fn completed_by(self, earlier: &Self) -> Option<Self> {
        let scope = self.scope.as_ref()?;
        let (targets, before) =
            (&self.evaluation.state.deployed.targets, &earlier.evaluation.state.deployed.targets);
        let is_same = |(now, then): (&Target, &Target)| {
            now.environment == then.environment
                && now.service() == then.service()
                && now.image() == then.image()
        };
        let are_same = targets.len() == before.len() && targets.iter().zip(before).all(is_same);
        if self.evaluation.state.commit() != earlier.head() || !are_same {
            return None;
        }
        let concerns = |service: &ServiceName, image: Option<&ImageName>| {
            scope.iter().map(|at| &targets[*at]).any(|target| {
                target.service() == service && image.is_none_or(|image| target.image() == image)
            })
        };
        let files = &earlier.evaluation.state.deployed.problems;
        let others = earlier.problems.iter().filter(|problem| {
            !files.contains(problem)
                && !problem.service.as_ref().is_some_and(|service| concerns(service, None))
                && !self.problems.iter().any(|known| known.key() == problem.key())
        });
        let problems = self.problems.iter().chain(others).cloned().collect();
        let planned = earlier.planned.iter().filter(|plan| !scope.contains(&plan.target)).cloned();
        let requests = earlier.requests.iter().filter(|request| {
            !self.requests.iter().any(|now| now.branch == request.branch)
                && !request.moves.iter().any(|one| concerns(&one.service, Some(&one.image)))
        });
        let requests = self.requests.iter().chain(requests).cloned().collect();
        let evaluation = self.evaluation.completed_by(&earlier.evaluation, scope);
        Some(Self {
            planned: self.planned.into_iter().chain(planned).collect(),
            promoted: earlier.promoted.iter().cloned().chain(self.promoted).collect(),
            requests,
            recovered: self.recovered,
            problems,
            next_opening: evaluation.next_opening(),
            scope: None,
            evaluation,
        })
    }

    /// What is to be pushed, and what is to be proposed.
    pub fn plans(&self) -> impl Iterator<Item = &EditPlan> {
        self.planned.iter().chain(self.requests.iter().flat_map(|request| &request.plans))
    }
}

#[cfg(test)]
mod tests;
