//! What overrides can do, and what they can't.

use rstest::rstest;

use super::{Approved, Override, OverrideError, StillClosed, approve_overriding};
use crate::model::{Class, Fault};
use crate::policy::GateName;
use crate::policy::fixture::{Track, digest, moved_back};

/// While v1.0.2 soaks.
const SOAKING: &str = "2026-03-02T12:00:00Z";

fn because(gate: GateName) -> Override {
    Override::new(gate, "customers cannot log in").unwrap()
}

fn promote(track: &Track, tag: &str, gates: &[GateName]) -> Result<Approved, StillClosed> {
    let overrides: Vec<Override> = gates.iter().copied().map(because).collect();
    approve_overriding(&track.evaluate(tag, SOAKING), &overrides)
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
    assert_eq!(fault.hint(), Some("wait, or override soak with a reason"));
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
#[case::a_version_moved_back_from(
    Track { moved_back: vec![moved_back("v1.0.2", 7)], ..Track::prod() }, "v1.0.2", Class::GateClosed,
)]
#[case::a_version_the_registry_does_not_have(Track::prod(), "v1.5.0", Class::GateClosed)]
#[case::nothing_runs(Track { running: Vec::new(), ..Track::prod() }, "v1.0.2", Class::GateClosed)]
fn no_override_passes(#[case] track: Track, #[case] tag: &str, #[case] class: Class) {
    let every = GateName::ALL.into_iter().filter(|gate| gate.can_be_overridden());
    let error = promote(&track, tag, &every.collect::<Vec<_>>()).unwrap_err();
    assert_eq!(error.class(), class);
    assert!(error.hint().contains("cannot all be overridden"));
}

#[test]
fn only_four_gates_can_be_overridden() {
    for gate in GateName::ALL {
        let may = matches!(gate, GateName::Soak | GateName::Freeze | GateName::Window | GateName::Approval);
        let expected = if may { Ok(()) } else { Err(OverrideError::Gate(gate)) };
        assert_eq!(Override::new(gate, "because").map(drop), expected);
    }
}

#[rstest]
#[case::empty("")]
#[case::blank(" \t ")]
#[case::two_lines("a\nTidegate-From: v9")]
#[case::too_long(&"x".repeat(301))]
fn a_reason_is_a_line(#[case] reason: &str) {
    assert_eq!(Override::new(GateName::Soak, reason), Err(OverrideError::Reason(GateName::Soak)));
}
