//! Server-sent events: the id of every new snapshot, so that a page in a browser knows when it is old.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::server::problem::Problem;
use crate::server::site::Shown;
use crate::server::snapshot::Snapshot;

/// How long a connection may be silent, so that proxies keep it.
const SILENCE: Duration = Duration::from_secs(15);

type Snapshots = watch::Receiver<Option<Arc<Snapshot>>>;

/// The next event, and who tells of the one after it.
type Next = Pin<Box<dyn Future<Output = Option<(Listening, Bytes)>> + Send>>;

/// Events, as the body of an answer.
struct Events {
    next: Next,
    _slot: OwnedSemaphorePermit,
}

struct Listening {
    snapshots: Snapshots,
    told: Option<String>,
}

impl Listening {
    /// The next event; none when no more can come.
    async fn next(mut self) -> Option<(Self, Bytes)> {
        loop {
            let id = self.snapshots.borrow_and_update().as_ref().map(|snapshot| snapshot.id.clone());
            if let Some(id) = id.filter(|id| self.told.as_ref() != Some(id)) {
                let event = Bytes::from(format!("retry: 3000\nevent: snapshot\ndata: {id}\n\n"));
                self.told = Some(id);
                return Some((self, event));
            }
            match tokio::time::timeout(SILENCE, self.snapshots.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some((self, Bytes::from_static(b": nothing new\n\n"))),
            }
        }
    }
}

impl hyper::body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.next.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some((listening, event))) => {
                self.next = Box::pin(listening.next());
                Poll::Ready(Some(Ok(Frame::data(event))))
            }
        }
    }
}

pub(super) async fn stream(State(shown): State<Arc<Shown>>) -> Response {
    let Ok(slot) = Arc::clone(&shown.listeners).try_acquire_owned() else {
        return Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many browsers are told of changes already",
        )
        .with_hint("reload the page to see what is new")
        .into_response();
    };
    let listening = Listening { snapshots: shown.site.snapshots.subscribe(), told: None };
    let events = Events { next: Box::pin(listening.next()), _slot: slot };
    let mut response = Response::new(Body::new(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
