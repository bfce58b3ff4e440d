//! Notifications: events, their text in each channel, and the delivery of the outbox.
//!
//! An [`Event`] says what happened. [`Message`] puts it into words, a [`Sender`] brings it to one channel in that channel's
//! own form, and [`deliver`] takes messages from the [`Outbox`], in order, until the other side has them. Flux Receivers are
//! called by [`FluxReceiver`], without an outbox: Flux looks by itself later.
//!
//! This room does not know where events come from, nor how the outbox is stored.

mod channel;
mod delivery;
mod event;
mod flux;
mod http;
mod message;
mod retry;
mod samples;
mod signature;

pub use channel::{
    Accepted, EmailSettings, EmailTls, Mail, Parcel, Post, PostForm, SendFuture, Sender, Undelivered,
};
pub use delivery::{ChannelSettings, Outbox, deliver};
pub use event::{Event, Phase};
pub use flux::FluxReceiver;
pub use http::{HttpClient, ReadSecret};
pub use message::{Message, Wording};
pub use samples::samples;
