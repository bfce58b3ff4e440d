//! The Helm chart: what its schema takes and refuses, and that its configuration is one of Tidegate.

use std::fs;

use serde_json::{Value, json};
use tidegate::config::{Config, json_schema};

use crate::config::HomeOnly;

use super::tools::{VALUES, chart, documents, good, of_kind, root, run};

const SCHEMA: &str = "deploy/helm/tidegate/values.schema.json";

#[test]
fn lint_finds_nothing() {
    let said = good("helm", &["lint", "--strict", "deploy/helm/tidegate", "--values", VALUES]);
    assert!(said.contains("1 chart(s) linted, 0 chart(s) failed"), "{said}");
    assert!(!said.contains("[WARNING]") && !said.contains("[ERROR]"), "{said}");
}

/// The schema of the values holds the schema of the configuration, so Helm refuses a mistyped key before anything is applied.
#[test]
fn the_schema_holds_that_of_the_configuration() {
    let path = root().join(SCHEMA);
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let mut wanted: Value = serde_json::from_str(&json_schema()).unwrap();
    wanted["$id"] = schema["definitions"]["config"]["$id"].clone();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        schema["definitions"]["config"] = wanted;
        fs::write(path, serde_json::to_string_pretty(&schema).unwrap() + "\n").unwrap();
        return;
    }
    assert!(
        schema["definitions"]["config"] == wanted,
        "{SCHEMA} is behind: UPDATE_GENERATED=1 cargo test --test rooms deploy::chart"
    );
}

#[test]
fn values_that_are_wrong_are_refused_with_their_place() {
    for (set, place) in [
        ("image.tag=latest", "/image/tag"),
        ("image.tag=main", "/image/tag"),
        ("image.digest=sha256:abc", "/image/digest"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("imgae.tag=v1.0.0", "'imgae'"),
        ("resources.limits=null", "/resources"),
        ("resources.limits.memory=null", "/resources/limits"),
        ("persistence.size=much", "/persistence/size"),
        ("service.port=0", "/service/port"),
        ("clusterAccess.enabled=maybe", "/clusterAccess/enabled"),
        ("config.shedule=0 * * * *", "'shedule'"),
        ("config.git.url=null", "/config/git"),
        ("config.environments=null", "/config"),
        ("config.soakMode=quick", "/config/soakMode"),
    ] {
        let arguments = ["template", "tidegate", "deploy/helm/tidegate", "--values", VALUES, "--set", set];
        let output = run("helm", &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{set} is taken");
        assert!(said.contains(place), "{set}: {said}");
    }
}

#[test]
fn valid_values_are_accepted() {
    for set in [
        "image.digest=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "resources.limits.cpu=1",
        "persistence.existingClaim=mine",
        "persistence.enabled=false",
        "networkPolicy.from=null",
        "networkPolicy.enabled=false",
        "serviceMonitor.labels.release=prometheus",
        "config.schedule=*/5 * * * *",
    ] {
        chart(&["--set", set]);
    }
}

#[test]
fn the_tag_and_the_digest_reach_the_container() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let rendered = documents(&chart(&["--set", &format!("image.tag=v9.9.9,image.digest={digest}")]));
    let image = &of_kind(&rendered, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, &json!(format!("ghcr.io/tidegate/tidegate:v9.9.9@{digest}")));
}

/// Helm carries numbers as floating point.
#[test]
fn the_configuration_arrives_as_it_was_given() {
    let values = tempfile::NamedTempFile::new().unwrap();
    let app = json!({"appId": 123_456_789, "installationId": 987_654_321, "privateKeyFile": "/etc/tidegate/secret/app.pem"});
    let git = json!({"url": "https://github.com/vtr/gitops.git", "auth": {"githubApp": app}});
    let environments = json!([{"name": "prod", "paths": ["clusters/prod"]}]);
    fs::write(values.path(), json!({"config": {"git": git, "environments": environments}}).to_string())
        .unwrap();
    let path = values.path().display().to_string();
    let rendered =
        documents(&good("helm", &["template", "tidegate", "deploy/helm/tidegate", "--values", &path]));
    let text = of_kind(&rendered, "ConfigMap")["data"]["tidegate.yaml"].as_str().unwrap();
    assert!(text.contains("appId: 123456789\n") && text.contains("installationId: 987654321\n"), "{text}");
    Config::parse(text, "tidegate.yaml", &HomeOnly).unwrap();
}

#[test]
fn a_change_of_the_configuration_restarts_the_pod() {
    let checksum = |more: &[&str]| {
        let rendered = documents(&chart(more));
        let deployment = of_kind(&rendered, "Deployment");
        deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"].clone()
    };
    assert!(checksum(&[]).is_string());
    assert_eq!(checksum(&[]), checksum(&["--set", "service.port=9090"]));
    assert_ne!(checksum(&[]), checksum(&["--set", "config.schedule=*/5 * * * *"]));
}
