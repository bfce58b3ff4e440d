//! The examples of docs/control-files.md are read as they stand, and stand where the commands would write them.

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate::control;
use tidegate::policy::{Control, ControlKind};

use super::read;
use super::shape::violations;

/// The text of each example.
fn examples() -> Vec<String> {
    let page = read("docs/control-files.md");
    let blocks = page.split("```yaml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_example_parses_and_lies_at_its_own_path() {
    for example in examples() {
        let place = example.lines().next().unwrap().strip_prefix("# ").unwrap();
        let control = control::read(&place.parse().unwrap(), example.as_bytes());
        if let Control::Unreadable(unreadable) = &control {
            panic!("{place}: {}", unreadable.problem);
        }
        assert_eq!(control::place(&control).unwrap().as_str(), place);
        let written = control::write(&control).unwrap();
        assert_eq!(control::read(&place.parse().unwrap(), written.as_bytes()), control, "{place}");
    }
}

#[test]
fn every_kind_has_an_example_that_the_schema_admits() {
    let schema: Value = serde_json::from_str(&control::json_schema()).unwrap();
    let mut kinds = BTreeSet::new();
    for example in examples() {
        let value: Value = serde_yaml::from_str(&example).unwrap();
        let kind = value["kind"].as_str().unwrap().to_owned();
        let of_kind = schema["oneOf"].as_array().unwrap().iter();
        let of_kind: Vec<&Value> =
            of_kind.filter(|one| one["properties"]["kind"]["const"] == kind.as_str()).collect();
        assert_eq!(of_kind.len(), 1, "{kind}");
        assert_eq!(violations(&schema, of_kind[0], &value, ""), Vec::<String>::new(), "{kind}");
        kinds.insert(kind);
    }
    let all: BTreeSet<String> = ControlKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    assert_eq!(kinds, all);
}
