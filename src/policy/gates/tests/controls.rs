//! What the gates answer that control files close, and what they say.

use rstest::rstest;

use super::{MONDAY_NOON, summary, until};
use crate::model::Tag;
use crate::policy::fixture::{Target, at, candidates, digest, environment, note, rolled_back};
use crate::policy::{
    Answer, Approval, ApprovalPolicy, Control, Coverage, Freeze, FreezeControl, GateName, Hold, Note, Pin,
    Quarantine, ReviewVerdict, ReviewedPullRequest, UnreadableControl,
};

fn hold(reason: &str, expires: Option<&str>) -> Control {
    Control::Hold(Hold { note: note(reason, expires), covers: Coverage::default() })
}

fn pin(versions: &str, expires: Option<&str>) -> Control {
    let covers = Coverage::default();
    Control::Pin(Pin { note: note("slow release", expires), covers, versions: versions.parse().unwrap() })
}

fn quarantine(version: &str, expires: Option<&str>) -> Control {
    let version: Tag = version.parse().unwrap();
    let services = "**".parse().unwrap();
    Control::Quarantine(Quarantine { note: note("it loses orders", expires), services, version })
}

fn unreadable(gate: GateName) -> Control {
    Control::Unreadable(UnreadableControl {
        file: ".tidegate/y.yaml".parse().unwrap(),
        gate,
        covers: Coverage::default(),
        problem: "missing field `reason`".into(),
        position: None,
    })
}

const UNREADABLE: &str =
    "the control file .tidegate/y.yaml cannot be read, so this gate stays closed: missing field `reason`";

#[rstest]
#[case::nothing(vec![], Answer::Open, "no hold covers it")]
#[case::for_good(vec![hold("latency", None)], Answer::Closed, "held by Ana: latency (.tidegate/x.yaml)")]
#[case::for_a_time(
    vec![hold("latency", Some("2026-03-02T15:00:00Z"))],
    until("2026-03-02T15:00:00Z"),
    "held by Ana: latency (.tidegate/x.yaml, until 2026-03-02 15:00 UTC)"
)]
#[case::expired_just_now(vec![hold("latency", Some(MONDAY_NOON))], Answer::Open, "no hold covers it")]
#[case::the_longest_counts(
    vec![hold("a", Some("2026-03-02T15:00:00Z")), hold("b", Some("2026-03-03T15:00:00Z"))],
    until("2026-03-03T15:00:00Z"),
    "held by Ana: b (.tidegate/x.yaml, until 2026-03-03 15:00 UTC)"
)]
#[case::for_good_is_longest(
    vec![hold("a", Some("2026-03-09T15:00:00Z")), hold("b", None)],
    Answer::Closed,
    "held by Ana: b (.tidegate/x.yaml)"
)]
#[case::pinned_to_another(
    vec![pin("1.0.1", None)],
    Answer::Closed,
    "pinned to 1.0.1, which excludes v1.0.2, by Ana: slow release (.tidegate/x.yaml)"
)]
#[case::pinned_to_a_range_that_has_it(vec![pin("~1.0", None)], Answer::Open, "no hold covers it")]
#[case::pin_that_ends(
    vec![pin("<1.0.2", Some("2026-03-02T15:00:00Z"))],
    until("2026-03-02T15:00:00Z"),
    "pinned to <1.0.2, which excludes v1.0.2, by Ana: slow release (.tidegate/x.yaml, until 2026-03-02 15:00 UTC)"
)]
#[case::unreadable(vec![unreadable(GateName::Hold)], Answer::Closed, UNREADABLE)]
#[case::unreadable_but_another_kind(
    vec![unreadable(GateName::Quarantine)],
    Answer::Open,
    "no hold covers it"
)]
fn holds(#[case] controls: Vec<Control>, #[case] answer: Answer, #[case] sentence: &str) {
    let target = Target { controls, ..Target::prod() };
    let report = target.gate(GateName::Hold, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&report), (answer, sentence.to_owned()));
}

