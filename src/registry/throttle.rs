//! Limits of one registry: request rate, concurrency, and the pause that it asked for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until};

use super::operation::Budget;
use super::settings::{HostSettings, Limits};

/// Caps a requested pause; a registry that needs longer asks again.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

#[derive(Debug)]
pub(super) struct Throttle {
    rate: DefaultDirectRateLimiter,
    clock: DefaultClock,
    rate_queue: AsyncMutex<()>,
    in_flight: Arc<Semaphore>,
    paused_until: Mutex<Option<Instant>>,
}

impl Throttle {
    pub(super) fn new(settings: &HostSettings, limits: &Limits) -> Self {
        let quota = Quota::per_second(settings.requests_per_second).allow_burst(settings.burst);
        Self {
            rate: RateLimiter::direct(quota),
            clock: DefaultClock::default(),
            rate_queue: AsyncMutex::new(()),
            in_flight: Arc::new(Semaphore::new(limits.max_in_flight.clamp(1, Semaphore::MAX_PERMITS))),
            paused_until: Mutex::new(None),
        }
    }

    /// Waits for a permit, held for the length of the request. The wait extends the budget.
    ///
    /// # Errors
    /// The rest of a requested pause, when the budget does not cover it.
    pub(super) async fn acquire(
        &self,
        budget: &mut Budget,
    ) -> Result<Option<OwnedSemaphorePermit>, Duration> {
        let asked_at = Instant::now();
        // The semaphore is never closed, so this is always a permit.
        let permit = Arc::clone(&self.in_flight).acquire_owned().await.ok();
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

    /// Queues behind a mutex: if all waited at once, all would wake for each free slot.
    async fn wait_for_rate(&self) {
        let _first_in_queue = self.rate_queue.lock().await;
        while let Err(not_yet) = self.rate.check() {
            sleep(not_yet.wait_time_from(self.clock.now())).await;
        }
    }

    /// Pauses all requests to the registry.
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
        assert!(throttle.acquire(&mut budget).await.is_ok());
    }

    #[tokio::test]
    async fn waiting_for_the_rate_extends_the_budget() {
        let settings = HostSettings { burst: 1.try_into().unwrap(), ..HostSettings::new("ghcr.io") };
        let throttle = Throttle::new(&settings, &Limits::default());
        let mut budget = budget(Duration::from_mins(1));
        let before = budget.left();
        drop(throttle.acquire(&mut budget).await.unwrap());
        let started = Instant::now();
        drop(throttle.acquire(&mut budget).await.unwrap());
        assert!(started.elapsed() >= Duration::from_millis(15), "50 a second is one in 20 ms");
        assert!(before.saturating_sub(budget.left()) < Duration::from_millis(15));
    }

    #[tokio::test]
    async fn concurrency_is_limited() {
        let limits = Limits { max_in_flight: 2, ..Limits::default() };
        let throttle = Throttle::new(&HostSettings::new("ghcr.io"), &limits);
        let mut budget = budget(Duration::from_mins(1));
        let first = throttle.acquire(&mut budget).await.unwrap();
        let _second = throttle.acquire(&mut budget).await.unwrap();
        assert_eq!(throttle.in_flight.available_permits(), 0);
        drop(first);
        assert_eq!(throttle.in_flight.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_pause_beyond_the_budget_is_not_waited_for() {
        let throttle = Throttle::new(&HostSettings::new("ghcr.io"), &Limits::default());
        throttle.pause_for(Duration::from_mins(10));
        throttle.pause_for(Duration::from_secs(1));
        let wait = throttle.acquire(&mut budget(Duration::from_mins(1))).await.unwrap_err();
        assert!(wait > Duration::from_secs(590), "the longer pause counts: {wait:?}");
        assert_eq!(throttle.in_flight.available_permits(), 16, "the permit is returned");
    }
}
