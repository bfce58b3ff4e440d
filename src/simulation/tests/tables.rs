//! The replay of each kind of event.

use chrono::Weekday;

use super::*;
use crate::model::{EnvironmentId, Id};
use crate::policy::{Freeze, Window};

#[test]
fn a_version_goes_to_the_first_environment_at_once_and_on_when_it_has_soaked() {
    let tale = Tale::new().tag(1.0, "v1");
    assert_eq!(tale.summary(&Plan::new()), ["non-prod v1 at 1.0", "prod v1 at 25.0 after soak 24.0"]);
    assert_eq!(tale.summary(&Plan::soaking(48)), ["non-prod v1 at 1.0", "prod v1 at 49.0 after soak 48.0"]);
}

#[test]
fn a_tag_that_exists_at_the_start_is_promoted_at_the_start() {
    let tale = Tale::new().tag(-1.0, "v1");
    assert_eq!(tale.summary(&Plan::new())[0], "non-prod v1 at 0.0");
}

#[test]
fn promotions_are_decided_anew_and_manual_changes_stay() {
    let tale = Tale::new().tag(1.0, "v1").promoted(1.0, "schedule", "np/app v0>v1").promoted(
        5.0,
        "ana (sync by hand)",
        "p/app v0>v1",
    );
    assert_eq!(tale.summary(&Plan::new()), ["non-prod v1 at 1.0", "prod v1 at 5.0 by a person"]);
    assert_eq!(tale.really(&Plan::new()), ["non-prod v1 at 1.0", "prod v1 at 5.0 by a person"]);
}

#[test]
fn a_newer_version_restarts_the_soak_and_the_superseded_one_is_reported() {
    let tale = Tale::new().tag(1.0, "v1").tag(13.0, "v2");
    let plan = Plan::new();
    let story = replay(&tale.0, plan.policy());
    assert_eq!(
        summary(&story),
        ["non-prod v1 at 1.0", "non-prod v2 at 13.0", "prod v2 at 37.0 after soak 24.0"]
    );
    let prod = &story.targets[1];
    assert_eq!(prod.skipped().map(|one| one.candidate.version.numbers()[2]).collect::<Vec<_>>(), [1]);
    let figures = Figures::of(&story, &"prod".parse().unwrap());
    assert_eq!((figures.arrivals, figures.skipped, figures.pending), (1, 1, 0));
    assert_eq!(figures.lead.unwrap().max, Duration::from_hours(24));
}

#[test]
fn starvation_is_seen_and_a_train_or_elapsed_soaks_end_it() {
    let mut tale = Tale::new();
    for (patch, hours) in (0..).map(|at| f64::from(at) * 20.0).enumerate().skip(1).take(9) {
        tale = tale.tag(hours, &format!("v{patch}"));
    }
    let starved = |plan: &Plan| {
        let story = replay(&tale.0, plan.policy());
        let prod = &story.targets[1];
        (prod.starved.map(|starved| starved.superseded_count), prod.arrivals.len())
    };
    let mut plan = Plan::new();
    assert_eq!(starved(&plan), (Some(8), 1), "only the last one has the time");
    plan.soak_mode = SoakMode::Elapsed;
    assert_eq!(starved(&plan), (None, 9));
    plan.soak_mode = SoakMode::Train;
    assert_eq!(starved(&plan), (None, 8), "one of them is passed over: a soak takes longer than a release");
    let story = tale.summary(&plan);
    assert_eq!(
        story[..4],
        [
            "non-prod v1 at 20.0",
            // v2 arrived at hour 40 and waited for the train.
            "non-prod v2 at 44.0 after soak 4.0",
            "prod v1 at 44.0 after soak 24.0",
            "non-prod v3 at 68.0 after soak 8.0",
        ]
    );
}

