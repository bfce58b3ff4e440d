//! How fast and how often one registry is asked: a rate, a number of requests under way, and the pause that it asked
//! for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until};

use super::operation::Budget;
use super::settings::{HostSettings, Limits};

/// The longest pause that is believed. A registry that means longer says so again.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// The limits of one registry.
#[derive(Debug)]
pub(super) struct Throttle {
    rate: DefaultDirectRateLimiter,
    clock: DefaultClock,
    line: AsyncMutex<()>,
    under_way: Arc<Semaphore>,
    paused_until: Mutex<Option<Instant>>,
}

impl Throttle {
    pub(super) fn new(settings: &HostSettings, limits: &Limits) -> Self {
        let quota = Quota::per_second(settings.requests_per_second).allow_burst(settings.burst);
        Self {
            rate: RateLimiter::direct(quota),
            clock: DefaultClock::default(),
            line: AsyncMutex::new(()),
            under_way: Arc::new(Semaphore::new(limits.requests_under_way.clamp(1, Semaphore::MAX_PERMITS))),
            paused_until: Mutex::new(None),
        }
    }

    /// Waits for a turn, which lasts as long as the permit is held. The wait is given back to the budget.
    ///
    /// # Errors
    /// How much longer the registry asked to be left alone, when that is more than the budget has.
    pub(super) async fn turn(&self, budget: &mut Budget) -> Result<Option<OwnedSemaphorePermit>, Duration> {
        let asked_at = Instant::now();
        // Never closed, so there is always a permit in the end.
        let permit = Arc::clone(&self.under_way).acquire_owned().await.ok();
        if self.rate.check().is_err() {
            self.wait_for_rate().await;
        }
        budget.give_back(asked_at.elapsed());
        if let Some(until) = self.pause() {
            let wait = until.saturating_duration_since(Instant::now());
            if !budget.allows(wait) {
                return Err(wait);
            }
            sleep_until(until).await;
        }
        Ok(permit)
    }

    /// Waits in line: were all to wait at once, all would wake for the one whose turn it is.
    async fn wait_for_rate(&self) {
        let _first_in_line = self.line.lock().await;
        while let Err(not_yet) = self.rate.check() {
            sleep(not_yet.wait_time_from(self.clock.now())).await;
        }
    }

    /// Leaves the registry alone for `duration`, whoever wants to ask it.
    pub(super) fn pause_for(&self, duration: Duration) {
        let until = Instant::now() + duration.min(LONGEST_PAUSE);
        let mut paused_until = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused_until = Some(paused_until.map_or(until, |before| before.max(until)));
    }

    fn pause(&self) -> Option<Instant> {
        let until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(operation_timeout: Duration) -> Budget {
        Budget::new(&Limits { operation_timeout, ..Limits::default() })
    }

    #[tokio::test]
    async fn a_burst_of_two_thousand_is_not_slowed() {
        let throttle = Throttle::new(&HostSettings::new("ghcr.io"), &Limits::default());
        let mut budget = budget(Duration::from_mins(1));
        for _ in 0..2_000 {
            assert!(throttle.rate.check().is_ok());
        }
        assert!(throttle.turn(&mut budget).await.is_ok());
    }

    #[tokio::test]
    async fn waiting_for_the_rate_is_given_back() {
        let settings = HostSettings { burst: 1.try_into().unwrap(), ..HostSettings::new("ghcr.io") };
        let throttle = Throttle::new(&settings, &Limits::default());
        let mut budget = budget(Duration::from_mins(1));
        let before = budget.left();
        drop(throttle.turn(&mut budget).await.unwrap());
        let started = Instant::now();
        drop(throttle.turn(&mut budget).await.unwrap());
        assert!(started.elapsed() >= Duration::from_millis(15), "50 a second is one in 20 ms");
        assert!(before.saturating_sub(budget.left()) < Duration::from_millis(15));
    }

    #[tokio::test]
    async fn only_so_many_turns_are_taken_at_once() {
        let limits = Limits { requests_under_way: 2, ..Limits::default() };
        let throttle = Throttle::new(&HostSettings::new("ghcr.io"), &limits);
        let mut budget = budget(Duration::from_mins(1));
        let first = throttle.turn(&mut budget).await.unwrap();
        let _second = throttle.turn(&mut budget).await.unwrap();
        assert_eq!(throttle.under_way.available_permits(), 0);
        drop(first);
        assert_eq!(throttle.under_way.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_pause_beyond_the_budget_is_not_waited_for() {
        let throttle = Throttle::new(&HostSettings::new("ghcr.io"), &Limits::default());
        throttle.pause_for(Duration::from_mins(10));
        throttle.pause_for(Duration::from_secs(1));
        let wait = throttle.turn(&mut budget(Duration::from_mins(1))).await.unwrap_err();
        assert!(wait > Duration::from_secs(590), "the longer pause counts: {wait:?}");
        assert_eq!(throttle.under_way.available_permits(), 16, "the permit is returned");
    }
}
