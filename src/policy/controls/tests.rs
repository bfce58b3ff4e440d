//! Whom controls cover, and when they are in force.

use rstest::rstest;

use super::{Control, Controls, Coverage, FreezeControl, Hold, Pin, Quarantine};
use crate::policy::Freeze;
use crate::policy::fixture::{at, candidate, environment, note};

const MONDAY: &str = "2026-03-02T12:00:00Z";

fn covers(service: &str, environments: &[&str]) -> Coverage {
    Coverage {
        services: (!service.is_empty()).then(|| service.parse().unwrap()),
        environments: environments.iter().map(|name| environment(name)).collect(),
    }
}

#[rstest]
#[case::everything("", &[], true)]
#[case::the_service("common/api", &[], true)]
#[case::a_glob("common/*", &["prod"], true)]
#[case::another_service("common/web", &[], false)]
#[case::another_environment("common/api", &["non-prod", "staging"], false)]
#[case::one_of_several("**", &["staging", "prod"], true)]
fn coverage(#[case] service: &str, #[case] environments: &[&str], #[case] expected: bool) {
    let api = "common/api".parse().unwrap();
    assert_eq!(covers(service, environments).covers(&api, &environment("prod")), expected);
    let hold = Control::Hold(Hold { note: note("x", None), covers: covers(service, environments) });
    let controls: Controls = [hold].into_iter().collect();
    assert_eq!(!controls.covering(&api, &environment("prod")).is_empty(), expected);
}

#[rstest]
#[case::for_good(None, true)]
#[case::until_later(Some("2026-03-02T12:00:01Z"), true)]
#[case::until_just_now(Some(MONDAY), false)]
#[case::until_before(Some("2026-03-01T12:00:00Z"), false)]
fn a_note_counts_until_it_expires(#[case] expires: Option<&str>, #[case] expected: bool) {
    assert_eq!(note("x", expires).is_in_force(at(MONDAY)), expected);
}

#[rstest]
#[case::the_tag("v1.0.2", "v1.0.2", true)]
#[case::the_version("1.0.2", "v1.0.2", true)]
#[case::another("v1.0.20", "v1.0.2", false)]
fn a_quarantine_is_of_a_version(#[case] written: &str, #[case] tag: &str, #[case] expected: bool) {
    let services = "common/api".parse().unwrap();
    let quarantine = Quarantine { note: note("x", None), services, version: written.parse().unwrap() };
    assert_eq!(quarantine.covers(&candidate(tag)), expected);
}

#[test]
fn the_past_and_the_next_control_are_both_reported() {
    let pin = |expires| {
        let versions = "~1.0".parse().unwrap();
        Control::Pin(Pin { note: note("x", Some(expires)), covers: covers("", &[]), versions })
    };
    let freeze = |to: &str| {
        let (from, to) = ("2026-03-01T00:00:00".parse().unwrap(), to.parse().unwrap());
        let freeze = Freeze::new("x", Vec::new(), from, to).unwrap();
        Control::Freeze(FreezeControl { note: note("x", None), services: None, freeze })
    };
    let controls: Controls = [
        pin("2026-03-02T11:00:00Z"),
        pin("2026-03-03T11:00:00Z"),
        pin("2026-03-04T11:00:00Z"),
        // 09:30 in Santiago is half past twelve in UTC.
        freeze("2026-03-02T09:30:00"),
        freeze("2026-03-02T08:00:00"),
    ]
    .into_iter()
    .collect();
    let santiago = "America/Santiago".parse().unwrap();
    assert_eq!(controls.expired(santiago, at(MONDAY)).count(), 2);
    assert_eq!(controls.next_expiry(at(MONDAY)), Some(at("2026-03-03T11:00:00Z")));
    assert_eq!(controls.next_expiry(at("2026-03-05T00:00:00Z")), None);
    assert!(Controls::NONE.is_empty() && !controls.is_empty());
}