#[rstest]
#[case::clean(vec![quarantine("v1.0.1", None)], Answer::Open, "it is not quarantined")]
#[case::bad(
    vec![quarantine("v1.0.2", None)],
    Answer::Closed,
    "v1.0.2 was quarantined by Ana: it loses orders (.tidegate/x.yaml)"
)]
#[case::bad_for_a_time(
    vec![quarantine("1.0.2", Some("2026-03-02T15:00:00Z"))],
    until("2026-03-02T15:00:00Z"),
    "v1.0.2 was quarantined by Ana: it loses orders (.tidegate/x.yaml, until 2026-03-02 15:00 UTC)"
)]
#[case::expired(vec![quarantine("v1.0.2", Some(MONDAY_NOON))], Answer::Open, "it is not quarantined")]
#[case::unreadable(vec![unreadable(GateName::Quarantine)], Answer::Closed, UNREADABLE)]
fn quarantines(#[case] controls: Vec<Control>, #[case] answer: Answer, #[case] sentence: &str) {
    let target = Target { controls, ..Target::prod() };
    let report = target.gate(GateName::Quarantine, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&report), (answer, sentence.to_owned()));
}

fn approval(version: &str, letter: char, expires: Option<&str>) -> Control {
    Control::Approval(Approval {
        note: note("reviewed", expires),
        service: "common/app".parse().unwrap(),
        environment: environment("prod"),
        version: version.parse().unwrap(),
        digest: digest(letter),
    })
}

#[rstest]
#[case::given(
    vec![approval("v1.0.2", 'a', None)],
    Answer::Open,
    "v1.0.2 was approved by Ana: reviewed (.tidegate/x.yaml)"
)]
#[case::of_another_version(
    vec![approval("v1.0.1", 'a', None)],
    Answer::Closed,
    "v1.0.2 needs approval"
)]
#[case::expired(
    vec![approval("v1.0.2", 'a', Some(MONDAY_NOON))],
    Answer::Closed,
    "v1.0.2 needs approval"
)]
#[case::of_another_image(
    vec![approval("v1.0.2", 'b', None)],
    Answer::Closed,
    "v1.0.2 was approved as sha256:bbbbbbbbbbbb and is now sha256:aaaaaaaaaaaa; \
     approved by Ana: reviewed (.tidegate/x.yaml)"
)]
#[case::one_of_two(
    vec![approval("v1.0.2", 'b', None), approval("v1.0.2", 'a', None)],
    Answer::Open,
    "v1.0.2 was approved by Ana: reviewed (.tidegate/x.yaml)"
)]
#[case::unreadable(vec![unreadable(GateName::Approval)], Answer::Closed, UNREADABLE)]
#[case::unreadable_beside_a_good_one(
    vec![unreadable(GateName::Approval), approval("v1.0.2", 'a', None)],
    Answer::Open,
    "v1.0.2 was approved by Ana: reviewed (.tidegate/x.yaml)"
)]
fn approvals(#[case] controls: Vec<Control>, #[case] answer: Answer, #[case] sentence: &str) {
    let mut target = Target { controls, ..Target::prod() };
    target.environment.approval = ApprovalPolicy::ByFile;
    let report = target.gate(GateName::Approval, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&report), (answer, sentence.to_owned()));
}

#[test]
fn an_approval_needs_a_digest_to_be_compared_with() {
    let mut target =
        Target { controls: vec![approval("v1.0.2", 'a', None)], digest_now: None, ..Target::prod() };
    target.environment.approval = ApprovalPolicy::ByFile;
    let report = target.gate(GateName::Approval, "v1.0.2", MONDAY_NOON);
    let sentence = "v1.0.2 was approved, but its digest cannot be read from the registry";
    assert_eq!(summary(&report), (Answer::Closed, sentence.to_owned()));
}

fn freeze_order(from: &str, to: &str) -> Control {
    let freeze = Freeze::new("launch", vec![environment("prod")], from.parse().unwrap(), to.parse().unwrap());
    Control::Freeze(FreezeControl { note: note("the fair", None), services: None, freeze: freeze.unwrap() })
}

