//! Replays over recorded health.

use super::*;
use crate::model::{HealthObservation, HealthSubject};

/// Records that the last commit of non-prod was healthy from some hours on, or no longer.
fn observed(mut tale: Tale, changes: &[(f64, bool)]) -> Tale {
    let here = tale.0.tag_changes.iter().rfind(|one| one.path.as_str().starts_with("np/"));
    let commit = here.unwrap().commit.id;
    let (service, image) = app("app");
    let subject = HealthSubject { environment: "non-prod".parse().unwrap(), service, image };
    let change = |(hours, is_healthy): &(f64, bool)| HealthObservation {
        commit,
        ready_since: is_healthy.then(|| Tale::at(*hours)),
        at: Tale::at(*hours),
    };
    tale.0.health.entry(subject).or_default().extend(changes.iter().map(change));
    tale
}

/// `v0` was healthy all the time, and `v1` came at hour 1.
fn promoted() -> Tale {
    let tale = observed(Tale::new(), &[(-20.0, true)]).tag(1.0, "v1");
    tale.promoted(1.0, "schedule", "np/app v0>v1")
}

#[test]
fn a_soak_counts_from_recorded_health() {
    let tale = observed(promoted(), &[(3.0, true)]);
    let summary = tale.summary(&Plan::new());
    assert_eq!(summary[0], "non-prod v1 at 1.0");
    assert!(summary[1].starts_with("prod v1 at 27.0"), "{summary:?}");
    let summary = tale.summary(&Plan::soaking(48));
    assert!(summary[1].starts_with("prod v1 at 51.0"), "{summary:?}");
}

#[test]
fn recorded_losses_restart_a_soak() {
    let tale = observed(promoted(), &[(3.0, true), (20.0, false), (22.0, true)]);
    let summary = tale.summary(&Plan::new());
    assert!(summary[1].starts_with("prod v1 at 46.0"), "{summary:?}");
    let elapsed = Plan { soak_mode: SoakMode::Elapsed, ..Plan::new() };
    let summary = tale.summary(&elapsed);
    assert!(summary[1].starts_with("prod v1 at 29.0"), "{summary:?}");
}

#[test]
fn what_was_never_healthy_goes_nowhere() {
    assert_eq!(promoted().summary(&Plan::new()), ["non-prod v1 at 1.0"]);
}

/// A policy that rolls it out later finds it healthy as much later.
#[test]
fn recorded_health_moves_with_the_rollout() {
    let mut plan = Plan::new();
    let closed = "2026-03-02T09:00:00".parse().unwrap();
    let opens = "2026-03-02T14:00:00".parse().unwrap();
    plan.environments[EnvironmentId::at(0)].policy.freezes =
        vec![crate::policy::Freeze::new("start", Vec::new(), closed, opens).unwrap()];
    let summary = observed(promoted(), &[(3.0, true)]).summary(&plan);
    assert!(summary[0].starts_with("non-prod v1 at 5.0"), "{summary:?}");
    assert!(summary[1].starts_with("prod v1 at 31.0"), "{summary:?}");
}

/// Nobody recorded a version that only this policy rolls out.
#[test]
fn what_was_not_recorded_counts_as_healthy_at_once() {
    let tale = observed(Tale::new(), &[(-20.0, true)]).tag(1.0, "v1");
    assert!(tale.summary(&Plan::new())[1].starts_with("prod v1 at 25.0"), "{:?}", tale.summary(&Plan::new()));
}
