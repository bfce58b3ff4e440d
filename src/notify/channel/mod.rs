//! The channels: each puts a message into its own form, escaped, and sends it.

mod email;
mod google_chat;
mod post;
mod slack;
mod teams;
mod webhook;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::event::Event;
use super::message::Message;

pub use email::{EmailSettings, EmailTls, Mail};
pub use post::{Post, PostForm};

/// What is sent at once: one event, or those of a digest.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The same at every attempt.
    pub id: String,
    /// The events, oldest first; at least one.
    pub events: Vec<Event>,
    /// The events in words.
    pub message: Message,
}

/// What the other side answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// A status and the beginning of its text, printable.
    pub answer: String,
}

/// Why a message did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It may arrive later.
    Later {
        /// What happened, printable and without secrets.
        reason: String,
        /// How long the other side asks to wait.
        pause: Option<Duration>,
    },
    /// The other side does not take this message, whenever it is sent.
    Rejected {
        /// What it says, printable and without secrets.
        reason: String,
    },
}

impl Undelivered {
    /// It may arrive later, and nobody asked for a pause.
    pub fn later(reason: impl Into<String>) -> Self {
        Self::Later { reason: reason.into(), pause: None }
    }

    /// What happened.
    pub fn reason(&self) -> &str {
        match self {
            Self::Later { reason, .. } | Self::Rejected { reason } => reason,
        }
    }
}

/// The end of an attempt.
pub type SendFuture<'a> = Pin<Box<dyn Future<Output = Result<Accepted, Undelivered>> + Send + 'a>>;

/// Brings messages to one channel.
pub trait Sender: Send + Sync {
    /// Sends it once. It may arrive even where the answer is an error.
    fn send<'a>(&'a self, parcel: &'a Parcel) -> SendFuture<'a>;

    /// Whether the other side answers, as far as that shows without a message.
    fn check(&self) -> SendFuture<'_>;
}

/// The text, escaped character by character, cut before it is longer than `most_bytes`.
fn bounded(text: &str, most_bytes: usize, escape: impl Fn(char, &mut String)) -> String {
    const CUT: &str = "…";
    let mut escaped = String::new();
    for letter in text.chars() {
        let before = escaped.len();
        escape(letter, &mut escaped);
        if escaped.len() > most_bytes - CUT.len() {
            escaped.truncate(before);
            escaped.push_str(CUT);
            break;
        }
    }
    escaped
}

/// Escapes what HTML and Slack's markup read as a tag, a link or an entity.
fn escape_markup(letter: char, text: &mut String) {
    match letter {
        '&' => text.push_str("&amp;"),
        '<' => text.push_str("&lt;"),
        '>' => text.push_str("&gt;"),
        other => text.push(other),
    }
}

#[cfg(test)]
mod tests;
