//! Policy: selection, soak, windows and gates; `decide(policy, facts, now)`. Knows no IO, no clock, no async.
//!
//! Start with [`decide()`]. [`nominate()`] names the candidate, [`evaluate()`] asks every gate about it, and only an
//! evaluation whose gates are open or overridden becomes an [`Approved`], without which nothing can be promoted.

mod approve;
mod calendar;
mod clock;
mod decide;
mod evaluate;
mod facts;
#[cfg(test)]
mod fixture;
mod gates;
mod nominate;
mod pattern;
mod range;
mod schedule;
mod select;
mod shown;

pub use approve::{Approved, Override, OverrideError, StillClosed, approve_overriding};
pub use calendar::{Freeze, FreezeError, TimeOfDay, TimeOfDayError, Window, WindowError};
pub use clock::Began;
pub use decide::{Decision, decide};
pub use evaluate::{Evaluation, Soaked, evaluate};
pub use facts::{
    Before, BeforeRunning, EnvironmentPolicy, Facts, Fetched, Landing, MovedBack, Observed, TrackPolicy,
};
pub use gates::{
    Answer, ApprovalReason, DigestReason, FreezeReason, GateName, GateNameError, GateReport, OrderReason,
    Reason, SoakReason, SoakTime, WindowReason,
};
pub use nominate::{NoCandidate, Nomination, nominate};
pub use pattern::{PatternError, TagPattern};
pub use range::{Range, RangeError};
pub use schedule::{Schedule, ScheduleError};
pub use select::{Candidate, Selection, SelectionRules};
pub use shown::{ShownDuration, ShownTime};
