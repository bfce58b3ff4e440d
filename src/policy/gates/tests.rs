//! Every answer of every gate, with its sentence, on fixed clocks.

mod controls;
mod health;
mod modes;

use chrono::Weekday;
use rstest::rstest;

use super::{Answer, GateReport};
use crate::model::{ClosedBy, Digest, InactiveReason};
use crate::policy::GateName;
use crate::policy::RefusedPullRequest;
use crate::policy::fixture::{HOUR, Target, at, candidates, digest, environment, note, rolled_back, tags};
use crate::policy::{ApprovalPolicy, Control, Fetched, Freeze, Observed, Quarantine, Window};

const MONDAY_NOON: &str = "2026-03-02T12:00:00Z";
const WEDNESDAY_NOON: &str = "2026-03-04T12:00:00Z";

fn summary(report: &GateReport) -> (Answer, String) {
    (report.answer, report.reason.to_string())
}

fn until(text: &str) -> Answer {
    Answer::ClosedUntil(at(text))
}

#[rstest]
#[case::higher("v1.0.2", Answer::Open, "v1.0.2 is higher than v1.0.0")]
#[case::the_same("v1.0.0", Answer::Closed, "v1.0.0 is not higher than the running v1.0.0")]
#[case::lower("v0.9.0", Answer::Closed, "v0.9.0 is not higher than the running v1.0.0")]
#[case::not_in_the_registry(
    "v1.0.9",
    Answer::Closed,
    "the registry does not have v1.0.9, or the rules exclude it"
)]
#[case::not_admitted("v9.0.0", Answer::Closed, "the registry does not have v9.0.0, or the rules exclude it")]
#[case::rolled_back(
    "v1.0.1",
    Answer::Closed,
    "Ana rolled back from v1.0.1 at 2026-02-07 10:00 UTC in 0707070"
)]
#[case::rolled_back_elsewhere(
    "v1.0.3",
    Answer::Closed,
    "Ana rolled back staging from v1.0.3 at 2026-02-09 10:00 UTC in 0909090"
)]
fn order(#[case] tag: &str, #[case] answer: Answer, #[case] sentence: &str) {
    let mut elsewhere = rolled_back("v1.0.3", 9);
    elsewhere.environment = environment("staging");
    let target = Target {
        versions: "<2",
        tags: tags("v0.9.0 v1.0.0 v1.0.1 v1.0.2 v1.0.3 v9.0.0"),
        rolled_back: vec![rolled_back("v1.0.1", 7), rolled_back("v1.0.1", 5), elsewhere],
        ..Target::prod()
    };
    assert_eq!(summary(&target.gate(GateName::Order, tag, MONDAY_NOON)), (answer, sentence.to_owned()));
}

#[rstest]
#[case::another_variant(
    "v1.0.0-alpine",
    "v1.0.2",
    "v1.0.2 is another variant of the image than the running v1.0.0-alpine; \
    `tagPattern` says which belong together"
)]
#[case::an_older_base(
    "v1.0.0-alpine3.21",
    "v1.0.2-alpine3.20",
    "v1.0.2-alpine3.20 is another variant of the image than \
    the running v1.0.0-alpine3.21; `tagPattern` says which belong together"
)]
fn another_variant_never_comes(#[case] running: &str, #[case] tag: &str, #[case] sentence: &str) {
    let target = Target { running: candidates(running), tags: tags(tag), ..Target::prod() };
    let report = target.gate(GateName::Order, tag, MONDAY_NOON);
    assert_eq!(summary(&report), (Answer::Closed, sentence.to_owned()));
}

