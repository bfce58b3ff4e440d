//! What an answer's status means, and what the registry gave as its reason.

use serde::Deserialize;

use reqwest::{Method, StatusCode};

use super::error::Problem;
use super::wire::{Answer, Request};
use crate::model::Printable;

/// Who asked, for messages: never a secret.
#[derive(Debug)]
pub(super) struct Asker {
    /// Which credentials are used, in words.
    pub(super) credentials: String,
    /// Whether there are none.
    pub(super) anonymous: bool,
    /// Whether the registry is GitHub's.
    pub(super) github: bool,
}

impl Asker {
    /// Nobody, who asks `host`.
    pub(super) fn nobody(host: &str) -> Self {
        Self::new(host, "no credentials".to_owned(), true)
    }

    /// The holder of `credentials`, who asks `host`.
    pub(super) fn new(host: &str, credentials: String, anonymous: bool) -> Self {
        Self { credentials, anonymous, github: host == "ghcr.io" }
    }
}

/// Passes a successful answer on, and 304, and says what is wrong with any other.
pub(super) fn judge(request: &Request, answer: Answer, asker: &Asker) -> Result<Answer, Problem> {
    let at = request.at();
    let status = answer.status;
    let is_web_page = answer.is_web_page();
    match status {
        StatusCode::OK if is_web_page => Err(Problem::WebPage { at, status }),
        StatusCode::OK | StatusCode::NOT_MODIFIED => Ok(answer),
        StatusCode::TOO_MANY_REQUESTS => {
            Err(Problem::TooManyRequests { at, retry_after: answer.retry_after(), said: said(&answer) })
        }
        // A page of a proxy does not make an outage anything else.
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            Err(Problem::OutOfOrder { at, status, retry_after: answer.retry_after(), said: said(&answer) })
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Problem::Denied {
            at,
            status,
            credentials: asker.credentials.clone(),
            said: said(&answer),
            anonymous: asker.anonymous,
            github: asker.github,
        }),
        // HEAD has no body whose type could tell a page from an answer.
        _ if is_web_page && request.method != Method::HEAD => Err(Problem::WebPage { at, status }),
        StatusCode::NOT_FOUND => {
            Err(Problem::NotFound { at, said: said(&answer), anonymous: asker.anonymous })
        }
        _ => Err(Problem::UnexpectedStatus { at, status, said: said(&answer) }),
    }
}

/// The error format of the distribution specification (*Error Codes*), as far as it is read.
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

/// The registry's reason as the end of a message: empty, or `: ` and the reason.
fn said(answer: &Answer) -> String {
    if answer.body.is_empty() || answer.is_web_page() {
        return String::new();
    }
    let first =
        serde_json::from_slice::<Errors>(&answer.body).ok().and_then(|body| body.errors.into_iter().next());
    let reason = match first {
        Some(ErrorEntry { code, message }) if message.is_empty() => code,
        Some(ErrorEntry { code, message }) if code.is_empty() => message,
        Some(ErrorEntry { code, message }) => format!("{code}, {message}"),
        None => String::from_utf8_lossy(&answer.body).into_owned(),
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

    fn verdict(method: Method, status: u16, kind: &str, body: &str) -> Result<Answer, Problem> {
        let url: reqwest::Url = "https://ghcr.io/v2/vtr/app/tags/list?n=1000".parse().unwrap();
        let request = Request { method, ..Request::get(url.clone(), 1024) };
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, headers, url, body: body.into() };
        let asker = Asker::nobody("ghcr.io");
        judge(&request, answer, &asker)
    }

    const JSON: &str = "application/json; charset=utf-8";
    const HTML: &str = "text/html; charset=utf-8";
    const DENIED: &str = r#"{"errors":[{"code":"DENIED","message":"requested access is denied"}]}"#;

    #[rstest]
    #[case::denied(
        403,
        JSON,
        DENIED,
        "403 Forbidden to no credentials: DENIED, requested access is denied",
        Class::Failed
    )]
    #[case::code_alone(
        404,
        JSON,
        r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#,
        "404 Not Found: NAME_UNKNOWN",
        Class::Failed
    )]
    #[case::plain_text(
        429,
        "text/plain",
        "slow\u{1b}[31m down\n",
        "429 Too Many Requests: slow\\u{1b}[31m down",
        Class::TryAgain
    )]
    #[case::outage(503, HTML, "<html>", "503 Service Unavailable", Class::TryAgain)]
    #[case::page(200, HTML, "<html>", "200 OK and a web page, not a registry API", Class::Failed)]
    #[case::page_not_found(
        404,
        HTML,
        "<html>",
        "404 Not Found and a web page, not a registry API",
        Class::Failed
    )]
    #[case::teapot(418, JSON, "{}", "418 I'm a teapot: {}", Class::Failed)]
    #[case::moved_nowhere(302, JSON, "", "302 Found", Class::Failed)]
    fn answers(
        #[case] status: u16,
        #[case] kind: &str,
        #[case] body: &str,
        #[case] told: &str,
        #[case] class: Class,
    ) {
        let problem = verdict(Method::GET, status, kind, body).unwrap_err();
        let at = "GET https://ghcr.io/v2/vtr/app/tags/list was answered with";
        assert_eq!(problem.to_string(), format!("{at} {told}"));
        assert_eq!(problem.class(), class);
    }

    #[test]
    fn a_head_that_finds_nothing_is_not_found_whatever_its_type() {
        let problem = verdict(Method::HEAD, 404, HTML, "").unwrap_err();
        assert!(matches!(problem, Problem::NotFound { anonymous: true, .. }), "{problem:?}");
    }

    #[test]
    fn a_long_reason_is_cut() {
        let problem = verdict(Method::GET, 429, "text/plain", &"x".repeat(16_000)).unwrap_err();
        assert!(problem.to_string().len() < 400);
    }
}
