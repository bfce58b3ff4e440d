//! Git's own `git http-backend` behind a small web server with TLS and basic authentication, on any free port.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::git;

/// The access rules of the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// The required login, as `name:token`; without one, everybody has full access.
    pub(crate) login: Option<String>,
    /// Whether pushes are forbidden.
    pub(crate) is_read_only: bool,
    /// The answer to every request instead.
    pub(crate) answer: Option<u16>,
}

/// A running server; dropping stops it.
pub(crate) struct GitServer {
    address: SocketAddr,
    rules: Arc<Mutex<Rules>>,
    requests: Arc<Mutex<Vec<String>>>,
    /// Ends the server's thread when dropped.
    _end: oneshot::Sender<()>,
}

#[derive(Clone)]
struct Service {
    root: PathBuf,
    rules: Arc<Mutex<Rules>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl GitServer {
    /// A server of the repositories in a folder.
    pub(crate) fn start(root: &Path, rules: Rules) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (rules, requests) = (Arc::new(Mutex::new(rules)), Arc::default());
        let service =
            Service { root: root.to_owned(), rules: Arc::clone(&rules), requests: Arc::clone(&requests) };
        let (end, ended) = oneshot::channel();
        // Its own thread, because some tests are async and some are not.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = listen(TcpListener::from_std(listener).unwrap(), acceptor(), service) => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, rules, requests, _end: end }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of a repository in the folder.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("https://{}/{name}", self.address)
    }

    /// Changes the rules.
    pub(crate) fn set(&self, rules: Rules) {
        *self.rules.lock().unwrap() = rules;
    }

    /// The requests since the last call, as `METHOD path status`.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    /// The authority of its certificate.
    pub(crate) fn authority() -> PathBuf {
        tls("authority.pem")
    }
}

fn tls(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/registry/tls").join(name)
}

fn acceptor() -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(tls("server.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(tls("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()))
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, service: Service) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, service) = (acceptor.clone(), service.clone());
        tokio::spawn(async move {
            // A client that does not trust the certificate disconnects here.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let answer = service_fn(|request| answer(service.clone(), request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(service: Service, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let rules = service.rules.lock().unwrap().clone();
    let asked = format!("{} {}", request.method(), request.uri());
    let response = match refusal(&rules, &request) {
        Some(response) => response,
        None => backend(&service.root, request).await,
    };
    service.requests.lock().unwrap().push(format!("{asked} {}", response.status().as_u16()));
    Ok(response)
}

fn refusal(rules: &Rules, request: &Request<Incoming>) -> Option<Response<Full<Bytes>>> {
    let refuse = |status: u16| {
        Response::builder()
            .status(status)
            .header(WWW_AUTHENTICATE, "Basic realm=\"git\"")
            .header(LOCATION, "https://127.0.0.1:1/elsewhere.git")
            .body(Full::default())
            .unwrap()
    };
    if let Some(status) = rules.answer {
        return Some(refuse(status));
    }
    if let Some(login) = &rules.login {
        let wanted = format!("Basic {}", STANDARD.encode(login));
        if request.headers().get(AUTHORIZATION).is_none_or(|sent| sent != wanted.as_str()) {
            return Some(refuse(401));
        }
    }
    let is_push = request.uri().to_string().contains("git-receive-pack");
    (rules.is_read_only && is_push).then(|| refuse(403))
}

/// Runs `git http-backend` as a web server does (RFC 3875).
async fn backend(root: &Path, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let mut command = tokio::process::Command::from(git::command(root));
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "bot")
        .env("REQUEST_METHOD", request.method().as_str())
        .env("PATH_INFO", request.uri().path())
        .env("QUERY_STRING", request.uri().query().unwrap_or_default())
        .env("CONTENT_TYPE", header(CONTENT_TYPE))
        .env("HTTP_CONTENT_ENCODING", header(CONTENT_ENCODING))
        .env("GIT_PROTOCOL", header("git-protocol".parse().unwrap()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    // A file instead of a pipe, because writing everything before reading would deadlock.
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(&body).unwrap();
    std::io::Seek::rewind(&mut input).unwrap();
    command.env("CONTENT_LENGTH", body.len().to_string()).stdin(Stdio::from(input));
    let output = command.output().await.unwrap().stdout;
    response(&output)
}

/// The head that a CGI program writes, and the rest.
fn response(output: &[u8]) -> Response<Full<Bytes>> {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&output[..end]).unwrap();
    let mut response = Response::builder().status(StatusCode::OK);
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        response = match name {
            "Status" => response.status(&value[..3]),
            _ => response.header(name, value),
        };
    }
    response.body(Full::from(output[end + 4..].to_vec())).unwrap()
}
