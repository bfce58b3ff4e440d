//! Whole decisions on fixed clocks, and what holds for all of them.

use chrono::Weekday;
use proptest::prelude::*;
use rstest::rstest;

use super::Decision;
use crate::policy::fixture::{HOUR, Target, at, candidates, digest, environment, note, rolled_back, tags};
use crate::policy::{
    Approval, ApprovalPolicy, Control, Coverage, Freeze, FreezeControl, GateReport, Hold, Note, Pin,
    Quarantine, ReviewVerdict, ReviewedPullRequest, Window,
};

const TUESDAY_NOON: &str = "2026-03-03T12:00:00Z";

fn summary(decision: &Decision) -> String {
    match decision {
        Decision::Current { why } => format!("current: {why}"),
        Decision::Promote(approved) => format!("promote {}", approved.candidate().tag),
        Decision::Wait(evaluation) => {
            let gates: Vec<&str> = evaluation.closed().map(|report| report.gate.as_str()).collect();
            format!("wait for {} with {}", evaluation.candidate().tag, gates.join(", "))
        }
    }
}

#[rstest]
#[case::to_the_highest("v1.0.2", "v1.0.2 v1.0.3 v1.0.10", "promote v1.0.10")]
#[case::fields_that_differ("v1.0.1 v1.0.10", "v1.0.2 v1.0.10", "promote v1.0.10")]
#[case::newest(
    "v1.0.10",
    "v1.0.2 v1.0.10",
    "current: runs v1.0.10; the registry has nothing newer that the rules admit"
)]
#[case::never_lower(
    "v1.0.10",
    "v1.0.2",
    "current: runs v1.0.10; the registry has nothing newer that the rules admit"
)]
#[case::nothing_admitted("v1.0.10", "latest v0.1.0", "current: the registry has no tag that the rules admit")]
#[case::next_of_a_variant(
    "1.2.0-rootless",
    "1.2.0 1.2.0-rootless 1.2.1 1.2.1-rootless",
    "promote 1.2.1-rootless"
)]
#[case::a_newer_base("1.2.0-alpine3.20", "1.2.0-alpine3.21 1.2.1", "promote 1.2.0-alpine3.21")]
#[case::variants_are_passed_over(
    "1.2.0",
    "1.2.0 1.2.1-alpine 1.2.2-debian-11-r5 1.3.0-5-gabcdef1",
    "current: runs 1.2.0; the registry has nothing newer that the rules admit"
)]
#[case::only_other_variants(
    "1.2.0-rootless",
    "1.2.0-rootless 1.2.1",
    "current: runs 1.2.0-rootless, and newer tags such as 1.2.1 are another variant of the image; set `tagPattern` if they belong together"
)]
#[case::paths_of_two_variants(
    "1.2.0 1.2.0-alpine",
    "1.2.1 1.2.1-alpine",
    "current: runs 1.2.0 and 1.2.0-alpine, two variants of the image; write the one that is meant into every path"
)]
#[case::without_a_v("1.0.0", "1.0.0 1.0.1 v1.0.1", "promote 1.0.1")]
#[case::with_a_v("v1.0.0", "v1.0.0 1.0.1 v1.0.1", "promote v1.0.1")]
#[case::the_v_changes("1.0.0", "1.0.0 v1.0.1", "promote v1.0.1")]
#[case::calendar("2024.01.05", "2024.01.05 2024.02.03 2024.1.31", "promote 2024.02.03")]
#[case::release_after_a_prerelease("1.2.0-rc.1", "1.2.0-rc.1 1.2.0 1.2.1-alpine", "promote 1.2.0")]
fn first_environment(#[case] running: &str, #[case] registry: &str, #[case] expected: &str) {
    let target = Target { running: candidates(running), tags: tags(registry), ..Target::non_prod() };
    assert_eq!(summary(&target.decide(TUESDAY_NOON)), expected);
}

