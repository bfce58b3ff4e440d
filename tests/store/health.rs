//! What was observed of health: in order, by target, bounded, and there again after the store is opened anew.

use tidegate::model::{HealthObservation, HealthSubject};
use tidegate::port::Health as _;

use super::words::{Place, health, word};

#[tokio::test]
async fn changes_are_read_as_they_were_written() {
    let place = Place::new();
    let store = place.open().await.store;
    let (subject, first) = health(1, Some(10));
    let (_, lost) = health(1, None);
    let elsewhere = HealthSubject { environment: word("prod"), ..subject.clone() };
    store.record_health(&[(subject.clone(), first.clone())]).await.unwrap();
    let more = [(subject.clone(), lost.clone()), (elsewhere.clone(), first.clone())];
    store.record_health(&more).await.unwrap();
    store.close().await;
    let store = place.open().await.store;
    let unknown = HealthSubject { service: word("common/other"), ..subject.clone() };
    let read = store.health(&[subject.clone(), elsewhere.clone(), unknown]).await.unwrap();
    assert_eq!(read.len(), 2);
    assert_eq!(read[&subject], [first.clone(), lost]);
    assert_eq!(read[&elsewhere], [first]);
}

#[tokio::test]
async fn the_newest_changes_stay() {
    let place = Place::new();
    let store = place.open().await.store;
    let changes: Vec<(HealthSubject, HealthObservation)> =
        (0..250_i64).map(|second| health(1, Some(second))).collect();
    store.record_health(&changes[..249]).await.unwrap();
    store.record_health(&changes[249..]).await.unwrap();
    let (subject, last) = changes.last().unwrap();
    let read = store.health(std::slice::from_ref(subject)).await.unwrap();
    assert_eq!(read[subject].len(), 200);
    assert_eq!(read[subject].last(), Some(last));
}
