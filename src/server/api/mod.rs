//! The read API under `/api/v1`: the documents of `-o json`, of the last pass. `docs/api.md` describes it for people and
//! `openapi` for programs; both come from the table of `ENDPOINTS`.

mod actions;
mod endpoints;
mod openapi;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::access::Visitor;
use super::answer::respond;
use super::problem::Problem;
use super::query::Query;
use super::site::{Shown, Site};
use crate::view::audit_body;
use actions::ACTIONS;
use endpoints::{Read, history};

pub(super) use actions::{Action, Shape, ran};
pub(super) use endpoints::{ENDPOINTS as DOCUMENTED, Endpoint};
#[cfg(test)]
pub(super) use openapi::document as openapi_document;
pub(super) use openapi::text as openapi_text;

/// Where the API is.
pub(super) const PREFIX: &str = "/api/v1";

/// The paths of the API.
pub(super) fn router() -> Router<Arc<Shown>> {
    let mut router = Router::new().route("/openapi.json", get(openapi));
    for endpoint in DOCUMENTED {
        router = router.route(
            endpoint.path,
            get(move |State(shown): State<Arc<Shown>>, uri: Uri, headers: HeaderMap| async move {
                read(endpoint, &shown.site, &uri, &headers).await.unwrap_or_else(Problem::into_response)
            }),
        );
    }
    for action in ACTIONS {
        router = router.route(
            &format!("/{}", action.name),
            post(
                move |State(shown): State<Arc<Shown>>,
                      visitor: Option<Extension<Visitor>>,
                      headers: HeaderMap,
                      body: Result<Bytes, BytesRejection>| async move {
                    let visitor = visitor.as_ref().map(|Extension(visitor)| visitor);
                    let acted = actions::act(action, &shown.site, visitor, &headers, body).await;
                    acted.unwrap_or_else(Problem::into_response)
                },
            ),
        );
    }
    let router =
        router.route("/commands", post(command)).layer(DefaultBodyLimit::max(actions::MAX_BODY_BYTES));
    Router::new().nest(PREFIX, router.fallback(no_such_path).method_not_allowed_fallback(not_allowed))
}

async fn command(
    State(shown): State<Arc<Shown>>,
    visitor: Option<Extension<Visitor>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let visitor = visitor.as_ref().map(|Extension(visitor)| visitor);
    let run = actions::run_command(&shown.site, visitor, &headers, body).await;
    run.unwrap_or_else(Problem::into_response)
}

async fn read(
    endpoint: &'static Endpoint,
    site: &Site,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let names: Vec<&str> = endpoint.parameters.iter().map(|parameter| parameter.name).collect();
    let query = Query::parse(uri.query(), &names)?;
    let snapshots = &site.snapshots;
    let key = format!("{PREFIX}{}?{}", endpoint.path, query.normal());
    let (snapshot, answer) = match endpoint.read {
        Read::Snapshot(read) => {
            let snapshot = snapshots.latest()?;
            let answer = snapshot.answer(&key, || read(&snapshot, &query))?;
            (snapshot, answer)
        }
        Read::History => {
            let snapshot = snapshots.latest()?;
            let answer = if let Some(answer) = snapshot.known(&key) {
                answer
            } else {
                let found = snapshots.history(history(&query)?).await?;
                snapshot.answer(&key, || endpoints::document("History", &found))?
            };
            (snapshot, answer)
        }
        Read::Audit => return audit(site, &query).await,
    };
    Ok(respond(&answer, &format!("W/\"{}\"", snapshot.id), headers))
}

/// The audit log as it is now: it does not wait for a pass.
async fn audit(site: &Site, query: &Query) -> Result<Response, Problem> {
    let (since, most) = endpoints::audit(query)?;
    let entries = site.tokens.audit(since, most).await.map_err(|fault| Problem::from(&fault))?;
    let answer = endpoints::document("Audit", &audit_body(&entries))?;
    let mut response = Response::new(answer.body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn openapi() -> Response {
    let mut response = Response::new(openapi_text().into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn no_such_path() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "The API has no such path")
        .with_hint(format!("{PREFIX}/openapi.json lists them"))
        .into_response()
}

async fn not_allowed() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This path answers another method").into_response()
}