/// Somebody pushed v10.0.0 instead of v1.0.10, it was rolled back, and v1.0.10 comes.
#[rstest]
#[case::still_there("v1.0.0 v1.0.10 v10.0.0", None, false)]
#[case::gone_from_the_registry("v1.0.0 v1.0.10", None, true)]
#[case::quarantined("v1.0.0 v1.0.10 v10.0.0", Some("v10.0.0"), true)]
#[case::another_is_quarantined("v1.0.0 v1.0.10 v10.0.0", Some("v9.0.0"), false)]
fn a_version_that_cannot_come_has_no_reports_on_others(
    #[case] there: &str,
    #[case] quarantined: Option<&str>,
    #[case] is_open: bool,
) {
    let mut target =
        Target { tags: tags(there), rolled_back: vec![rolled_back("v10.0.0", 7)], ..Target::prod() };
    target.controls.extend(quarantined.map(|version| {
        Control::Quarantine(Quarantine {
            note: note("mistyped", None),
            services: "**".parse().unwrap(),
            version: version.parse().unwrap(),
        })
    }));
    assert_eq!(target.gate(GateName::Order, "v1.0.10", MONDAY_NOON).is_open(), is_open);
    assert!(!target.gate(GateName::Order, "v10.0.0", MONDAY_NOON).is_open());
}

#[test]
fn order_looks_at_the_lowest_that_runs() {
    let target = Target { running: candidates("v1.0.1 v1.0.3"), ..Target::prod() };
    assert!(target.gate(GateName::Order, "v1.0.2", MONDAY_NOON).is_open());
    let target = Target { running: Vec::new(), ..Target::prod() };
    let report = target.gate(GateName::Order, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&report), (Answer::Closed, "the running version is unknown".to_owned()));
}

#[rstest]
#[case::it_itself(
    "v1.0.2",
    Some("pull request #12 with v1.0.2 was closed unmerged by ana at 2026-03-01 10:00 UTC")
)]
#[case::lower(
    "v1.0.1",
    Some("pull request #12 with 1.0.2 was closed unmerged by ana at 2026-03-01 10:00 UTC")
)]
#[case::higher("v1.0.3", None)]
fn a_pull_request_closed_unmerged_is_not_opened_again(#[case] tag: &str, #[case] refusal: Option<&str>) {
    let refused = RefusedPullRequest {
        version: "v1.0.2".parse().unwrap(),
        number: 12,
        closed_at: at("2026-03-01T10:00:00Z"),
        closed_by: ClosedBy::Person(Some("ana".into())),
    };
    let target = Target { refused: Some(refused), ..Target::prod() };
    let report = target.gate(GateName::Order, tag, MONDAY_NOON);
    let expected = refusal.map(|refusal| format!("{refusal}; only a higher version is promoted"));
    assert_eq!((!report.is_open()).then(|| report.reason.to_string()), expected);
}

#[test]
fn an_author_is_shown_harmless() {
    let mut moved = rolled_back("v1.0.2", 7);
    moved.author = "\u{1b}[2JAna".into();
    let target = Target { rolled_back: vec![moved], ..Target::prod() };
    let report = target.gate(GateName::Order, "v1.0.2", MONDAY_NOON);
    assert!(report.reason.to_string().starts_with("\\u{1b}[2JAna rolled back"), "{report}");
}

#[rstest]
#[case::soaking(
    MONDAY_NOON,
    until("2026-03-03T09:00:00Z"),
    "ran 3h in non-prod (24h required), since 2026-03-02 09:00 UTC; ends at 2026-03-03 09:00 UTC"
)]
#[case::a_second_short(
    "2026-03-03T08:59:59Z",
    until("2026-03-03T09:00:00Z"),
    "ran 23h59m in non-prod (24h required), since 2026-03-02 09:00 UTC; ends at 2026-03-03 09:00 UTC"
)]
#[case::just_soaked(
    "2026-03-03T09:00:00Z",
    Answer::Open,
    "ran 24h in non-prod (24h required), since 2026-03-02 09:00 UTC"
)]
#[case::from_the_future(
    "2026-03-02T08:00:00Z",
    until("2026-03-03T09:00:00Z"),
    "ran 0s in non-prod (24h required), since 2026-03-02 09:00 UTC; ends at 2026-03-03 09:00 UTC"
)]
fn soak(#[case] now: &str, #[case] answer: Answer, #[case] sentence: &str) {
    let report = Target::prod().gate(GateName::Soak, "v1.0.2", now);
    assert_eq!(summary(&report), (answer, sentence.to_owned()));
}

