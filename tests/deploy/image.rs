//! The root file system of the container image, built as the Dockerfile builds it, and run as a pod runs it: another user, a
//! read-only root, and nothing of this machine but the network.

#![expect(clippy::expect_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::tools::root;
use crate::support::git::Origin;
use crate::support::registry::{DockerRegistry, Image};
use crate::support::sshd::Sshd;

/// What may be in the image beside Tidegate.
const MOST_MIB: u64 = 32;

struct Root {
    folder: TempDir,
}

impl Root {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("sh")
            .arg(root().join("deploy/image/make-root.sh"))
            .arg(folder.path().join("root"))
            .arg(env!("CARGO_BIN_EXE_tidegate"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Runs a program of the image with `mounts` of this machine, read-only, and a data folder.
    fn run(&self, mounts: &[(&Path, &str)], program: &[&str]) -> Output {
        let mut command = Command::new("bwrap");
        command.args(["--unshare-user", "--unshare-pid", "--uid", "65532", "--gid", "65532", "--clearenv"]);
        command.arg("--ro-bind").arg(self.path()).arg("/");
        command.args(["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/etc/tidegate"]);
        let data = self.folder.path().join("data");
        fs::create_dir_all(&data).unwrap();
        command.arg("--bind").arg(data).arg("/var/lib/tidegate");
        for (from, to) in mounts {
            command.arg("--ro-bind").arg(from).arg(to);
        }
        // The same that the Dockerfile sets.
        for (name, value) in environment() {
            command.args(["--setenv", &name, &value]);
        }
        command.args(program).output().expect("cannot run bwrap: apt-get install bubblewrap")
    }
}

/// The environment that the Dockerfile gives every container.
fn environment() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("deploy/image/Dockerfile")).unwrap();
    let (_, rest) = text.split_once("\nENV ").unwrap();
    let words = rest.split_whitespace().take_while(|word| *word != "USER").filter(|word| *word != "\\");
    words
        .map(|word| word.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn bytes_in(folder: &Path) -> u64 {
    let sizes = fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() { bytes_in(&path) } else { metadata.len() }
    });
    sizes.sum()
}

#[tokio::test]
async fn the_image_promotes_over_ssh_as_a_pod_runs_it() {
    let root = Root::make();
    let of_tidegate = fs::metadata(root.path().join("usr/bin/tidegate")).unwrap().len();
    let others = bytes_in(&root.path()) - of_tidegate;
    assert!(others < MOST_MIB << 20, "{} KiB beside Tidegate", others >> 10);

    let sshd = Sshd::start();
    let registry = DockerRegistry::start();
    let image = format!("{}/vtr/app", registry.host());
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: app, namespace: common}\nspec:\n  values:\n    image:\n      repository: IMAGE\n      tag: v1.0.0\n";
    let origin = Origin::with_files(&[("clusters/prod/app.yaml", &release.replace("IMAGE", &image))]);
    for tag in ["v1.0.0", "v1.0.1"] {
        registry.push("vtr/app", tag, &Image::labelled("version", tag)).await;
    }
    let config = origin.beside("tidegate.yaml");
    let text = format!(
        "git: {{url: \"{}\", auth: {{sshKey: {{file: /etc/tidegate/secret/identity, knownHosts: /etc/tidegate/secret/known_hosts}}}}}}\n\
         registries: [{{host: \"{}\", plainHttp: true}}]\n\
         environments: [{{name: prod, paths: [clusters/prod]}}]\n",
        sshd.url(&origin.path()),
        registry.host()
    );
    fs::write(&config, text).unwrap();
    let secret = origin.beside("secret");
    fs::create_dir(&secret).unwrap();
    fs::copy(sshd.new_key("id", "ed25519", ""), secret.join("identity")).unwrap();
    fs::copy(sshd.known_hosts(), secret.join("known_hosts")).unwrap();
    let mounts =
        [(config.as_path(), "/etc/tidegate/tidegate.yaml"), (secret.as_path(), "/etc/tidegate/secret")];
    for command in ["doctor", "sync"] {
        let ran = root.run(&mounts, &["/usr/bin/tidegate", command]);
        let said =
            format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{command}: {said}");
    }
    assert!(origin.file("clusters/prod/app.yaml").contains("tag: v1.0.1\n"));
    for missing in ["ls", "apt-get", "perl", "curl", "bash"] {
        let ran = root.run(&[], &[missing]);
        assert!(!ran.status.success(), "the image has {missing}");
    }
}
