//! The health gate, and the soak clock of an environment with a cluster.

use rstest::rstest;

use super::{Answer, WEDNESDAY_NOON, summary, until};
use crate::model::{CommitId, Health, HealthObservation, Unhealthy, UnhealthyCause};
use crate::policy::fixture::{Target, at, candidates, past_run};
use crate::policy::{GateName, SoakMode};

const COMMIT: [u8; 20] = [1; 20];

fn observed(ready_since: Option<&str>, seen_at: &str) -> HealthObservation {
    let commit = CommitId::from_bytes(COMMIT);
    HealthObservation { commit, ready_since: ready_since.map(at), at: at(seen_at) }
}

fn failed() -> Health {
    Health::Unhealthy(Unhealthy {
        cluster: "np".to_owned(),
        object: "HelmRelease common/app".to_owned(),
        cause: UnhealthyCause::NotReady { reason: "UpgradeFailed".to_owned(), message: String::new() },
    })
}

fn target(now: Health, observed: Vec<HealthObservation>) -> Target {
    Target { health: Some((now, observed)), ..Target::prod() }
}

#[rstest]
#[case::healthy(Health::Healthy, Answer::Open, "v1.0.2 is healthy in non-prod since 2026-03-03 10:00 UTC")]
#[case::not_healthy(
    failed(),
    Answer::Closed,
    "v1.0.2 is not healthy in non-prod: HelmRelease common/app is not ready (UpgradeFailed) in cluster np"
)]
#[case::unknown(
    Health::Unknown("cluster np: connection refused".to_owned()),
    Answer::Closed,
    "the health of non-prod is unknown: cluster np: connection refused"
)]
fn the_gate_says_what_the_clusters_say(#[case] now: Health, #[case] answer: Answer, #[case] sentence: &str) {
    let target = target(now, vec![observed(Some("2026-03-03T09:59:00Z"), "2026-03-03T10:00:00Z")]);
    let report = target.gate(GateName::Health, "v1.0.2", WEDNESDAY_NOON);
    assert_eq!(summary(&report), (answer, sentence.to_owned()));
}

#[test]
fn without_a_cluster_there_is_no_health_gate() {
    let evaluation = Target::prod().evaluate("v1.0.2", WEDNESDAY_NOON);
    assert!(evaluation.reports().iter().all(|report| report.gate != GateName::Health));
    assert!(evaluation.may_go());
}

#[test]
fn the_gates_are_told_in_their_order() {
    let evaluation = target(failed(), Vec::new()).evaluate("v1.0.2", WEDNESDAY_NOON);
    assert!(evaluation.reports().is_sorted_by_key(|report| report.gate));
    assert!(evaluation.reports().iter().any(|report| report.gate == GateName::Health));
}

/// Rolled out on Monday at 9; the hours say when it was seen healthy.
#[test]
fn the_soak_counts_from_the_first_look_that_found_it_healthy() {
    let mut target =
        target(Health::Healthy, vec![observed(Some("2026-03-03T12:59:00Z"), "2026-03-03T13:00:00Z")]);
    let report = target.gate(GateName::Soak, "v1.0.2", WEDNESDAY_NOON);
    assert_eq!(report.answer, until("2026-03-04T13:00:00Z"));
    target.health = Some((Health::Unknown(String::new()), target.health.unwrap().1));
    let report = target.gate(GateName::Soak, "v1.0.2", WEDNESDAY_NOON);
    assert_eq!(report.answer, until("2026-03-04T13:00:00Z"), "what is unknown takes nothing away");
}

#[test]
fn what_was_never_healthy_does_not_soak() {
    let report = target(failed(), Vec::new()).gate(GateName::Soak, "v1.0.2", WEDNESDAY_NOON);
    let sentence = "the soak begins when v1.0.2 is healthy in non-prod".to_owned();
    assert_eq!(summary(&report), (Answer::Closed, sentence));
}

/// Then an override of `health` alone lets it go.
#[test]
fn without_a_soak_only_the_health_gate_asks_for_health() {
    let target = Target { soak: std::time::Duration::ZERO, ..target(failed(), Vec::new()) };
    let evaluation = target.evaluate("v1.0.2", WEDNESDAY_NOON);
    let closed: Vec<GateName> = evaluation.closed().map(|report| report.gate).collect();
    assert_eq!(closed, [GateName::Health]);
}

#[test]
fn a_gap_is_added_to_an_elapsed_soak() {
    let target = Target {
        soak_mode: SoakMode::Elapsed,
        ..target(
            Health::Healthy,
            vec![
                observed(Some("2026-03-03T00:00:00Z"), "2026-03-03T00:00:00Z"),
                observed(None, "2026-03-03T10:00:00Z"),
                observed(Some("2026-03-03T14:00:00Z"), "2026-03-03T14:00:00Z"),
            ],
        )
    };
    let report = target.gate(GateName::Soak, "v1.0.2", "2026-03-03T20:00:00Z");
    assert_eq!(report.answer, until("2026-03-04T04:00:00Z"));
    assert_eq!(
        report.reason.to_string(),
        "ran 16h in non-prod (24h required), since 2026-03-03 00:00 UTC, when it was seen healthy; it was not healthy for 4h \
         of that time; ends at 2026-03-04 04:00 UTC"
    );
}

#[rstest]
#[case::healthy(
    Some("2026-03-02T09:30:00Z"),
    Answer::Open,
    "v1.0.1 was healthy in non-prod when a newer version replaced it"
)]
#[case::not_healthy(
    None,
    Answer::Closed,
    "v1.0.1 was not healthy in non-prod when a newer version replaced it"
)]
fn a_replaced_version_goes_on_as_it_was(
    #[case] ready: Option<&str>,
    #[case] answer: Answer,
    #[case] sentence: &str,
) {
    let target = Target {
        soak_mode: SoakMode::Elapsed,
        before: Some(candidates("v1.0.3")),
        past: vec![past_run("v1.0.1", "2026-03-02T09:00:00Z", "2026-03-02T12:00:00Z")],
        ..target(failed(), vec![observed(ready, "2026-03-02T10:00:00Z")])
    };
    let report = target.gate(GateName::Health, "v1.0.1", WEDNESDAY_NOON);
    assert_eq!(summary(&report), (answer, sentence.to_owned()));
}

#[test]
fn what_does_not_run_there_has_no_health() {
    let target = Target { before: Some(candidates("v1.0.1")), ..target(failed(), Vec::new()) };
    let report = target.gate(GateName::Health, "v1.0.2", WEDNESDAY_NOON);
    assert_eq!(report.answer, Answer::Open, "the soak gate says it: {report}");
}
