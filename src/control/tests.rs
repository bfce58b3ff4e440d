//! What is read, what is refused and which gate that closes, and that what is written is read again.

use proptest::prelude::*;
use rstest::rstest;

use super::{place, read, write};
use crate::model::{EnvironmentName, ServiceName};
use crate::policy::{
    Approval, Control, ControlKind, Coverage, Freeze, FreezeControl, GateName, Hold, Note, Pin, Quarantine,
};

const NOTE: &str = "reason: latency\nby: Ana\nat: 2026-03-02T09:00:00Z\n";

fn reading(text: &str) -> Control {
    read(&".tidegate/x.yaml".parse().unwrap(), text.as_bytes())
}

fn note() -> Note {
    Note {
        file: ".tidegate/x.yaml".parse().unwrap(),
        by: "Ana".into(),
        at: "2026-03-02T09:00:00Z".parse().unwrap(),
        reason: "latency".into(),
        expires: None,
    }
}

fn covers(service: &str, environments: &[&str]) -> Coverage {
    Coverage {
        services: Some(service.parse().unwrap()),
        environments: environments.iter().map(|name| name.parse().unwrap()).collect(),
    }
}

#[test]
fn a_hold() {
    let text = format!("kind: Hold\nservice: common/api\nenvironments: [prod]\n{NOTE}");
    let expected = Hold { note: note(), covers: covers("common/api", &["prod"]) };
    assert_eq!(reading(&text), Control::Hold(expected));
    let all = reading(&format!("kind: Hold\nexpires: 2026-03-03T06:00:00-03:00\n{NOTE}"));
    let Control::Hold(all) = all else { panic!("{all:?}") };
    assert_eq!(all.covers, Coverage::default());
    assert_eq!(all.note.expires, Some("2026-03-03T09:00:00Z".parse().unwrap()));
}

#[test]
fn a_pin_and_a_quarantine() {
    let pin = Pin { note: note(), covers: covers("common/*", &[]), versions: "~1.0".parse().unwrap() };
    assert_eq!(reading(&format!("kind: Pin\nservice: common/*\nversions: ~1.0\n{NOTE}")), Control::Pin(pin));
    let quarantine = Quarantine {
        note: note(),
        services: "common/api".parse().unwrap(),
        version: "v1.0.2".parse().unwrap(),
    };
    let text = format!("kind: Quarantine\nservice: common/api\nversion: v1.0.2\n{NOTE}");
    assert_eq!(reading(&text), Control::Quarantine(quarantine));
}

#[test]
fn an_approval_and_a_freeze() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let text = format!(
        "kind: Approval\nservice: common/api\nenvironment: prod\nversion: v1.0.2\ndigest: {digest}\n{NOTE}"
    );
    let Control::Approval(approval) = reading(&text) else { panic!("{:?}", reading(&text)) };
    assert_eq!((approval.digest.as_str(), approval.environment.as_str()), (&*digest, "prod"));
    let text = format!("kind: Freeze\nname: launch\nfrom: 2026-12-18T00:00\nto: 2027-01-04T00:00\n{NOTE}");
    let Control::Freeze(order) = reading(&text) else { panic!("{:?}", reading(&text)) };
    assert_eq!(order.freeze.name(), "launch");
}

