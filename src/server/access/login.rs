//! The login page: a token for a session, and the end of a session.

use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use secrecy::ExposeSecret as _;

use super::sessions::LIFETIME;
use super::{Access, COOKIE_NAME, Peer, Visitor};
use crate::model::Timestamp;
use crate::server::problem::Problem;

/// The longest form, in bytes.
const MAX_FORM_BYTES: usize = 4096;

/// What the login page shows.
pub(in crate::server) struct LoginPage {
    /// Whose session it is, and until when its token counts; none where nobody is logged in.
    pub(in crate::server) session: Option<(String, Timestamp)>,
    /// The secret of the form that ends the session.
    pub(in crate::server) form_secret: String,
    /// Where to go after a login.
    pub(in crate::server) next: String,
    /// Why the last login failed.
    pub(in crate::server) problem: Option<Problem>,
}

/// What the login page shows to this visitor.
pub(in crate::server) fn page(visitor: Option<&Visitor>, next: Option<&str>) -> LoginPage {
    let session = visitor.filter(|visitor| visitor.form_secret.is_some());
    LoginPage {
        session: session.map(|visitor| (visitor.token.name.to_string(), visitor.token.expires_at)),
        form_secret: session
            .and_then(|visitor| visitor.form_secret.as_ref())
            .map(|secret| secret.expose_secret().to_owned())
            .unwrap_or_default(),
        next: destination(next),
        problem: None,
    }
}

/// Does what the form of the login page asks for: logs in by a token, or out. An `Err` is the page to show again.
pub(in crate::server) async fn answer(
    access: &Access,
    visitor: Option<&Visitor>,
    (headers, peer): (&HeaderMap, Peer),
    body: &Bytes,
) -> Result<Response, Box<LoginPage>> {
    let again =
        |problem, next: &str| Box::new(LoginPage { problem: Some(problem), ..page(visitor, Some(next)) });
    if body.len() > MAX_FORM_BYTES || !is_own(headers) {
        let problem = Problem::new(StatusCode::FORBIDDEN, "The form did not come from a page of this board");
        return Err(again(problem.with_hint("open the login page here, and try again"), ""));
    }
    let field = |name: &str| {
        form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let next = field("next").unwrap_or_default();
    if let Some(secret) = field("logout") {
        let Some(visitor) = visitor.filter(|visitor| visitor.has_form_secret(&secret)) else {
            let problem = Problem::new(StatusCode::FORBIDDEN, "The form is of another session");
            return Err(again(problem.with_hint("try again"), ""));
        };
        access.end(visitor, headers).await;
        return Ok(redirect("/login", &cookie("", 0)));
    }
    match access.begin(&field("token").unwrap_or_default(), peer).await {
        Ok(session) => Ok(redirect(&destination(Some(&next)), &cookie(&session, LIFETIME.num_seconds()))),
        Err(problem) => Err(again(problem, &next)),
    }
}

/// Whether a page of this server sent the form. Browsers say where a form comes from by one header or the other.
pub(in crate::server) fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_form =
        text(&CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let is_same = match text(&HeaderName::from_static("sec-fetch-site")) {
        Some(site) => site == "same-origin",
        None => match (text(&ORIGIN).and_then(|origin| origin.split_once("://")), text(&HOST)) {
            (Some((_, origin)), Some(host)) => origin == host,
            _ => false,
        },
    };
    is_form && is_same
}

/// A path of this server, or the board.
fn destination(next: Option<&str>) -> String {
    let is_path = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    next.filter(is_path).unwrap_or("/").to_owned()
}

/// The cookie of a session. Browsers send it over HTTPS, and over HTTP to this machine alone.
fn cookie(value: &str, seconds: i64) -> String {
    format!("{COOKIE_NAME}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict")
}

fn redirect(to: &str, cookie: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in [(LOCATION, to), (SET_COOKIE, cookie)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::page("/services/common/api?x=1", "/services/common/api?x=1")]
    #[case::nothing("", "/")]
    #[case::another_server("//evil.example/", "/")]
    #[case::another_server_by_a_backslash("/\\evil.example/", "/")]
    #[case::whole_address("https://evil.example/", "/")]
    #[case::two_headers("/\r\nset-cookie: x", "/")]
    fn a_login_leads_to_a_page_of_this_server(#[case] next: &str, #[case] expected: &str) {
        assert_eq!(destination(Some(next)), expected);
    }

    #[rstest]
    #[case::same(&[("sec-fetch-site", "same-origin")], true)]
    #[case::same_by_origin(&[("origin", "https://board.example"), ("host", "board.example")], true)]
    #[case::another_site(&[("sec-fetch-site", "cross-site"), ("origin", "https://board.example")], false)]
    #[case::another_origin(&[("origin", "https://evil.example"), ("host", "board.example")], false)]
    #[case::hidden_origin(&[("origin", "null"), ("host", "board.example")], false)]
    #[case::neither(&[("host", "board.example")], false)]
    fn a_form_comes_from_a_page_of_this_server(#[case] given: &[(&str, &str)], #[case] expected: bool) {
        let mut headers: HeaderMap = given
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        assert!(!is_own(&headers), "a form has its content type");
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        assert_eq!(is_own(&headers), expected);
    }
}