#[test]
fn a_window_is_waited_for_when_the_soak_is_over() {
    let mut plan = Plan::new();
    let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu];
    plan.environments[EnvironmentId::at(1)].policy.windows =
        vec![Window::new(days, "09:00".parse().unwrap(), "17:00".parse().unwrap()).unwrap()];
    // Thursday 08:00: the soak ends on Friday 08:00, and the next window opens on Monday 09:00.
    let tale = Tale::new().tag(71.0, "v1");
    assert_eq!(tale.summary(&plan), ["non-prod v1 at 71.0", "prod v1 at 168.0 after soak 24.0, window 73.0"]);
}

#[test]
fn a_freeze_is_waited_for() {
    let mut plan = Plan::new();
    let day = |day: u32| chrono::NaiveDate::from_ymd_opt(2026, 3, day).unwrap().and_hms_opt(0, 0, 0).unwrap();
    plan.environments[EnvironmentId::at(1)].policy.freezes =
        vec![Freeze::new("audit", Vec::new(), day(3), day(5)).unwrap()];
    let tale = Tale::new().tag(0.0, "v1");
    assert_eq!(tale.summary(&plan), ["non-prod v1 at 0.0", "prod v1 at 63.0 after soak 24.0, freeze 39.0"]);
}

#[test]
fn a_hold_closes_for_as_long_as_it_lies_there() {
    let hold = "kind: Hold\nservice: common/app\nenvironments: [prod]";
    let tale = Tale::new().tag(1.0, "v1").control(10.0, "hold/a", Some(hold)).control(30.0, "hold/a", None);
    assert_eq!(
        tale.summary(&Plan::new()),
        ["non-prod v1 at 1.0", "prod v1 at 30.0 after hold 20.0, soak 9.0"]
    );
    let expiring = format!("{hold}\nexpires: 2026-03-03T19:30:00Z");
    let tale = Tale::new().tag(1.0, "v1").control(10.0, "hold/a", Some(&expiring));
    assert_eq!(tale.summary(&Plan::new())[1], "prod v1 at 34.5 after hold 24.5, soak 9.0");
}

#[test]
fn an_unreadable_control_file_closes_what_it_may_cover() {
    let tale = Tale::new().tag(1.0, "v1").control(0.5, "x", Some("kind: [")).control(4.0, "x", None);
    assert_eq!(tale.summary(&Plan::new())[0], "non-prod v1 at 4.0 after hold 3.0");
    let elsewhere = "kind: Hold\nenvironments: [nowhere]";
    let tale = Tale::new().tag(1.0, "v1").control(0.5, "x", Some(elsewhere));
    assert!(tale.summary(&Plan::new()).is_empty());
}

#[test]
fn a_pin_that_expires_lets_what_waited_come() {
    let pin = "kind: Pin\nservice: common/app\nversions: 1.0.0\nexpires: 2026-03-02T15:00:00Z";
    let tale = Tale::new().tag(1.0, "v1").control(0.5, "pin/a", Some(pin));
    assert_eq!(tale.summary(&Plan::new())[0], "non-prod v1 at 6.0");
}

#[test]
fn a_persons_rollback_is_a_verdict() {
    let tale = Tale::new()
        .tag(1.0, "v1")
        .promoted(1.0, "schedule", "np/app v0>v1")
        .promoted(25.0, "schedule", "p/app v0>v1")
        .person(30.0, "p/app v1>v0")
        .tag(40.0, "v2");
    let expected = [
        "non-prod v1 at 1.0",
        "prod v1 at 25.0 after soak 24.0",
        "non-prod v2 at 40.0",
        "prod v2 at 64.0 after soak 24.0",
    ];
    assert_eq!(tale.summary(&Plan::new()), expected);
    // With a longer soak, v1 has not arrived when it turns out to be bad, and never does.
    assert_eq!(
        tale.summary(&Plan::soaking(36)),
        ["non-prod v1 at 1.0", "non-prod v2 at 40.0", "prod v2 at 76.0 after soak 36.0"]
    );
}

#[test]
fn a_person_who_goes_forward_goes_forward_and_starts_the_soak() {
    let tale =
        Tale::new().tag(1.0, "v1").tag(2.0, "v2").person(1.5, "np/app v0>v1").person(3.0, "p/app v0>v1");
    let moves = tale.summary(&Plan::new());
    assert_eq!(
        moves,
        [
            "non-prod v1 at 1.0",
            "non-prod v2 at 2.0",
            "prod v1 at 3.0 by a person",
            "prod v2 at 26.0 after soak 24.0",
        ]
    );
}