#[test]
fn a_version_that_a_person_left_waits_for_a_newer_one() {
    let mut target = Target { rolled_back: vec![rolled_back("v1.0.3", 7)], ..Target::non_prod() };
    target.rolled_back[0].environment = environment("non-prod");
    assert_eq!(summary(&target.decide(TUESDAY_NOON)), "wait for v1.0.3 with order");
    target.tags = tags("v1.0.2 v1.0.3 v1.0.4");
    assert_eq!(summary(&target.decide(TUESDAY_NOON)), "promote v1.0.4");
}

#[rstest]
#[case::soaked("v1.0.0", "v1.0.2", TUESDAY_NOON, "promote v1.0.2")]
#[case::soaking("v1.0.0", "v1.0.2", "2026-03-03T08:59:59Z", "wait for v1.0.2 with soak")]
#[case::not_the_highest_of_the_registry("v1.0.0", "v1.0.1", TUESDAY_NOON, "promote v1.0.1")]
#[case::the_same(
    "v1.0.2",
    "v1.0.2",
    TUESDAY_NOON,
    "current: runs v1.0.2; non-prod runs nothing newer (v1.0.2)"
)]
#[case::ahead_of_it(
    "v1.0.3",
    "v1.0.2",
    TUESDAY_NOON,
    "current: runs v1.0.3; non-prod runs nothing newer (v1.0.2)"
)]
#[case::lowest_field_counts("v1.0.0 v1.0.3", "v1.0.2", TUESDAY_NOON, "promote v1.0.2")]
#[case::missing("v1.0.0", "", TUESDAY_NOON, "current: non-prod does not have it")]
#[case::several(
    "v1.0.0",
    "v1.0.1 v1.0.2",
    TUESDAY_NOON,
    "current: non-prod runs different versions: v1.0.1, v1.0.2"
)]
#[case::several_but_older(
    "v1.0.3",
    "v1.0.1 v1.0.2",
    TUESDAY_NOON,
    "current: runs v1.0.3; non-prod runs nothing newer (v1.0.2)"
)]
#[case::vanished(
    "v1.0.0",
    "v1.0.9",
    TUESDAY_NOON,
    "current: non-prod runs v1.0.9, which the registry no longer has"
)]
#[case::not_admitted(
    "v1.0.0",
    "v2.0.0",
    TUESDAY_NOON,
    "current: non-prod runs v2.0.0, which the rules exclude (^1)"
)]
#[case::another_variant(
    "v1.0.0-alpine",
    "v1.0.1",
    TUESDAY_NOON,
    "current: runs v1.0.0-alpine, and non-prod runs v1.0.1, another variant of the image; set `tagPattern` if they \
     belong together"
)]
#[case::nothing_runs("", "v1.0.2", TUESDAY_NOON, "current: the running version is unknown")]
fn later_environments(
    #[case] running: &str,
    #[case] before: &str,
    #[case] now: &str,
    #[case] expected: &str,
) {
    let target = Target {
        versions: "^1",
        running: candidates(running),
        before: Some(candidates(before)),
        tags: tags("v1.0.0 v1.0.1 v1.0.2 v1.0.3 v2.0.0"),
        ..Target::prod()
    };
    assert_eq!(summary(&target.decide(now)), expected);
}

#[test]
fn a_chain_without_facts_about_what_comes_before_stays() {
    let target = Target { before: None, ..Target::prod() };
    assert_eq!(summary(&target.decide(TUESDAY_NOON)), "current: what non-prod runs is unknown");
}

#[test]
fn only_being_up_to_date_counts_as_that() {
    let why = |target: Target| target.nominate().unwrap_err();
    assert!(why(Target { running: candidates("v1.0.2"), ..Target::prod() }).is_up_to_date());
    assert!(why(Target { running: candidates("v1.0.3"), ..Target::non_prod() }).is_up_to_date());
    assert!(!why(Target { before: Some(Vec::new()), ..Target::prod() }).is_up_to_date());
    assert!(!why(Target { tags: Vec::new(), ..Target::prod() }).is_up_to_date());
}

