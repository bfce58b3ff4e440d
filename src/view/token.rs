//! Tokens and the audit log as documents.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{AccessToken, AuditEntry, Timestamp};

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenBody {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scopes: Vec<&'static str>,
    /// Where it may act; everywhere if empty.
    pub(crate) environments: Vec<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) is_valid: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct TokensBody {
    pub(crate) tokens: Vec<TokenBody>,
}

/// A new token, the only time with its secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct NewTokenBody {
    #[serde(flatten)]
    pub(crate) token: TokenBody,
    #[serde(rename = "token")]
    pub(crate) secret: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct RevokedBody {
    pub(crate) revoked: Vec<String>,
}

/// The audit log, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Audit {
    pub(crate) entries: Vec<AuditEntryBody>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct AuditEntryBody {
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    /// The id of the token, if it was done by one.
    pub(crate) token: Option<String>,
    pub(crate) action: String,
    pub(crate) subject: String,
}

pub(crate) fn token_body(token: &AccessToken, now: Timestamp) -> TokenBody {
    TokenBody {
        id: token.id.to_string(),
        name: token.name.to_string(),
        scopes: token.scopes.iter().map(|scope| scope.as_word()).collect(),
        environments: token.environments.iter().map(ToString::to_string).collect(),
        created_at: token.created_at,
        created_by: token.created_by.clone(),
        expires_at: token.expires_at,
        revoked_at: token.revoked_at,
        is_valid: token.is_valid(now),
    }
}

pub(crate) fn audit_body(entries: &[AuditEntry]) -> Audit {
    let entry = |entry: &AuditEntry| AuditEntryBody {
        at: entry.at,
        actor: entry.actor.clone(),
        token: entry.token.as_ref().map(ToString::to_string),
        action: entry.action.clone(),
        subject: entry.subject.clone(),
    };
    Audit { entries: entries.iter().map(entry).collect() }
}
