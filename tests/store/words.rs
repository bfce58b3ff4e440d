//! Words of the model, for the tests of the store, and a store to put them in.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use tidegate::model::{
    CommitId, Digest, FetchEvidence, HealthObservation, HealthSubject, ImageName, IndexEnd, Intent,
    PinnedTag, PromotionId, PromotionMark, ServiceName, Tag, TagChange, TagChangeCommit, TagChangeQuery,
    Timestamp,
};
use tidegate::port::{IndexReader as _, IndexWriter as _};
use tidegate::store::{OpenState, OpenedStore, Store};

/// How long the stores of these tests keep what no decision needs.
pub(super) const KEPT: Duration = Duration::from_hours(100 * 24);

pub(super) const REPOSITORY: &str = "file:///srv/gitops.git";

/// A word of the model from its text.
pub(super) fn word<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// The digest that repeats a hexadecimal digit.
pub(super) fn digest(digit: char) -> Digest {
    word(&format!("sha256:{}", String::from(digit).repeat(64)))
}

/// A commit by a small number.
pub(super) fn commit(number: u64) -> CommitId {
    let mut bytes = [0; 20];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    CommitId::from_bytes(bytes)
}

/// So many seconds after an instant in 2026.
pub(super) fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp_millis(1_790_000_000_123 + seconds * 1000).unwrap()
}

/// A promotion's identity by a small number.
pub(super) fn promotion(number: u64) -> PromotionId {
    word(&format!("0197c0de-7b1e-7c3a-9f55-{number:012x}"))
}

/// What was seen of a tag of one image.
pub(super) fn seen(tag: &str, digit: char) -> (ImageName, Tag, Digest) {
    (word("ghcr.io/vtr/app"), word(tag), digest(digit))
}

/// A change of the health of one target: ready since a second or not, seen a second later.
pub(super) fn health(number: u64, ready_since: Option<i64>) -> (HealthSubject, HealthObservation) {
    let subject = HealthSubject {
        environment: word("non-prod"),
        service: word("common/app"),
        image: word("ghcr.io/vtr/app"),
    };
    let seen_at = at(ready_since.unwrap_or_default() + 1);
    (subject, HealthObservation { commit: commit(number), ready_since: ready_since.map(at), at: seen_at })
}

/// An intent by a small number.
pub(super) fn intent(number: u64) -> Intent {
    Intent {
        id: promotion(number),
        service: word("common/app"),
        environment: word("prod"),
        image: word("ghcr.io/vtr/app"),
        from: word("v1.0.0"),
        to: word("v1.0.1"),
        digest: digest('a'),
        base: commit(1),
        requested_by: "María <maria@vtr.cl>\n\u{202e}".to_owned(),
        at: at(i64::try_from(number).unwrap()),
    }
}

/// A promotion of one of 500 services, in a commit of its own.
pub(super) fn tag_change(sequence: u64) -> TagChange {
    let service = sequence % 500;
    let before = PinnedTag { tag: word(&format!("v1.0.{sequence}")), digest: None };
    let tag = word(&format!("v1.0.{}", sequence + 1));
    let committed_at = at(i64::try_from(sequence).unwrap() * 60);
    TagChange {
        sequence,
        commit: Arc::new(TagChangeCommit {
            id: commit(sequence),
            committed_at,
            parent_committed_at: sequence
                .checked_sub(1)
                .map(|_| committed_at - chrono::TimeDelta::minutes(1)),
            author_name: "tidegate".to_owned(),
            fetched: FetchEvidence {
                absent_at: Some(committed_at),
                fetched_at: committed_at + chrono::TimeDelta::seconds(30),
            },
        }),
        path: word(&format!("clusters/prod-digital-eks/common/service-{service}/helmrelease.yaml")),
        service: word(&format!("common/service-{service}")),
        image: word(&format!("ghcr.io/vtr/service-{service}")),
        before: vec![before],
        after: vec![PinnedTag { tag, digest: Some(digest('b')) }],
        promotion: Some(PromotionMark {
            id: promotion(sequence),
            requested_by: "schedule".to_owned(),
            digest: Some(digest('b')),
            is_pushed_here: true,
        }),
        is_beside: false,
        renamed_from: None,
    }
}

/// The image of a service that moves.
pub(super) fn subject(tag_change: &TagChange) -> (ServiceName, ImageName) {
    (tag_change.service.clone(), tag_change.image.clone())
}

/// Extends the index, with nobody else about.
pub(super) async fn extend(
    store: &Store,
    scope: &str,
    onto: Option<IndexEnd>,
    head: u64,
    tag_changes: &[TagChange],
) -> IndexEnd {
    let onto = onto.map(|end| (end, end.next_sequence));
    let extended = store.extend_index(scope, onto, commit(head), tag_changes).await.unwrap();
    let (kept, end) = store.index_end().await.unwrap().unwrap();
    assert_eq!((kept.as_str(), extended), (scope, Some(end)), "nobody else writes");
    end
}

/// All of the index of a scope, oldest first; nothing when there is none, or it can't be read.
pub(super) async fn index_of(store: &Store, scope: &str) -> Option<(IndexEnd, Vec<TagChange>)> {
    let (_, end) = store.index_end().await.unwrap().filter(|(kept, _)| kept == scope)?;
    let query = TagChangeQuery { services: Vec::new(), since: None, most: 100_000, rest: None };
    let mut tag_changes = store.tag_changes(end, &query).await.ok()?.tag_changes;
    tag_changes.reverse();
    Some((end, tag_changes))
}

/// A folder of its own, and where the database goes in it.
pub(super) struct Place {
    _folder: TempDir,
    pub(super) file: PathBuf,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data/tidegate.db");
        Self { _folder: folder, file }
    }

    pub(super) async fn open(&self) -> OpenedStore {
        Store::open(&self.file, REPOSITORY, KEPT).await.unwrap()
    }

    /// Opens a store that must be there already and healthy.
    pub(super) async fn reopen(&self) -> Store {
        let OpenedStore { store, state } = self.open().await;
        assert_eq!(state, OpenState::Existing);
        store
    }

    /// Opens a store that must be new.
    pub(super) async fn create(&self) -> Store {
        let OpenedStore { store, state } = self.open().await;
        assert_eq!(state, OpenState::Created);
        store
    }
}

/// Changes a database behind the store's back.
pub(super) async fn tamper(file: &Path, statements: &str) {
    let mut connection = connect(file).await;
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
}

/// A connection that is not the store's.
pub(super) async fn connect(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.unwrap()
}
