//! Alert rules and the dashboard: Prometheus' own tool reads every query, each names only metrics that exist, and each alert has
//! an answer in the documents.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use regex::Regex;
use serde_json::{Value, json};

use super::tools::root;

/// Runs Prometheus' own tool, which must be content.
pub(crate) fn promtool(arguments: &[&str], input: &str) {
    let child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run promtool ({error}): apt-get install prometheus"));
    child.stdin.as_ref().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}

/// The metrics of docs/metrics.md. A test of the daemon holds them against those that it has.
pub(crate) fn documented() -> Vec<String> {
    let page = read("docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let is_metric = |name: &&str| name.starts_with("tidegate_") || name.starts_with("process_");
    let mut names: Vec<String> = rows.filter(is_metric).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

fn file(name: &str) -> PathBuf {
    root().join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap()
}

/// What stands between the first group's parentheses, wherever the pattern matches.
fn found(pattern: &str, text: &str) -> BTreeSet<String> {
    Regex::new(pattern).unwrap().captures_iter(text).map(|found| found[1].to_owned()).collect()
}

fn alerts() -> BTreeSet<String> {
    found(r"- alert: (\w+)", &read("deploy/monitoring/alerts.yaml"))
}

/// Fails where a query names a metric that does not exist.
fn assert_exist(queries: &str) {
    let documented = documented();
    let named = found(r"\b((?:tidegate|process)_[a-z_]+)", queries);
    assert!(named.len() > 5, "{named:?}");
    for name in named {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let is_known = |name: &str| documented.iter().any(|one| one == name);
        assert!(is_known(&name) || family.is_some_and(is_known), "{name} does not exist");
    }
}

#[test]
fn alert_rules_do_what_their_tests_say() {
    let (rules, tests) = ("deploy/monitoring/alerts.yaml", "deploy/monitoring/alerts_test.yaml");
    promtool(&["check", "rules", file(rules).to_str().unwrap()], "");
    promtool(&["test", "rules", file(tests).to_str().unwrap()], "");
    assert_exist(&read(rules));
    let tested = found(r"alertname: (\w+)\n\s+exp_alerts", &read(tests));
    assert_eq!(tested, alerts(), "alerts that a test sees firing");
}

#[test]
fn each_alert_has_an_answer_in_the_documents() {
    let page = read("docs/operations.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Alerts\n")).unwrap();
    let answered: Vec<&str> =
        section.lines().filter_map(|line| line.strip_prefix("| `Tidegate")?.split('`').next()).collect();
    let unique: BTreeSet<String> = answered.iter().map(|name| format!("Tidegate{name}")).collect();
    assert_eq!(unique, alerts());
    assert_eq!(answered.len(), unique.len(), "each alert once");
}

#[test]
fn the_dashboard_asks_what_prometheus_understands_and_tidegate_has() {
    let dashboard: Value = serde_json::from_str(&read("deploy/monitoring/dashboard.json")).unwrap();
    let mut queries = Vec::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels have one id: {panel}");
        let targets = panel["targets"].as_array();
        assert_eq!(targets.is_none(), panel["type"] == "row", "{panel}");
        let of_panel = targets.into_iter().flatten().map(|target| target["expr"].as_str().unwrap());
        queries.extend(of_panel.map(|query| (panel["title"].as_str().unwrap(), query)));
    }
    assert!(queries.len() > 25, "{} queries", queries.len());
    let rule = |(index, (title, query)): (usize, &(&str, &str))| {
        // What Grafana fills in.
        let query = query.replace("$__rate_interval", "5m").replace("$environment", ".*");
        assert!(!query.contains('$'), "{title}: {query}");
        json!({"record": format!("panel:{index}"), "expr": query})
    };
    let rules: Vec<Value> = queries.iter().enumerate().map(rule).collect();
    // JSON is YAML.
    let rules = json!({"groups": [{"name": "dashboard", "rules": rules}]}).to_string();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    fs::write(&path, rules).unwrap();
    promtool(&["check", "rules", path.to_str().unwrap()], "");
    let all: Vec<&str> = queries.iter().map(|(_, query)| *query).collect();
    assert_exist(&all.join("\n"));
    let variables = dashboard["templating"]["list"].to_string();
    assert!(variables.contains("label_values(tidegate_targets, environment)"), "{variables}");
}
