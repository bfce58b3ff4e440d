//! What needs a look inside: a disk that is full, a writer that doesn't finish.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use tempfile::TempDir;

use super::{FailureKind, Store, StoreError};
use crate::model::{
    Class, CommitId, Fault, FetchEvidence, ImageName, IndexEnd, Intent, PinnedTag, ServiceName, TagChange,
    TagChangeCommit, Timestamp,
};
use crate::port::{IndexReader as _, IndexWriter as _, Intents as _};

fn head() -> CommitId {
    CommitId::from_bytes([7; 20])
}

async fn store_in(folder: &Path) -> Store {
    Store::open(&folder.join("tidegate.db"), "file:///srv/gitops.git", Duration::MAX).await.unwrap().store
}

/// A setting stays, since there is one connection.
async fn set(store: &Store, pragma: &str) {
    let mut connection = store.database.read("set").await.unwrap();
    sqlx::query(AssertSqlSafe(format!("PRAGMA {pragma}"))).fetch_all(&mut *connection).await.unwrap();
}

/// A store on a disk that has no room for more than what it holds.
async fn full_store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(folder.path()).await;
    set(&store, "max_page_count = 1").await;
    (folder, store)
}

fn intent(number: u64) -> Intent {
    Intent {
        id: format!("0197c0de-7b1e-7c3a-9f55-{number:012x}").parse().unwrap(),
        service: "common/app".parse().unwrap(),
        environment: "prod".parse().unwrap(),
        image: "ghcr.io/vtr/app".parse().unwrap(),
        from: "v1.0.0".parse().unwrap(),
        to: "v1.0.1".parse().unwrap(),
        digest: format!("sha256:{}", "a".repeat(64)).parse().unwrap(),
        base: head(),
        requested_by: "schedule".to_owned(),
        at: Timestamp::UNIX_EPOCH,
    }
}

fn tag_change(sequence: u64) -> TagChange {
    TagChange {
        sequence,
        commit: Arc::new(TagChangeCommit {
            id: head(),
            committed_at: Timestamp::UNIX_EPOCH,
            parent_committed_at: None,
            author_name: "x".repeat(200),
            fetched: FetchEvidence { absent_at: None, fetched_at: Timestamp::UNIX_EPOCH },
        }),
        path: "clusters/prod/app.yaml".parse().unwrap(),
        service: "common/app".parse().unwrap(),
        image: "ghcr.io/vtr/app".parse().unwrap(),
        before: Vec::new(),
        after: vec![PinnedTag { tag: "v1.0.0".parse().unwrap(), digest: None }],
        promotion: None,
        is_beside: false,
        renamed_from: None,
    }
}

/// What that moves.
fn subject() -> (ServiceName, ImageName) {
    ("common/app".parse().unwrap(), "ghcr.io/vtr/app".parse().unwrap())
}

fn assert_full(error: StoreError) {
    assert!(matches!(error, StoreError::Database { failure: FailureKind::Full, .. }), "{error:?}");
    let fault = Fault::from(error);
    assert_eq!(fault.class(), Class::Failed);
    assert_eq!(fault.hint(), Some("free disk space; nothing was half-written"));
    assert!(fault.in_one_line().ends_with("(code: 13) database or disk is full"), "{}", fault.in_one_line());
}

#[tokio::test]
async fn a_full_disk_takes_all_intents_or_none() {
    let (_folder, store) = full_store().await;
    let many: Vec<_> = (0..1000).map(intent).collect();
    assert_full(store.begin(&many).await.unwrap_err());
    assert_eq!(store.pending().await.unwrap(), []);
    set(&store, "max_page_count = 100000").await;
    store.begin(&many).await.unwrap();
    assert_eq!(store.pending().await.unwrap().len(), 1000);
}

#[tokio::test]
async fn a_full_disk_keeps_the_index_that_was_there() {
    let (_folder, store) = full_store().await;
    let Some(end) = store.extend_index("scope", None, head(), &[tag_change(0)]).await.unwrap() else {
        panic!("nobody else writes")
    };
    let many: Vec<_> = (0..1000).map(tag_change).collect();
    assert_full(store.extend_index("scope", Some((end, 1)), head(), &many[1..]).await.unwrap_err());
    assert_eq!(store.index_end().await.unwrap(), Some(("scope".to_owned(), end)));
    assert_eq!(store.tag_changes_of(end, &[subject()]).await.unwrap(), [tag_change(0)]);
    // The next write begins afresh, whatever the database did with the transaction that failed.
    set(&store, "max_page_count = 100000").await;
    let extended = store.extend_index("scope", Some((end, 1)), head(), &many[1..]).await.unwrap();
    let end = IndexEnd { next_sequence: 1000, ..end };
    assert_eq!(extended, Some(end));
    assert_eq!(store.tag_changes_of(end, &[subject()]).await.unwrap(), many);
}

#[tokio::test]
async fn a_writer_that_does_not_finish_ends_in_a_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let (slow, store) = (store_in(folder.path()).await, store_in(folder.path()).await);
    set(&store, "busy_timeout = 20").await;
    let writing = slow.database.write("write slowly").await.unwrap();
    let error = store.begin(&[intent(1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Database { failure: FailureKind::Busy, .. }), "{error:?}");
    assert_eq!(error.class(), Class::TryAgain);
    assert_eq!(store.pending().await.unwrap(), [], "readers don't wait for writers");
    drop(writing);
    set(&store, "busy_timeout = 5000").await;
    store.begin(&[intent(1)]).await.unwrap();
}
