//! What ends a proposed promotion, and what does not.

use chrono::Weekday;
use rstest::rstest;

use super::*;
use crate::policy::fixture::{Target, at, candidate, candidates, digest, environment, note, rolled_back};
use crate::policy::{ApprovalPolicy, Control, Coverage, Hold, Pin, Quarantine, RolledBack, Window};

/// Tuesday, when v1.0.2 has soaked.
const LET_THROUGH: &str = "2026-03-03T12:00:00Z";
const NOW: &str = "2026-03-04T12:00:00Z";

/// What has become of v1.0.2, for which these gates were passed by.
fn of(target: &Target, passed: &[GateName]) -> ProposalStatus {
    let overrides: Vec<Override> =
        passed.iter().map(|gate| Override::new(*gate, "customers cannot log in").unwrap()).collect();
    let (candidate, digest) = (candidate("v1.0.2"), digest('a'));
    let promotion = ProposedPromotion {
        candidate: &candidate,
        digest: Some(&digest),
        at: at(LET_THROUGH),
        overrides: &overrides,
        goes_back: false,
    };
    target.with("v1.0.2", |policy, facts| proposal_status(policy, facts, promotion, at(NOW)))
}

fn ends(outlook: &ProposalStatus) -> Option<GateName> {
    match outlook {
        ProposalStatus::Against(report) => Some(report.gate),
        ProposalStatus::Stands(_) => None,
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

fn left(when: &str) -> RolledBack {
    RolledBack { at: at(when), ..rolled_back("v1.0.2", 28) }
}

#[test]
fn time_and_a_newer_version_take_nothing_back() {
    let mut target = Target::prod();
    let (from, to) = ("09:00".parse().unwrap(), "10:00".parse().unwrap());
    let sundays = Window::new(vec![Weekday::Sun], from, to).unwrap();
    target.before = Some(candidates("v1.0.3"));
    target.rollout_commit.committed_at = at("2026-03-04T09:00:00Z");
    target.environment.windows = vec![sundays];
    target.environment.approval = ApprovalPolicy::ByFile;
    let ProposalStatus::Stands(approved) = of(&target, &[GateName::Soak]) else { panic!() };
    assert_eq!((approved.candidate().tag.as_str(), approved.digest()), ("v1.0.2", &digest('a')));
    assert_eq!(approved.overrides().len(), 1);
    assert!(approved.gates().iter().any(|gate| !gate.is_open()), "and it says what the gates say now");
}

/// Before it was let through, and after.
#[rstest]
#[case::a_hold(GateName::Hold, |when| Target { controls: vec![hold(when)], ..Target::prod() })]
#[case::a_pin(GateName::Hold, |when| Target { controls: vec![pin(when)], ..Target::prod() })]
#[case::a_quarantine(GateName::Quarantine, |when| Target { controls: vec![quarantine(when)], ..Target::prod() })]
#[case::a_way_back(GateName::Order, |when| Target { rolled_back: vec![left(when)], ..Target::prod() })]
fn a_control_ends_a_proposal_unless_it_was_overridden(
    #[case] gate: GateName,
    #[case] said: fn(&'static str) -> Target,
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
    let other = Target { digest_now: Some(digest('b')), ..Target::prod() };
    assert_eq!(ends(&of(&other, &[])), Some(GateName::Digest));
    assert_eq!(ends(&of(&other, &[GateName::Digest])), Some(GateName::Digest), "another was accepted");
    let mut accepted = Target::prod();
    accepted.rollout_commit.digest = Some(digest('c'));
    assert_eq!(ends(&of(&accepted, &[])), Some(GateName::Digest));
    assert_eq!(ends(&of(&accepted, &[GateName::Digest])), None);
    let unknown = Target { digest_now: None, ..Target::prod() };
    assert_eq!(of(&unknown, &[]), ProposalStatus::Unknown);
}

#[test]
fn what_runs_or_cannot_be_had_is_over() {
    let runs = |tags: &str| of(&Target { running: candidates(tags), ..Target::prod() }, &[]);
    assert_eq!(runs("v1.0.3"), ProposalStatus::Runs("v1.0.3".parse().unwrap()));
    assert_eq!(ends(&runs("v1.0.0 v1.0.3")), None, "one path is behind");
    assert_eq!(runs(""), ProposalStatus::Unknown);
    let gone = Target { versions: "<1.0.2", ..Target::prod() };
    assert_eq!(ends(&of(&gone, &[])), Some(GateName::Order));
}

#[test]
fn a_persons_way_down_ends_when_all_went_down() {
    let down = |running: &str| {
        let target = Target { running: candidates(running), ..Target::prod() };
        let candidate = candidate("v1.0.2");
        let overrides = [Override::new(GateName::Order, "it loses orders").unwrap()];
        let promotion = ProposedPromotion {
            candidate: &candidate,
            digest: None,
            at: at(LET_THROUGH),
            overrides: &overrides,
            goes_back: true,
        };
        target.with("v1.0.2", |policy, facts| proposal_status(policy, facts, promotion, at(NOW)))
    };
    let ProposalStatus::Stands(approved) = down("v1.0.3") else { panic!() };
    assert_eq!((approved.direction(), approved.environment()), (Direction::Back, &environment("prod")));
    assert!(matches!(down("v1.0.2 v1.0.3"), ProposalStatus::Stands(_)));
    assert_eq!(down("v1.0.2"), ProposalStatus::Runs("v1.0.2".parse().unwrap()));
}