#[test]
fn a_freeze_by_order_is_a_freeze() {
    let controls = vec![freeze_order("2026-03-02T00:00:00", "2026-03-04T00:00:00")];
    let mut target = Target { controls, ..Target::prod() };
    let report = target.gate(GateName::Freeze, "v1.0.2", MONDAY_NOON);
    let sentence = "frozen (launch) until 2026-03-04 00:00 UTC, by Ana: the fair (.tidegate/x.yaml)";
    assert_eq!(summary(&report), (until("2026-03-04T00:00:00Z"), sentence.to_owned()));
    // A configured one that goes on from there is one with it.
    let (from, to) = ("2026-03-03T00:00:00".parse().unwrap(), "2026-03-06T00:00:00".parse().unwrap());
    target.environment.freezes = vec![Freeze::new("audit", Vec::new(), from, to).unwrap()];
    let report = target.gate(GateName::Freeze, "v1.0.2", MONDAY_NOON);
    assert_eq!(report.answer, until("2026-03-06T00:00:00Z"));
    target.controls = vec![unreadable(GateName::Freeze)];
    let report = target.gate(GateName::Freeze, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&report), (Answer::Closed, UNREADABLE.to_owned()));
}

#[test]
fn texts_of_people_are_escaped() {
    let hostile = Note { by: "\u{1b}[2JAna\u{202e}".into(), reason: "x".repeat(1000), ..note("", None) };
    let controls = vec![Control::Hold(Hold { note: hostile, covers: Coverage::default() })];
    let sentence =
        Target { controls, ..Target::prod() }.gate(GateName::Hold, "v1.0.2", MONDAY_NOON).reason.to_string();
    assert!(
        sentence.starts_with("held by \\u{1b}[2JAna\\u{202e}: xxx") && sentence.len() < 320,
        "{sentence}"
    );
}

/// Prod went back from v1.0.2 to v1.0.0 on the seventh of February.
#[rstest]
#[case::what_was_left("v1.0.2", "", false)]
#[case::what_nobody_chose("v1.0.1", "", false)]
#[case::a_higher_one("v1.0.3", "", true)]
#[case::below_a_pin_that_keeps_out_what_was_left("v1.0.1", "<1.0.2", true)]
#[case::below_a_pin_that_does_not("v1.0.1", "~1.0", false)]
fn a_way_back_speaks_against_all_up_to_what_was_left(
    #[case] tag: &str,
    #[case] pinned: &str,
    #[case] is_open: bool,
) {
    let controls = if pinned.is_empty() { Vec::new() } else { vec![pin(pinned, None)] };
    let target = Target { rolled_back: vec![rolled_back("v1.0.2", 7)], controls, ..Target::prod() };
    assert_eq!(target.gate(GateName::Order, tag, MONDAY_NOON).is_open(), is_open);
}

#[test]
fn a_version_in_between_is_reported_with_the_time_that_was_left() {
    let target = Target { rolled_back: vec![rolled_back("v1.0.2", 7)], ..Target::prod() };
    let sentence = target.gate(GateName::Order, "v1.0.1", MONDAY_NOON).reason.to_string();
    assert_eq!(
        sentence,
        "Ana rolled back from 1.0.2 at 2026-02-07 10:00 UTC in 0707070; only a version above 1.0.2 is promoted"
    );
}

#[test]
fn the_earliest_time_is_that_of_all_gates_together() {
    let controls = vec![
        hold("a", Some("2026-03-03T15:00:00Z")),
        quarantine("v1.0.2", Some("2026-03-03T12:00:00Z")),
        freeze_order("2026-03-03T14:00:00", "2026-03-03T18:30:00"),
    ];
    let target = Target { controls: controls.clone(), ..Target::prod() };
    // The soak ends on Tuesday at nine, the hold at three, and then there is the freeze.
    assert_eq!(target.evaluate("v1.0.2", MONDAY_NOON).earliest(), Some(at("2026-03-03T18:30:00Z")));
    let held = Target { controls: [controls, vec![hold("b", None)]].concat(), ..target };
    assert_eq!(held.evaluate("v1.0.2", MONDAY_NOON).earliest(), None, "only a person ends it");
    assert_eq!(
        Target { running: candidates("v1.0.0"), ..Target::prod() }.evaluate("v1.0.2", MONDAY_NOON).earliest(),
        Some(at("2026-03-03T09:00:00Z"))
    );
}

