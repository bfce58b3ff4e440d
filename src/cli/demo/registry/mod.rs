//! A small registry inside this process, on a free port of the loopback interface, gone with it. It is real to whoever
//! asks: tag lists in pages, manifests and blobs by digest. Only this process can push to it.

mod shelves;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LINK};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::model::{Class, Fault};

use shelves::{Reply, Shelves};

/// How long to wait when a connection could not be taken, most likely for want of file descriptors.
const BREATHER: Duration = Duration::from_millis(50);

/// A registry that serves until it is dropped.
#[derive(Debug)]
pub(super) struct Registry {
    address: SocketAddr,
    shelves: Arc<Mutex<Shelves>>,
    /// Ends with the set, and every connection with it.
    _serving: JoinSet<()>,
}

impl Registry {
    /// Begins to serve, with nothing on the shelves.
    pub(super) async fn start() -> Result<Self, Fault> {
        let listen = async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = listen.await.map_err(|error: std::io::Error| {
            Fault::new(Class::Failed, "cannot listen on 127.0.0.1 for the demonstration's registry")
                .with_source(error)
        })?;
        let shelves = Arc::<Mutex<Shelves>>::default();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&shelves)));
        Ok(Self { address, shelves, _serving: serving })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Pushes an image and answers its digest. Two builds of one tag are two images.
    pub(super) fn push(&self, repository: &str, tag: &str, build: &str) -> String {
        lock(&self.shelves).push(repository, tag, build)
    }

    /// How many tags a repository has.
    pub(super) fn tags_count(&self, repository: &str) -> usize {
        lock(&self.shelves).tags_count(repository)
    }
}

async fn serve(listener: TcpListener, shelves: Arc<Mutex<Shelves>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BREATHER).await;
            continue;
        };
        let shelves = Arc::clone(&shelves);
        let answer = service_fn(move |request| {
            let response = respond(&shelves, &request);
            async { Ok::<_, Infallible>(response) }
        });
        connections.spawn(async move {
            // A client that breaks off tells its own side why.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

fn respond(shelves: &Mutex<Shelves>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let is_head = *request.method() == Method::HEAD;
    if !is_head && *request.method() != Method::GET {
        let mut refused = Response::new(Full::default());
        *refused.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return refused;
    }
    let reply = lock(shelves).answer(request.uri().path(), request.uri().query().unwrap_or_default());
    on_the_wire(reply, is_head)
}

fn on_the_wire(reply: Reply, is_head: bool) -> Response<Full<Bytes>> {
    let length = reply.body.len();
    let body = if is_head { Full::default() } else { Full::new(Bytes::from(reply.body)) };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    if let Some(digest) = reply.digest.and_then(|digest| HeaderValue::try_from(digest).ok()) {
        headers.insert("docker-content-digest", digest);
    }
    if let Some(link) = reply.link.and_then(|link| HeaderValue::try_from(link).ok()) {
        headers.insert(LINK, link);
    }
    response
}

fn lock(shelves: &Mutex<Shelves>) -> MutexGuard<'_, Shelves> {
    shelves.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Client, HostSettings, Limits};

    #[tokio::test]
    async fn our_own_client_reads_it() {
        let registry = Registry::start().await.unwrap();
        for patch in 0..250 {
            registry.push("vtr/app", &format!("v1.0.{patch}"), "first");
        }
        let newest = registry.push("vtr/app", "v1.0.249", "second");
        let host = registry.address().to_string();
        let settings = HostSettings { plain_http: true, ..HostSettings::new(host.clone()) };
        let client = Client::new(vec![settings], Limits::default()).unwrap();
        let image = format!("{host}/vtr/app").parse().unwrap();
        assert_eq!(client.tags(&image).await.unwrap().tags.len(), 250);
        let digest = client.digest(&image, &"v1.0.249".parse().unwrap()).await.unwrap();
        assert_eq!(digest.as_str(), newest);
        let labels = client.labels(&image, &digest).await.unwrap();
        assert_eq!(labels["org.opencontainers.image.version"], "v1.0.249");
    }
}
