//! Tokens by which people and programs read and act through the server, and the audit log of what was done with them.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{EnvironmentName, Timestamp};

/// What every token begins with, so that scanners for leaked secrets know it.
const PREFIX: &str = "tidegate_";

/// The longest name of a token's owner, in characters.
const MAX_NAME_CHARS: usize = 60;

/// The public part of a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(String);

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenName(String);

/// What a token allows. Every token allows reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenScope {
    /// To read the board and the API.
    Read,
    /// To hold, release, pin, quarantine, freeze, promote and roll back.
    Act,
    /// To approve, and to pass the approval gate.
    Approve,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// Its public part.
    pub id: TokenId,
    /// Whose it is.
    pub name: TokenName,
    /// What it allows.
    pub scopes: BTreeSet<TokenScope>,
    /// The only environments where it may act; every one if empty.
    pub environments: BTreeSet<EnvironmentName>,
    /// The SHA-256 of its secret, in hexadecimal. The secret is random, so nothing slower is needed.
    pub secret_hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A token as its owner shows it: `tidegate_ID_SECRET`.
#[derive(Clone, Debug)]
pub struct ShownToken {
    /// The public part.
    pub id: TokenId,
    secret: SecretString,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: the name of the token, or of whom the command line took it for.
    pub actor: String,
    /// The token, if it was done by one.
    pub token: Option<TokenId>,
    /// What, such as `token.create` or `login`.
    pub action: String,
    /// What it was about.
    pub subject: String,
}

/// Not the id or the name of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The id is not 12 hexadecimal digits.
    #[error("the id of a token has 12 hexadecimal digits")]
    Id,
    /// The name is empty, too long, or would not stay on one line.
    #[error(
        "the name has from 1 to {MAX_NAME_CHARS} characters, none of them a control character or one of <>"
    )]
    Name,
    /// Not a scope.
    #[error("a scope is one of read, act, approve")]
    Scope,
}

impl TokenScope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Act, Self::Approve];

    /// The scope as people write it.
    pub fn as_word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Act => "act",
            Self::Approve => "approve",
        }
    }
}

impl FromStr for TokenScope {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::ALL.into_iter().find(|scope| scope.as_word() == text).ok_or(TokenError::Scope)
    }
}

impl fmt::Display for TokenScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_word())
    }
}

impl TokenId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenId {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 12 || !text.bytes().all(is_digit) {
            return Err(TokenError::Id);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TokenName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenName {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let is_bad = |character: char| character.is_control() || matches!(character, '<' | '>');
        if text.is_empty() || text.chars().count() > MAX_NAME_CHARS || text.contains(is_bad) {
            return Err(TokenError::Name);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AccessToken {
    /// Whether it counts at this time.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    /// Whether it allows this.
    pub fn allows(&self, scope: TokenScope) -> bool {
        scope == TokenScope::Read || self.scopes.contains(&scope)
    }

    /// Whether it may act in this environment.
    pub fn covers(&self, environment: &EnvironmentName) -> bool {
        self.environments.is_empty() || self.environments.contains(environment)
    }
}

impl ShownToken {
    /// A new token from random bytes: 6 for the id, the rest for the secret.
    pub fn from_random(bytes: &[u8; 38]) -> Self {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut text, byte| {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
        };
        let (id, secret) = bytes.split_at(6);
        Self { id: TokenId(hex(id)), secret: SecretString::from(hex(secret)) }
    }

    /// Reads what somebody shows. None where it is no token.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.trim().strip_prefix(PREFIX)?.split_once('_')?;
        let is_whole = secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = id.parse().ok()?;
        is_whole.then(|| Self { id, secret: SecretString::from(secret) })
    }

    /// The hash by which the secret is known.
    pub fn secret_hash(&self) -> String {
        format!("{:x}", Sha256::digest(self.secret.expose_secret()))
    }

    /// The whole token, to be shown to its owner once.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret.expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn token() -> AccessToken {
        AccessToken {
            id: "0123456789ab".parse().unwrap(),
            name: "Ana".parse().unwrap(),
            scopes: [TokenScope::Act].into(),
            environments: ["prod".parse().unwrap()].into(),
            secret_hash: String::new(),
            created_at: Timestamp::UNIX_EPOCH,
            created_by: "Bruno".to_owned(),
            expires_at: Timestamp::UNIX_EPOCH + chrono::TimeDelta::days(1),
            revoked_at: None,
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_shown_and_hides_its_secret() {
        let made = ShownToken::from_random(&[0xa5; 38]);
        let read = ShownToken::parse(&made.expose()).unwrap();
        assert_eq!((read.id.as_str(), read.secret_hash()), ("a5a5a5a5a5a5", made.secret_hash()));
        assert!(!format!("{made:?}").contains(&"a5".repeat(32)));
    }

    #[rstest]
    #[case::empty("")]
    #[case::another_prefix("ghp_a5a5a5a5a5a5_00")]
    #[case::no_secret("tidegate_a5a5a5a5a5a5_")]
    #[case::short_secret("tidegate_a5a5a5a5a5a5_a5a5")]
    #[case::bad_id("tidegate_../../../../_a5a5")]
    fn what_is_no_token_is_none(#[case] text: &str) {
        assert!(ShownToken::parse(text).is_none());
    }

    #[test]
    fn a_token_allows_reading_its_scopes_and_its_environments() {
        let (limited, everywhere) = (token(), AccessToken { environments: BTreeSet::new(), ..token() });
        assert_eq!(TokenScope::ALL.map(|scope| limited.allows(scope)), [true, true, false]);
        let (prod, other) = ("prod".parse().unwrap(), "non-prod".parse().unwrap());
        assert!(limited.covers(&prod) && !limited.covers(&other));
        assert!(everywhere.covers(&prod) && everywhere.covers(&other));
        assert!(TokenScope::ALL.iter().all(|scope| scope.as_word().parse() == Ok(*scope)));
        assert!("admin".parse::<TokenScope>().is_err());
    }

    #[test]
    fn a_token_ends_when_its_time_is_over_or_it_is_revoked() {
        let now = Timestamp::UNIX_EPOCH;
        assert!(token().is_valid(now));
        assert!(!AccessToken { expires_at: now, ..token() }.is_valid(now));
        assert!(!AccessToken { revoked_at: Some(now), ..token() }.is_valid(now));
    }
}
