//! Channels that are one HTTP POST of JSON.

use std::fmt;

use chrono::Utc;
use secrecy::ExposeSecret as _;

use super::{Parcel, SendFuture, Sender, Undelivered, google_chat, slack, teams, webhook};
use crate::notify::http::{HttpClient, PlainHttp, ReadSecret, Request};
use crate::notify::signature;

/// A channel that gets JSON.
pub struct Post {
    client: HttpClient,
    url: ReadSecret,
    form: PostForm,
}

/// What the JSON looks like.
pub enum PostForm {
    /// Slack's blocks.
    Slack,
    /// An Adaptive Card for a Workflow of Teams.
    Teams,
    /// A card of Google Chat.
    GoogleChat,
    /// Tidegate's own, signed with this secret.
    Webhook {
        /// The secret of the signature.
        secret: ReadSecret,
    },
}

impl Post {
    /// A channel at the URL that `url` reads.
    pub fn new(client: HttpClient, url: ReadSecret, form: PostForm) -> Self {
        Self { client, url, form }
    }
}

impl Sender for Post {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> SendFuture<'a> {
        Box::pin(async move {
            let body = match &self.form {
                PostForm::Slack => slack::body(parcel),
                PostForm::Teams => teams::body(parcel),
                PostForm::GoogleChat => google_chat::body(parcel),
                PostForm::Webhook { .. } => webhook::body(parcel),
            };
            let body = body.to_string().into_bytes();
            let headers = match &self.form {
                PostForm::Webhook { secret } => signed(secret, &parcel.id, &body)?,
                _ => Vec::new(),
            };
            let request = Request { url: &self.url, body, headers, plain_http: PlainHttp::Loopback };
            self.client.post(request).await
        })
    }

    fn check(&self) -> SendFuture<'_> {
        Box::pin(async move {
            if let PostForm::Webhook { secret } = &self.form {
                secret().map_err(|fault| Undelivered::later(fault.in_one_line()))?;
            }
            self.client.reach(&self.url, PlainHttp::Loopback).await
        })
    }
}

/// The headers of Standard Webhooks.
fn signed(secret: &ReadSecret, id: &str, body: &[u8]) -> Result<Vec<(&'static str, String)>, Undelivered> {
    let secret = secret().map_err(|fault| Undelivered::later(fault.in_one_line()))?;
    let timestamp = Utc::now().timestamp();
    let signature = signature::standard(secret.expose_secret(), id, timestamp, body);
    Ok(vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signature),
    ])
}

impl fmt::Debug for Post {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Post").finish_non_exhaustive()
    }
}
