//! What overrides can do, and what they can't.

use rstest::rstest;

use super::{Approved, Insistence, Override, OverrideError, StillClosed, approve_overriding};
use crate::model::{Class, Fault};
use crate::policy::Direction;
use crate::policy::GateName;
use crate::policy::fixture::{Track, candidates, digest, moved_back};

/// While v1.0.2 soaks.
const SOAKING: &str = "2026-03-02T12:00:00Z";

fn because(gate: GateName) -> Override {
    Override::new(gate, "customers cannot log in").unwrap()
}

fn promote(track: &Track, tag: &str, gates: &[GateName]) -> Result<Approved, StillClosed> {
    let overrides: Vec<Override> = gates.iter().copied().map(because).collect();
    approve_overriding(&track.evaluate(tag, SOAKING), &Insistence { overrides, ..Insistence::default() })
}

#[test]
fn a_closed_gate_stays_closed_without_an_override() {
    let error = promote(&Track::prod(), "v1.0.2", &[GateName::Window]).unwrap_err();
    assert_eq!(error.class(), Class::GateClosed);
    let fault = Fault::from(error);
    assert_eq!(
        fault.to_string(),
        "cannot promote v1.0.2 to prod: soak: has run 3h of 24h in non-prod, \
         since 2026-03-02 09:00 UTC; ends at 2026-03-03 09:00 UTC"
    );
    assert_eq!(fault.hint(), Some("wait, or insist by hand: --override soak --reason TEXT"));
}

#[test]
fn an_override_passes_its_gate_and_only_those_needed_are_kept() {
    let approved = promote(&Track::prod(), "v1.0.2", &[GateName::Window, GateName::Soak]).unwrap();
    assert_eq!(approved.overrides(), [because(GateName::Soak)]);
    assert_eq!(approved.candidate().tag.as_str(), "v1.0.2");
    assert_eq!(approved.from().tag.as_str(), "v1.0.0");
    assert_eq!(approved.releases_count(), 2);
    assert_eq!(approved.digest(), &digest('a'));
    assert_eq!(approved.soaked().unwrap().lasted.as_secs(), 3 * 3600);
}

#[test]
fn a_version_that_never_soaked_passes_with_the_digest_of_now() {
    let approved = promote(&Track::prod(), "v1.0.3", &[GateName::Soak]).unwrap();
    assert_eq!((approved.digest(), approved.soaked()), (&digest('a'), None));
}

#[rstest]
#[case::a_moved_digest(Track { digest_now: Some(digest('b')), ..Track::prod() }, "v1.0.2", Class::Refused)]
#[case::an_unknown_digest(Track { digest_now: None, ..Track::prod() }, "v1.0.2", Class::GateClosed)]
#[case::a_lower_version(Track::prod(), "v1.0.0", Class::GateClosed)]
#[case::a_version_the_registry_does_not_have(Track::prod(), "v1.5.0", Class::GateClosed)]
#[case::nothing_runs(Track { running: Vec::new(), ..Track::prod() }, "v1.0.2", Class::GateClosed)]
fn no_override_passes(#[case] track: Track, #[case] tag: &str, #[case] class: Class) {
    let every = GateName::ALL.into_iter().filter(|gate| gate.can_be_overridden());
    let error = promote(&track, tag, &every.collect::<Vec<_>>()).unwrap_err();
    assert_eq!(error.class(), class);
}

fn insist(track: &Track, tag: &str, insistence: Insistence) -> Result<Approved, StillClosed> {
    let overrides = GateName::ALL.into_iter().filter(|gate| gate.can_be_overridden()).map(because).collect();
    approve_overriding(&track.evaluate(tag, SOAKING), &Insistence { overrides, ..insistence })
}

#[test]
fn going_back_is_asked_for_in_full() {
    let track = Track { running: candidates("v1.0.2"), before: Some(candidates("v1.0.1")), ..Track::prod() };
    let fault = insist(&track, "v1.0.1", Insistence::default()).unwrap_err();
    assert_eq!(fault.hint(), "wait, or insist by hand: --allow-downgrade --reason TEXT");
    let asked = Insistence { allow_downgrade: true, ..Insistence::default() };
    let approved = insist(&track, "v1.0.1", asked).unwrap();
    assert_eq!((approved.direction(), approved.candidate().tag.as_str()), (Direction::Back, "v1.0.1"));
    assert_eq!(promote(&Track::prod(), "v1.0.2", &[GateName::Soak]).unwrap().direction(), Direction::Forward);
}

#[test]
fn a_moved_digest_is_accepted_by_its_name_only() {
    let track = Track { digest_now: Some(digest('b')), ..Track::prod() };
    let accepting = |letter| Insistence { accept_digest: Some(digest(letter)), ..Insistence::default() };
    assert_eq!(insist(&track, "v1.0.2", accepting('a')).unwrap_err().class(), Class::Refused);
    assert_eq!(insist(&track, "v1.0.2", accepting('b')).unwrap().digest(), &digest('b'));
    let hint = promote(&track, "v1.0.2", &[]).unwrap_err().hint().to_owned();
    assert!(hint.contains(&format!("--override digest --accept-digest {}", digest('b'))), "{hint}");
}

#[test]
fn a_version_that_somebody_left_is_let_back_by_an_override() {
    let track = Track { moved_back: vec![moved_back("v1.0.2", 7)], ..Track::prod() };
    assert!(promote(&track, "v1.0.2", &[GateName::Soak]).is_err());
    assert!(promote(&track, "v1.0.2", &[GateName::Soak, GateName::Order]).is_ok());
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
