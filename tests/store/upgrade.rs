//! A database of an earlier Tidegate, with something in every table: brought up to date, it has all of it.

use std::path::Path;

use sqlx::migrate::Migrator;
use tidegate::model::Outcome;
use tidegate::port::{Fetches as _, Health as _, Intents as _, Labels as _, Observations as _};
use tidegate::store::{OpenState, Store};

use super::words::{
    KEPT, Place, REPOSITORY, at, commit, connect, extend, health, intent, promotion, seen, tag_change,
};

/// What a store of today holds after some work.
async fn fill(store: &Store) {
    store.observe(&[seen("v1.0.0", 'a'), seen("v1.0.1", 'b')], at(1)).await.unwrap();
    store.observe(&[seen("v1.0.1", 'c')], at(2)).await.unwrap();
    store.record_fetch(commit(1), None, at(1)).await.unwrap();
    store.record_fetch(commit(2), Some(at(2)), at(3)).await.unwrap();
    let tag_changes: Vec<_> = (0..300).map(tag_change).collect();
    extend(store, "scope", None, 299, &tag_changes).await;
    store.record_health(&[health(1, Some(1)), health(2, None)]).await.unwrap();
    store.begin(&[intent(1), intent(2), intent(3)]).await.unwrap();
    store.settle(&[(promotion(1), Outcome::Landed(commit(2)))], at(4)).await.unwrap();
    store.settle(&[(promotion(2), Outcome::Abandoned)], at(4)).await.unwrap();
}

/// The migrations up to one of them.
async fn migrations(last: &str, folder: &Path) -> Migrator {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let mut names: Vec<String> = std::fs::read_dir(&all)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| &name[..4] <= last)
        .collect();
    names.sort();
    assert!(names.last().unwrap().starts_with(last), "{names:?}");
    for name in names {
        std::fs::copy(all.join(&name), folder.join(&name)).unwrap();
    }
    Migrator::new(folder).await.unwrap()
}

/// A database as the Tidegate with that schema left it, with what today's one has in the tables that were there.
async fn old_database(last: &str, filled: &Path, place: &Place) {
    std::fs::create_dir_all(place.file.parent().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut connection = connect(&place.file).await;
    let mark = "PRAGMA journal_mode = WAL; PRAGMA application_id = 1414087749";
    sqlx::raw_sql(mark).execute(&mut connection).await.unwrap();
    migrations(last, folder.path()).await.run_direct(None, &mut connection, false).await.unwrap();
    let attach = format!("ATTACH '{}' AS filled", filled.display());
    sqlx::raw_sql(sqlx::AssertSqlSafe(attach)).execute(&mut connection).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(tables.len() >= 6, "{tables:?}");
    // What can be read from Git again is made anew where its shape changed.
    for table in tables.iter().filter(|table| !["history_index", "index_segments"].contains(&table.as_str()))
    {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(table)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let columns = columns.join(", ");
        let copy = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM filled.{table}");
        let copied =
            sqlx::raw_sql(sqlx::AssertSqlSafe(copy)).execute(&mut connection).await.unwrap().rows_affected();
        assert!(copied > 0, "{table} is empty, so nothing is known of it");
    }
    sqlx::Connection::close(connection).await.unwrap();
}

/// All that can be asked of a store.
async fn all(store: &Store) -> impl PartialEq + std::fmt::Debug + use<> {
    let tags = ["v1.0.0", "v1.0.1"].map(|tag| seen(tag, 'a')).map(|(image, tag, _)| (image, tag));
    (store.observations(&tags).await.unwrap(), store.fetches().await.unwrap(), store.pending().await.unwrap())
}

#[tokio::test]
async fn rows_of_an_earlier_version_are_all_there() {
    let today = Place::new();
    let store = today.create().await;
    fill(&store).await;
    let expected = all(&store).await;
    store.close().await;
    let old = Place::new();
    old_database("0001", &today.file, &old).await;
    for _ in 0..2 {
        let opened = Store::open(&old.file, REPOSITORY, KEPT).await.unwrap();
        assert_eq!(opened.state, OpenState::Existing);
        assert_eq!(all(&opened.store).await, expected);
        let (image, _, digest) = seen("v1.0.0", 'a');
        let labels = std::collections::BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        opened.store.keep_labels(&image, &digest, &labels, at(5)).await.unwrap();
        assert_eq!(opened.store.labels(&image, &digest).await.unwrap(), Some(labels));
        opened.store.close().await;
    }
}
