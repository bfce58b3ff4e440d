//! What takes back what was let through, and what does not.

use chrono::Weekday;
use rstest::rstest;

use super::*;
use crate::policy::fixture::{Track, at, candidate, candidates, digest, environment, moved_back, note};
use crate::policy::{Approving, Control, Coverage, Hold, MovedBack, Pin, Quarantine, Window};

/// Tuesday, when v1.0.2 has soaked.
const LET_THROUGH: &str = "2026-03-03T12:00:00Z";
const NOW: &str = "2026-03-04T12:00:00Z";

/// What has become of v1.0.2, for which these gates were passed by.
fn of(track: &Track, passed: &[GateName]) -> Outlook {
    let overrides: Vec<Override> =
        passed.iter().map(|gate| Override::new(*gate, "customers cannot log in").unwrap()).collect();
    let (candidate, digest) = (candidate("v1.0.2"), digest('a'));
    let promotion = LetThrough {
        candidate: &candidate,
        digest: Some(&digest),
        at: at(LET_THROUGH),
        overrides: &overrides,
        goes_back: false,
    };
    track.with("v1.0.2", |policy, facts| outlook(policy, facts, promotion, at(NOW)))
}

fn ends(outlook: &Outlook) -> Option<GateName> {
    match outlook {
        Outlook::Against(report) => Some(report.gate),
        Outlook::Stands(_) => None,
        other => panic!("{other:?}"),
    }
}

fn hold(said_at: &str) -> Control {
    let mut note = note("audit", None);
    note.at = at(said_at);
    Control::Hold(Hold { note, covers: Coverage::default() })
}

fn pin(said_at: &str) -> Control {
    let mut note = note("audit", None);
    note.at = at(said_at);
    Control::Pin(Pin { note, covers: Coverage::default(), versions: "<1.0.2".parse().unwrap() })
}

fn quarantine(said_at: &str) -> Control {
    let mut note = note("bad", None);
    note.at = at(said_at);
    let services = "**".parse().unwrap();
    Control::Quarantine(Quarantine { note, services, version: "v1.0.2".parse().unwrap() })
}

fn left(when: &str) -> MovedBack {
    MovedBack { at: at(when), ..moved_back("v1.0.2", 28) }
}

#[test]
fn time_and_a_newer_version_take_nothing_back() {
    let mut track = Track::prod();
    let (from, to) = ("09:00".parse().unwrap(), "10:00".parse().unwrap());
    let sundays = Window::new(vec![Weekday::Sun], from, to).unwrap();
    track.before = Some(candidates("v1.0.3"));
    track.landing.committed_at = at("2026-03-04T09:00:00Z");
    track.environment.windows = vec![sundays];
    track.environment.approval = Approving::ByFile;
    let Outlook::Stands(approved) = of(&track, &[GateName::Soak]) else { panic!() };
    assert_eq!((approved.candidate().tag.as_str(), approved.digest()), ("v1.0.2", &digest('a')));
    assert_eq!(approved.overrides().len(), 1);
    assert!(approved.gates().iter().any(|gate| !gate.is_open()), "and it says what the gates say now");
}

/// Before it was let through, and after.
#[rstest]
#[case::a_hold(GateName::Hold, |when| Track { controls: vec![hold(when)], ..Track::prod() })]
#[case::a_pin(GateName::Hold, |when| Track { controls: vec![pin(when)], ..Track::prod() })]
#[case::a_quarantine(GateName::Quarantine, |when| Track { controls: vec![quarantine(when)], ..Track::prod() })]
#[case::a_way_back(GateName::Order, |when| Track { moved_back: vec![left(when)], ..Track::prod() })]
fn what_people_say_ends_it_unless_it_was_passed_by(
    #[case] gate: GateName,
    #[case] said: fn(&'static str) -> Track,
) {
    let (before, after) = (said("2026-03-01T10:00:00Z"), said("2026-03-04T10:00:00Z"));
    assert_eq!(ends(&of(&before, &[])), Some(gate));
    assert_eq!(ends(&of(&after, &[])), Some(gate));
    assert_eq!(ends(&of(&before, &[gate])), None, "it was passed by");
    assert_eq!(ends(&of(&after, &[gate])), Some(gate), "what was passed by is not what is said now");
    assert_eq!(ends(&of(&before, &[GateName::Soak])), Some(gate), "another gate was");
}

#[test]
fn the_image_is_the_one_that_was_let_through() {
    let other = Track { digest_now: Some(digest('b')), ..Track::prod() };
    assert_eq!(ends(&of(&other, &[])), Some(GateName::Digest));
    assert_eq!(ends(&of(&other, &[GateName::Digest])), Some(GateName::Digest), "another was accepted");
    let mut accepted = Track::prod();
    accepted.landing.digest = Some(digest('c'));
    assert_eq!(ends(&of(&accepted, &[])), Some(GateName::Digest));
    assert_eq!(ends(&of(&accepted, &[GateName::Digest])), None);
    let unknown = Track { digest_now: None, ..Track::prod() };
    assert_eq!(of(&unknown, &[]), Outlook::Unknown);
}

#[test]
fn what_runs_or_cannot_be_had_is_over() {
    let runs = |tags: &str| of(&Track { running: candidates(tags), ..Track::prod() }, &[]);
    assert_eq!(runs("v1.0.3"), Outlook::Runs("v1.0.3".parse().unwrap()));
    assert_eq!(ends(&runs("v1.0.0 v1.0.3")), None, "one path is behind");
    assert_eq!(runs(""), Outlook::Unknown);
    let gone = Track { versions: "<1.0.2", ..Track::prod() };
    assert_eq!(ends(&of(&gone, &[])), Some(GateName::Order));
}

#[test]
fn a_persons_way_down_ends_when_all_went_down() {
    let down = |running: &str| {
        let track = Track { running: candidates(running), ..Track::prod() };
        let candidate = candidate("v1.0.2");
        let overrides = [Override::new(GateName::Order, "it loses orders").unwrap()];
        let promotion = LetThrough {
            candidate: &candidate,
            digest: None,
            at: at(LET_THROUGH),
            overrides: &overrides,
            goes_back: true,
        };
        track.with("v1.0.2", |policy, facts| outlook(policy, facts, promotion, at(NOW)))
    };
    let Outlook::Stands(approved) = down("v1.0.3") else { panic!() };
    assert_eq!((approved.direction(), approved.environment()), (Direction::Back, &environment("prod")));
    assert!(matches!(down("v1.0.2 v1.0.3"), Outlook::Stands(_)));
    assert_eq!(down("v1.0.2"), Outlook::Runs("v1.0.2".parse().unwrap()));
}
