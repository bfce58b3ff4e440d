//! The board: pages that are whole without JavaScript. Each is rendered once per snapshot, from the documents that the API gives.

mod act;
mod board;
mod common;
mod controls;
mod environment;
mod events;
mod history;
mod login;
mod model;
mod service;
mod timeline;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;

use super::access::{self, Peer, Visitor};
use super::answer::respond;
use super::problem::Problem;
use super::query::Query;
use super::site::Shown;
use super::snapshot::{Answer, HistoryRequest, Snapshot};
use crate::model::Secrets;
use crate::view::History;
use common::Frame;

const HTML: &str = "text/html; charset=utf-8";

/// Files that pages need, each with its type. htmx is vendored with its licence beside it.
const ASSETS: [(&str, &str, &str); 4] = [
    ("style.css", "text/css; charset=utf-8", include_str!("assets/style.css")),
    ("board.js", "text/javascript; charset=utf-8", include_str!("assets/board.js")),
    ("htmx.min.js", "text/javascript; charset=utf-8", include_str!("assets/htmx.min.js")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

/// The paths of the pages.
pub(super) fn router() -> Router<Arc<Shown>> {
    Router::new()
        .route("/", get(board_page))
        .route("/services/{namespace}/{name}", get(service_page))
        .route("/environments/{name}", get(environment_page))
        .route("/history", get(history_page))
        .route("/controls", get(controls_page))
        .route("/api", get(api_page))
        .route("/events", get(events::stream))
        .route("/act/{name}", get(act::form).post(act::submit))
        .route("/login", get(login_page).post(log_in))
        .route("/assets/{name}", get(asset))
        .fallback(no_such_page)
}

async fn board_page(State(shown): State<Arc<Shown>>, uri: Uri, headers: HeaderMap) -> Response {
    page(&shown, "/", uri.query(), board::PARAMETERS, &headers, |snapshot, query| {
        board::page(&shown.site, snapshot, query)
    })
}

async fn controls_page(State(shown): State<Arc<Shown>>, uri: Uri, headers: HeaderMap) -> Response {
    page(&shown, "/controls", uri.query(), &[], &headers, |snapshot, _| controls::page(snapshot))
}

async fn api_page(State(shown): State<Arc<Shown>>, uri: Uri, headers: HeaderMap) -> Response {
    page(&shown, "/api", uri.query(), &[], &headers, |snapshot, _| controls::api_page(snapshot))
}

async fn service_page(
    State(shown): State<Arc<Shown>>,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let service = format!("{namespace}/{name}");
    let Ok(service) = service.parse() else { return no_such(&shown, "service") };
    let key = format!("/services/{service}");
    let request = service::history(&service);
    page_with_history(&shown, &key, request, &headers, |snapshot, history| {
        service::page(&shown.site, snapshot, service, history)
    })
    .await
}

async fn environment_page(
    State(shown): State<Arc<Shown>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(environment) = name.parse() else { return no_such(&shown, "environment") };
    let Ok(snapshot) = shown.site.snapshots.latest() else { return failed(&shown, &Problem::not_yet()) };
    if !snapshot.view.environment_names().contains(&environment) {
        return no_such(&shown, "environment");
    }
    let key = format!("/environments/{environment}");
    let request = environment::history(&environment, snapshot.view.at());
    page_with_history(&shown, &key, request, &headers, |snapshot, history| {
        environment::page(&shown.site, snapshot, &environment, history)
    })
    .await
}

async fn history_page(State(shown): State<Arc<Shown>>, uri: Uri, headers: HeaderMap) -> Response {
    let read = || {
        let query = Query::parse(uri.query(), history::PARAMETERS)?;
        let request = history::request(&query)?;
        Ok((query, request))
    };
    let (query, request) = match read() {
        Ok(read) => read,
        Err(problem) => return failed(&shown, &problem),
    };
    let key = format!("/history?{}", query.normal());
    page_with_history(&shown, &key, request, &headers, |snapshot, found| {
        history::page(&shown.site, snapshot, &query, found)
    })
    .await
}

/// A page of what the last pass found.
fn page(
    shown: &Shown,
    path: &str,
    query: Option<&str>,
    parameters: &[&str],
    headers: &HeaderMap,
    render: impl FnOnce(&Snapshot, &Query) -> Result<String, Problem>,
) -> Response {
    let found = || {
        let query = Query::parse(query, parameters)?;
        let snapshot = shown.site.snapshots.latest()?;
        let key = format!("{path}?{}", query.normal());
        let answer = snapshot.answer(&key, || render(&snapshot, &query).map(html))?;
        Ok(respond(&answer, &etag(&snapshot), headers))
    };
    found().unwrap_or_else(|problem| failed(shown, &problem))
}

/// A page that needs the history too. A page goes without it while it cannot be read, and is not remembered then.
async fn page_with_history(
    shown: &Shown,
    key: &str,
    request: HistoryRequest,
    headers: &HeaderMap,
    render: impl FnOnce(&Snapshot, Option<&History>) -> Result<String, Problem>,
) -> Response {
    let found = async {
        let snapshot = shown.site.snapshots.latest()?;
        if let Some(answer) = snapshot.known(key) {
            return Ok(respond(&answer, &etag(&snapshot), headers));
        }
        let answer = match shown.site.snapshots.history(request).await {
            Ok(history) => snapshot.answer(key, || render(&snapshot, Some(&history)).map(html))?,
            Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => {
                html(render(&snapshot, None)?)
            }
            Err(problem) => return Err(problem),
        };
        Ok(respond(&answer, &etag(&snapshot), headers))
    };
    found.await.unwrap_or_else(|problem| failed(shown, &problem))
}

/// Pages show ages, which change with the time of the pass.
fn etag(snapshot: &Snapshot) -> String {
    format!("W/\"{}-{}\"", snapshot.id, snapshot.view.at().timestamp_millis())
}

fn html(text: String) -> Answer {
    let body = match Secrets::mask(&text) {
        std::borrow::Cow::Borrowed(_) => Bytes::from(text),
        std::borrow::Cow::Owned(masked) => Bytes::from(masked),
    };
    Answer { content_type: HTML, body, link: None }
}

/// A template as text.
fn rendered(template: &impl Template) -> Result<String, Problem> {
    template.render().map_err(|error| {
        tracing::error!(%error, "cannot render a page");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The page cannot be made; the log says why")
    })
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    problem: &'a Problem,
}

fn failed(shown: &Shown, problem: &Problem) -> Response {
    let snapshot = shown.site.snapshots.latest().ok();
    let frame = Frame::new(snapshot.as_deref(), "");
    let problem = &Problem {
        detail: common::quoted(&problem.detail),
        hint: problem.hint.as_deref().map(common::quoted),
        ..problem.clone()
    };
    match rendered(&ProblemPage { frame, problem }) {
        Ok(text) => (problem.status, [(CACHE_CONTROL, "no-store")], Html(text)).into_response(),
        Err(problem) => problem.into_response(),
    }
}

fn no_such(shown: &Shown, what: &str) -> Response {
    failed(
        shown,
        &Problem::new(StatusCode::NOT_FOUND, format!("There is no such {what}"))
            .with_hint("the board lists what there is"),
    )
}

async fn login_page(
    State(shown): State<Arc<Shown>>,
    visitor: Option<Extension<Visitor>>,
    uri: Uri,
) -> Response {
    match Query::parse(uri.query(), &["next"]) {
        Ok(query) => {
            let visitor = visitor.as_ref().map(|Extension(visitor)| visitor);
            login::response(&access::page(visitor, query.get("next")))
        }
        Err(problem) => failed(&shown, &problem),
    }
}

async fn log_in(
    State(shown): State<Arc<Shown>>,
    visitor: Option<Extension<Visitor>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let visitor = visitor.as_ref().map(|Extension(visitor)| visitor);
    let peer = peer.map_or(Peer::UNKNOWN, |Extension(peer)| peer);
    match access::answer(&shown.access, visitor, (&headers, peer), &body).await {
        Ok(response) => response,
        Err(page) => login::response(&page),
    }
}

async fn no_such_page(State(shown): State<Arc<Shown>>) -> Response {
    no_such(&shown, "page")
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((_, content_type, text)) = ASSETS.iter().find(|(known, _, _)| *known == name) else {
        return Problem::new(StatusCode::NOT_FOUND, "There is no such file").into_response();
    };
    // Files change only with the program.
    let etag = format!("\"{}-{}\"", env!("CARGO_PKG_VERSION"), text.len());
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { text.into_response() };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(ETAG, etag);
    }
    response
}
