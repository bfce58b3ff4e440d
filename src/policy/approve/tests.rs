//! What overrides can and cannot do.

use rstest::rstest;

use super::{Approved, GatesClosed, Override, OverrideError, Overrides, approve_overriding};
use crate::model::{Class, Fault};
use crate::policy::Direction;
use crate::policy::GateName;
use crate::policy::fixture::{Target, candidates, digest, rolled_back};

/// While v1.0.2 soaks.
const SOAKING: &str = "2026-03-02T12:00:00Z";

fn because(gate: GateName) -> Override {
    Override::new(gate, "customers cannot log in").unwrap()
}

fn promote(target: &Target, tag: &str, gates: &[GateName]) -> Result<Approved, GatesClosed> {
    let overrides: Vec<Override> = gates.iter().copied().map(because).collect();
    approve_overriding(&target.evaluate(tag, SOAKING), &Overrides { overrides, ..Overrides::default() })
}

#[test]
fn a_closed_gate_stays_closed_without_an_override() {
    let error = promote(&Target::prod(), "v1.0.2", &[GateName::Window]).unwrap_err();
    assert_eq!(error.class(), Class::GateClosed);
    let fault = Fault::from(error);
    assert_eq!(
        fault.to_string(),
        "cannot promote v1.0.2 to prod: soak: ran 3h in non-prod (24h required), \
         since 2026-03-02 09:00 UTC; ends at 2026-03-03 09:00 UTC"
    );
    assert_eq!(fault.hint(), Some("wait, or override: --override soak --reason TEXT"));
}

#[test]
fn an_override_passes_its_gate_and_unneeded_ones_are_dropped() {
    let approved = promote(&Target::prod(), "v1.0.2", &[GateName::Window, GateName::Soak]).unwrap();
    assert_eq!(approved.overrides(), [because(GateName::Soak)]);
    assert_eq!(approved.candidate().tag.as_str(), "v1.0.2");
    assert_eq!(approved.from().tag.as_str(), "v1.0.0");
    assert_eq!(approved.releases_count(), 2);
    assert_eq!(approved.digest(), &digest('a'));
    assert_eq!(approved.soaked().unwrap().lasted.as_secs(), 3 * 3600);
}

#[test]
fn a_version_that_never_soaked_passes_with_the_digest_of_now() {
    let approved = promote(&Target::prod(), "v1.0.3", &[GateName::Soak]).unwrap();
    assert_eq!((approved.digest(), approved.soaked()), (&digest('a'), None));
}

#[rstest]
#[case::a_moved_digest(Target { digest_now: Some(digest('b')), ..Target::prod() }, "v1.0.2", Class::Refused)]
#[case::an_unknown_digest(Target { digest_now: None, ..Target::prod() }, "v1.0.2", Class::GateClosed)]
#[case::a_lower_version(Target::prod(), "v1.0.0", Class::GateClosed)]
#[case::a_version_the_registry_does_not_have(Target::prod(), "v1.5.0", Class::GateClosed)]
#[case::nothing_runs(Target { running: Vec::new(), ..Target::prod() }, "v1.0.2", Class::GateClosed)]
fn no_override_passes(#[case] target: Target, #[case] tag: &str, #[case] class: Class) {
    let every = GateName::ALL.into_iter().filter(|gate| gate.can_be_overridden());
    let error = promote(&target, tag, &every.collect::<Vec<_>>()).unwrap_err();
    assert_eq!(error.class(), class);
}

fn insist(target: &Target, tag: &str, options: Overrides) -> Result<Approved, GatesClosed> {
    let overrides = GateName::ALL.into_iter().filter(|gate| gate.can_be_overridden()).map(because).collect();
    approve_overriding(&target.evaluate(tag, SOAKING), &Overrides { overrides, ..options })
}

#[test]
fn a_rollback_request_names_everything() {
    let target =
        Target { running: candidates("v1.0.2"), before: Some(candidates("v1.0.1")), ..Target::prod() };
    let fault = insist(&target, "v1.0.1", Overrides::default()).unwrap_err();
    let hint = "`tidegate explain` shows what opens each gate; to override: --allow-downgrade --reason TEXT";
    assert_eq!(fault.hint(), hint);
    let asked = Overrides { allow_downgrade: true, ..Overrides::default() };
    let approved = insist(&target, "v1.0.1", asked).unwrap();
    assert_eq!((approved.direction(), approved.candidate().tag.as_str()), (Direction::Back, "v1.0.1"));
    assert_eq!(
        promote(&Target::prod(), "v1.0.2", &[GateName::Soak]).unwrap().direction(),
        Direction::Forward
    );
}

#[test]
fn a_moved_digest_is_accepted_by_its_name_only() {
    let target = Target { digest_now: Some(digest('b')), ..Target::prod() };
    let accepting = |letter| Overrides { accept_digest: Some(digest(letter)), ..Overrides::default() };
    assert_eq!(insist(&target, "v1.0.2", accepting('a')).unwrap_err().class(), Class::Refused);
    assert_eq!(insist(&target, "v1.0.2", accepting('b')).unwrap().digest(), &digest('b'));
    let hint = promote(&target, "v1.0.2", &[]).unwrap_err().hint().to_owned();
    assert!(hint.contains(&format!("--override digest --accept-digest {}", digest('b'))), "{hint}");
}

#[test]
fn a_version_that_somebody_left_is_let_back_by_an_override() {
    let target = Target { rolled_back: vec![rolled_back("v1.0.2", 7)], ..Target::prod() };
    assert!(promote(&target, "v1.0.2", &[GateName::Soak]).is_err());
    assert!(promote(&target, "v1.0.2", &[GateName::Soak, GateName::Order]).is_ok());
}

#[test]
fn no_part_of_a_set_goes_alone() {
    let refused = Err(OverrideError::Gate(GateName::Group));
    assert_eq!(Override::new(GateName::Group, "because").map(drop), refused);
}

#[rstest]
#[case::empty("")]
#[case::blank(" \t ")]
#[case::two_lines("a\nTidegate-From: v9")]
#[case::too_long(&"x".repeat(301))]
fn a_reason_is_a_line(#[case] reason: &str) {
    assert_eq!(Override::new(GateName::Soak, reason), Err(OverrideError::Reason(GateName::Soak)));
}
