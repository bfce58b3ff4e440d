//! Notifications as they are stored: what was told, and the messages that wait for their channel. What a message says is
//! JSON that this room does not read.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// What people are told of. A kind that needs a cluster, unhealthy after promotion, has its place here once there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventKind {
    /// A higher tag came into an environment.
    Promoted,
    /// A lower tag came into an environment.
    RolledBack,
    /// A gate refuses a candidate.
    Refused,
    /// A target has waited for longer than the channel allows.
    Blocked,
    /// Only an approval is missing.
    ApprovalWanted,
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
    /// What was promoted, by schedule.
    Report,
}

impl EventKind {
    /// The kinds that a channel chooses from. A report is asked for by itself.
    pub const CHOICES: [Self; 10] = [
        Self::Promoted,
        Self::RolledBack,
        Self::Refused,
        Self::Blocked,
        Self::ApprovalWanted,
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
    /// Since when.
    pub since: Timestamp,
    /// What was told of it; nothing while it has not lasted long enough.
    pub told: Option<String>,
    /// The event that tells it, as JSON.
    pub event: String,
}

/// What was told so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The conditions that hold, by their key.
    pub conditions: BTreeMap<String, ConditionRecord>,
    /// How far other things were told, by name.
    pub marks: BTreeMap<String, String>,
}

/// A message that waits for its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Its place in the order of its channel.
    pub ordinal: i64,
    /// The same at every attempt, so that a receiver can drop what it has already.
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

/// What a pass changes in what was told, with its messages. It is stored whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToldChange {
    /// Conditions that are new or changed.
    pub conditions: Vec<(String, ConditionRecord)>,
    /// Conditions that are over.
    pub ended: Vec<String>,
    /// Marks that moved.
    pub marks: Vec<(String, String)>,
    /// Messages, in their order.
    pub messages: Vec<NewMessage>,
}

impl ToldChange {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
            && self.ended.is_empty()
            && self.marks.is_empty()
            && self.messages.is_empty()
    }
}

impl Told {
    /// Takes in what was stored.
    pub fn apply(&mut self, change: &ToldChange) {
        for key in &change.ended {
            self.conditions.remove(key);
        }
        self.conditions.extend(change.conditions.iter().cloned());
        self.marks.extend(change.marks.iter().cloned());
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The other side took it.
    Delivered,
    /// It was tried for too long, or refused.
    GivenUp,
}

/// How full a channel's part of the outbox is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxBacklog {
    /// The channel.
    pub channel: String,
    /// How many messages wait.
    pub messages: u64,
    /// When the oldest of them was written.
    pub oldest: Timestamp,
}
