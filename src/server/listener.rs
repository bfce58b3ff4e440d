//! Connections: how many, how long, and how much each may send before it is answered.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::{Extension, Router};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::access::Peer;
use super::routes::{MAX_BODY_BYTES, Parts, router};
use super::tls::Tls;
use crate::model::{Class, Fault};

/// Limits of the server. Smaller ones serve tests.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Maximum connections at once.
    pub connections: usize,
    /// How long the headers of a request may take, also while a connection is idle.
    pub headers: Duration,
    /// How long a request may take from its headers to the first byte of the answer.
    pub request: Duration,
    /// How long a connection may last.
    pub connection: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 128,
            headers: Duration::from_secs(5),
            request: Duration::from_secs(10),
            connection: Duration::from_mins(1),
        }
    }
}

/// Grace period of open connections after a stop, or after their time limit.
const LAST_MOMENTS: Duration = Duration::from_secs(2);

/// The pause after a failed `accept`, such as one without a free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const MAX_HEADER_BYTES: usize = 16 * 1024;

const MAX_HEADERS: usize = 64;

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    tls: Option<Tls>,
    limits: ServerLimits,
}

impl Server {
    /// Listens on an address; port 0 is any free one.
    ///
    /// # Errors
    /// When the address is taken or not allowed, or the secret of a webhook or the certificate cannot be read.
    pub async fn bind(address: SocketAddr, parts: Parts, limits: ServerLimits) -> Result<Self, Fault> {
        let tls = parts.tls.clone().map(Tls::open).transpose()?;
        let router = router(parts)?;
        let failed = |error: std::io::Error| {
            Fault::new(Class::Failed, format!("cannot listen on {address}"))
                .with_source(error)
                .with_hint("free the port, or change server.listen")
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, router, tls, limits })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the board is.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", self.address)
    }

    /// Answers requests until `shutdown` is ready, and then those that have begun.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let Self { listener, router, tls, limits, .. } = self;
        let slots = Arc::new(Semaphore::new(limits.connections));
        let (stop, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = async {
                let slot = Arc::clone(&slots).acquire_owned().await;
                (slot, listener.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                () = &mut shutdown => break,
                accepted = accepted => accepted,
            };
            while connections.try_join_next().is_some() {}
            match (slot, accepted) {
                (Ok(slot), Ok((stream, peer))) => {
                    let service = TowerToHyperService::new(router.clone().layer(Extension(Peer(peer.ip()))));
                    let acceptor = tls.as_ref().map(Tls::current);
                    let stopped = stopped.clone();
                    connections.spawn(async move {
                        // Small answers go out at once.
                        let _ = stream.set_nodelay(true);
                        match acceptor {
                            None => connection(stream, service, limits, stopped).await,
                            // A client that does not trust the certificate is no error of ours.
                            Some(acceptor) => {
                                if let Ok(Ok(stream)) = timeout(limits.headers, acceptor.accept(stream)).await
                                {
                                    connection(stream, service, limits, stopped).await;
                                }
                            }
                        }
                        drop(slot);
                    });
                }
                (_, Err(error)) => {
                    tracing::debug!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
                // The semaphore is never closed.
                (Err(_), _) => break,
            }
        }
        drop(listener);
        // Nobody listens when no connection is left.
        let _ = stop.send(true);
        let ended = async { while connections.join_next().await.is_some() {} };
        if timeout(LAST_MOMENTS, ended).await.is_err() {
            tracing::debug!("ended connections that were still open");
        }
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: TowerToHyperService<Router>,
    limits: ServerLimits,
    mut stopped: watch::Receiver<bool>,
) {
    let bounded = service_fn(move |request: Request<Incoming>| {
        // Refused by its announced length, so that nobody waits for a body that will not be read.
        let is_too_large = request.body().size_hint().lower() > MAX_BODY_BYTES as u64;
        let answer = (!is_too_large).then(|| service.call(request));
        async move {
            let Some(answer) = answer else { return Ok(too_large()) };
            Ok::<_, Infallible>(match timeout(limits.request, answer).await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => too_slow(),
            })
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), bounded);
    let mut connection = pin!(connection);
    tokio::select! {
        // A client that breaks off is no error of ours.
        _ = connection.as_mut() => return,
        () = sleep(limits.connection) => {}
        _ = stopped.wait_for(|is_stopped| *is_stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(LAST_MOMENTS, connection).await;
}

fn too_large() -> Response<Body> {
    let mut response = Response::new(Body::from("the body is too large\n"));
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    response
}

fn too_slow() -> Response<Body> {
    let mut response = Response::new(Body::from("the request took too long\n"));
    *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
    response
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
