//! Notifications as they are stored: the conditions and marks already notified, and the messages that wait for their
//! channel. A message is JSON that this room does not read.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The kind of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventKind {
    /// An environment moved to a higher tag.
    Promoted,
    /// An environment moved to a lower tag.
    RolledBack,
    /// A gate refuses a candidate.
    Refused,
    /// A target has waited for longer than the channel allows.
    Blocked,
    /// Only an approval is missing.
    ApprovalWanted,
    /// A version did not become healthy in time.
    Unhealthy,
    /// A pass reports an error.
    Problem,
    /// A name in the configuration matches nothing.
    NamesUnmatched,
    /// A registry does not answer.
    RegistrySilent,
    /// Several passes in a row failed.
    PassesFailing,
    /// A credential ends soon.
    CredentialEnds,
    /// A scheduled list of promotions.
    Report,
}

impl EventKind {
    /// The kinds that a channel chooses from. A report has a setting of its own.
    pub const CHOICES: [Self; 11] = [
        Self::Promoted,
        Self::RolledBack,
        Self::Refused,
        Self::Blocked,
        Self::ApprovalWanted,
        Self::Unhealthy,
        Self::Problem,
        Self::NamesUnmatched,
        Self::RegistrySilent,
        Self::PassesFailing,
        Self::CredentialEnds,
    ];

    /// The name in configuration, JSON and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::RolledBack => "rolledBack",
            Self::Refused => "refused",
            Self::Blocked => "blocked",
            Self::ApprovalWanted => "approvalWanted",
            Self::Unhealthy => "unhealthy",
            Self::Problem => "problem",
            Self::NamesUnmatched => "namesUnmatched",
            Self::RegistrySilent => "registrySilent",
            Self::PassesFailing => "passesFailing",
            Self::CredentialEnds => "credentialEnds",
            Self::Report => "report",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A condition that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionRecord {
    /// The start of the condition.
    pub since: Timestamp,
    /// The state that was notified; none while the condition has not lasted long enough.
    pub notified: Option<String>,
    /// The event that announces it, as JSON.
    pub event: String,
}

/// What was notified so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationState {
    /// The conditions that hold, by their key.
    pub conditions: BTreeMap<String, ConditionRecord>,
    /// Positions by name: the last notified commit, the time of the last report.
    pub marks: BTreeMap<String, String>,
}

/// A message that waits for its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Its position in its channel.
    pub ordinal: i64,
    /// The same at every attempt, so that a receiver can drop duplicates.
    pub id: String,
    /// The event, as JSON.
    pub event: String,
    /// When it was written.
    pub written_at: Timestamp,
}

/// A message to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// The same at every attempt.
    pub id: String,
    /// The name of its channel.
    pub channel: String,
    /// The event, as JSON.
    pub event: String,
    /// When it may be delivered.
    pub due_at: Timestamp,
}

/// A change of the [`NotificationState`] with its messages, stored in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationChange {
    /// Conditions that are new or changed.
    pub conditions: Vec<(String, ConditionRecord)>,
    /// Conditions that are over.
    pub ended: Vec<String>,
    /// Marks that moved.
    pub marks: Vec<(String, String)>,
    /// Messages, in their order.
    pub messages: Vec<NewMessage>,
}

impl NotificationChange {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
            && self.ended.is_empty()
            && self.marks.is_empty()
            && self.messages.is_empty()
    }
}

impl NotificationState {
    /// Applies a stored change.
    pub fn apply(&mut self, change: &NotificationChange) {
        for key in &change.ended {
            self.conditions.remove(key);
        }
        self.conditions.extend(change.conditions.iter().cloned());
        self.marks.extend(change.marks.iter().cloned());
    }
}

/// The end of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver accepted it.
    Delivered,
    /// It was tried for too long, or rejected.
    GivenUp,
}

/// The messages that wait in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxBacklog {
    /// The channel.
    pub channel: String,
    /// Number of messages.
    pub messages: u64,
    /// When the oldest of them was written.
    pub oldest: Timestamp,
}
