//! What is wrong with a request, for programs: RFC 9457.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::model::{Class, Fault, Printable, Secrets};

/// The longest text of a request that an answer repeats, in characters.
const MOST_REPEATED_CHARS: usize = 100;

/// Why a request is not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
    /// What there is besides, such as the document of a command.
    pub(super) result: Option<Value>,
}

/// The document of a problem.
#[derive(Serialize, JsonSchema)]
pub(super) struct ProblemDocument {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    status: u16,
    /// What is wrong.
    detail: String,
    /// What to do about it.
    hint: Option<String>,
    /// What there is besides: the document of a command that could not do all, or the commits since `If-Match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), hint: None, result: None }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A value that cannot be read.
    pub(super) fn bad_value(name: &str, value: &str, hint: impl Into<String>) -> Self {
        let value = Printable::bounded(value, MOST_REPEATED_CHARS);
        Self::new(StatusCode::BAD_REQUEST, format!("`{value}` is no value for `{name}`")).with_hint(hint)
    }

    /// Nothing was found yet.
    pub(super) fn not_yet() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "No pass has ended yet, so nothing is known")
            .with_hint("wait for the first pass; its problems are in the log")
    }

    /// The daemon is in a pass, or has too much to look up.
    pub(super) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "History is read between passes, and a pass is under way")
            .with_hint("try again in a few seconds")
    }
}

impl From<&Fault> for Problem {
    fn from(fault: &Fault) -> Self {
        let status = match fault.class() {
            // What a name of the request does not match.
            Class::Usage => StatusCode::NOT_FOUND,
            Class::TryAgain => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, detail: fault.in_one_line(), hint: fault.hint().map(str::to_owned), result: None }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = ProblemDocument {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail,
            hint: self.hint,
            result: self.result,
        };
        // Plain strings always become JSON.
        let text = serde_json::to_string(&document).unwrap_or_default();
        let mut response = Response::new(Body::from(Secrets::mask(&text).into_owned()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("60"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
