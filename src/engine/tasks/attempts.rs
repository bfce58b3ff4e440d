//! Attempts to push, when somebody else's push may come first.

use std::time::Duration;

use crate::model::{Class, Fault};
use crate::port::Clock;

/// Maximum attempts before a task gives up.
const MOST_ATTEMPTS: u32 = 6;

/// Counts the attempts of one task.
#[derive(Debug, Default)]
pub(super) struct Attempts(u32);

impl Attempts {
    /// Waits for the next attempt after the branch moved first.
    ///
    /// # Errors
    /// After the last attempt.
    pub(super) async fn branch_moved<C: Clock>(&mut self, clock: &C) -> Result<(), Fault> {
        self.0 += 1;
        if self.0 >= MOST_ATTEMPTS {
            let message = format!("the branch moved before each of {MOST_ATTEMPTS} pushes");
            return Err(Fault::new(Class::TryAgain, message).with_hint("nothing was pushed; try again"));
        }
        tracing::info!(attempt = self.0, "the branch moved before the push; deciding again");
        clock.sleep(pause_before(self.0)).await;
        Ok(())
    }
}

/// Longer with each attempt, and never the same for two processes.
fn pause_before(attempt: u32) -> Duration {
    let most_ms = 50u64 << attempt.min(6);
    // The last bits of a UUID of version 7 are random (RFC 9562, section 5.7).
    let random = uuid::Uuid::now_v7().as_u64_pair().1;
    Duration::from_millis(most_ms / 2 + random % most_ms)
}
