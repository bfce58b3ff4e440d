//! How long a waiting looks away.

use super::*;

fn explained(next_opening: Option<&str>) -> Explained {
    Explained {
        commit: crate::model::CommitId::from_bytes([1; 20]),
        now: "2026-03-02T09:00:00Z".parse().unwrap(),
        explanations: Vec::new(),
        next_opening: next_opening.map(|at| at.parse().unwrap()),
    }
}

#[test]
fn the_pause_between_polls_ends_when_something_can_happen() {
    let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    for (opening, tick, expected) in [
        (None, None, UNKNOWN),
        (None, Some("2026-03-02T09:00:05Z"), Duration::from_secs(6)),
        (Some("2026-03-03T09:00:00Z"), None, LONGEST),
        (Some("2026-03-02T09:02:00Z"), None, Duration::from_secs(6)),
        (Some("2026-03-02T09:00:10Z"), None, OPEN),
        (Some("2026-03-02T09:00:01Z"), None, Duration::from_millis(1500)),
        (Some("2026-03-02T08:00:00Z"), None, UNKNOWN),
    ] {
        let tick = tick.map(|at: &str| at.parse().unwrap());
        assert_eq!(pause(&explained(opening), now, tick), expected, "{opening:?} {tick:?}");
    }
}
