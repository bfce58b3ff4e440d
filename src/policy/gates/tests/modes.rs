//! How soaks are counted when not only an unbroken run counts, what a train holds up, and when releases starve.

use rstest::rstest;

use super::{MONDAY_NOON, summary, until};
use crate::model::CommitId;
use crate::policy::fixture::{HOUR, Target, at, candidates, digest, past_run, rolled_back};
use crate::policy::{
    Answer, Candidate, GateName, Observed, PastRun, RolloutCommit, SoakMode, Starvation, TrainHold,
};

/// Non-prod ran v1.0.1 from Sunday morning, v1.0.2 from Sunday evening, and runs v1.0.3 since Monday nine o'clock.
fn elapsed() -> Target {
    Target {
        soak_mode: SoakMode::Elapsed,
        before: Some(candidates("v1.0.3")),
        past: vec![
            past_run("v1.0.2", "2026-03-01T21:00:00Z", "2026-03-02T09:00:00Z"),
            past_run("v1.0.1", "2026-03-01T09:00:00Z", "2026-03-01T21:00:00Z"),
        ],
        ..Target::prod()
    }
}

#[rstest]
#[case::nothing_has_soaked("2026-03-02T08:00:00Z", "v1.0.1")]
#[case::the_first_has("2026-03-02T09:00:00Z", "v1.0.1")]
#[case::the_highest_that_has("2026-03-02T21:00:00Z", "v1.0.2")]
#[case::what_runs_has_too("2026-03-03T09:00:00Z", "v1.0.3")]
fn elapsed_goes_on_counting(#[case] now: &str, #[case] nominated: &str) {
    assert_eq!(elapsed().nominate_at(now).unwrap().tag.as_str(), nominated);
}

#[test]
fn the_elapsed_mode_is_reported() {
    let report = elapsed().gate(GateName::Soak, "v1.0.2", MONDAY_NOON);
    let sentence = "ran 15h in non-prod (24h required), since 2026-03-01 21:00 UTC; replaced there by a newer version at \
                    2026-03-02 09:00 UTC; ends at 2026-03-02 21:00 UTC";
    assert_eq!(summary(&report), (until("2026-03-02T21:00:00Z"), sentence.to_owned()));
}

#[test]
fn a_version_that_was_replaced_counts_only_when_it_may() {
    for mode in [SoakMode::Continuous, SoakMode::Train] {
        let target = Target { soak_mode: mode, ..elapsed() };
        let report = target.gate(GateName::Soak, "v1.0.2", "2026-03-09T12:00:00Z");
        assert_eq!(summary(&report), (Answer::Closed, "non-prod runs v1.0.3, not v1.0.2".to_owned()));
        assert_eq!(target.nominate_at("2026-03-09T12:00:00Z").unwrap().tag.as_str(), "v1.0.3");
    }
}

#[test]
fn a_version_that_somebody_left_counts_no_more() {
    let mut left = rolled_back("v1.0.2", 7);
    left.environment = "non-prod".parse().unwrap();
    let target = Target { rolled_back: vec![left], ..elapsed() };
    assert_eq!(target.nominate_at("2026-03-02T21:00:00Z").unwrap().tag.as_str(), "v1.0.1");
    assert!(!target.gate(GateName::Soak, "v1.0.2", "2026-03-02T21:00:00Z").is_open());
}

#[test]
fn only_the_last_run_of_a_version_counts() {
    let mut target = elapsed();
    target.past.push(past_run("v1.0.2", "2026-02-01T09:00:00Z", "2026-02-02T09:00:00Z"));
    assert_eq!(target.nominate_at("2026-03-02T10:00:00Z").unwrap().tag.as_str(), "v1.0.1");
}

fn by_hand(run: PastRun) -> PastRun {
    let rollout_commit = RolloutCommit {
        digest: None,
        by_tidegate: false,
        commit: CommitId::from_bytes([9; 20]),
        ..run.rollout_commit
    };
    PastRun { rollout_commit, ..run }
}

#[rstest]
#[case::while_it_ran("2026-03-01T22:00:00Z", "v1.0.2")]
#[case::before_it_came("2026-02-01T22:00:00Z", "v1.0.2")]
#[case::when_it_was_gone("2026-03-02T10:00:00Z", "v1.0.3")]
fn an_observation_counts_from_the_time_it_ran(#[case] seen: &str, #[case] nominated: &str) {
    let mut target = elapsed();
    target.past = vec![by_hand(target.past.remove(0))];
    target.observed = vec![Observed { digest: digest('a'), at: at(seen) }];
    target.soak = 36 * HOUR;
    assert_eq!(target.nominate_at("2026-03-03T11:00:00Z").unwrap().tag.as_str(), nominated);
}