#[test]
fn a_tag_that_comes_to_mean_something_else_does_not_pass() {
    let tale = Tale::new().tag(1.0, "v1").tag_of("app", 10.0, "v1", 'b').tag(50.0, "v2");
    let moves = tale.summary(&Plan::new());
    assert_eq!(moves, ["non-prod v1 at 1.0", "non-prod v2 at 50.0", "prod v2 at 74.0 after soak 24.0"]);
}

#[test]
fn a_set_ships_whole() {
    let mut plan = Plan::new();
    plan.groups = vec![Group {
        name: "pair".to_owned(),
        services: vec!["common/app".parse().unwrap(), "common/other".parse().unwrap()],
    }];
    let tale = Tale::new().with("other").tag(1.0, "v1").tag_of("other", 10.0, "v1", '9');
    assert_eq!(
        tale.summary(&plan),
        [
            "non-prod v1 at 1.0",
            "other non-prod v1 at 10.0",
            "other prod v1 at 34.0 after soak 24.0",
            "prod v1 at 34.0 after soak 24.0, group 9.0",
        ]
    );
}

#[test]
fn a_rare_schedule_is_waited_for_but_not_for_a_gate_that_opens() {
    let mut plan = Plan::new();
    plan.schedule = Schedule::parse("0 0 * * *", Tz::UTC).unwrap();
    let tale = Tale::new().tag(1.0, "v1");
    assert_eq!(tale.summary(&plan), ["non-prod v1 at 15.0", "prod v1 at 39.0 after soak 24.0"]);
}

#[test]
fn a_tag_of_unknown_age_exists_since_its_first_mention() {
    let mut tale = Tale::new().tag(100.0, "v1").tag(100.0, "v2").person(50.0, "np/app v0>v1");
    for known in tale.0.images.values_mut().flat_map(|image| image.tags.values_mut()) {
        known.seen = Seen::By(known.seen.time());
    }
    let moves = tale.summary(&Plan::new());
    assert_eq!(moves[..2], ["non-prod v1 at 50.0 by a person", "prod v1 at 74.0 after soak 24.0"]);
    assert_eq!(moves[2], "non-prod v2 at 100.0");
    let plan = Plan::new();
    let story = replay(&tale.0, plan.policy());
    assert_eq!(Figures::of(&story, &"non-prod".parse().unwrap()).lead, None, "nobody knows when they came");
}

#[test]
fn without_a_registry_the_commits_supply_the_tags() {
    let mut tale =
        Tale::new().promoted(1.0, "schedule", "np/app v0>v1").promoted(25.0, "schedule", "p/app v0>v1");
    tale.0.images.clear();
    assert_eq!(tale.summary(&Plan::soaking(2)), ["non-prod v1 at 1.0", "prod v1 at 3.0 after soak 2.0"]);
}

#[test]
fn a_service_that_is_left_alone_is_left_alone() {
    let tale = Tale::new().with("ignored").tag_of("ignored", 1.0, "v1", 'a');
    assert!(tale.summary(&Plan::new()).is_empty());
    assert!(replay(&tale.0, Plan::new().policy()).targets.len() == 2);
}

#[test]
fn events_after_the_end_are_left_out() {
    let mut tale = Tale::new().tag(1.0, "v1").tag(30.0, "v2");
    tale.0.to = monday() + TimeDelta::hours(20);
    let plan = Plan::new();
    let story = replay(&tale.0, plan.policy());
    assert_eq!(summary(&story), ["non-prod v1 at 1.0"]);
    let waiting = story.targets[1].waiting.as_ref().unwrap();
    assert_eq!(
        (waiting.candidate.version.numbers()[2], waiting.gate.unwrap().to_string()),
        (1, "soak".to_owned())
    );
    assert_eq!(story.targets[1].pending().count(), 1);
}
