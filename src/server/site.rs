//! What people and programs read: the board and the API, behind checks of the request and with headers that keep browsers
//! from running or leaking anything.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::Utc;
use tokio::sync::Semaphore;

use super::access::{Access, Peer, Tokens};
use super::commands::{CommandReply, CommandRequest, Commands};
use super::problem::Problem;
use super::snapshot::Snapshots;
use super::{api, pages};

/// Maximum browsers that receive changes at once, each over its own connection.
const MOST_LISTENERS: usize = 64;

/// Headers of every page and answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    // Sends the referrer to this site's own pages only.
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Whoever is on this machine: only requests to its own names are answered. A page on the web can make a browser send
    /// requests to a loopback address under a name of its own.
    OnThisMachine,
    /// Everybody who reaches the port.
    ByEverybody,
    /// Whoever has a token.
    WithToken,
}

/// The board and the API.
#[derive(Clone)]
pub struct Site {
    /// What they show.
    pub(crate) snapshots: Arc<Snapshots>,
    /// Where commands wait to be run, if anybody runs them.
    pub(crate) commands: Option<Arc<Commands>>,
    /// Who may read them.
    pub(crate) reading: Reading,
    /// Where tokens and the audit log are kept.
    pub(crate) tokens: Arc<dyn Tokens>,
    /// The address of a commit's page at its forge, without its id.
    pub(crate) commit_page: Option<String>,
}

/// What the handlers share.
pub(super) struct Shown {
    pub(super) site: Site,
    pub(super) listeners: Arc<Semaphore>,
    /// Checks tokens and sessions.
    pub(super) access: Access,
}

/// The paths of the board and the API.
pub(super) fn router(site: Site) -> Router {
    let access = Access::new(Arc::clone(&site.tokens), Utc::now);
    let shown = Arc::new(Shown { site, listeners: Arc::new(Semaphore::new(MOST_LISTENERS)), access });
    api::router()
        .merge(pages::router())
        .layer(middleware::from_fn_with_state(Arc::clone(&shown), guard))
        .with_state(shown)
}

async fn guard(State(shown): State<Arc<Shown>>, mut request: Request, next: Next) -> Response {
    let mut response = match admit(&shown, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal,
    };
    let headers = response.headers_mut();
    headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// Lets a request in, with who asks; or answers it.
async fn admit(shown: &Shown, request: &mut Request) -> Result<(), Response> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if shown.site.reading == Reading::OnThisMachine && !is_local(host) {
        let problem = Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "The board only answers to the names of this machine",
        )
        .with_hint("ask for localhost or 127.0.0.1, or set server.access in the configuration");
        return Err(problem.into_response());
    }
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(Peer::UNKNOWN);
    let path = request.uri().path();
    let is_for_programs = path.starts_with(api::PREFIX);
    match shown.access.visitor(request.headers(), peer).await {
        Ok(Some(visitor)) => {
            request.extensions_mut().insert(visitor);
            Ok(())
        }
        Ok(None) if shown.site.reading != Reading::WithToken => Ok(()),
        Ok(None) if path == "/login" || path.starts_with("/assets/") => Ok(()),
        Ok(None) if is_for_programs || path == "/events" => {
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "Reading needs a token")
                .with_hint("send `Authorization: Bearer TOKEN`; `tidegate token create` makes one");
            Err(problem.into_response())
        }
        Ok(None) => {
            let asked = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
            let next: String = form_urlencoded::byte_serialize(asked.as_bytes()).collect();
            Err(Redirect::to(&format!("/login?next={next}")).into_response())
        }
        Err(problem) => Err(problem.into_response()),
    }
}

/// Whether a `Host` names this machine, on any port.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

impl Site {
    /// Has a command run.
    pub(super) async fn run(&self, request: CommandRequest) -> Result<CommandReply, Problem> {
        match &self.commands {
            Some(commands) => commands.run(request).await,
            None => Err(Problem::new(StatusCode::NOT_FOUND, "This server only shows")),
        }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Site").field("reading", &self.reading).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::name("localhost:8080", true)]
    #[case::name_in_capitals("LocalHost", true)]
    #[case::address("127.0.0.1:80", true)]
    #[case::another_loopback_address("127.8.0.1", true)]
    #[case::version_6("[::1]:8080", true)]
    #[case::rebound("evil.example:8080", false)]
    #[case::looks_local("localhost.evil.example", false)]
    #[case::address_in_a_name("127.0.0.1.evil.example", false)]
    #[case::another_machine("192.0.2.1:8080", false)]
    #[case::none("", false)]
    fn only_names_of_this_machine_are_local(#[case] host: &str, #[case] expected: bool) {
        assert_eq!(is_local(host), expected);
    }
}