#[test]
fn a_decision_reports_every_gate() {
    let Decision::Promote(approved) = Target::prod().decide(TUESDAY_NOON) else {
        panic!("every gate is open");
    };
    assert_eq!(approved.environment(), &environment("prod"));
    assert_eq!(approved.from().tag.as_str(), "v1.0.0");
    assert_eq!(approved.releases_count(), 2);
    assert_eq!(approved.digest(), &digest('a'));
    let soaked = approved.soaked().unwrap();
    assert_eq!((soaked.environment.as_str(), soaked.lasted), ("non-prod", 27 * HOUR));
    assert_eq!(soaked.since, at("2026-03-02T09:00:00Z"));
    assert!(approved.overrides().is_empty() && approved.gates().iter().all(GateReport::is_open));
}

fn window(days: &[Weekday], from: &str, to: &str) -> Window {
    Window::new(days.iter().copied(), from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

fn freeze(from: &str, to: &str) -> Freeze {
    Freeze::new("freeze", Vec::new(), from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

#[rstest]
#[case::open_now("2026-03-04T10:00:00Z", &[], Some("2026-03-04T10:00:00Z"))]
#[case::soak_ends_inside_the_window("2026-03-02T10:00:00Z", &[], Some("2026-03-03T09:00:00Z"))]
#[case::after_the_window("2026-03-04T18:00:00Z", &[], Some("2026-03-05T09:00:00Z"))]
#[case::over_the_weekend("2026-03-05T17:00:00Z", &[], Some("2026-03-09T09:00:00Z"))]
#[case::soak_ends_in_a_freeze(
    "2026-03-02T10:00:00Z", &[("2026-03-03T00:00:00", "2026-03-03T12:00:00")], Some("2026-03-03T12:00:00Z"),
)]
#[case::freeze_ends_inside_a_window(
    "2026-03-04T10:00:00Z", &[("2026-03-04T00:00:00", "2026-03-05T13:30:00")], Some("2026-03-05T13:30:00Z"),
)]
#[case::freeze_ends_outside_a_window(
    "2026-03-04T10:00:00Z", &[("2026-03-04T00:00:00", "2026-03-06T13:30:00")], Some("2026-03-09T09:00:00Z"),
)]
#[case::frozen_when_the_window_opens(
    "2026-03-05T18:00:00Z",
    &[("2026-03-09T00:00:00", "2026-03-10T18:00:00"), ("2026-03-11T09:00:00", "2026-03-11T16:59:59")],
    Some("2026-03-11T16:59:59Z"),
)]
fn the_earliest_time_is_that_of_all_gates_together(
    #[case] now: &str,
    #[case] freezes: &[(&str, &str)],
    #[case] expected: Option<&str>,
) {
    let mut target = Target::prod();
    let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu];
    target.environment.windows = vec![window(&days, "09:00", "17:00")];
    target.environment.freezes = freezes.iter().map(|(from, to)| freeze(from, to)).collect();
    assert_eq!(target.evaluate("v1.0.2", now).earliest(), expected.map(at));
}

#[test]
fn a_soak_that_ends_on_saturday_passes_on_monday_at_nine() {
    let mut target = Target::prod();
    target.rollout_commit.committed_at = at("2026-03-06T15:00:00Z");
    target.environment.zone = "America/Santiago".parse().unwrap();
    target.environment.windows = vec![window(&[Weekday::Mon, Weekday::Tue], "09:00", "17:00")];
    let Decision::Wait(evaluation) = target.decide("2026-03-06T16:00:00Z") else {
        panic!("it soaks");
    };
    assert_eq!(evaluation.earliest(), Some(at("2026-03-09T12:00:00Z")));
}