#[rstest]
#[case::missing("", "v1.0.2", "non-prod does not have it")]
#[case::several("v1.0.1 v1.0.2", "v1.0.2", "non-prod runs different versions: v1.0.1, v1.0.2")]
#[case::many(
    "v1.0.1 v1.0.2 v1.0.3 v1.0.4 v1.0.5 v1.0.6 v1.0.7",
    "v1.0.2",
    "non-prod runs different versions: v1.0.1, v1.0.2, v1.0.3, v1.0.4, v1.0.5 and 2 more"
)]
#[case::other("v1.0.3", "v1.0.2", "non-prod runs v1.0.3, not v1.0.2")]
#[case::same_version_by_another_tag("1.0.2", "v1.0.2", "non-prod runs 1.0.2, not v1.0.2")]
fn soak_needs_the_candidate_in_every_path(#[case] before: &str, #[case] tag: &str, #[case] sentence: &str) {
    let target = Target { before: Some(candidates(before)), ..Target::prod() };
    let report = target.gate(GateName::Soak, tag, WEDNESDAY_NOON);
    assert_eq!(summary(&report), (Answer::Closed, sentence.to_owned()));
}

#[rstest]
#[case(InactiveReason::ReleaseSuspended, "it does not run in non-prod: the HelmRelease is suspended")]
#[case(
    InactiveReason::KustomizationSuspended("apps".to_owned()),
    "it does not run in non-prod: the Flux Kustomization apps is suspended"
)]
#[case(InactiveReason::NotListed, "it does not run in non-prod: no kustomization.yaml lists its file")]
fn a_file_outside_flux_never_soaks(#[case] reason: InactiveReason, #[case] sentence: &str) {
    let target = Target { inactive: Some(reason), ..Target::prod() };
    let report = target.gate(GateName::Soak, "v1.0.2", "2036-03-02T12:00:00Z");
    assert_eq!(summary(&report), (Answer::Closed, sentence.to_owned()));
}

#[test]
fn soak_is_open_only_where_nothing_comes_before() {
    let report = Target::non_prod().gate(GateName::Soak, "v1.0.3", MONDAY_NOON);
    assert_eq!(summary(&report), (Answer::Open, "no previous environment".to_owned()));
    let target = Target { before: None, ..Target::prod() };
    let report = target.gate(GateName::Soak, "v1.0.2", WEDNESDAY_NOON);
    assert_eq!(summary(&report), (Answer::Closed, "what non-prod runs is unknown".to_owned()));
}

#[test]
fn soak_waits_for_the_first_observation() {
    let mut target = Target::prod();
    target.rollout_commit.digest = None;
    let report = target.gate(GateName::Soak, "v1.0.2", WEDNESDAY_NOON);
    let sentence = "v1.0.2 runs in non-prod, but its digest has not been observed yet";
    assert_eq!(summary(&report), (Answer::Closed, sentence.to_owned()));
}

#[test]
fn a_soak_beyond_the_calendar_never_ends() {
    let target = Target { soak: std::time::Duration::MAX, ..Target::prod() };
    let report = target.gate(GateName::Soak, "v1.0.2", WEDNESDAY_NOON);
    assert_eq!(report.answer, Answer::Closed);
    assert!(!report.reason.to_string().contains("ends at"), "{report}");
}

