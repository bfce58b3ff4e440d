//! Damaged files: set aside, never lost, and a new one in their place.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tidegate::model::Class;
use tidegate::port::{IndexReader as _, Intents as _, Observations as _};
use tidegate::store::{OpenState, OpenedStore, Store};

use super::words::{KEPT, Place, REPOSITORY, at, extend, index_of, intent, seen, tag_change};

/// A closed store with some hundred pages in it.
async fn filled() -> Place {
    let place = Place::new();
    let store = place.create().await;
    let tags: Vec<_> = (0..500).map(|n| seen(&format!("v1.0.{n}"), 'a')).collect();
    store.observe(&tags, at(1)).await.unwrap();
    let tag_changes: Vec<_> = (0..300).map(tag_change).collect();
    extend(&store, "scope", None, 299, &tag_changes).await;
    store.begin(&[intent(1)]).await.unwrap();
    store.close().await;
    place
}

/// Opens what must be damaged; returns where it was put.
async fn rebuilt(place: &Place) -> PathBuf {
    let opened = place.open().await;
    let OpenState::Rebuilt { kept_aside } = opened.state else { unreachable!("{:?}", opened.state) };
    // The new one is empty, and works.
    assert_eq!(opened.store.index_end().await.unwrap(), None);
    assert_eq!(opened.store.pending().await.unwrap(), []);
    assert_eq!(opened.store.observe(&[seen("v1.0.1", 'a')], at(2)).await.unwrap(), 1);
    opened.store.close().await;
    place.reopen().await.close().await;
    kept_aside
}

/// Writes over the file's bytes from `offset` on.
fn overwrite(file: &Path, offset: u64, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(bytes).unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_moved_aside_unchanged() {
    for content in [
        "a text file\n".repeat(200).into_bytes(),
        b"xy".to_vec(), // SQLite takes a single byte for an empty file
        (0..40_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect(),
        [b"SQLite format 3\0".to_vec(), vec![0xff; 9000]].concat(),
    ] {
        let place = Place::new();
        std::fs::create_dir_all(place.file.parent().unwrap()).unwrap();
        std::fs::write(&place.file, &content).unwrap();
        let kept_aside = rebuilt(&place).await;
        assert_eq!(kept_aside, place.file.with_extension("db.corrupt-1"));
        assert!(std::fs::read(&kept_aside).unwrap() == content);
    }
}

#[tokio::test]
async fn a_file_that_was_cut_is_rebuilt() {
    for keep in [2, 99, 100, 4096, 5000] {
        let place = filled().await;
        let file = std::fs::OpenOptions::new().write(true).open(&place.file).unwrap();
        assert!(file.metadata().unwrap().len() > 100_000);
        file.set_len(keep).unwrap();
        rebuilt(&place).await;
    }
    let place = filled().await;
    let file = std::fs::OpenOptions::new().write(true).open(&place.file).unwrap();
    file.set_len(file.metadata().unwrap().len() - 4096).unwrap();
    rebuilt(&place).await;
}

/// The pages that a row overflows into hold nothing but text, and SQLite has no checksums.
#[tokio::test]
async fn no_overwritten_page_yields_a_false_row() {
    let place = filled().await;
    let healthy = std::fs::read(&place.file).unwrap();
    let store = place.reopen().await;
    let (index, pending) = (index_of(&store, "scope").await, store.pending().await.unwrap());
    let tags: Vec<_> = (0..500).map(|n| seen(&format!("v1.0.{n}"), 'a')).map(|(i, t, _)| (i, t)).collect();
    let observations = store.observations(&tags).await.unwrap();
    store.close().await;
    let mut rebuilt = 0;
    for page in 0..healthy.len() / 4096 {
        std::fs::write(&place.file, &healthy).unwrap();
        overwrite(&place.file, page as u64 * 4096 + 8, &[0xa5; 512]);
        let OpenedStore { store, state } = place.open().await;
        rebuilt += usize::from(state != OpenState::Existing);
        let found = index_of(&store, "scope").await;
        assert!(found.is_none() || found == index, "page {page}");
        let found = store.observations(&tags).await.unwrap();
        assert!(found.is_empty() || found == observations, "page {page}");
        let found = store.pending().await.unwrap();
        assert!(found.is_empty() || found == pending, "page {page}");
        store.close().await;
    }
    assert!(rebuilt > 10, "{rebuilt} of {} pages", healthy.len() / 4096);
}

#[tokio::test]
async fn every_damaged_file_gets_a_name_of_its_own() {
    let place = filled().await;
    for number in 1..=3 {
        overwrite(&place.file, 0, b"not any more");
        assert_eq!(rebuilt(&place).await, place.file.with_extension(format!("db.corrupt-{number}")));
    }
}

#[tokio::test]
async fn a_write_ahead_log_goes_with_its_database() {
    let place = filled().await;
    overwrite(&place.file, 0, b"not any more");
    std::fs::write(place.file.with_extension("db-wal"), "a log").unwrap();
    let kept_aside = rebuilt(&place).await;
    let mut log = String::new();
    std::fs::File::open(kept_aside.with_extension("corrupt-1-wal"))
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    assert_eq!(log, "a log");
}

#[tokio::test]
async fn a_log_without_its_database_is_not_believed() {
    let place = Place::new();
    let store = place.create().await;
    store.begin(&[intent(1)]).await.unwrap();
    // As after a crash, with the database itself deleted.
    std::fs::remove_file(&place.file).unwrap();
    std::mem::forget(store);
    let other = Place::new();
    std::fs::create_dir_all(other.file.parent().unwrap()).unwrap();
    std::fs::copy(place.file.with_extension("db-wal"), other.file.with_extension("db-wal")).unwrap();
    assert_eq!(other.create().await.pending().await.unwrap(), []);
}

#[tokio::test]
async fn damage_is_not_set_aside_under_a_process_that_uses_the_file() {
    let place = filled().await;
    let user = place.reopen().await;
    overwrite(&place.file, 0, b"not any more");
    let error = Store::open(&place.file, REPOSITORY, KEPT).await.unwrap_err();
    assert!(error.is_damage());
    assert_eq!(error.class(), Class::TryAgain);
    assert!(error.hint().unwrap().contains("no other Tidegate running"));
    assert!(place.file.exists());
    user.close().await;
    rebuilt(&place).await;
}

#[tokio::test]
async fn damage_found_while_running_is_reported_as_such() {
    let place = filled().await;
    let first = place.reopen().await;
    // Only the first has looked at every page, and still has them in memory.
    let second = place.reopen().await;
    let length = std::fs::metadata(&place.file).unwrap().len();
    for page in 1..length / 4096 {
        overwrite(&place.file, page * 4096, &[0xa5; 4096]);
    }
    let error = second.index_end().await.unwrap_err();
    assert!(error.is_damage(), "{error:?}");
    assert_eq!(error.class(), Class::TryAgain);
    first.close().await;
    second.close().await;
    rebuilt(&place).await;
}