#[rstest]
#[case::not_yaml("kind: Hold\n\tx: [", GateName::Hold, "")]
#[case::not_yaml_but_its_kind("kind: Freeze\n  x: [\n", GateName::Freeze, "")]
#[case::empty("", GateName::Hold, "it has no `kind`")]
#[case::no_kind("service: common/api\n", GateName::Hold, "it has no `kind`")]
#[case::unknown_kind("kind: Holt\n", GateName::Hold, "`Holt` is no kind of control file")]
#[case::unknown_key(
    "kind: Hold\nservise: common/api\nreason: x\nby: x\nat: 2026-03-02T09:00:00Z\n",
    GateName::Hold,
    "unknown field `servise`"
)]
#[case::no_reason(
    "kind: Quarantine\nservice: a/b\nversion: v1\nby: x\nat: 2026-03-02T09:00:00Z\n",
    GateName::Quarantine,
    "missing field `reason`"
)]
#[case::two_lines(
    "kind: Hold\nreason: \"a\\nb\"\nby: x\nat: 2026-03-02T09:00:00Z\n",
    GateName::Hold,
    "`reason` must be one line"
)]
#[case::no_time(
    "kind: Hold\nreason: a\nby: x\nat: yesterday\n",
    GateName::Hold,
    "`at`: `yesterday` is not a time"
)]
#[case::bad_range(
    "kind: Pin\nservice: a/b\nversions: '>>1'\nreason: a\nby: x\nat: 2026-03-02T09:00:00Z\n",
    GateName::Hold,
    "`versions`: "
)]
#[case::bad_digest(
    "kind: Approval\nservice: a/b\nenvironment: prod\nversion: v1\ndigest: abc\nreason: a\nby: x\nat: 2026-03-02T09:00:00Z\n",
    GateName::Approval,
    "`digest`: "
)]
#[case::backwards(
    "kind: Freeze\nname: x\nfrom: 2026-12-18T00:00\nto: 2026-12-17T00:00\nreason: a\nby: x\nat: 2026-03-02T09:00:00Z\n",
    GateName::Freeze,
    "the freeze ends at"
)]
fn an_unreadable_control_file_closes_its_gate(
    #[case] text: &str,
    #[case] gate: GateName,
    #[case] problem: &str,
) {
    let Control::Unreadable(unreadable) = reading(text) else { panic!("{:?}", reading(text)) };
    assert_eq!(unreadable.gate, gate);
    assert!(unreadable.problem.contains(problem), "{}", unreadable.problem);
}

#[rstest]
#[case::a_syntax_error("kind: Hold\nreason: [\n", Some((2, 9)))]
#[case::an_unknown_key("kind: Hold\nservise: a/b\nreason: x\nby: x\nat: 2026-03-02T09:00:00Z\n", Some((2, 1)))]
#[case::a_bad_value("kind: Hold\nreason: a\nby: x\nat: yesterday\n", Some((4, 1)))]
#[case::nothing_at_all("", None)]
fn what_is_wrong_has_a_place(#[case] text: &str, #[case] expected: Option<(usize, usize)>) {
    let Control::Unreadable(unreadable) = reading(text) else { panic!("{:?}", reading(text)) };
    assert_eq!(unreadable.position, expected, "{}", unreadable.problem);
}

#[test]
fn an_unreadable_file_closes_no_more_than_it_may_cover() {
    let covered = |text: &str| match reading(text) {
        Control::Unreadable(unreadable) => unreadable.covers,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        covered("kind: Hold\nservice: common/api\nenvironments: [prod]\n"),
        covers("common/api", &["prod"])
    );
    assert_eq!(
        covered("kind: Hold\nservice: common/api\nenvironments: ['pr od']\n"),
        covers("common/api", &[])
    );
    assert_eq!(covered("kind: Hold\nservice: 7\n"), Coverage::default());
}

#[test]
fn hostile_texts_are_refused_in_few_words() {
    let bomb = format!("kind: Hold\nreason: {}\n", "x".repeat(100_000));
    let aliases = "kind: Hold\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n";
    for text in [&*bomb, aliases, "kind: \"\u{1b}[2J\"\n", "- a\n- b\n", "kind: [Hold]\n"] {
        let Control::Unreadable(unreadable) = reading(text) else { panic!("{text:.60}") };
        assert!(unreadable.problem.len() < 600 && !unreadable.problem.contains('\u{1b}'));
    }
    let file = ".tidegate/x.yaml".parse().unwrap();
    assert!(matches!(read(&file, b"kind: Hold\n\xff"), Control::Unreadable(_)));
}

