//! A real kube-apiserver over an embedded etcd, on ports and in a folder of its own, without controllers and without nodes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails, fails its test")]

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::Value;
use tempfile::TempDir;

use super::tools::{folder, program};
use crate::support::sshd::make_key;

/// How long the server may take to start on a busy machine.
const START_DEADLINE: Duration = Duration::from_mins(2);

const TOKEN: &str = "of-one-test";

/// The first token of a user without rights, and the one after a change.
const READER_TOKENS: [&str; 2] = ["of-one-reader", "of-one-reader-later"];

/// The user without rights.
pub(crate) const READER: &str = "reader";

/// A running API server with the custom resources of Flux, the Prometheus operator and Sealed Secrets. It ends when it is
/// dropped.
pub(crate) struct ApiServer {
    child: Child,
    /// Of the API server, and of etcd for clients and for peers.
    ports: [u16; 3],
    folder: TempDir,
}

impl ApiServer {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        make_key(&path("accounts.key"), "rsa", "");
        // OpenSSH's own format is not one that the server reads.
        let converted = Command::new("ssh-keygen")
            .args(["-p", "-q", "-m", "PEM", "-P", "", "-N", "", "-f"])
            .arg(path("accounts.key"))
            .stdout(Stdio::null())
            .status();
        assert!(converted.unwrap().success());
        let ports = free_ports();
        write_tokens(folder.path(), READER_TOKENS[0]);
        let child = spawn(folder.path(), ports);
        let mut server = Self { child, ports, folder };
        server.await_readiness();
        let crds = super::tools::folder().join("crds");
        server.good(&["apply", "--server-side", "--filename", &crds.display().to_string()], "");
        server.good(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"], "");
        server
    }

    /// Ends the server at once, as a power cut does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after [`Self::kill`], with what etcd has and another token of the user without rights.
    pub(crate) fn restart(&mut self) {
        write_tokens(self.folder.path(), READER_TOKENS[1]);
        self.child = spawn(self.folder.path(), self.ports);
        self.await_readiness();
    }

    /// A kubeconfig of the user without rights, with one context; after a restart, with the later token.
    pub(crate) fn kubeconfig(&self, context: &str) -> PathBuf {
        let tokens = fs::read_to_string(self.folder.path().join("tokens.csv")).unwrap();
        let token = READER_TOKENS.into_iter().rfind(|token| tokens.contains(&format!("{token},"))).unwrap();
        let certificates = fs::read_to_string(self.folder.path().join("certs/apiserver.crt")).unwrap();
        // The server's own certificate comes first, and then the one that signed it.
        let authority = certificates.split_inclusive("-----END CERTIFICATE-----\n").nth(1).unwrap();
        let authority = base64::engine::general_purpose::STANDARD.encode(authority);
        let port = self.ports[0];
        let text = format!(
            "apiVersion: v1\nkind: Config\n\
             clusters: [{{name: test, cluster: {{server: \"https://127.0.0.1:{port}\", \
             certificate-authority-data: {authority}}}}}]\n\
             users: [{{name: reader, user: {{token: {token}}}}}]\n\
             contexts: [{{name: {context}, context: {{cluster: test, user: reader}}}}]\n"
        );
        let file = self.folder.path().join("kubeconfig");
        fs::write(&file, text).unwrap();
        file
    }

    fn await_readiness(&mut self) {
        let started = Instant::now();
        while !self.kubectl(&["get", "--raw", "/readyz"], "").status.success() {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(self.child.try_wait().unwrap().is_none(), "kube-apiserver ended: {}", log());
            assert!(started.elapsed() < START_DEADLINE, "kube-apiserver did not start: {}", log());
            sleep(Duration::from_millis(200));
        }
    }

    /// Runs kubectl with `input`.
    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = program("kubectl")
            .args(["--insecure-skip-tls-verify", "--token", TOKEN, "--server"])
            .arg(format!("https://127.0.0.1:{}", self.ports[0]))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What kubectl prints; it must end well and warn of nothing.
    pub(crate) fn good(&self, arguments: &[&str], input: &str) -> String {
        let output = self.kubectl(arguments, input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !said.contains("Warning"),
            "kubectl {}: {said}",
            arguments.join(" ")
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Applies a text of YAML.
    pub(crate) fn apply(&self, text: &str) {
        self.good(&["apply", "--server-side", "--filename", "-"], text);
    }

    /// Why the server refuses to create an object, if it does. Nothing is created.
    pub(crate) fn refusal(&self, object: &Value) -> Option<String> {
        let output = self.kubectl(&["create", "--dry-run=server", "--filename", "-"], &object.to_string());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (!output.status.success()).then_some(said)
    }

    /// Whether a service account may do something in some namespace.
    pub(crate) fn allows(&self, account: &str, verb: &str, resource: &str) -> bool {
        let output =
            self.kubectl(&["auth", "can-i", verb, resource, "--all-namespaces", "--as", account], "");
        match String::from_utf8_lossy(&output.stdout).trim() {
            "yes" => true,
            "no" => false,
            other => panic!("{other}{}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Who may log in.
fn write_tokens(place: &Path, reader: &str) {
    let tokens = format!("{TOKEN},admin,1,system:masters\n{reader},{READER},2\n");
    fs::write(place.join("tokens.csv"), tokens).unwrap();
}

/// Starts the program over an etcd in the folder.
fn spawn(place: &Path, [port, client, peer]: [u16; 3]) -> Child {
    let path = |name: &str| place.join(name);
    let log = fs::File::options().create(true).append(true).open(path("log")).unwrap();
    let key = path("accounts.key").display().to_string();
    Command::new(folder().join("kube-apiserver"))
        .env("ETCD_DIR", path("etcd"))
        .env("ETCD_CLIENT_URL", format!("http://127.0.0.1:{client}"))
        .env("ETCD_PEER_URL", format!("http://127.0.0.1:{peer}"))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--anonymous-auth=false"])
        .args(["--authorization-mode=RBAC", "--endpoint-reconciler-type=none"])
        .args(["--service-account-issuer=https://kubernetes.default.svc"])
        .args(["--service-cluster-ip-range=10.0.0.0/24", "--disable-admission-plugins=ServiceAccount"])
        .arg(format!("--secure-port={port}"))
        .arg(format!("--cert-dir={}", path("certs").display()))
        .arg(format!("--service-account-key-file={key}"))
        .arg(format!("--service-account-signing-key-file={key}"))
        .arg(format!("--token-auth-file={}", path("tokens.csv").display()))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Ports that are free now; all are held until all are found.
fn free_ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