#[test]
fn a_digest_that_moved_is_passed_over() {
    let mut target = elapsed();
    target.observed = vec![Observed { digest: digest('b'), at: at("2026-03-02T10:00:00Z") }];
    // What was seen is of all tags alike here: nothing is left that could soak, and what runs is named all the same.
    assert_eq!(target.nominate_at("2026-03-02T21:00:00Z").unwrap().tag.as_str(), "v1.0.3");
    assert_eq!(target.gate(GateName::Digest, "v1.0.2", "2026-03-02T21:00:00Z").answer, Answer::Refused);
}

#[rstest]
#[case::known(
    Some("2026-03-03T09:00:00Z"),
    until("2026-03-03T09:00:00Z"),
    "; possible at 2026-03-03 09:00 UTC"
)]
#[case::unknown(None, Answer::Closed, "")]
#[case::over(Some("2026-03-02T12:00:00Z"), Answer::Closed, "; possible at 2026-03-02 12:00 UTC")]
fn a_train_holds_up_what_would_come_in_its_place(
    #[case] leaves_at: Option<&str>,
    #[case] answer: Answer,
    #[case] when: &str,
) {
    let train_hold = TrainHold {
        to: "prod".parse().unwrap(),
        tag: "v1.0.2".parse().unwrap(),
        leaves_at: leaves_at.map(at),
    };
    let target = Target { soak_mode: SoakMode::Train, train_hold: Some(train_hold), ..Target::non_prod() };
    let report = target.gate(GateName::Soak, "v1.0.3", MONDAY_NOON);
    let sentence = format!("v1.0.2 must move on to prod first{when}");
    assert_eq!(summary(&report), (answer, sentence));
}

fn starving(target: &Target) -> Option<Starvation> {
    target.evaluate("v1.0.2", MONDAY_NOON).starvation().cloned()
}

#[test]
fn releases_that_come_faster_than_they_soak_starve() {
    let run = |tag: &str, from: &str, to: &str| past_run(tag, from, to);
    let mut target = Target {
        running: candidates("v0.9.0"),
        past: vec![
            run("v1.0.1", "2026-03-01T12:00:00Z", "2026-03-02T09:00:00Z"),
            run("v1.0.0", "2026-03-01T06:00:00Z", "2026-03-01T12:00:00Z"),
        ],
        ..Target::prod()
    };
    let found = starving(&target).unwrap();
    assert_eq!((found.superseded_count, found.since), (2, at("2026-03-01T06:00:00Z")));
    target.soak = 28 * HOUR;
    assert_eq!(starving(&target), None, "the first one could not have soaked yet either");
    target.soak = 24 * HOUR;
    target.past.truncate(1);
    assert_eq!(starving(&target), None, "one is no row");
    target.past = vec![run("v1.0.1", "2026-02-01T12:00:00Z", "2026-03-02T09:00:00Z")];
    assert_eq!(starving(&target), None, "that one did soak");
}

#[test]
fn only_an_unbroken_run_can_starve() {
    let past = vec![
        past_run("v1.0.1", "2026-03-01T12:00:00Z", "2026-03-02T09:00:00Z"),
        past_run("v1.0.0", "2026-02-28T12:00:00Z", "2026-03-01T12:00:00Z"),
    ];
    let target = Target { running: candidates("v0.9.0"), past, soak: 30 * HOUR, ..Target::prod() };
    let is_starving = |mode| starving(&Target { soak_mode: mode, ..target.clone() }).is_some();
    assert!(is_starving(SoakMode::Continuous));
    assert!(!is_starving(SoakMode::Elapsed) && !is_starving(SoakMode::Train));
}

#[test]
fn a_candidate_of_the_past_is_a_candidate_of_the_registry() {
    let mut target = elapsed();
    target.tags.retain(|tag| tag.as_str() != "v1.0.2");
    let nominated: Candidate = target.nominate_at("2026-03-02T21:00:00Z").unwrap();
    assert_eq!(nominated.tag.as_str(), "v1.0.1");
}
