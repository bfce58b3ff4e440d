//! Limits of one registry: request rate, concurrency, and the pause that it asked for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{SubsecRound, Utc};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until};

use super::operation::Budget;
use super::settings::{HostSettings, Limits};
use crate::model::Timestamp;

/// Caps a requested pause; a registry that needs longer asks again.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Pauses that end within this time of each other are one.
const SAME_PAUSE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Throttle {
    rate: DefaultDirectRateLimiter,
    clock: DefaultClock,
    rate_queue: AsyncMutex<()>,
    in_flight: Arc<Semaphore>,
    pause: Mutex<Option<Pause>>,
    max_pause: Duration,
}

impl Throttle {
    pub(super) fn new(settings: &HostSettings, limits: &Limits) -> Self {
        let quota = Quota::per_second(settings.requests_per_second).allow_burst(settings.burst);
        Self {
            rate: RateLimiter::direct(quota),
            clock: DefaultClock::default(),
            rate_queue: AsyncMutex::new(()),
            in_flight: Arc::new(Semaphore::new(limits.max_in_flight.clamp(1, Semaphore::MAX_PERMITS))),
            pause: Mutex::new(None),
            max_pause: limits.max_pause,
        }
    }

    /// Waits for a permit, held for the length of the request. The wait extends the budget.
    ///
    /// # Errors
    /// The rest of a requested pause, when the budget does not cover it.
    pub(super) async fn acquire(
        &self,
        budget: &mut Budget,
    ) -> Result<Option<OwnedSemaphorePermit>, Timestamp> {
        let asked_at = Instant::now();
        // The semaphore is never closed, so this is always a permit.
        let permit = Arc::clone(&self.in_flight).acquire_owned().await.ok();
        if self.rate.check().is_err() {
            self.wait_for_rate().await;
        }
        budget.give_back(asked_at.elapsed());
        if let Some(pause) = self.current_pause() {
            let wait = pause.until.saturating_duration_since(Instant::now());
            if wait > self.max_pause || !budget.allows(wait) {
                return Err(pause.ends_at);
            }
            sleep_until(pause.until).await;
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

    /// Pauses all requests to the registry. Answers to requests that were sent together differ by moments: the first
    /// one's pause stays unless another lasts notably longer.
    pub(super) fn pause_for(&self, duration: Duration) {
        let duration = duration.min(LONGEST_PAUSE);
        let until = Instant::now() + duration;
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        if pause.is_none_or(|pause| until > pause.until + SAME_PAUSE) {
            let ends_at = Utc::now() + duration;
            *pause = Some(Pause { until, ends_at: ends_at.trunc_subsecs(0) });
        }
    }

    /// The end of a pause that is not over.
    pub(super) fn pause(&self) -> Option<Timestamp> {
        self.current_pause().map(|pause| pause.ends_at)
    }

    fn current_pause(&self) -> Option<Pause> {
        let pause = *self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        pause.filter(|pause| pause.until > Instant::now())
    }
}

/// A pause, by the clock that waits and by the one on the wall.
#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Instant,
    ends_at: Timestamp,
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
    async fn responses_to_concurrent_requests_make_one_pause() {
        let throttle = Throttle::new(&HostSettings::new("ghcr.io"), &Limits::default());
        throttle.pause_for(Duration::from_mins(10));
        let first = throttle.pause();
        throttle.pause_for(Duration::from_mins(10) + Duration::from_secs(3));
        assert_eq!(throttle.pause(), first);
        throttle.pause_for(Duration::from_mins(20));
        assert!(throttle.pause() > first);
    }

    #[tokio::test]
    async fn a_pause_beyond_the_budget_is_not_waited_for() {
        let throttle = Throttle::new(&HostSettings::new("ghcr.io"), &Limits::default());
        throttle.pause_for(Duration::from_mins(10));
        throttle.pause_for(Duration::from_secs(1));
        let until = throttle.acquire(&mut budget(Duration::from_mins(1))).await.unwrap_err();
        assert!(until - Utc::now() > chrono::TimeDelta::seconds(590), "the longer pause counts: {until:?}");
        assert_eq!(throttle.in_flight.available_permits(), 16, "the permit is returned");
    }
}
