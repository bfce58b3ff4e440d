//! Policy: selection, soak, windows and gates; `decide(policy, facts, now)`. Knows no IO, no clock, no async.
//!
//! Start with [`decide()`]. [`find_candidate()`] picks the version that would move, [`evaluate()`] asks every gate about it, and
//! only an evaluation whose gates are open or overridden becomes an [`Approved`], without which nothing is promoted.

mod approve;
mod calendar;
mod clock;
mod clock_change;
mod controls;
mod decide;
mod evaluate;
mod explain;
mod facts;
#[cfg(test)]
mod fixture;
mod gate_name;
mod gates;
mod group;
mod health_clock;
mod local_time;
mod nominate;
mod pattern;
mod proposal;
mod range;
mod repository;
mod review;
mod schedule;
mod select;
mod syntax_error;
mod verification;

pub use approve::{
    Approved, Direction, GatesClosed, Override, OverrideError, Overrides, approve_overriding,
    approve_rollback,
};
pub use calendar::{
    Freeze, FreezeError, TimeOfDay, TimeOfDayError, Window, WindowError, ending, open_spans, read_wall_time,
};
pub use clock::Began;
pub use controls::{
    Approval, Control, ControlKind, Controls, Coverage, FreezeControl, Hold, Note, Pin, Quarantine,
    UnreadableControl,
};
pub use decide::{Decision, UngroupedDecision, decide, decide_ungrouped, train_hold};
pub use evaluate::{GateEvaluation, Soaked, Starvation, evaluate};
pub use explain::{
    LeftOut, LeftOutTags, Offer, OverrideRequirement, Remedy, VersionReport, VersionStatus, is_permanent,
    offer, remedies, version_reports,
};
pub use facts::{
    ApprovalPolicy, DigestNow, EnvironmentPolicy, Facts, Fetched, Observations, Observed, PastRun,
    PreviousEnvironment, PreviousHealth, PreviousRunning, RefusedPullRequest, ReviewState, RolledBack,
    RolloutCommit, SoakMode, TargetPolicy, TrainHold, UnsignedCommits,
};
pub use gate_name::{GateName, GateNameError};
pub use gates::{
    AgeReason, Answer, ApprovalReason, ControlReference, DigestReason, FreezeReason, GateReport, GroupReason,
    HealthReason, HoldReason, OrderReason, PullRequestReference, QuarantineReason, Reason, ReviewReason,
    SoakReason, SoakTime, UnreadableFile, WindowReason,
};
pub use group::{Member, settle_together};
pub use local_time::LocalTime;
pub use nominate::{NoCandidate, find_candidate};
pub use pattern::{PatternError, TagPattern};
pub use proposal::{ProposalStatus, ProposedPromotion, proposal_status};
pub use range::Range;
pub use repository::{Environment, Group, ServiceRules, ServiceSettings};
pub use review::{ReviewVerdict, ReviewedPullRequest};
pub use schedule::Schedule;
pub use select::{Candidate, Selection, SelectionRules, TagOrder};
pub use syntax_error::SyntaxError;
pub use verification::{OnFailure, VerificationPolicy, VerificationStatus, VerifiedRollout};