#[rstest]
#[case::backdated(
    "2026-03-01T09:00:00Z",
    "2026-03-02T08:00:00Z",
    "2026-03-02 08:00 UTC, the last fetch without its commit, which claims 2026-03-01 09:00 UTC"
)]
#[case::postdated(
    "2026-03-05T09:00:00Z",
    "2026-03-02T08:00:00Z",
    "2026-03-02 08:30 UTC, when its commit was fetched, which claims 2026-03-05 09:00 UTC"
)]
fn a_commit_with_a_wrong_claim_is_reported(#[case] claimed: &str, #[case] absent: &str, #[case] since: &str) {
    let mut target = Target::prod();
    target.rollout_commit.committed_at = at(claimed);
    target.rollout_commit.fetched =
        Some(Fetched { absent_at: Some(at(absent)), fetched_at: at("2026-03-02T08:30:00Z") });
    let sentence = target.gate(GateName::Soak, "v1.0.2", WEDNESDAY_NOON).reason.to_string();
    assert!(sentence.ends_with(&format!("since {since}")), "{sentence}");
}

#[rstest]
#[case::same(Some('a'), Some('a'), "", Answer::Open, "v1.0.2 is still sha256:aaaaaaaaaaaa, which soaked")]
#[case::not_asked(Some('a'), None, "", Answer::Closed, "cannot read the digest of v1.0.2 from the registry")]
#[case::moved_now(
    Some('a'),
    Some('b'),
    "",
    Answer::Refused,
    "v1.0.2 was sha256:aaaaaaaaaaaa when it soaked and is now sha256:bbbbbbbbbbbb"
)]
#[case::moved_when_last_seen(
    Some('a'),
    None,
    "b",
    Answer::Refused,
    "v1.0.2 was sha256:aaaaaaaaaaaa when it soaked and is now sha256:bbbbbbbbbbbb"
)]
#[case::observed(None, Some('c'), "c", Answer::Open, "v1.0.2 is still sha256:cccccccccccc, which soaked")]
#[case::never_observed(None, Some('c'), "", Answer::Open, "v1.0.2 is sha256:cccccccccccc")]
fn digests(
    #[case] landed: Option<char>,
    #[case] now: Option<char>,
    #[case] seen: &str,
    #[case] answer: Answer,
    #[case] sentence: &str,
) {
    let mut target = Target { digest_now: now.map(digest), ..Target::prod() };
    target.rollout_commit.digest = landed.map(digest);
    let seen_at = at("2026-03-02T10:00:00Z");
    target.observed = seen.chars().map(|letter| Observed { digest: digest(letter), at: seen_at }).collect();
    let report = target.gate(GateName::Digest, "v1.0.2", WEDNESDAY_NOON);
    assert_eq!(summary(&report), (answer, sentence.to_owned()));
}

#[test]
fn the_soak_gate_also_reports_that_the_digest_moved() {
    let target = Target { digest_now: Some(digest('b')), ..Target::prod() };
    let report = target.gate(GateName::Soak, "v1.0.2", WEDNESDAY_NOON);
    let sentence = "the tag ran in non-prod as sha256:aaaaaaaaaaaa and now points to sha256:bbbbbbbbbbbb";
    assert_eq!(summary(&report), (Answer::Closed, sentence.to_owned()));
}

#[test]
fn the_first_environment_needs_a_digest_but_compares_it_with_nothing() {
    let known = Target::non_prod().gate(GateName::Digest, "v1.0.3", MONDAY_NOON);
    assert_eq!(summary(&known), (Answer::Open, "v1.0.3 is sha256:aaaaaaaaaaaa".to_owned()));
    let target = Target { digest_now: None::<Digest>, ..Target::non_prod() };
    assert_eq!(target.gate(GateName::Digest, "v1.0.3", MONDAY_NOON).answer, Answer::Closed);
}

