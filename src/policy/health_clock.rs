//! The health clock: since when a rollout has been healthy, from what passes observed.
//!
//! Where two readings are possible, the one that counts less time is taken: between two looks that found it healthy by
//! different transitions, nothing counts.

use std::time::Duration;

use crate::model::{CommitId, HealthObservation, Timestamp};

use super::facts::SoakMode;
use super::local_time::elapsed;

/// How long a rollout has been healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HealthClock {
    /// Its start.
    pub(super) since: Timestamp,
    /// How long it stood still since then.
    pub(super) interrupted: Duration,
    /// Since when it stands still because health was lost; `None` while it runs.
    pub(super) stopped_at: Option<Timestamp>,
}

/// Reads the clock of a rollout from the observations of its target, oldest first; `None` if it was never healthy, or is not
/// and only an unbroken time counts.
pub(super) fn health_clock(
    observed: &[HealthObservation],
    commit: CommitId,
    mode: SoakMode,
) -> Option<HealthClock> {
    let mut changes: Vec<&HealthObservation> = Vec::new();
    for change in observed.iter().filter(|change| change.commit == commit) {
        // Two processes may see the same.
        if changes.last().is_none_or(|last| !last.is_same(change)) {
            changes.push(change);
        }
    }
    match mode {
        SoakMode::Continuous | SoakMode::Train => {
            let last = changes.last().filter(|last| last.is_healthy())?;
            Some(HealthClock { since: last.at, interrupted: Duration::ZERO, stopped_at: None })
        }
        SoakMode::Elapsed => elapsed_clock(&changes),
    }
}

/// The clock that goes on when health comes back.
fn elapsed_clock(changes: &[&HealthObservation]) -> Option<HealthClock> {
    let first = changes.iter().position(|change| change.is_healthy())?;
    let changes = &changes[first..];
    let mut interrupted = Duration::ZERO;
    for pair in changes.windows(2) {
        let [one, next] = pair else { continue };
        // From one transition to another, it was lost at a time that nobody saw.
        if !one.is_healthy() || next.is_healthy() {
            interrupted += elapsed(one.at, next.at);
        }
    }
    let last = changes.last()?;
    let stopped_at = (!last.is_healthy()).then_some(last.at);
    Some(HealthClock { since: changes.first()?.at, interrupted, stopped_at })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::policy::fixture::at;

    fn observed(hours: &[(u32, Option<u32>)]) -> Vec<HealthObservation> {
        let time = |hour: u32| at(&format!("2026-03-02T{hour:02}:00:00Z"));
        hours
            .iter()
            .map(|(hour, ready)| HealthObservation {
                commit: CommitId::from_bytes([1; 20]),
                ready_since: ready.map(time),
                at: time(*hour),
            })
            .collect()
    }

    /// Hours of observation with the hour since when it was ready; what counts: since, hours interrupted, stopped.
    #[rstest]
    #[case::never(&[], None, None)]
    #[case::not_yet(&[(9, None)], None, None)]
    #[case::healthy(&[(9, None), (10, Some(10))], Some((10, 0, None)), Some((10, 0, None)))]
    #[case::seen_by_two(&[(10, Some(9)), (11, Some(9))], Some((10, 0, None)), Some((10, 0, None)))]
    #[case::lost(&[(10, Some(9)), (12, None)], None, Some((10, 0, Some(12))))]
    #[case::came_back(&[(10, Some(9)), (12, None), (15, Some(15))], Some((15, 0, None)), Some((10, 3, None)))]
    #[case::lost_unseen(&[(10, Some(9)), (12, Some(11))], Some((12, 0, None)), Some((10, 2, None)))]
    fn health_counts_by_the_mode(
        #[case] hours: &[(u32, Option<u32>)],
        #[case] continuous: Option<(u32, u64, Option<u32>)>,
        #[case] elapsed: Option<(u32, u64, Option<u32>)>,
    ) {
        let time = |hour: u32| at(&format!("2026-03-02T{hour:02}:00:00Z"));
        let clock = |(since, interrupted, stopped): (u32, u64, Option<u32>)| HealthClock {
            since: time(since),
            interrupted: Duration::from_hours(interrupted),
            stopped_at: stopped.map(time),
        };
        let read = |mode| health_clock(&observed(hours), CommitId::from_bytes([1; 20]), mode);
        assert_eq!(read(SoakMode::Continuous), continuous.map(clock));
        assert_eq!(read(SoakMode::Train), continuous.map(clock));
        assert_eq!(read(SoakMode::Elapsed), elapsed.map(clock));
    }

    #[test]
    fn another_rollout_of_the_same_version_begins_anew() {
        let observed = observed(&[(9, Some(9))]);
        assert_eq!(health_clock(&observed, CommitId::from_bytes([2; 20]), SoakMode::Continuous), None);
    }
}
