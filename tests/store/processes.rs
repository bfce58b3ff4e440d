//! Several at once: stores on one file, and passes in one data folder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tidegate::model::{Class, CommitId, Fault};
use tidegate::port::{Fetches as _, IndexReader as _, IndexWriter as _, Intents as _, Observations as _};
use tidegate::store::{DataFolder, OpenState, Store, StoreError};
use tokio::task::JoinSet;

use super::words::{KEPT, Place, REPOSITORY, at, commit, extend, index_of, intent, seen, tag_change};

const NO_WAIT: Duration = Duration::ZERO;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_processes_creates_the_database() {
    let place = Place::new();
    let mut starting = JoinSet::new();
    for _ in 0..8 {
        let file = place.file.clone();
        starting.spawn(async move { Store::open(&file, REPOSITORY, KEPT).await.unwrap() });
    }
    let opened = starting.join_all().await;
    let created = opened.iter().filter(|opened| opened.state == OpenState::Created).count();
    assert_eq!(created, 1);
    for (number, opened) in (0..).zip(&opened) {
        opened.store.begin(&[intent(number)]).await.unwrap();
    }
    assert_eq!(opened[0].store.pending().await.unwrap().len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_processes_moves_a_damaged_file_aside() {
    let place = Place::new();
    std::fs::create_dir_all(place.file.parent().unwrap()).unwrap();
    std::fs::write(&place.file, "not a database at all").unwrap();
    let mut starting = JoinSet::new();
    for _ in 0..8 {
        let file = place.file.clone();
        starting.spawn(async move { Store::open(&file, REPOSITORY, KEPT).await.unwrap() });
    }
    let opened = starting.join_all().await;
    let rebuilt: Vec<_> = opened.iter().filter(|opened| opened.state != OpenState::Existing).collect();
    let kept_aside: PathBuf = place.file.with_extension("db.corrupt-1");
    assert_eq!(rebuilt.len(), 1);
    assert_eq!(rebuilt[0].state, OpenState::Rebuilt { kept_aside });
    assert!(!place.file.with_extension("db.corrupt-2").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_write_at_once_lose_nothing() {
    let place = Place::new();
    let stores = [Arc::new(place.create().await), Arc::new(place.reopen().await)];
    let mut writing = JoinSet::new();
    for (writer, store) in (0..).zip(&stores) {
        for round in 0..20 {
            let store = Arc::clone(store);
            writing.spawn(async move {
                let tags = [0, 1].map(|tag| seen(&format!("v1.{round}.{tag}"), 'a'));
                store.begin(&[intent(1000 * writer + round)]).await.unwrap();
                store.observe(&tags, at(1)).await.unwrap()
            });
        }
    }
    let observed: usize = writing.join_all().await.into_iter().sum();
    assert_eq!(observed, 40, "both saw the same 40 tags, and each is recorded once");
    assert_eq!(stores[0].pending().await.unwrap().len(), 40);
}

#[tokio::test]
async fn one_of_two_concurrent_extensions_must_reread() {
    let place = Place::new();
    let (one, other) = (place.create().await, place.reopen().await);
    let end = extend(&one, "scope", None, 1, &[tag_change(1)]).await;
    assert_eq!(other.index_end().await.unwrap(), Some(("scope".to_owned(), end)));
    let further = extend(&one, "scope", Some(end), 2, &[tag_change(2)]).await;
    let late = other.extend_index("scope", Some((end, 2)), commit(2), &[tag_change(2)]).await.unwrap();
    assert_eq!(late, None);
    assert_eq!(index_of(&other, "scope").await, Some((further, vec![tag_change(1), tag_change(2)])));
}

#[tokio::test]
async fn fetches_are_recorded_when_the_head_moved() {
    let place = Place::new();
    let (one, other) = (place.create().await, place.reopen().await);
    one.record_fetch(commit(1), None, at(1)).await.unwrap();
    one.record_fetch(commit(1), Some(at(1)), at(2)).await.unwrap();
    other.record_fetch(commit(1), Some(at(1)), at(3)).await.unwrap();
    other.record_fetch(commit(2), Some(at(3)), at(4)).await.unwrap();
    one.record_fetch(commit(1), Some(at(4)), at(5)).await.unwrap();
    let fetches = other.fetches().await.unwrap();
    let times: Vec<_> = fetches.iter().map(|fetch| (fetch.head, fetch.absent_at, fetch.at)).collect();
    let expected =
        [(commit(1), None, at(1)), (commit(2), Some(at(3)), at(4)), (commit(1), Some(at(4)), at(5))];
    assert_eq!(times, expected);
}

#[tokio::test]
async fn the_fetch_log_keeps_the_last_thousand() {
    let place = Place::new();
    let store = place.create().await;
    for number in 0..1_010_u64 {
        let mut id = [0; 20];
        id[..8].copy_from_slice(&number.to_be_bytes());
        store.record_fetch(CommitId::from_bytes(id), None, at(1)).await.unwrap();
    }
    assert_eq!(store.fetches().await.unwrap().len(), 1_000);
}

#[tokio::test]
async fn a_data_folder_is_one_pass_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let guard = DataFolder::lock(&path, NO_WAIT, || unreachable!()).await.unwrap();
    let mut waits = 0;
    let error = DataFolder::lock(&path, Duration::from_millis(60), || waits += 1).await.unwrap_err();
    assert_eq!(waits, 1);
    let StoreError::InUse { holder, .. } = &error else { unreachable!("{error:?}") };
    assert_eq!(*holder, Some(std::process::id()));
    let fault = Fault::from(error);
    assert_eq!(fault.class(), Class::TryAgain);
    assert_eq!(fault.hint(), Some("wait for the other process to finish, or stop it"));
    drop(guard);
    let _guard = DataFolder::lock(&path, NO_WAIT, || unreachable!()).await.unwrap();
}

#[tokio::test]
async fn the_one_who_waits_gets_the_folder_when_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let guard = DataFolder::lock(folder.path(), NO_WAIT, || {}).await.unwrap();
    let mut guard = Some(guard);
    // The holder lets go as soon as somebody waits.
    let waited = DataFolder::lock(folder.path(), Duration::from_mins(1), || drop(guard.take())).await;
    assert!(waited.is_ok());
}

#[tokio::test]
async fn a_lock_that_somebody_scribbled_on_still_locks() {
    let folder = tempfile::tempdir().unwrap();
    let _guard = DataFolder::lock(folder.path(), NO_WAIT, || {}).await.unwrap();
    for scribble in ["", "99999999999999999999999", "../../etc", "\u{1b}[31m", "-1"] {
        std::fs::write(folder.path().join("lock"), scribble).unwrap();
        let error = DataFolder::lock(folder.path(), NO_WAIT, || {}).await.unwrap_err();
        assert!(error.to_string().contains("is in use by another process"), "{error}");
    }
}