#[test]
fn a_gate_that_no_time_opens_has_no_earliest_time() {
    let mut target = Target::prod();
    target.environment.approval = ApprovalPolicy::ByFile;
    assert_eq!(target.evaluate("v1.0.2", TUESDAY_NOON).earliest(), None);
}

/// A control file of every kind. Those whose end would let another version be nominated have none.
fn control() -> impl Strategy<Value = Control> {
    let parts = (0_usize..9, any::<u64>(), 0_u8..48, (1_u8..3, 0_u8..4));
    parts.prop_map(|(kind, file, hours, (minor, patch))| {
        let expires =
            (hours < 40).then(|| at("2026-03-02T00:00:00Z") + chrono::Duration::hours(hours.into()));
        let file = format!(".tidegate/{file}.yaml").parse().unwrap();
        let lasting = Note { file, ..note("because", None) };
        let passing = Note { expires, ..lasting.clone() };
        let version = format!("v1.{minor}.{patch}").parse().unwrap();
        match kind {
            0 | 1 => Control::Hold(Hold { note: passing, covers: Coverage::default() }),
            2 | 3 => {
                let from = "2026-03-03T02:00:00".parse().unwrap();
                let to = from + chrono::Duration::hours(i64::from(hours) + 1);
                let freeze = Freeze::new(format!("{patch}"), Vec::new(), from, to).unwrap();
                Control::Freeze(FreezeControl { note: lasting, services: None, freeze })
            }
            4 => {
                let versions = format!("<=1.{minor}.{patch}").parse().unwrap();
                Control::Pin(Pin { note: lasting, covers: Coverage::default(), versions })
            }
            5 => Control::Quarantine(Quarantine { note: lasting, services: "**".parse().unwrap(), version }),
            _ => Control::Approval(Approval {
                note: lasting,
                service: "common/app".parse().unwrap(),
                environment: environment("prod"),
                version,
                digest: digest('a'),
            }),
        }
    })
}

