//! The programs that `scripts/install-kube.sh` builds, and what they render.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize as _;
use serde_json::Value;

/// The root of this repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the programs.
pub(crate) fn folder() -> PathBuf {
    let output = Command::new(root().join("scripts/install-kube.sh")).arg("--where").output().unwrap();
    let folder = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    assert!(
        folder.join("complete").exists(),
        "there is no {}: run scripts/install-kube.sh, which builds it once",
        folder.display()
    );
    folder
}

/// One of the programs, in the root of this repository.
pub(super) fn program(name: &str) -> Command {
    let mut command = Command::new(folder().join(name));
    // Helm and kubectl keep caches and read a configuration in the home.
    command
        .current_dir(root())
        .env("HOME", std::env::temp_dir().join("tidegate-no-home"))
        .env_remove("KUBECONFIG");
    command
}

/// Runs a program to its end.
pub(super) fn run(name: &str, arguments: &[&str]) -> Output {
    program(name).args(arguments).output().unwrap()
}

/// The output of a program that must end well.
pub(super) fn good(name: &str, arguments: &[&str]) -> String {
    let output = run(name, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{name} {}\n{said}{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The values with which the tests render the chart.
pub(super) const VALUES: &str = "deploy/helm/tidegate/ci/ssh-key-values.yaml";

/// The chart as `helm template` renders it for the namespace `tidegate`.
pub(super) fn chart(more: &[&str]) -> String {
    let arguments =
        ["template", "tidegate", "deploy/helm/tidegate", "--namespace", "tidegate", "--values", VALUES];
    good("helm", &[&arguments, more].concat())
}

/// A folder as `kubectl kustomize` renders it.
pub(super) fn kustomized(folder: &str) -> String {
    good("kubectl", &["kustomize", folder])
}

/// Both overlays, each with its name.
pub(super) const OVERLAYS: [&str; 2] =
    ["deploy/kustomize/overlays/ssh-key", "deploy/kustomize/overlays/github-app"];

/// The documents of a YAML text.
pub(super) fn documents(text: &str) -> Vec<Value> {
    let documents =
        serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).unwrap());
    documents.filter(|document| !document.is_null()).collect()
}

/// The only document of a kind.
pub(super) fn of_kind<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    let mut found = documents.iter().filter(|document| document["kind"] == kind);
    let Some(first) = found.next() else { panic!("there is no {kind}") };
    assert!(found.next().is_none(), "there are several of {kind}");
    first
}
