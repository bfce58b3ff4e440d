//! The identity of a promotion.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::Timestamp;

/// Trailer with the URL and branch that a commit of Tidegate was pushed to.
pub const BRANCH_TRAILER: &str = "Tidegate-Branch";

/// The requester of scheduled promotions.
pub const BY_SCHEDULE: &str = "schedule";

/// The requester of what follows when a promoted version does not become healthy.
pub const BY_VERIFICATION: &str = "verification";

/// The identity of one promotion, in the commit's `Tidegate-Promotion` trailer and in the store: a UUID of version 7
/// (RFC 9562), so that identities sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PromotionId(Uuid);

impl PromotionId {
    /// An id from its UUID.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// When the promotion was decided, to the millisecond; `None` if the UUID has no time.
    pub fn decided_at(self) -> Option<Timestamp> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        Timestamp::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    }
}

impl FromStr for PromotionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

impl fmt::Display for PromotionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}