/// Tracks of every kind, most of which could be promoted, and an hour of March to decide at.
fn targets() -> impl Strategy<Value = (Target, String)> {
    let tag = || (1_u8..3, 0_u8..4).prop_map(|(minor, patch)| format!("v1.{minor}.{patch}"));
    let sorted = |mut tags: Vec<String>| {
        tags.sort();
        tags.dedup();
        candidates(&tags.join(" "))
    };
    let environment = (any::<bool>(), any::<bool>(), prop::option::weighted(0.2, 0_usize..7), 0_u8..8);
    let running = (prop::collection::vec(tag(), 1..3), prop::collection::vec(tag(), 0..3));
    let registry = (prop::collection::vec(tag(), 0..12), prop::collection::vec((tag(), 1_u8..5), 0..2));
    let digests = (prop::option::weighted(0.8, Just('a')), prop::sample::select(vec!['a', 'a', 'a', 'b']));
    let controls = prop::collection::vec(control(), 0..3);
    let now = (2_u8..6, 0_u8..24).prop_map(|(day, hour)| format!("2026-03-{day:02}T{hour:02}:00:00Z"));
    (environment, running, registry, digests, controls, now).prop_map(
        move |(
            (is_first, approval_required, day, frozen),
            (running, before),
            (registry, left),
            digests,
            controls,
            now,
        )| {
            let mut target = if is_first { Target::non_prod() } else { Target::prod() };
            let name = target.environment.name.clone();
            if approval_required && frozen < 2 {
                target.environment.approval = ApprovalPolicy::ByFile;
            }
            target.environment.windows = day
                .map(|at| window(&[[Weekday::Mon, Weekday::Tue, Weekday::Wed][at % 3]], "08:00", "20:00"))
                .into_iter()
                .collect();
            target.environment.freezes = if frozen == 0 {
                vec![
                    freeze("2026-03-03T00:00:00", "2026-03-03T18:00:00"),
                    freeze("2026-03-03T12:00:00", "2026-03-04T06:00:00"),
                ]
            } else {
                Vec::new()
            };
            target.running = sorted(running);
            target.before = target.before.map(|_| sorted(before));
            target.tags = tags(&registry.join(" "));
            target.rolled_back = left.iter().map(|(tag, day)| rolled_back(tag, *day)).collect();
            target.rolled_back.iter_mut().for_each(|moved| moved.environment = name.clone());
            target.rollout_commit.digest = Some(digest('a'));
            target.digest_now = digests.0.map(|_| digest(digests.1));
            target.controls = controls;
            (target, now)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn every_promotion_passed_every_gate_and_goes_forward((target, now) in targets()) {
        match target.decide(&now) {
            Decision::Promote(approved) => {
                prop_assert!(approved.candidate().version > approved.from().version);
                prop_assert_eq!(approved.from(), &target.running[0]);
                prop_assert!(target.tags.contains(&approved.candidate().tag));
                prop_assert!(approved.gates().iter().all(GateReport::is_open));
                prop_assert_eq!(Some(approved.digest()), target.digest_now.as_ref());
                prop_assert!(target.rolled_back.iter().all(|left| left.version != approved.candidate().version));
                if let Some(before) = &target.before {
                    prop_assert_eq!(before.as_slice(), std::slice::from_ref(approved.candidate()));
                }
            }
            Decision::Wait(evaluation) => prop_assert!(!evaluation.may_go()),
            Decision::Current { .. } => prop_assert!(target.nominate_at(&now).is_err()),
        }
    }

    #[test]
    fn the_order_of_the_facts_changes_nothing(
        (target, now, shuffled) in targets().prop_flat_map(|(target, now)| {
            let parts = (
                Just(target.tags.clone()).prop_shuffle(),
                Just(target.rolled_back.clone()).prop_shuffle(),
                Just(target.environment.freezes.clone()).prop_shuffle(),
                Just(target.controls.clone()).prop_shuffle(),
            );
            (Just(target), Just(now), parts)
        }),
    ) {
        let mut again = target.clone();
        (again.tags, again.rolled_back, again.environment.freezes, again.controls) = shuffled;
        prop_assert_eq!(target.decide(&now), again.decide(&now));
    }

    /// The promise of a wake-up: nothing can be promoted before the earliest time, and at that time it is.
    #[test]
    fn the_earliest_time_is_exact((target, now) in targets()) {
        let Decision::Wait(evaluation) = target.decide(&now) else { return Ok(()); };
        let Some(earliest) = evaluation.earliest() else { return Ok(()); };
        let at_earliest = target.decide(&earliest.to_rfc3339());
        prop_assert!(matches!(at_earliest, Decision::Promote(_)), "{}", summary(&at_earliest));
        let just_before = target.decide(&(earliest - chrono::Duration::seconds(1)).to_rfc3339());
        prop_assert!(matches!(just_before, Decision::Wait(_)), "{}", summary(&just_before));
    }
}

#[test]
fn a_candidate_that_only_lacks_its_review_may_only_be_proposed() {
    let mut target = Target::prod();
    target.environment.approval = ApprovalPolicy::ByReview;
    let Decision::Promote(approved) = target.decide("2026-03-03T12:00:00Z") else { panic!() };
    assert!(approved.awaits_review());
    let Decision::Wait(evaluation) = target.decide("2026-03-02T12:00:00Z") else { panic!() };
    assert_eq!(evaluation.earliest(), Some(at("2026-03-03T09:00:00Z")), "it is proposed when it has soaked");
    assert!(evaluation.wants_digest());
    let tag = "v1.0.2".parse().unwrap();
    let verdict = Some(ReviewVerdict::Approved(vec!["ana".into()]));
    let url = "https://forge/1".into();
    target.reviewed = Some(ReviewedPullRequest { number: 1, url, tag, digest: None, verdict });
    let Decision::Promote(approved) = target.decide("2026-03-03T12:00:00Z") else { panic!() };
    assert!(!approved.awaits_review());
}
