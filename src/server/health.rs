//! Whether the daemon is alive and ready, by the ends of its passes.
//!
//! Alive means that passes end, whether they succeed or not: a restart helps against a pass that hangs, and not against a
//! Git server that is down. Ready means that a pass over everything succeeded, and that none is overdue.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::Timestamp;

/// How long the first pass may take: it may have to read a long history.
const FIRST_PASS: Duration = Duration::from_hours(1);

/// The health of the daemon.
#[derive(Debug)]
pub struct Health {
    now: fn() -> Timestamp,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    started_at: Timestamp,
    /// The last pass that ended.
    ended: Option<PassEnd>,
    /// The last one that succeeded.
    succeeded: Option<PassEnd>,
}

#[derive(Clone, Copy, Debug)]
struct PassEnd {
    at: Timestamp,
    overdue_at: Option<Timestamp>,
}

/// The answer to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Whether all is well.
    pub is_ok: bool,
    /// Why, in one line.
    pub reason: String,
}

impl Health {
    /// The health of a daemon that starts at `now()`.
    pub fn new(now: fn() -> Timestamp) -> Self {
        let state = State { started_at: now(), ended: None, succeeded: None };
        Self { now, state: Mutex::new(state) }
    }

    /// A pass over everything ended at this moment. `overdue_at` is the time by which another one must have ended, if one is
    /// scheduled.
    pub fn pass_ended(&self, is_success: bool, overdue_at: Option<Timestamp>) {
        let end = PassEnd { at: (self.now)(), overdue_at };
        let mut state = self.lock();
        state.ended = Some(end);
        if is_success {
            state.succeeded = Some(end);
        }
    }

    /// Whether passes end.
    pub fn liveness(&self) -> HealthCheck {
        let (now, state) = ((self.now)(), self.lock());
        match state.ended {
            None if now - state.started_at <= FIRST_PASS_LIMIT => {
                ok("the first pass is under way".to_owned())
            }
            None => failed(format!(
                "the first pass has not ended for {} s",
                (now - state.started_at).num_seconds()
            )),
            Some(end) => judge(end, now, "ended"),
        }
    }

    /// Whether the first pass ended, well or not.
    pub fn startup(&self) -> HealthCheck {
        match self.lock().ended {
            None => failed("the first pass is under way".to_owned()),
            Some(_) => ok("the first pass ended".to_owned()),
        }
    }

    /// Whether a pass succeeded, and none is overdue.
    pub fn readiness(&self) -> HealthCheck {
        let (now, state) = ((self.now)(), self.lock());
        match (state.succeeded, state.ended) {
            (None, None) => failed("the first pass is under way".to_owned()),
            (None, Some(_)) => failed("no pass succeeded yet".to_owned()),
            (Some(end), _) => judge(end, now, "succeeded"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const FIRST_PASS_LIMIT: chrono::TimeDelta = chrono::TimeDelta::seconds(FIRST_PASS.as_secs().cast_signed());

fn judge(end: PassEnd, now: Timestamp, what: &str) -> HealthCheck {
    let reason = format!("the last pass {what} {} s ago", (now - end.at).num_seconds().max(0));
    if end.overdue_at.is_some_and(|overdue_at| now > overdue_at) {
        return failed(format!("{reason}, more than three times of the schedule"));
    }
    ok(reason)
}

fn ok(reason: String) -> HealthCheck {
    HealthCheck { is_ok: true, reason }
}

fn failed(reason: String) -> HealthCheck {
    HealthCheck { is_ok: false, reason }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// Seconds since 1970.
    static NOW: AtomicI64 = AtomicI64::new(0);

    fn now() -> Timestamp {
        chrono::DateTime::from_timestamp(NOW.load(Ordering::Relaxed), 0).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(second, 0).unwrap()
    }

    /// Live, ready and started at a second.
    fn probes(health: &Health, second: i64) -> (bool, bool, bool) {
        NOW.store(second, Ordering::Relaxed);
        (health.liveness().is_ok, health.readiness().is_ok, health.startup().is_ok)
    }

    #[test]
    fn health_follows_the_ends_of_passes() {
        NOW.store(1_000, Ordering::Relaxed);
        let health = Health::new(now);
        assert_eq!(probes(&health, 1_000), (true, false, false), "the first pass is under way");
        assert_eq!(probes(&health, 4_600), (true, false, false), "the first pass may take an hour");
        assert_eq!(probes(&health, 4_601), (false, false, false), "the first pass hangs");
        health.pass_ended(false, Some(at(4_780)));
        assert_eq!(probes(&health, 4_602), (true, false, true), "it failed, so nothing is ready");
        NOW.store(4_650, Ordering::Relaxed);
        health.pass_ended(true, Some(at(4_830)));
        assert_eq!(probes(&health, 4_830), (true, true, true));
        assert_eq!(probes(&health, 4_831), (false, false, true), "no pass ended in three schedules");
        health.pass_ended(false, Some(at(5_010)));
        assert_eq!(probes(&health, 4_832), (true, false, true), "passes end, and fail");
        assert_eq!(
            health.readiness().reason,
            "the last pass succeeded 182 s ago, more than three times of the schedule"
        );
        NOW.store(4_833, Ordering::Relaxed);
        health.pass_ended(true, None);
        assert_eq!(probes(&health, 9_999_999), (true, true, true), "nothing is scheduled");
    }
}
