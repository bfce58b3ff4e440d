//! The status of newer versions, by labelled tables on a fixed clock.

use rstest::rstest;

use super::*;
use crate::model::{Artifact, Tag, Version};
use crate::policy::controls::{Control, Coverage, Pin, Quarantine};
use crate::policy::fixture::{Target, at, candidate, candidates, note, past_run, rolled_back, tags};
use crate::policy::{ApprovalPolicy, GateName, SoakMode, find_candidate};

const NOW: &str = "2026-03-03T12:00:00Z";

fn quarantine(tag: &str) -> Control {
    Control::Quarantine(Quarantine {
        note: note("loses orders", None),
        services: "**".parse().unwrap(),
        version: tag.parse().unwrap(),
    })
}

fn pin(versions: &str) -> Control {
    Control::Pin(Pin {
        note: note("the fair", None),
        covers: Coverage::default(),
        versions: versions.parse().unwrap(),
    })
}

/// The status of each version, one per line, with the candidate.
fn summaries(target: &Target) -> Vec<String> {
    target.with("", |policy, facts| {
        let nominated = find_candidate(policy, facts, at(NOW)).ok().cloned();
        let fates = version_reports(policy, facts, &target.tags, nominated.as_ref(), at(NOW));
        fates.into_iter().map(|one| format!("{} {}", one.tag, one.fate)).collect()
    })
}

#[rstest]
#[case::lower_ones_are_passed_over(
    |_: &mut Target| {},
    &["v1.0.3 comes next"],
)]
#[case::a_quarantined_one(
    |target: &mut Target| target.controls = vec![quarantine("v1.0.3")],
    &["v1.0.3 quarantined by Ana: loses orders (.tidegate/x.yaml)"],
)]
#[case::the_next_best(
    |target: &mut Target| {
        target.tags = tags("v1.0.3 v1.0.4 v1.0.5 v2.0.0");
        target.versions = "~1.0";
        target.controls = vec![quarantine("v1.0.5")];
    },
    &[
        "v1.0.3 passed over: v1.0.4 is newer",
        "v1.0.4 comes next",
        "v1.0.5 quarantined by Ana: loses orders (.tidegate/x.yaml)",
        "v2.0.0 not in the range ~1.0",
    ],
)]
#[case::pinned(
    |target: &mut Target| {
        target.tags = tags("v1.0.3 v1.1.0");
        target.controls = vec![pin("~1.0")];
    },
    &["v1.0.3 comes next", "v1.1.0 excluded by a pin to ~1.0 by Ana: the fair (.tidegate/x.yaml)"],
)]
#[case::pre_releases_and_other_tags(
    |target: &mut Target| target.tags = tags("latest main-abc v1.0.1 v1.0.3-rc.1 v1.0.3"),
    &["v1.0.3-rc.1 not in the range >=1.0.0", "v1.0.3 comes next"],
)]
#[case::nothing_newer(|target: &mut Target| target.tags = tags("v1.0.0 v1.0.2"), &[])]
fn in_the_first_environment(#[case] change: fn(&mut Target), #[case] expected: &[&str]) {
    let mut target = Target::non_prod();
    change(&mut target);
    assert_eq!(summaries(&target), expected);
}

#[rstest]
#[case::never_there_and_not_yet_there(
    |_: &mut Target| {},
    &["v1.0.1 never ran in non-prod", "v1.0.2 comes next", "v1.0.3 not in non-prod yet"],
)]
#[case::replaced_too_soon(
    |target: &mut Target| {
        target.past = vec![past_run("v1.0.1", "2026-03-02T07:00:00Z", "2026-03-02T09:00:00Z")];
    },
    &[
        "v1.0.1 ran in non-prod for 2h until 2026-03-02 09:00 UTC, replaced before its soak of 24h was over",
        "v1.0.2 comes next",
        "v1.0.3 not in non-prod yet",
    ],
)]
#[case::replaced_after_its_soak(
    |target: &mut Target| {
        target.past = vec![past_run("v1.0.1", "2026-02-20T07:00:00Z", "2026-03-02T09:00:00Z")];
    },
    &[
        "v1.0.1 ran in non-prod for 10d2h until 2026-03-02 09:00 UTC, and was replaced before it moved on",
        "v1.0.2 comes next",
        "v1.0.3 not in non-prod yet",
    ],
)]
#[case::still_soaking_when_that_counts(
    |target: &mut Target| {
        target.soak_mode = SoakMode::Elapsed;
        target.before = Some(candidates("v1.0.3"));
        target.rollout_commit.committed_at = at("2026-03-03T10:00:00Z");
        target.past = vec![
            past_run("v1.0.2", "2026-03-02T20:00:00Z", "2026-03-03T10:00:00Z"),
            past_run("v1.0.1", "2026-03-02T09:00:00Z", "2026-03-02T20:00:00Z"),
        ];
    },
    &[
        "v1.0.1 comes next",
        "v1.0.2 ran in non-prod for 14h until 2026-03-03 10:00 UTC, and keeps soaking until 2026-03-03 20:00 UTC",
        "v1.0.3 runs in non-prod",
    ],
)]
#[case::a_person_went_back(
    |target: &mut Target| {
        target.rolled_back = vec![rolled_back("v1.0.3", 20)];
        target.before = Some(candidates("v1.0.3"));
    },
    &[
        "v1.0.1 Ana rolled back prod at 2026-02-20 10:00 UTC in 1414141",
        "v1.0.2 Ana rolled back prod at 2026-02-20 10:00 UTC in 1414141",
        "v1.0.3 Ana rolled back prod at 2026-02-20 10:00 UTC in 1414141",
    ],
)]
#[case::in_a_part_of_the_environment_before(
    |target: &mut Target| target.before = Some(candidates("v1.0.1 v1.0.2")),
    &["v1.0.1 runs in a part of non-prod only", "v1.0.2 runs in a part of non-prod only", "v1.0.3 not in non-prod yet"],
)]
#[case::the_environment_before_does_not_have_it(
    |target: &mut Target| target.before = Some(Vec::new()),
    &["v1.0.1 not in non-prod yet", "v1.0.2 not in non-prod yet", "v1.0.3 not in non-prod yet"],
)]
fn in_an_environment_after_another(#[case] change: fn(&mut Target), #[case] expected: &[&str]) {
    let mut target = Target::prod();
    change(&mut target);
    assert_eq!(summaries(&target), expected);
}

