//! The schema and the reference are what the types say, and the example is what the schema says.

use serde_json::Value;
use tidegate::config::{Config, ConfigError, json_schema, reference};

use super::shape::violations;
use super::{HomeOnly, cases, compare_or_write, read};

fn schema() -> Value {
    serde_json::from_str(&json_schema()).unwrap()
}

fn by_schema(text: &str) -> Vec<String> {
    let value: Value = serde_yaml::from_str(text).unwrap();
    violations(&schema(), &schema(), &value, "")
}

#[test]
fn the_checked_in_schema_matches_the_types() {
    compare_or_write("config/tidegate.schema.json", &json_schema());
}

#[test]
fn the_checked_in_schema_of_control_files_matches_the_types() {
    compare_or_write("config/control.schema.json", &tidegate::control::json_schema());
}

#[test]
fn the_checked_in_openapi_matches_the_types() {
    compare_or_write("docs/openapi.json", tidegate::server::openapi());
}

#[test]
fn the_checked_in_reference_matches_the_types() {
    compare_or_write("docs/configuration.md", &reference());
}

#[test]
fn every_key_is_described() {
    let schema = schema();
    let definitions = schema["definitions"].as_object().unwrap().values();
    let objects = definitions.chain([&schema]).filter_map(|object| object.get("properties")?.as_object());
    let mut keys = 0;
    for (key, property) in objects.flatten() {
        let description = property["description"].as_str().unwrap_or_default();
        assert!(description.ends_with('.'), "{key}: {description}");
        keys += 1;
    }
    assert!(keys > 50, "{keys} keys");
}

#[test]
fn the_schema_admits_what_is_taken() {
    assert_eq!(by_schema(&read("config/tidegate.yaml")), Vec::<String>::new());
    for case in cases("tests/config/good")
        .iter()
        .filter(|case| !["anchors-and-merges", "empty-keys"].contains(&case.as_str()))
    {
        assert_eq!(
            by_schema(&read(&format!("tests/config/good/{case}.yaml"))),
            Vec::<String>::new(),
            "{case}"
        );
    }
}

#[test]
fn the_schema_refuses_what_editors_can_see() {
    for (case, seen) in [
        ("unknown-key", ".shedule: unknown key"),
        ("missing-git", ": \"git\" is missing"),
        ("soak-too-long", ""),
        ("clock-tolerance", ".clockTolerance: another form"),
        ("choice-unknown", ".environments[0].approval: none of the choices"),
        ("paths-not-a-list", ".environments[0].paths: string where array belongs"),
        ("no-path", ".environments[0].paths: too few"),
        (
            "rate-limit",
            ".registries[0].rateLimit.perSecond: too small\n.registries[0].rateLimit.burst: too large",
        ),
    ] {
        assert_eq!(by_schema(&read(&format!("tests/config/bad/{case}.yaml"))).join("\n"), seen, "{case}");
    }
}

#[test]
fn the_documented_defaults_are_the_ones_that_hold() {
    let schema = schema();
    let default = |pointer: &str| schema.pointer(&format!("{pointer}/default")).unwrap().clone();
    let property =
        |definition: &str, key: &str| default(&format!("/definitions/{definition}/properties/{key}"));
    let written = serde_json::json!({
        "schedule": default("/properties/schedule"),
        "timezone": default("/properties/timezone"),
        "registries": [{"host": "ghcr.io", "plainHttp": property("Registry", "plainHttp"), "tokenHosts": property("Registry", "tokenHosts")}],
        "freezes": default("/properties/freezes"),
        "soakMode": default("/properties/soakMode"),
        "groups": default("/properties/groups"),
        "controlFiles": {"sweepExpired": property("ControlFiles", "sweepExpired")},
        "clockTolerance": default("/properties/clockTolerance"),
        "heartbeat": default("/properties/heartbeat"),
        "git": {
            "url": "/g",
            "branch": property("Git", "branch"),
            "batch": property("Git", "batch"),
            "author": {"name": property("Author", "name"), "email": property("Author", "email")},
            "message": {"subject": property("Message", "subject")},
        },
        "environments": [
            {"name": "dev", "paths": ["dev"]},
            {"name": "prod", "paths": ["prod"], "after": "dev", "soak": property("Environment", "soak"),
             "approval": property("Environment", "approval"), "windows": property("Environment", "windows"),
             "delivery": property("Environment", "delivery")},
        ],
        "services": {
            "defaults": {"versions": property("ServiceDefaults", "versions")},
            "overrides": property("Services", "overrides"),
        },
    });
    let left_out = "git: {url: /g}\nregistries: [{host: ghcr.io}]\nenvironments: [{name: dev, paths: [dev]}, {name: \
                    prod, paths: [prod], after: dev}]\n";
    let parse = |text: &str| Config::parse(text, "x.yaml", &HomeOnly).unwrap().config;
    let (written, left_out) = (parse(&written.to_string()), parse(left_out));
    assert_eq!(written.git, left_out.git);
    assert_eq!(written.registries, left_out.registries);
    assert_eq!(written.environments(), left_out.environments());
    assert_eq!(written.freezes, left_out.freezes);
    assert_eq!(written.groups, left_out.groups);
    assert_eq!(written.soak_mode, left_out.soak_mode);
    assert_eq!(written.sweeps_control_files, left_out.sweeps_control_files);
    assert_eq!(written.timezone, left_out.timezone);
    assert_eq!(written.clock_tolerance, left_out.clock_tolerance);
    assert_eq!(written.heartbeat, left_out.heartbeat);
    assert_eq!(written.schedule.value, left_out.schedule.value);
    let range = |config: &Config| config.service(&"a/b".parse().unwrap()).versions().value().value.clone();
    assert_eq!(range(&written), range(&left_out));
}

/// Each block of lines behind `#|` in the example, put in place of the line with the same key.
fn with_block(example: &str, block: &[&str]) -> String {
    let shown: Vec<String> = block.iter().map(|line| line.replacen("#| ", "", 1)).collect();
    let key = shown[0].split_inclusive(':').next().unwrap();
    let mut lines: Vec<String> = Vec::new();
    for line in example.lines() {
        if line == block[0] {
            if let Some(place) = lines.iter().rposition(|earlier| earlier.starts_with(key)) {
                lines.remove(place);
            }
            lines.extend(shown.iter().cloned());
        } else if !line.trim_start().starts_with("#|") {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}

#[test]
fn keys_that_the_example_shows_as_reserved_are_refused() {
    let example = read("config/tidegate.yaml");
    let lines: Vec<&str> = example.lines().collect();
    let blocks: Vec<&[&str]> = lines
        .chunk_by(|line, next| line.trim_start().starts_with("#|") == next.trim_start().starts_with("#|"))
        .filter(|block| block[0].trim_start().starts_with("#|"))
        .collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let text = with_block(&example, block);
        let Err(ConfigError::Invalid(diagnostics)) = Config::parse(&text, "x.yaml", &HomeOnly) else {
            panic!("taken:\n{text}");
        };
        for diagnostic in diagnostics.diagnostics() {
            assert!(
                diagnostic.message.contains("this version does not support"),
                "{block:?}: {diagnostic:?}"
            );
        }
    }
}
