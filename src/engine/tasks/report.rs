//! What a pass saw, decided and did.

use crate::engine::base::problem::{Problem, ProblemCondition};
use crate::engine::decide::evaluation::Evaluation;
use crate::engine::plan::edit_plan::EditPlan;
use crate::engine::reconcile::report::PullRequestReport;
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

    /// What is to be pushed, and what is to be proposed.
    pub fn plans(&self) -> impl Iterator<Item = &EditPlan> {
        self.planned.iter().chain(self.requests.iter().flat_map(|request| &request.plans))
    }
}
