//! Floods, bursts and single webhooks, by a clock that the test moves.

use super::*;

fn image(text: &str) -> ImageName {
    text.parse().unwrap()
}

/// Asks for a subject at these milliseconds, takes whatever is due every 10 ms, and gives the times of the looks.
fn looks(asked_ms: impl Fn(u64) -> u64, until_ms: u64) -> Vec<u64> {
    let start = Instant::now();
    let mut pending = Pending::default();
    let mut looks = Vec::new();
    for at in (0..until_ms).step_by(10) {
        let now = start + Duration::from_millis(at);
        for _ in 0..asked_ms(at) {
            pending.add(Subject::Image(image("ghcr.io/vtr/app")), now);
        }
        if let Next::Due(due) = pending.take(now) {
            assert_eq!(due.images.len(), 1);
            looks.push(at);
        }
    }
    assert!(pending.waiting.is_empty());
    looks
}

#[test]
fn a_single_webhook_is_looked_at_within_a_second() {
    assert_eq!(looks(|at| u64::from(at == 0), 5_000), [100]);
}

#[test]
fn ten_thousand_at_once_cost_one_look() {
    assert_eq!(looks(|at| if at < 500 { 200 } else { 0 }, 5_000), [590]);
}

#[test]
fn a_flood_that_goes_on_costs_fewer_and_fewer_looks() {
    let looks = looks(|at| if at < 60_000 { 17 } else { 0 }, 200_000);
    assert_eq!(looks, [800, 1_800, 3_800, 7_800, 15_800, 31_800, 63_800]);
}

#[test]
fn a_second_push_some_seconds_later_waits_for_nothing() {
    let asked = |at| u64::from(at == 0 || at == 4_000);
    assert_eq!(looks(asked, 10_000), [100, 4_100]);
}

#[test]
fn each_image_is_looked_at_for_itself() {
    let start = Instant::now();
    let mut pending = Pending::default();
    for name in ["ghcr.io/vtr/a", "ghcr.io/vtr/b", "ghcr.io/vtr/a"] {
        pending.add(Subject::Image(image(name)), start);
    }
    pending.add(Subject::Branch, start);
    let Next::Due(due) = pending.take(start + SILENCE) else { panic!("nothing is due") };
    let images = ["ghcr.io/vtr/a", "ghcr.io/vtr/b"].map(image).into();
    assert_eq!(due, Due { everything: false, branch: true, images });
}

#[test]
fn only_known_images_are_looked_at() {
    let known = KnownImages::new(["ghcr.io/vtr/app", "docker.io/vtr/app", "ghcr.io/vtr/other"].map(image));
    let found = |host: Option<&str>, name| known.find(host, name).len();
    assert_eq!(found(Some("ghcr.io"), "vtr/app"), 1);
    assert_eq!(found(Some("registry.internal"), "vtr/app"), 2, "it may not know its own name");
    assert_eq!(found(None, "vtr/other"), 1);
    assert_eq!(found(Some("ghcr.io"), "vtr/unknown"), 0);
}

#[tokio::test]
async fn an_image_that_is_named_before_the_images_are_known_is_looked_at_with_everything() {
    let triggers = Triggers::default();
    assert!(triggers.look_at_image(Some("ghcr.io"), "vtr/app"));
    triggers.set_known(Arc::new(KnownImages::new([image("ghcr.io/vtr/app")])));
    assert!(triggers.look_at_image(Some("ghcr.io"), "vtr/app"));
    assert!(!triggers.look_at_image(Some("ghcr.io"), "vtr/unknown"));
    let images = [image("ghcr.io/vtr/app")].into();
    assert_eq!(triggers.due().await, Due { everything: true, branch: false, images });
}
