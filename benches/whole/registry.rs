//! A loopback registry in a process of its own, so that neither its time nor its memory is counted as Tidegate's.
//!
//! It is this harness run again with `serve`. It knows any repository name, answers as small registries do (no token,
//! no `ETag`, no pages), and counts what it is asked.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use sha2::{Digest as _, Sha256};

/// The argument that makes this program a registry.
pub(crate) const SERVE: &str = "serve";

/// A registry that runs. It ends with this value.
pub(crate) struct Registry {
    process: Child,
    address: SocketAddr,
}

impl Registry {
    /// Starts a registry in which every image has `tags` tags, `v1.0.0` and up.
    pub(crate) fn start(tags: usize) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([SERVE, &tags.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { process, address: address.trim().parse().unwrap() }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// How many tag lists it has given.
    pub(crate) fn lists_count(&self) -> u64 {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(b"GET /count HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.rsplit("\r\n").next().unwrap().parse().unwrap()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Its standard input has ended too, which is what ends it when this program is killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the registry answers from.
struct Cache {
    /// The list of tags, behind the image's name.
    tags: String,
    lists: AtomicU64,
    /// The manifests that were asked for by their tags, by their digests.
    manifests: Mutex<HashMap<String, String>>,
}

/// Is the registry, until the standard input ends.
pub(crate) fn serve(tags: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", listener.local_addr().unwrap()).unwrap();
    stdout.flush().unwrap();
    let names: Vec<String> =
        (0..tags).map(|number| format!("\"{}\"", super::repository::tag(number))).collect();
    let shelf =
        Arc::new(Cache { tags: names.join(","), lists: AtomicU64::new(0), manifests: Mutex::default() });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shelf = Arc::clone(&shelf);
            // A connection that breaks off is the client's business.
            thread::spawn(move || converse(&stream, &shelf));
        }
    });
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
}

/// Answers one request after the other.
fn converse(stream: &TcpStream, shelf: &Cache) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut request = String::new();
    loop {
        request.clear();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        let mut words = request.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        writer.write_all(shelf.answer(method, target).as_bytes())?;
        if target == "/count" {
            return Ok(());
        }
    }
}

impl Cache {
    fn answer(&self, method: &str, target: &str) -> String {
        let is_head = method == "HEAD";
        let path = target.split('?').next().unwrap_or_default();
        let Some(path) = path.strip_prefix("/v2/") else {
            return body("text/plain", &self.lists.load(Ordering::Relaxed).to_string());
        };
        if let Some(name) = path.strip_suffix("/tags/list") {
            self.lists.fetch_add(1, Ordering::Relaxed);
            return body("application/json", &format!("{{\"name\":\"{name}\",\"tags\":[{}]}}", self.tags));
        }
        if let Some((_, digest)) = path.split_once("/blobs/") {
            return if digest == digest_of(CONFIG) { body("application/json", CONFIG) } else { not_found() };
        }
        let Some((name, reference)) = path.split_once("/manifests/") else { return not_found() };
        let manifest = if reference.starts_with("sha256:") {
            let known = self.manifests.lock().unwrap().get(reference).cloned();
            match known {
                Some(manifest) => manifest,
                None => return not_found(),
            }
        } else {
            manifest(name, reference)
        };
        let digest = digest_of(&manifest);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\n\
             Docker-Content-Digest: {digest}\r\nContent-Length: {}\r\n\r\n",
            manifest.len()
        );
        let answer = if is_head { head } else { head + &manifest };
        self.manifests.lock().unwrap().insert(digest, manifest);
        answer
    }
}

/// The configuration of every image: nothing is said of where it came from.
const CONFIG: &str =
    r#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;

/// An image of its own for every tag.
fn manifest(name: &str, tag: &str) -> String {
    format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
         \"config\":{{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"{}\",\"size\":{}}},\
         \"layers\":[],\"annotations\":{{\"org.opencontainers.image.ref.name\":\"{name}:{tag}\"}}}}",
        digest_of(CONFIG),
        CONFIG.len()
    )
}

fn digest_of(text: &str) -> String {
    format!("sha256:{:x}", Sha256::digest(text))
}

fn not_found() -> String {
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()
}

fn body(kind: &str, text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}
