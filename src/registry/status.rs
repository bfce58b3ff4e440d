//! Maps response statuses to errors, and extracts the registry's explanation.

use serde::Deserialize;

use reqwest::{Method, StatusCode};

use super::error::{Attempts, RequestError};
use super::transport::{Request, Response};
use crate::model::Printable;

/// The credentials of a request, for messages: never a secret.
#[derive(Debug)]
pub(super) struct Identity {
    /// Where the credentials come from.
    pub(super) credentials: String,
    pub(super) anonymous: bool,
    /// Whether the registry is ghcr.io.
    pub(super) github: bool,
}

impl Identity {
    pub(super) fn anonymous(host: &str) -> Self {
        Self::new(host, "no credentials".to_owned(), true)
    }

    pub(super) fn new(host: &str, credentials: String, anonymous: bool) -> Self {
        Self { credentials, anonymous, github: host == "ghcr.io" }
    }
}

/// Passes on a 200 or 304, and turns any other status into an error.
pub(super) fn check_status(
    request: &Request,
    response: Response,
    identity: &Identity,
) -> Result<Response, RequestError> {
    let attempts = Attempts::default();
    let (request, method) = (request.describe(), &request.method);
    let status = response.status;
    let is_html = response.is_html();
    match status {
        StatusCode::OK if is_html => Err(RequestError::HtmlPage { request, status }),
        StatusCode::OK | StatusCode::NOT_MODIFIED => Ok(response),
        StatusCode::TOO_MANY_REQUESTS => Err(RequestError::TooManyRequests {
            request,
            attempts,
            retry_after: response.retry_after(),
            reason: reason(&response),
        }),
        // A proxy's HTML page does not change that the registry fails.
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Err(RequestError::ServerError {
            request,
            attempts,
            status,
            retry_after: response.retry_after(),
            reason: reason(&response),
        }),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(RequestError::Denied {
            request,
            status,
            credentials: identity.credentials.clone(),
            reason: reason(&response),
            anonymous: identity.anonymous,
            github: identity.github,
        }),
        // A HEAD response has no body, so its content type says nothing.
        _ if is_html && *method != Method::HEAD => Err(RequestError::HtmlPage { request, status }),
        StatusCode::NOT_FOUND => {
            Err(RequestError::NotFound { request, reason: reason(&response), anonymous: identity.anonymous })
        }
        _ => Err(RequestError::UnexpectedStatus { request, status, reason: reason(&response) }),
    }
}

/// The error format of the distribution specification (*Error Codes*).
#[derive(Deserialize)]
struct Errors {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// The registry's explanation as the end of a message: empty, or `: ` and the text.
fn reason(response: &Response) -> String {
    if response.body.is_empty() || response.is_html() {
        return String::new();
    }
    let first =
        serde_json::from_slice::<Errors>(&response.body).ok().and_then(|body| body.errors.into_iter().next());
    let reason = match first {
        Some(ErrorEntry { code, message }) if message.is_empty() => code,
        Some(ErrorEntry { code, message }) if code.is_empty() => message,
        Some(ErrorEntry { code, message }) => format!("{code}, {message}"),
        None => String::from_utf8_lossy(&response.body).into_owned(),
    };
    match reason.trim() {
        "" => String::new(),
        reason => format!(": {}", Printable::new(reason)),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{CONTENT_TYPE, HeaderMap};
    use rstest::rstest;

    use super::*;
    use crate::model::Class;

    fn check(method: Method, status: u16, kind: &str, body: &str) -> Result<Response, RequestError> {
        let url: reqwest::Url = "https://ghcr.io/v2/vtr/app/tags/list?n=1000".parse().unwrap();
        let request = Request { method, ..Request::get(url.clone(), 1024) };
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
        let status = StatusCode::from_u16(status).unwrap();
        let response = Response { status, headers, url, body: body.into() };
        let identity = Identity::anonymous("ghcr.io");
        check_status(&request, response, &identity)
    }

    const JSON: &str = "application/json; charset=utf-8";
    const HTML: &str = "text/html; charset=utf-8";
    const DENIED: &str = r#"{"errors":[{"code":"DENIED","message":"requested access is denied"}]}"#;

    #[rstest]
    #[case::denied(
        403,
        JSON,
        DENIED,
        " with no credentials returned 403 Forbidden: DENIED, requested access is denied",
        Class::Failed
    )]
    #[case::code_alone(
        404,
        JSON,
        r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#,
        " returned 404 Not Found: NAME_UNKNOWN",
        Class::Failed
    )]
    #[case::plain_text(
        429,
        "text/plain",
        "slow\u{1b}[31m down\n",
        " returned 429 Too Many Requests: slow\\u{1b}[31m down",
        Class::TryAgain
    )]
    #[case::outage(503, HTML, "<html>", " returned 503 Service Unavailable", Class::TryAgain)]
    #[case::page(200, HTML, "<html>", " returned 200 OK and a web page, not a registry API", Class::Failed)]
    #[case::page_not_found(
        404,
        HTML,
        "<html>",
        " returned 404 Not Found and a web page, not a registry API",
        Class::Failed
    )]
    #[case::teapot(418, JSON, "{}", " returned 418 I'm a teapot: {}", Class::Failed)]
    #[case::moved_nowhere(302, JSON, "", " returned 302 Found", Class::Failed)]
    fn responses(
        #[case] status: u16,
        #[case] kind: &str,
        #[case] body: &str,
        #[case] text: &str,
        #[case] class: Class,
    ) {
        let error = check(Method::GET, status, kind, body).unwrap_err();
        assert_eq!(error.to_string(), format!("GET https://ghcr.io/v2/vtr/app/tags/list{text}"));
        assert_eq!(error.class(), class);
    }

    #[test]
    fn a_404_to_a_head_is_not_found_with_any_content_type() {
        let error = check(Method::HEAD, 404, HTML, "").unwrap_err();
        assert!(matches!(error, RequestError::NotFound { anonymous: true, .. }), "{error:?}");
    }

    #[test]
    fn a_long_reason_is_cut() {
        let error = check(Method::GET, 429, "text/plain", &"x".repeat(16_000)).unwrap_err();
        assert!(error.to_string().len() < 400);
    }
}
