//! Verification after a promotion: whether a version became healthy in time, and what follows if it did not.

use std::time::Duration;

use chrono::TimeDelta;

use crate::model::{CommitId, Health, HealthObservation, Timestamp, Unhealthy, UnhealthyCause};

/// What follows when a promoted version does not become healthy in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It is reported.
    #[default]
    Report,
    /// A hold keeps the service as it is.
    Hold,
    /// The environment goes back to the last version that ran well, and the new one is quarantined.
    RollBack,
}

impl OnFailure {
    /// As the configuration and JSON write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Hold => "hold",
            Self::RollBack => "rollback",
        }
    }
}

/// The verification of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerificationPolicy {
    /// How long after its push a version must be healthy.
    pub within: Duration,
    /// What follows if it is not.
    pub on_failure: OnFailure,
}

/// A rollout to verify.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedRollout<'a> {
    /// The commit that brought the version.
    pub commit: CommitId,
    /// When it came to the branch.
    pub pushed_at: Timestamp,
    /// What the clusters say now.
    pub health: &'a Health,
    /// The changes of its target's health, oldest first.
    pub observed: &'a [HealthObservation],
}

/// How far a verification is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerificationStatus {
    /// The version became healthy. Whether it stays so is the business of the health gate.
    Passed,
    /// There is time left.
    Pending,
    /// The time is over, and a cluster cannot be asked or is not the right one. A printable sentence says why.
    Unknown(String),
    /// The time is over, and Flux has not tried the version: nothing speaks against the version itself.
    NotTried(Unhealthy),
    /// The time is over, and the version does not run well.
    Failed {
        /// The matter with it.
        why: Unhealthy,
        /// Whether somebody looked at the clusters in time. Otherwise it may have been healthy unseen.
        was_watched: bool,
    },
}

impl VerificationPolicy {
    /// Until when a version must be healthy.
    pub fn deadline(&self, pushed_at: Timestamp) -> Timestamp {
        let within = TimeDelta::from_std(self.within).unwrap_or(TimeDelta::MAX);
        pushed_at.checked_add_signed(within).unwrap_or(Timestamp::MAX_UTC)
    }

    /// How far the verification of a rollout is.
    pub fn verify(&self, rollout: &VerifiedRollout<'_>, now: Timestamp) -> VerificationStatus {
        let mut seen = rollout.observed.iter().filter(|change| change.commit == rollout.commit).peekable();
        let first_seen = seen.peek().map(|change| change.at);
        if *rollout.health == Health::Healthy || seen.any(HealthObservation::is_healthy) {
            return VerificationStatus::Passed;
        }
        let deadline = self.deadline(rollout.pushed_at);
        if now < deadline {
            return VerificationStatus::Pending;
        }
        match rollout.health {
            Health::Healthy => VerificationStatus::Passed,
            Health::Unknown(why) => VerificationStatus::Unknown(why.clone()),
            Health::Unhealthy(why) if was_tried(&why.cause) => VerificationStatus::Failed {
                why: why.clone(),
                was_watched: first_seen.is_some_and(|first| first <= deadline),
            },
            Health::Unhealthy(why) => VerificationStatus::NotTried(why.clone()),
        }
    }
}

/// Whether the cause says that Flux or Kubernetes tried this version.
fn was_tried(cause: &UnhealthyCause) -> bool {
    match cause {
        UnhealthyCause::NotReady { .. }
        | UnhealthyCause::Reconciling { .. }
        | UnhealthyCause::RollingOut { .. } => true,
        UnhealthyCause::Missing
        | UnhealthyCause::NoKustomization { .. }
        | UnhealthyCause::NotApplied { .. }
        | UnhealthyCause::OtherVersion { .. }
        | UnhealthyCause::VersionNotSeen
        | UnhealthyCause::Suspended
        | UnhealthyCause::Outdated => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::policy::fixture::at;

    const POLICY: VerificationPolicy =
        VerificationPolicy { within: Duration::from_mins(15), on_failure: OnFailure::RollBack };

    fn unhealthy(cause: UnhealthyCause) -> Health {
        Health::Unhealthy(Unhealthy { cluster: "c".to_owned(), object: "o".to_owned(), cause })
    }

    fn failing() -> Health {
        unhealthy(UnhealthyCause::NotReady { reason: "UpgradeFailed".to_owned(), message: String::new() })
    }

    /// Pushed at 09:00. The minutes of looks and whether each found it healthy; the minute of now, and the health then.
    #[rstest]
    #[case::at_once(&[(0, false)], 0, failing(), "pending")]
    #[case::in_time(&[(0, false), (5, true)], 16, failing(), "passed")]
    #[case::just_before(&[(0, false)], 14, failing(), "pending")]
    #[case::just_after(&[(0, false)], 15, failing(), "failed")]
    #[case::late_but_healthy(&[(0, false)], 20, Health::Healthy, "passed")]
    #[case::unreachable(&[(0, false)], 20, Health::Unknown("refused".to_owned()), "unknown")]
    #[case::not_applied(&[(0, false)], 20, unhealthy(UnhealthyCause::Outdated), "not tried")]
    #[case::suspended(&[(0, false)], 20, unhealthy(UnhealthyCause::Suspended), "not tried")]
    #[case::being_tried(&[(0, false)], 20, unhealthy(UnhealthyCause::RollingOut { progress: String::new() }), "failed")]
    #[case::the_store_was_lost(&[(60, false)], 60, failing(), "failed unseen")]
    fn a_version_has_to_become_healthy_in_time(
        #[case] looks: &[(i64, bool)],
        #[case] minute: i64,
        #[case] health: Health,
        #[case] expected: &str,
    ) {
        let commit = CommitId::from_bytes([1; 20]);
        let time = |minute: i64| at("2026-03-02T09:00:00Z") + TimeDelta::minutes(minute);
        let observed: Vec<HealthObservation> = looks
            .iter()
            .map(|(minute, is_healthy)| HealthObservation {
                commit,
                ready_since: is_healthy.then(|| time(*minute)),
                at: time(*minute),
            })
            .collect();
        let rollout = VerifiedRollout { commit, pushed_at: time(0), health: &health, observed: &observed };
        let said = match POLICY.verify(&rollout, time(minute)) {
            VerificationStatus::Passed => "passed",
            VerificationStatus::Pending => "pending",
            VerificationStatus::Unknown(_) => "unknown",
            VerificationStatus::NotTried(_) => "not tried",
            VerificationStatus::Failed { was_watched: true, .. } => "failed",
            VerificationStatus::Failed { was_watched: false, .. } => "failed unseen",
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn another_rollout_says_nothing_of_this_one() {
        let health = failing();
        let earlier = HealthObservation {
            commit: CommitId::from_bytes([2; 20]),
            ready_since: Some(at("2026-03-02T08:00:00Z")),
            at: at("2026-03-02T08:00:00Z"),
        };
        let rollout = VerifiedRollout {
            commit: CommitId::from_bytes([1; 20]),
            pushed_at: at("2026-03-02T09:00:00Z"),
            health: &health,
            observed: &[earlier],
        };
        let status = POLICY.verify(&rollout, at("2026-03-02T10:00:00Z"));
        assert!(matches!(status, VerificationStatus::Failed { was_watched: false, .. }), "{status:?}");
    }
}
