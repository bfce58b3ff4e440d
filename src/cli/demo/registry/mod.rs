//! A registry in this process, on a free port of the loopback interface: tag lists in pages, manifests and blobs by digest.
//! Only this process can push to it.

mod content;

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

use content::{Content, Reply};

/// The pause after a connection could not be accepted, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A registry that serves until it is dropped.
#[derive(Debug)]
pub(super) struct Registry {
    address: SocketAddr,
    content: Arc<Mutex<Content>>,
    /// Ends with the set, and every connection with it.
    _serving: JoinSet<()>,
}

impl Registry {
    /// Starts to serve, without any image.
    pub(super) async fn start() -> Result<Self, Fault> {
        let listen = async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = listen.await.map_err(|error: std::io::Error| {
            Fault::new(Class::Failed, "cannot listen on 127.0.0.1 for the registry of the demo")
                .with_source(error)
        })?;
        let content = Arc::<Mutex<Content>>::default();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&content)));
        Ok(Self { address, content, _serving: serving })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Pushes an image built from `revision` and returns its digest. Another revision is another image.
    pub(super) fn push(&self, repository: &str, tag: &str, revision: &str) -> String {
        lock(&self.content).push(repository, tag, revision)
    }

    pub(super) fn tags_count(&self, repository: &str) -> usize {
        lock(&self.content).tags_count(repository)
    }
}

async fn serve(listener: TcpListener, content: Arc<Mutex<Content>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let content = Arc::clone(&content);
        let answer = service_fn(move |request| {
            let response = respond(&content, &request);
            async { Ok::<_, Infallible>(response) }
        });
        connections.spawn(async move {
            // The client reports its own errors.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

fn respond(content: &Mutex<Content>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let is_head = *request.method() == Method::HEAD;
    if !is_head && *request.method() != Method::GET {
        let mut refused = Response::new(Full::default());
        *refused.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return refused;
    }
    let reply = lock(content).answer(request.uri().path(), request.uri().query().unwrap_or_default());
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

fn lock(content: &Mutex<Content>) -> MutexGuard<'_, Content> {
    content.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::Registry as _;
    use crate::registry::{Client, HostSettings, Limits};

    #[tokio::test]
    async fn our_own_client_reads_it() {
        let registry = Registry::start().await.unwrap();
        for patch in 0..250 {
            registry.push("vtr/app", &format!("v1.0.{patch}"), &"1".repeat(40));
        }
        let newest = registry.push("vtr/app", "v1.0.249", &"2".repeat(40));
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
