//! The login page, which is made for each visitor and never remembered.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{Html, IntoResponse as _, Response};

use super::common::{Frame, shown};
use super::rendered;
use crate::server::access::LoginPage;
use crate::server::problem::Problem;

#[derive(Template)]
#[template(path = "login.html")]
struct Page<'a> {
    frame: Frame,
    session: Option<Session>,
    form_secret: &'a str,
    next: &'a str,
    problem: Option<&'a Problem>,
}

struct Session {
    name: String,
    until: String,
}

/// The page as an answer. Nothing on it says what there is to see.
pub(in crate::server) fn response(page: &LoginPage) -> Response {
    let session = page.session.as_ref().map(|(name, until)| Session {
        name: shown(name),
        until: until.format("%Y-%m-%d %H:%M UTC").to_string(),
    });
    let template = Page {
        frame: Frame::new(None, "login"),
        session,
        form_secret: &page.form_secret,
        next: &page.next,
        problem: page.problem.as_ref(),
    };
    let status = page.problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
    match rendered(&template) {
        Ok(text) => (status, [(CACHE_CONTROL, "no-store")], Html(text)).into_response(),
        Err(problem) => problem.into_response(),
    }
}