const PAGE: &str = "https://github.com/vtr/gitops/pull/12";

/// A pull request of v1.0.2 as the image `a`, and what its reviews come to.
fn in_review(tag: &str, letter: char, verdict: Option<ReviewVerdict>) -> ReviewedPullRequest {
    let (tag, digest) = (tag.parse().unwrap(), Some(digest(letter)));
    ReviewedPullRequest { number: 12, url: PAGE.into(), tag, digest, verdict }
}

fn approved() -> ReviewVerdict {
    ReviewVerdict::Approved(vec!["ana".into()])
}

#[rstest]
#[case::nothing_is_open(
    None,
    Answer::Closed,
    "v1.0.2 needs a review of its pull request, which is not open yet"
)]
#[case::it_proposes_another(
    Some(in_review("v1.0.1", 'a', Some(approved()))),
    Answer::Closed,
    "v1.0.2 needs a review of its pull request, which is not open yet"
)]
#[case::it_proposes_another_image(
    Some(in_review("v1.0.2", 'b', Some(approved()))),
    Answer::Closed,
    "v1.0.2 needs a review of its pull request, which is not open yet"
)]
#[case::nobody_has(
    Some(in_review("v1.0.2", 'a', Some(ReviewVerdict::Waits(Vec::new())))),
    Answer::Closed,
    "v1.0.2 needs a review of #12 (https://github.com/vtr/gitops/pull/12)"
)]
#[case::changes(
    Some(in_review("v1.0.2", 'a', Some(ReviewVerdict::ChangesRequested(vec!["bruno".into()])))),
    Answer::Closed,
    "v1.0.2 needs a review of #12 (https://github.com/vtr/gitops/pull/12); bruno requested changes"
)]
#[case::not_known(
    Some(in_review("v1.0.2", 'a', None)),
    Answer::Closed,
    "v1.0.2 needs a review of #12 (https://github.com/vtr/gitops/pull/12), whose reviews cannot be read"
)]
#[case::approved(
    Some(in_review("v1.0.2", 'a', Some(approved()))),
    Answer::Open,
    "v1.0.2 was approved by ana in #12"
)]
fn a_review_is_an_approval(
    #[case] reviewed: Option<ReviewedPullRequest>,
    #[case] answer: Answer,
    #[case] sentence: &str,
) {
    let mut target = Target { reviewed, ..Target::prod() };
    target.environment.approval = ApprovalPolicy::ByReview;
    let report = target.gate(GateName::Approval, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&report), (answer, sentence.to_owned()));
    assert_eq!(report.is_left_to_request(), answer == Answer::Closed);
    target.environment.approval = ApprovalPolicy::ByFile;
    let by_file = target.gate(GateName::Approval, "v1.0.2", MONDAY_NOON);
    assert_eq!(by_file.answer, Answer::Closed, "a review is none where a file is asked for");
    assert!(!by_file.is_left_to_request());
}

#[test]
fn a_file_approves_where_a_review_would() {
    let mut target = Target { controls: vec![approval("v1.0.2", 'a', None)], ..Target::prod() };
    target.environment.approval = ApprovalPolicy::ByReview;
    assert!(target.gate(GateName::Approval, "v1.0.2", MONDAY_NOON).is_open());
    target.controls = vec![approval("v1.0.2", 'b', None)];
    let moved = target.gate(GateName::Approval, "v1.0.2", MONDAY_NOON);
    assert!(
        moved.is_left_to_request(),
        "what was approved is another image, which its review may still open"
    );
}