#[test]
fn freezes() {
    let mut target = Target::prod();
    let thawed = target.gate(GateName::Freeze, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&thawed), (Answer::Open, "no freeze is in effect".to_owned()));
    let wall = |text: &str| text.parse().unwrap();
    let (from, to) = (wall("2026-03-01T00:00:00"), wall("2026-03-05T00:00:00"));
    target.environment.zone = "America/Santiago".parse().unwrap();
    target.environment.freezes = vec![Freeze::new("launch\n", vec![environment("prod")], from, to).unwrap()];
    let frozen = target.gate(GateName::Freeze, "v1.0.2", MONDAY_NOON);
    let sentence = "frozen (launch\\u{a}) until 2026-03-05 00:00 -03";
    assert_eq!(summary(&frozen), (until("2026-03-05T03:00:00Z"), sentence.to_owned()));
    target.environment.name = environment("staging");
    assert!(target.gate(GateName::Freeze, "v1.0.2", MONDAY_NOON).is_open());
}

#[test]
fn windows() {
    let mut target = Target::prod();
    let always = target.gate(GateName::Window, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&always), (Answer::Open, "no windows are configured".to_owned()));
    let window = Window::new([Weekday::Mon], "09:00".parse().unwrap(), "17:00".parse().unwrap());
    target.environment.windows = vec![window.unwrap()];
    let inside = target.gate(GateName::Window, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&inside), (Answer::Open, "inside a window".to_owned()));
    let outside = target.gate(GateName::Window, "v1.0.2", WEDNESDAY_NOON);
    let sentence = "outside every window; the next opens at 2026-03-09 09:00 UTC";
    assert_eq!(summary(&outside), (until("2026-03-09T09:00:00Z"), sentence.to_owned()));
}

#[test]
fn approvals() {
    let mut target = Target::prod();
    let not_required = target.gate(GateName::Approval, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&not_required), (Answer::Open, "no approval is required".to_owned()));
    target.environment.approval = ApprovalPolicy::ByFile;
    let required = target.gate(GateName::Approval, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&required), (Answer::Closed, "v1.0.2 needs approval".to_owned()));
}

#[test]
fn gates_are_reported_in_their_order() {
    let evaluation = Target { soak: HOUR, ..Target::prod() }.evaluate("v1.0.2", MONDAY_NOON);
    let names: Vec<GateName> = evaluation.reports().iter().map(|report| report.gate).collect();
    assert!(names.is_sorted());
    assert_eq!(names.len(), 9);
}

#[rstest]
#[case::not_required(0, Some("2026-03-02T11:00:00Z"), Answer::Open, "no minimum age is set")]
#[case::old_enough(72, Some("2026-02-27T12:00:00Z"), Answer::Open, "v1.0.2 was first seen 3d ago")]
#[case::too_young(
    72,
    Some("2026-03-02T11:00:00Z"),
    Answer::ClosedUntil(at("2026-03-05T11:00:00Z")),
    "v1.0.2 was first seen at 2026-03-02 11:00 UTC (minimum age 3d); ends at 2026-03-05 11:00 UTC"
)]
#[case::never_seen(
    72,
    None,
    Answer::Closed,
    "the age of v1.0.2 is unknown: its digest has not been observed yet"
)]
fn age(#[case] hours: u32, #[case] seen: Option<&str>, #[case] answer: Answer, #[case] sentence: &str) {
    let observed = seen.map(|seen| Observed { digest: digest('a'), at: at(seen) });
    let target =
        Target { minimum_age: HOUR * hours, observed: observed.into_iter().collect(), ..Target::prod() };
    let report = target.gate(GateName::Age, "v1.0.2", MONDAY_NOON);
    assert_eq!(summary(&report), (answer, sentence.to_owned()));
}

#[test]
fn another_digest_begins_its_age_anew() {
    let seen = |letter, text| Observed { digest: digest(letter), at: at(text) };
    let observed = vec![seen('b', "2026-02-20T12:00:00Z"), seen('a', "2026-03-02T11:00:00Z")];
    let target = Target { minimum_age: 72 * HOUR, observed, ..Target::prod() };
    assert!(!target.gate(GateName::Age, "v1.0.2", MONDAY_NOON).is_open());
    let unknown = Target { digest_now: None, ..target };
    assert!(!unknown.gate(GateName::Age, "v1.0.2", MONDAY_NOON).is_open(), "the last digest counts");
}
