//! Wrong tokens by address: after many of them, further wrong ones are not counted for a while. A token that counts never waits.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::TimeDelta;

use crate::model::Timestamp;

/// So many wrong tokens,
const MOST: u32 = 10;

/// within so long.
const PERIOD: TimeDelta = TimeDelta::minutes(1);

/// The most addresses that are remembered; all are forgotten before there are more.
const MOST_ADDRESSES: usize = 4096;

/// Since when, and how many wrong tokens, by address.
#[derive(Default)]
pub(super) struct Attempts(HashMap<IpAddr, (Timestamp, u32)>);

impl Attempts {
    /// In how many seconds the address may try again; none where it may now.
    pub(super) fn wait(&self, address: IpAddr, now: Timestamp) -> Option<i64> {
        let (since, count) = self.0.get(&address)?;
        let left = *since + PERIOD - now;
        (*count >= MOST && left > TimeDelta::zero()).then(|| left.num_seconds().max(1))
    }

    /// Counts a wrong token. Returns whether the address must wait from now on.
    pub(super) fn failed(&mut self, address: IpAddr, now: Timestamp) -> bool {
        if self.0.len() >= MOST_ADDRESSES {
            self.0.clear();
        }
        let (since, count) = self.0.entry(address).or_insert((now, 0));
        if now >= *since + PERIOD {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count == MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_tokens_close_the_door_for_a_minute() {
        let (mut attempts, now) = (Attempts::default(), Timestamp::UNIX_EPOCH);
        let (here, there) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        for count in 1..=MOST {
            assert_eq!(attempts.wait(here, now), None);
            assert_eq!(attempts.failed(here, now), count == MOST);
        }
        assert_eq!(attempts.wait(here, now), Some(60));
        assert_eq!(attempts.wait(there, now), None);
        let later = now + PERIOD;
        assert_eq!(attempts.wait(here, later), None);
        attempts.failed(here, later);
        assert_eq!(attempts.wait(here, later), None);
    }
}
