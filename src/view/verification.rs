//! The verification of what runs: as a document, and in words.

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::Verification;
use crate::model::{Elapsed, Timestamp};
use crate::policy::{OnFailure, VerificationPolicy, VerificationStatus};

use super::time;

/// Whether what runs became healthy in time, and what follows.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerificationBody {
    pub(crate) state: VerificationState,
    /// The promotion; none where a person set the version.
    pub(crate) promotion: Option<String>,
    pub(crate) within_seconds: u64,
    pub(crate) deadline: Timestamp,
    /// As configured: `report`, `hold` or `rollback`.
    pub(crate) on_failure: &'static str,
    /// What the next pass does: `hold` or `rollback`.
    pub(crate) follows: Option<&'static str>,
    /// Why it is not healthy, or not known.
    pub(crate) reason: Option<String>,
    /// Why a failure is only reported, whatever is configured.
    pub(crate) spared: Option<String>,
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum VerificationState {
    Passed,
    Pending,
    /// A cluster cannot be asked.
    Unknown,
    /// Flux has not tried the version.
    NotTried,
    Failed,
}

pub(crate) fn verification(one: &Verification) -> VerificationBody {
    let (state, reason) = match &one.status {
        VerificationStatus::Passed => (VerificationState::Passed, None),
        VerificationStatus::Pending => (VerificationState::Pending, None),
        VerificationStatus::Unknown(why) => (VerificationState::Unknown, Some(why.clone())),
        VerificationStatus::NotTried(why) => (VerificationState::NotTried, Some(why.to_string())),
        VerificationStatus::Failed { why, .. } => (VerificationState::Failed, Some(why.to_string())),
    };
    VerificationBody {
        state,
        promotion: one.promotion.map(|promotion| promotion.to_string()),
        within_seconds: one.within.as_secs(),
        deadline: one.deadline,
        on_failure: one.on_failure.as_str(),
        follows: one.follows().map(OnFailure::as_str),
        reason,
        spared: one.spared.as_ref().map(ToString::to_string),
    }
}

/// What will happen and when, of a verification that has not passed.
pub(crate) fn sentence(one: &Verification, zone: Tz) -> Option<String> {
    let deadline = time::local(one.deadline, zone);
    let wanted = match (&one.spared, one.on_failure) {
        (Some(_), _) => OnFailure::Report,
        (None, wanted) => wanted,
    };
    Some(match &one.status {
        VerificationStatus::Passed => return None,
        VerificationStatus::Pending => {
            let spared = one.spared.as_ref().filter(|_| one.on_failure != OnFailure::Report);
            let spared = spared.map(|spared| format!(" ({spared})")).unwrap_or_default();
            format!("{} must be healthy by {deadline}; otherwise {}{spared}", one.tag, consequence(wanted))
        }
        VerificationStatus::Unknown(why) => format!(
            "{} had to be healthy by {deadline}, and nobody can tell: {why}; nothing follows until the cluster answers",
            one.tag
        ),
        VerificationStatus::NotTried(why) => format!(
            "{} did not become healthy by {deadline}: {why}; nothing follows until Flux has tried it",
            one.tag
        ),
        VerificationStatus::Failed { why, .. } => {
            let now = match (one.follows(), &one.spared) {
                (Some(follows), _) => format!("now {}", consequence(follows)),
                (None, Some(spared)) => format!("it is only reported: {spared}"),
                (None, None) => consequence(OnFailure::Report).to_owned(),
            };
            format!("{} did not become healthy by {deadline}: {why}; {now}", one.tag)
        }
    })
}

/// What will be verified of a promotion that is not pushed yet.
pub(crate) fn intention(policy: &VerificationPolicy) -> String {
    let within = Elapsed(policy.within);
    format!("must be healthy within {within} of the push; otherwise {}", consequence(policy.on_failure))
}

fn consequence(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::Report => "it is reported",
        OnFailure::Hold => "Tidegate holds the service here",
        OnFailure::RollBack => "Tidegate rolls it back and quarantines it",
    }
}
