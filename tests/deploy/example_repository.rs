//! The repository in `deploy/flux`: its values are ones that the chart takes, and Tidegate promotes itself in it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::tools::{documents, good, of_kind, root};
use crate::support::git::Origin;
use crate::support::registry::{DockerRegistry, Image};

const RELEASE: &str = "tidegate/tidegate.yaml";

/// The files of the repository, by their paths in it.
fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let name = path.strip_prefix(root().join("deploy/flux")).unwrap().display().to_string();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn release(cluster: &str) -> Value {
    let path = root().join("deploy/flux/clusters").join(cluster).join(RELEASE);
    of_kind(&documents(&fs::read_to_string(path).unwrap()), "HelmRelease").clone()
}

#[test]
fn its_values_are_ones_that_the_chart_takes() {
    let folder = tempfile::tempdir().unwrap();
    for cluster in ["non-prod-digital-eks", "prod-digital-eks"] {
        let values = folder.path().join("values.yaml");
        fs::write(&values, release(cluster)["spec"]["values"].to_string()).unwrap();
        let values = values.display().to_string();
        let rendered = good(
            "helm",
            &["template", "tidegate", "deploy/helm/tidegate", "--namespace", "tidegate", "--values", &values],
        );
        let deployment = of_kind(&documents(&rendered), "Deployment").clone();
        assert_eq!(deployment["spec"]["template"]["metadata"]["labels"], deployment["metadata"]["labels"]);
    }
}

#[tokio::test]
async fn tidegate_promotes_itself() {
    let mut all = Vec::new();
    files(&root().join("deploy/flux"), &mut all);
    let all: Vec<(&str, &str)> = all.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let origin = Origin::with_files(&all);
    let registry = DockerRegistry::start();
    for tag in ["v0.1.0", "v0.2.0"] {
        registry.push("tidegate/tidegate", tag, &Image::labelled("version", tag)).await;
    }
    // The configuration of prod, but for where the repository and the registry are on this machine.
    let mut config = release("prod-digital-eks")["spec"]["values"]["config"].clone();
    config["git"] = json!({"url": origin.url()});
    config["registries"] =
        json!([{"host": "ghcr.io", "endpoint": format!("http://{}", registry.host()), "plainHttp": true}]);
    config["environments"][1]["soak"] = json!("0s");
    config["store"] = json!({"url": format!("sqlite://{}", origin.beside("data/tidegate.db").display())});
    let path = origin.beside("tidegate.yaml");
    fs::write(&path, config.to_string()).unwrap();
    let tag = |cluster: &str| {
        let text = origin.file(&format!("clusters/{cluster}/{RELEASE}"));
        of_kind(&documents(&text), "HelmRelease")["spec"]["values"]["image"]["tag"].clone()
    };
    for (non_prod, prod) in [("v0.2.0", "v0.1.0"), ("v0.2.0", "v0.2.0")] {
        let ran = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["sync", "--config"])
            .arg(&path)
            .env("HOME", origin.beside("home"))
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "{}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
        assert_eq!((tag("non-prod-digital-eks"), tag("prod-digital-eks")), (json!(non_prod), json!(prod)));
    }
    let changed = origin.git(&["diff", "--numstat", "main~2", "main"]);
    assert_eq!(changed.lines().count(), 2, "{changed}");
    assert!(changed.lines().all(|line| line.starts_with("1\t1\t")), "{changed}");
}