fn service() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}/[a-z0-9]{1,8}", Just("mobile-*/*".to_owned()), Just("**".to_owned())]
}

fn control() -> impl Strategy<Value = Control> {
    let words = "[ -~]{0,40}[a-z'\":#{]";
    let parts =
        (0..4u8, prop::option::of(service()), prop::collection::vec("[a-z]{1,6}", 0..3), words, words);
    parts.prop_map(|(kind, service, environments, reason, by)| {
        let environments: Vec<EnvironmentName> =
            environments.iter().map(|name| name.parse().unwrap()).collect();
        let note = Note { reason: reason.trim().into(), by: by.trim().into(), ..note() };
        let services = service.as_ref().map(|pattern| pattern.parse().unwrap());
        let named = || service.clone().unwrap_or_else(|| "a/b".into()).parse().unwrap();
        match kind {
            0 => Control::Hold(Hold { note, covers: Coverage { services, environments } }),
            1 => Control::Pin(Pin {
                note,
                covers: Coverage { services: Some(named()), environments },
                versions: ">=1 <2".parse().unwrap(),
            }),
            2 => {
                Control::Quarantine(Quarantine { note, services: named(), version: "1.10".parse().unwrap() })
            }
            _ => {
                let (from, to) =
                    ("2026-12-18T00:00:00".parse().unwrap(), "2027-01-04T00:00:30".parse().unwrap());
                let freeze = Freeze::new("Launch: week 1", environments, from, to).unwrap();
                Control::Freeze(FreezeControl { note, services, freeze })
            }
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(control in control()) {
        let text = write(&control).unwrap();
        prop_assert_eq!(reading(&text), control, "{}", text);
    }
}

#[test]
fn each_control_has_a_path_of_its_own() {
    let service: ServiceName = "common/api".parse().unwrap();
    let hold = |covers| place(&Control::Hold(Hold { note: note(), covers })).unwrap().to_string();
    assert_eq!(hold(covers("common/api", &["prod"])), ".tidegate/hold/common/api/prod.yaml");
    assert_eq!(hold(covers("common/api", &[])), ".tidegate/hold/common/api/_all.yaml");
    assert_eq!(hold(Coverage::default()), ".tidegate/hold/_all/_all.yaml");
    assert_eq!(hold(covers("common/*", &["prod"])), ".tidegate/hold/common/_all/prod.yaml");
    assert!(hold(covers("*/api", &["prod"])).starts_with(".tidegate/hold/_any_api-"));
    assert!(hold(covers("mobile-*/*", &[])).starts_with(".tidegate/hold/_mobile-any_any-"));
    let quarantine =
        Quarantine { note: note(), services: service.into(), version: "v1.0.2".parse().unwrap() };
    let quarantine = place(&Control::Quarantine(quarantine)).unwrap();
    assert_eq!(quarantine.as_str(), ".tidegate/quarantine/common/api/v1.0.2.yaml");
    // A service may have two images under one tag.
    let approval = |letter: char| {
        let digest = format!("sha256:{}", String::from(letter).repeat(64)).parse().unwrap();
        let (environment, version) = ("prod".parse().unwrap(), "v1.0.2".parse().unwrap());
        let service: ServiceName = "common/api".parse().unwrap();
        let approval = Approval { note: note(), service, environment, version, digest };
        place(&Control::Approval(approval)).unwrap().to_string()
    };
    assert_eq!(approval('a'), ".tidegate/approval/common/api/prod/v1.0.2-aaaaaaaaaaaa.yaml");
    assert_ne!(approval('a'), approval('b'));
    let (from, to) = ("2026-12-18T00:00:00".parse().unwrap(), "2027-01-04T00:00:00".parse().unwrap());
    for (name, file) in [("launch", "launch.yaml"), ("../../Launch 1", "")] {
        let freeze = Freeze::new(name, Vec::new(), from, to).unwrap();
        let order = FreezeControl { note: note(), services: None, freeze };
        let place = place(&Control::Freeze(order)).unwrap();
        assert!(place.as_str().starts_with(".tidegate/freeze/") && place.as_str().ends_with(file), "{place}");
        assert_eq!(place.as_str().matches('/').count(), 2, "{place}");
    }
}

#[test]
fn kinds_have_their_names() {
    assert_eq!(
        ControlKind::ALL.map(ControlKind::as_str).map(str::to_lowercase),
        ControlKind::ALL.map(ControlKind::as_word)
    );
}
