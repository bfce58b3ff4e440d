//! The log of observations: what makes a row and what does not.

use sqlx::SqliteConnection;
use tidegate::model::{ImageName, Observation, Tag};
use tidegate::port::Observations as _;
use tidegate::store::Store;

use super::words::{Place, at, connect, digest, seen, tamper, word};

async fn observed(store: &Store, tag: &str) -> Vec<Observation> {
    let key: (ImageName, Tag) = (word("ghcr.io/vtr/app"), word(tag));
    store.observations(std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap_or_default()
}

fn observation(digit: char, seconds: i64) -> Observation {
    Observation { digest: digest(digit), at: at(seconds) }
}

#[tokio::test]
async fn a_digest_that_comes_back_is_a_row_of_its_own() {
    let place = Place::new();
    let store = place.create().await;
    for (digit, seconds, written) in
        [('a', 1, 1), ('a', 2, 0), ('b', 3, 1), ('b', 4, 0), ('a', 5, 1), ('a', 6, 0)]
    {
        assert_eq!(store.observe(&[seen("v1", digit)], at(seconds)).await.unwrap(), written, "at {seconds}");
    }
    let expected = [observation('a', 1), observation('b', 3), observation('a', 5)];
    assert_eq!(observed(&store, "v1").await, expected);
    store.close().await;
    assert_eq!(observed(&place.reopen().await, "v1").await, expected);
}

#[tokio::test]
async fn only_what_changed_is_written() {
    let place = Place::new();
    let store = place.create().await;
    assert_eq!(store.observe(&[], at(0)).await.unwrap(), 0);
    assert_eq!(store.observe(&[seen("v1", 'a'), seen("v2", 'a')], at(1)).await.unwrap(), 2);
    assert_eq!(store.observe(&[seen("v1", 'a'), seen("v2", 'b')], at(2)).await.unwrap(), 1);
    assert_eq!(observed(&store, "v1").await, [observation('a', 1)]);
    assert_eq!(observed(&store, "v2").await, [observation('a', 1), observation('b', 2)]);
    assert_eq!(observed(&store, "v3").await, []);
}

/// A number that changes when another connection writes.
async fn version(outside: &mut SqliteConnection) -> i64 {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(outside).await.unwrap()
}

#[tokio::test]
async fn an_unchanged_pass_writes_not_a_byte() {
    let place = Place::new();
    let store = place.create().await;
    store.observe(&[seen("v1", 'a')], at(1)).await.unwrap();
    let mut outside = connect(&place.file).await;
    let before = version(&mut outside).await;
    store.observe(&[seen("v1", 'a')], at(2)).await.unwrap();
    assert_eq!(version(&mut outside).await, before);
    store.observe(&[seen("v1", 'b')], at(3)).await.unwrap();
    assert_ne!(version(&mut outside).await, before);
}

#[tokio::test]
async fn more_tags_than_one_statement_takes() {
    let place = Place::new();
    let store = place.create().await;
    let many: Vec<_> = (0..1234).map(|n| seen(&format!("v1.0.{n}"), 'a')).collect();
    assert_eq!(store.observe(&many, at(1)).await.unwrap(), 1234);
    assert_eq!(store.observe(&many, at(2)).await.unwrap(), 0);
    // Requested twice, returned once.
    let twice: Vec<_> =
        many.iter().chain(&many).map(|(image, tag, _)| (image.clone(), tag.clone())).collect();
    let observations = store.observations(&twice).await.unwrap();
    assert_eq!(observations.len(), 1234);
    assert!(observations.values().all(|of_tag| *of_tag == [observation('a', 1)]));
}

#[tokio::test]
async fn one_tag_recorded_twice_in_a_pass_is_two_changes() {
    let place = Place::new();
    let store = place.create().await;
    assert_eq!(store.observe(&[seen("v1", 'a'), seen("v1", 'b')], at(1)).await.unwrap(), 2);
    assert_eq!(observed(&store, "v1").await, [observation('a', 1), observation('b', 1)]);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_left_out_and_followed_by_a_good_one() {
    let place = Place::new();
    let store = place.create().await;
    store.observe(&[seen("v1", 'a'), seen("v2", 'a')], at(1)).await.unwrap();
    tamper(&place.file, "UPDATE observations SET digest = 'sha256:zz' WHERE tag = 'v1'").await;
    assert_eq!(observed(&store, "v1").await, []);
    assert_eq!(observed(&store, "v2").await, [observation('a', 1)]);
    assert_eq!(store.observe(&[seen("v1", 'a')], at(2)).await.unwrap(), 1);
    assert_eq!(observed(&store, "v1").await, [observation('a', 2)]);
}
