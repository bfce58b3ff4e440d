//! Debian's openssh-server with its own host keys, on a free local port: one `sshd -i` per connection, so that no port
//! is guessed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails, fails its test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::inetd::Inetd;

const PROGRAM: &str = "/usr/sbin/sshd";

/// A server that serves repositories by `git-shell`, and nothing else; dropping stops it.
pub(crate) struct Sshd {
    folder: TempDir,
    inetd: Inetd,
}

impl Sshd {
    /// A server that admits nobody yet.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_key(&folder.path().join("host_ed25519"), "ed25519", "");
        make_key(&folder.path().join("host_ecdsa"), "ecdsa", "");
        assert!(Path::new(PROGRAM).exists(), "there is no {PROGRAM}: apt-get install openssh-server");
        make_separation_folder();
        let config = folder.path().join("sshd_config");
        let inetd = Inetd::start(move || {
            let mut command = Command::new(PROGRAM);
            command.args(["-i", "-e", "-f"]).arg(&config);
            command
        });
        let server = Self { folder, inetd };
        fs::write(server.beside("authorized_keys"), "").unwrap();
        server.configure(&["host_ed25519", "host_ecdsa"], "");
        server
    }

    /// Writes the configuration, with these host keys and extra lines.
    pub(crate) fn configure(&self, host_keys: &[&str], more: &str) {
        let line = |key: &&str| format!("HostKey {}", self.beside(key).display());
        let keys = host_keys.iter().map(line).collect::<Vec<_>>().join("\n");
        let text = format!(
            "{keys}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPidFile none\nForceCommand git-shell -c \"$SSH_ORIGINAL_COMMAND\"\n{more}\n",
            self.beside("authorized_keys").display()
        );
        fs::write(self.beside("sshd_config"), text).unwrap();
    }

    pub(crate) fn port(&self) -> u16 {
        self.inetd.port()
    }

    /// A path in the server's folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The URL of a local repository, through a port.
    pub(crate) fn url_at(port: u16, repository: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{port}{}", user(), repository.display())
    }

    /// The URL of a local repository.
    pub(crate) fn url(&self, repository: &Path) -> String {
        Self::url_at(self.port(), repository)
    }

    /// Admits the owner of a key.
    pub(crate) fn admit(&self, private_key: &Path) {
        let line = fs::read_to_string(private_key.with_extension("pub")).unwrap();
        let path = self.beside("authorized_keys");
        let known = fs::read_to_string(&path).unwrap();
        fs::write(path, known + &line).unwrap();
    }

    /// A new key, which is admitted.
    pub(crate) fn new_key(&self, name: &str, kind: &str, passphrase: &str) -> PathBuf {
        let key = self.beside(name);
        make_key(&key, kind, passphrase);
        self.admit(&key);
        key
    }

    /// A `known_hosts` file with a key of the server, for a port.
    pub(crate) fn known_hosts_at(&self, port: u16, host_key: &str) -> PathBuf {
        let public = fs::read_to_string(self.beside(&format!("{host_key}.pub"))).unwrap();
        let path = self.beside(&format!("known_hosts-{port}-{host_key}"));
        fs::write(&path, format!("[127.0.0.1]:{port} {public}")).unwrap();
        path
    }

    /// A `known_hosts` file with the server's key.
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.known_hosts_at(self.port(), "host_ed25519")
    }
}

/// Creates a key pair.
pub(crate) fn make_key(path: &Path, kind: &str, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", kind, "-N", passphrase, "-C", "test"]);
    if kind == "rsa" {
        command.args(["-b", "2048"]);
    }
    let made = command.arg("-f").arg(path).stdin(Stdio::null()).output().unwrap_or_else(missing);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The fingerprint of a public key.
pub(crate) fn fingerprint(public_key: &Path) -> String {
    let output =
        Command::new("ssh-keygen").args(["-l", "-f"]).arg(public_key).output().unwrap_or_else(missing);
    String::from_utf8(output.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}

/// The system service does this before it starts sshd; only root's sshd needs it.
fn make_separation_folder() {
    let folder = Path::new("/run/sshd");
    if user() == "root" && !folder.is_dir() {
        fs::create_dir_all(folder).unwrap();
    }
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[expect(clippy::needless_pass_by_value, reason = "so that it can stand where an error is handled")]
fn missing<T>(error: std::io::Error) -> T {
    panic!("cannot run OpenSSH ({error}): apt-get install openssh-server openssh-client")
}
