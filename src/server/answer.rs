//! Answers that a client may already have.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::snapshot::Answer;

/// The answer, or that the client has it already.
pub(super) fn respond(answer: &Answer, etag: &str, asked: &HeaderMap) -> Response {
    let is_known = asked.get_all(IF_NONE_MATCH).iter().any(|known| names(known, etag));
    let mut response = Response::new(if is_known { Body::empty() } else { answer.body.clone().into() });
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(ETAG, etag);
    }
    if !is_known {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    }
    if let Some(link) = answer.link.as_ref().and_then(|link| HeaderValue::from_str(link).ok()) {
        headers.insert(LINK, link);
    }
    response
}

/// Whether an `If-None-Match` names the tag, by the weak comparison.
fn names(header: &HeaderValue, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let known = header.to_str().unwrap_or_default();
    known.trim() == "*" || known.split(',').any(|one| opaque(one) == opaque(etag))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::the_same("W/\"a-1\"", 304)]
    #[case::strong("\"a-1\"", 304)]
    #[case::one_of_several("\"x\", W/\"a-1\"", 304)]
    #[case::any("*", 304)]
    #[case::another("W/\"a-2\"", 200)]
    #[case::nonsense("a", 200)]
    fn a_client_is_sent_what_it_does_not_have(#[case] known: &str, #[case] status: u16) {
        let answer = Answer { content_type: "text/plain", body: "text".into(), link: None };
        let asked = [(IF_NONE_MATCH, HeaderValue::from_str(known).unwrap())].into_iter().collect();
        assert_eq!(respond(&answer, "W/\"a-1\"", &asked).status().as_u16(), status);
    }
}
