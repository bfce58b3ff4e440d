//! The gates: named conditions on a promotion, one file each.
//!
//! A gate sees the policy, the facts, one candidate and the time. It knows neither the answers of other gates nor what
//! follows from its own.

mod age;
mod approval;
mod digest;
mod freeze;
mod group;
mod health;
mod hold;
mod order;
mod quarantine;
mod question;
mod report;
mod review;
mod soak;
#[cfg(test)]
mod tests;
mod window;

pub use age::AgeReason;
pub use approval::ApprovalReason;
pub use digest::DigestReason;
pub use freeze::FreezeReason;
pub use group::GroupReason;
pub use health::HealthReason;
pub use hold::{ControlReference, HoldReason, UnreadableFile};
pub use order::OrderReason;
pub use quarantine::QuarantineReason;
pub use question::Answer;
pub use report::{GateReport, Reason};
pub use review::{PullRequestReference, ReviewReason};
pub use soak::{SoakReason, SoakTime};
pub use window::WindowReason;

pub(super) use order::rollback_against;
pub(super) use question::Question;
pub(super) use soak::write_tags;

use crate::model::Digest;
use crate::policy::gate_name::GateName;

/// The reports of the gates, and values that they computed.
pub(super) struct Answers<'a> {
    /// In the order of [`GateName`].
    pub(super) reports: Vec<GateReport>,
    /// The digest of the candidate's tag, when the digest gate is open.
    pub(super) digest: Option<&'a Digest>,
    /// The soak of the candidate, while its clock runs.
    pub(super) soak_time: Option<SoakTime>,
}

/// Asks every gate but `group`, which needs the answers of the other members first, and `health` where there is no cluster.
pub(super) fn ask(question: Question<'_>) -> Answers<'_> {
    fn report<T>(gate: GateName, (answer, reason): (Answer, T), of: fn(T) -> Reason) -> GateReport {
        GateReport { gate, answer, reason: of(reason) }
    }
    let soaking = soak::Soaking::read(question);
    let digest = digest::ask(question, &soaking);
    let digest_is_open = digest.0 == Answer::Open;
    let soak_time = soaking.time(question);
    let soak = soak::ask(question, &soaking, soak_time.as_ref());
    let health = health::ask(question, &soaking);
    let mut reports = vec![
        report(GateName::Order, order::ask(question), Reason::Order),
        report(GateName::Hold, hold::ask(question), Reason::Hold),
        report(GateName::Quarantine, quarantine::ask(question), Reason::Quarantine),
        report(GateName::Age, age::ask(question), Reason::Age),
        report(GateName::Soak, soak, Reason::Soak),
        report(GateName::Digest, digest, Reason::Digest),
    ];
    reports.extend(health.map(|health| report(GateName::Health, health, Reason::Health)));
    reports.extend([
        report(GateName::Freeze, freeze::ask(question), Reason::Freeze),
        report(GateName::Window, window::ask(question), Reason::Window),
        report(GateName::Approval, approval::ask(question), Reason::Approval),
    ]);
    Answers { reports, digest: question.digest_now().filter(|_| digest_is_open), soak_time }
}
