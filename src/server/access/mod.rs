//! Who may read: tokens in a header, sessions of browsers, and limits on wrong ones.
//!
//! A program shows its token with every request. A browser shows it once, on the login page, and gets a session: a random
//! cookie that no script can read. Its forms have a secret of their own, so that no other site can send them.

mod attempts;
mod login;
mod sessions;

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};

use super::problem::Problem;
use super::secret::is_equal;
use crate::model::{AccessToken, AuditEntry, Fault, ShownToken, Timestamp, TokenId};
use attempts::Attempts;
use sessions::Sessions;

pub(super) use login::{LoginPage, answer, is_own as is_own_form, page};

/// The cookie of a session.
const COOKIE_NAME: &str = "tidegate_session";

/// An answer that takes time.
pub(crate) type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Where tokens and the audit log are kept.
pub(crate) trait Tokens: Send + Sync {
    /// A token by its id.
    fn token<'a>(&'a self, id: &'a TokenId) -> Answering<'a, Option<AccessToken>>;

    /// Adds an entry to the audit log.
    fn record<'a>(&'a self, entry: &'a AuditEntry) -> Answering<'a, ()>;

    /// The last entries of the audit log since a time, newest first.
    fn audit(&self, since: Option<Timestamp>, most: usize) -> Answering<'_, Vec<AuditEntry>>;
}

/// The address that a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

impl Peer {
    /// Where nobody says: all such connections are one.
    pub(super) const UNKNOWN: Self = Self(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
}

/// Who asks, by a token that counts.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    token: AccessToken,
    /// The secret of the forms of a browser's session; none where the token came with the request.
    form_secret: Option<SecretString>,
}

/// Checks who asks.
pub(super) struct Access {
    tokens: Arc<dyn Tokens>,
    sessions: Mutex<Sessions>,
    attempts: Mutex<Attempts>,
    now: fn() -> Timestamp,
}

impl Access {
    pub(super) fn new(tokens: Arc<dyn Tokens>, now: fn() -> Timestamp) -> Self {
        Self { tokens, sessions: Mutex::default(), attempts: Mutex::default(), now }
    }

    /// Who asks; none where nobody says. A token that does not count is a problem, and many from one address too.
    pub(super) async fn visitor(&self, headers: &HeaderMap, peer: Peer) -> Result<Option<Visitor>, Problem> {
        if let Some(header) = headers.get(AUTHORIZATION) {
            let shown = header.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
            let token = self.checked(shown.unwrap_or_default(), peer).await?;
            return Ok(Some(Visitor { token, form_secret: None }));
        }
        let Some(cookie) = cookie(headers) else { return Ok(None) };
        let Some((id, form_secret)) = lock(&self.sessions).find(cookie, (self.now)()) else {
            return Ok(None);
        };
        let token = self.known(&id).await?.filter(|token| token.is_valid((self.now)()));
        Ok(token.map(|token| Visitor { token, form_secret: Some(form_secret) }))
    }

    /// The token that somebody shows, if it counts.
    async fn checked(&self, shown: &str, peer: Peer) -> Result<AccessToken, Problem> {
        let now = (self.now)();
        let found = match ShownToken::parse(shown) {
            Some(shown) => self.known(&shown.id).await?.filter(|token| {
                is_equal(token.secret_hash.as_bytes(), shown.secret_hash().as_bytes()) && token.is_valid(now)
            }),
            None => None,
        };
        // Others behind the same proxy go on with tokens that count.
        found.ok_or_else(|| {
            if let Some(seconds) = lock(&self.attempts).wait(peer.0, now) {
                return Problem::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too many wrong tokens came from this address",
                )
                .with_hint(format!("try again in {seconds} s"));
            }
            if lock(&self.attempts).failed(peer.0, now) {
                tracing::warn!(address = %peer.0, "too many wrong tokens; this address must wait");
            }
            Problem::new(StatusCode::UNAUTHORIZED, "The token does not count")
                .with_hint("it may have ended or been revoked; `tidegate token create` makes another")
        })
    }

    async fn known(&self, id: &TokenId) -> Result<Option<AccessToken>, Problem> {
        self.tokens.token(id).await.map_err(|fault| {
            tracing::error!(error = %fault.in_one_line(), "cannot read a token");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Tokens cannot be read now; the log says why")
        })
    }

    /// Begins a session for a token that counts. Returns the value of its cookie.
    async fn begin(&self, shown: &str, peer: Peer) -> Result<String, Problem> {
        let token = self.checked(shown, peer).await?;
        let cookie = lock(&self.sessions).begin(token.id.clone(), (self.now)());
        self.record(&token, "login").await;
        cookie.ok_or_else(|| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The system gives no random numbers")
        })
    }

    /// Ends the session of a browser.
    async fn end(&self, visitor: &Visitor, headers: &HeaderMap) {
        if let Some(cookie) = cookie(headers) {
            lock(&self.sessions).end(cookie);
        }
        self.record(&visitor.token, "logout").await;
    }

    async fn record(&self, token: &AccessToken, action: &str) {
        let entry = AuditEntry {
            at: (self.now)(),
            actor: token.name.to_string(),
            token: Some(token.id.clone()),
            action: action.to_owned(),
            subject: "board".to_owned(),
        };
        if let Err(fault) = self.tokens.record(&entry).await {
            tracing::error!(error = %fault.in_one_line(), action, "cannot write the audit log");
        }
    }
}

impl Visitor {
    /// Their token, by whatever way it came.
    pub(super) fn token(&self) -> &AccessToken {
        &self.token
    }

    /// The token of a program, which came with the request.
    pub(super) fn program_token(&self) -> Option<&AccessToken> {
        self.form_secret.is_none().then_some(&self.token)
    }

    /// The secret of the forms of their session; none for a program.
    pub(super) fn form_secret(&self) -> Option<&str> {
        self.form_secret.as_ref().map(secrecy::ExposeSecret::expose_secret)
    }

    /// Whether a form came from a page of this session.
    pub(super) fn has_form_secret(&self, shown: &str) -> bool {
        self.form_secret
            .as_ref()
            .is_some_and(|secret| is_equal(secret.expose_secret().as_bytes(), shown.as_bytes()))
    }
}

/// The cookie of the session, if a browser sent one.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME).then_some(value)
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Access").finish_non_exhaustive()
    }
}