#[test]
fn the_registrys_offer_admits_each_tag_or_counts_why_it_is_left_out() {
    let mut target = Target::non_prod();
    let digest = format!("sha256-{}.sig", "0".repeat(64));
    target.tags = tags(&format!(
        "latest dev main-7 v0.8.0 v0.9.0 v1.0.1 v1.0.3 v2.0.0-rc.1 v3.0.0-alpine v1.0.4-alpine {digest}"
    ));
    let running: Vec<Version> = vec!["1.0.0".parse().unwrap()];
    let offered =
        target.with("", |policy, facts| offer(policy.rules, facts.selection, &target.tags, &running));
    let tag = |text: &str| -> Option<Tag> { text.parse().ok() };
    assert_eq!((offered.tag_count, offered.admitted_count), (11, 2));
    assert_eq!(
        (offered.highest.clone(), offered.highest_admitted.clone()),
        (tag("v3.0.0-alpine"), tag("v1.0.3"))
    );
    assert_eq!((offered.versions.as_str(), offered.without_version.clone()), (">=1.0.0", tag(&digest)));
    let left_out: Vec<String> = offered
        .left_out
        .iter()
        .map(|(reason, tags)| {
            format!(
                "{reason:?} {} {}",
                tags.count,
                tags.example.as_str().get(..9).unwrap_or(tags.example.as_str())
            )
        })
        .collect();
    assert_eq!(
        left_out,
        [
            "NoVersion 1 main-7",
            "Floating 2 latest",
            "Excluded 1 sha256-00",
            "Prerelease 1 v2.0.0-rc",
            "OutOfRange 2 v0.9.0",
            "OtherVariant 2 v3.0.0-al",
        ]
    );
    let counted: usize = offered.left_out.values().map(|tags| tags.count).sum();
    assert_eq!(counted + offered.admitted_count, offered.tag_count);
}

#[test]
fn a_tag_that_is_no_image_is_counted_as_left_out() {
    let mut target = Target::non_prod();
    target.tags = tags("v1.0.1 v1.0.2");
    let chart = Artifact::Other("a Helm chart".into());
    let offered = target.with("", |policy, facts| {
        let selection = facts.selection.reject(&target.tags[1], &chart);
        offer(policy.rules, &selection, &target.tags, [])
    });
    assert_eq!(offered.left_out[&LeftOut::NoImage].count, 1);
    assert_eq!((offered.admitted_count, offered.highest_admitted), (1, Some(target.tags[0].clone())));
}

#[rstest]
#[case::soaking(GateName::Soak, "2026-03-02T12:00:00Z", |_: &mut Target| {}, "Wait")]
#[case::quarantined(
    GateName::Quarantine, NOW, |target: &mut Target| target.controls = vec![quarantine("v1.0.2")],
    "NewerVersion Release",
)]
#[case::pinned(GateName::Hold, NOW, |target: &mut Target| target.controls = vec![pin("1.0.0")], "Release")]
#[case::rolled_back(
    GateName::Order, NOW, |target: &mut Target| target.rolled_back = vec![rolled_back("v1.0.2", 20)],
    "NewerVersion",
)]
#[case::not_in_the_registry(
    GateName::Order, NOW, |target: &mut Target| target.tags = tags("v1.0.0"), "Publish",
)]
#[case::not_admitted(GateName::Order, NOW, |target: &mut Target| target.versions = "<1.0.2", "Admit")]
#[case::approval(
    GateName::Approval, NOW, |target: &mut Target| target.environment.approval = ApprovalPolicy::ByFile, "Approve",
)]
#[case::other(
    GateName::Soak, NOW, |target: &mut Target| target.before = Some(candidates("v1.0.1")), "BringBefore",
)]
#[case::open(GateName::Soak, NOW, |_: &mut Target| {}, "")]
fn a_closed_gate_names_what_would_open_it(
    #[case] gate: GateName,
    #[case] now: &str,
    #[case] change: fn(&mut Target),
    #[case] expected: &str,
) {
    let mut target = Target::prod();
    change(&mut target);
    let report = target.gate(gate, &candidate("v1.0.2").tag.to_string(), now);
    let named = remedies(&report, &target.tags);
    let names: Vec<String> = named
        .iter()
        .map(|remedy| format!("{remedy:?}").split([' ', '{']).next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(names.join(" "), expected, "{report}");
}
