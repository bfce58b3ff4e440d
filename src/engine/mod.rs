//! The engine: one pass from observation to record. Reaches the outside world by the ports of `port`; knows no HTTP, no SQL, no
//! libgit2.
//!
//! A pass is [`Engine::pass`]. The folders below are its steps, each importing only folders before it: `message`, `base`,
//! `state`, `history`, `plan`, `proposals`, `decide`, `deliver`, `reconcile` and `tasks`.

mod base;
mod decide;
mod deliver;
#[cfg(test)]
pub(crate) mod fake;
mod history;
mod message;
mod plan;
mod proposals;
mod reconcile;
mod state;
mod tasks;

pub use crate::policy::{Environment, Group, ServiceRules, ServiceSettings};
pub use base::mandate::Mandate;
pub use base::pass_options::{ManualPromotion, PassMode, PassOptions, RollbackRequest, Scope};
pub use base::problem::{Place, Problem, ProblemCondition, UnhealthyVersion};
pub use base::repository_policy::{Batch, Grouping, NotesPolicy, PullRequestPolicy, RepositoryPolicy};
pub use decide::evaluation::Evaluation;
pub use decide::health::{ClusterCheck, TargetHealth, check_clusters};
pub use decide::verification::{Spared, Verification};
pub use history::deployments::Deployment;
pub use history::moves::{HistoryQuery, Move, Mover};
pub use plan::edit_plan::{EditPlan, PlannedFile, Rollback};
pub use proposals::pull_requests::{Proposal, ProposedMove, PullRequests, Unmerged};
pub use reconcile::report::{PullRequestAction, PullRequestReport};
pub use state::deployed::{DeployedState, Target};
pub use state::flux_policies::PolicyPlace;
pub use state::repository_state::{RepositoryState, services_like};
pub use tasks::arrivals::Arrival;
pub use tasks::confirmed_plan::ConfirmedPlan;
pub use tasks::control_change::{ControlChange, ControlChangeResult, Release};
pub use tasks::engine::{Engine, Parts};
pub use tasks::explain::{
    CandidateStatus, Explained, Explanation, Question, TargetStatus, ToldGate, Verdict, explain_pass,
};
pub use tasks::releases::{DueRelease, ReleasePer};
pub use tasks::report::{PassReport, Promoted};
pub use tasks::timeline::Period;
