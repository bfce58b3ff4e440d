//! Policy: selection, soak, windows and gates; `decide(policy, facts, now)`. Knows no IO, no clock, no async.
//!
//! Start with [`decide()`]. [`nominate()`] names the candidate, [`evaluate()`] asks every gate about it, and only an
//! evaluation whose gates are open or overridden becomes an [`Approved`], without which nothing can be promoted.

mod approve;
mod calendar;
mod clock;
mod controls;
mod decide;
mod evaluate;
mod explain;
mod facts;
#[cfg(test)]
mod fixture;
mod gates;
mod group;
mod nominate;
mod outlook;
mod pattern;
mod range;
mod repository;
mod review;
mod schedule;
mod select;
mod shown;
mod starvation;
mod train;

pub use approve::{
    Approved, Direction, Override, OverrideError, Overrides, StillClosed, approve_overriding,
    approve_rollback,
};
pub use calendar::{
    Freeze, FreezeError, TimeOfDay, TimeOfDayError, Window, WindowError, ending, read_wall_time,
};
pub use clock::Began;
pub use controls::{
    Approval, Control, Controls, Coverage, FreezeControl, Hold, Note, Pin, Quarantine, UnreadableControl,
};
pub use decide::{Consideration, Decision, consider, decide};
pub use evaluate::{GateEvaluation, Soaked, evaluate};
pub use explain::{Fate, Insisting, Offer, Remedy, VersionFate, fates, is_verdict, offer, remedies};
pub use facts::{
    Approving, Before, BeforeRunning, DigestNow, EnvironmentPolicy, Facts, Fetched, Observations, Observed,
    PastRun, RefusedPullRequest, Reviewing, RolledBack, RolloutCommit, SoakMode, TargetPolicy, TrainHold,
    Unsigned,
};
pub use gates::{
    Answer, ApprovalReason, DigestReason, FreezeReason, GateName, GateNameError, GateReport, GroupReason,
    HoldReason, OrderReason, QuarantineReason, Reason, ReviewReason, ShownNote, ShownProblem, ShownRequest,
    SoakReason, SoakTime, WindowReason,
};
pub use group::{Member, settle_together};
pub use nominate::{NoCandidate, Nomination, nominate};
pub use outlook::{LetThrough, Outlook, outlook};
pub use pattern::{PatternError, TagPattern};
pub use range::{Range, RangeError};
pub use repository::{Environment, Group, ServiceRules, ServiceSettings};
pub use review::{ReviewVerdict, ReviewedPullRequest};
pub use schedule::{Schedule, ScheduleError};
pub use select::{Candidate, Selection, SelectionRules};
pub use shown::{ShownDuration, ShownTime};
pub use starvation::Starvation;
pub use train::train_hold;
