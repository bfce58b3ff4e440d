//! Opening: what is there, what is not, and what is not ours to touch.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tidegate::model::{Class, Fault};
use tidegate::port::{Fetches as _, IndexReader as _, Intents as _, Observations as _};
use tidegate::store::{OpenState, Store, StoreError};

use super::words::{KEPT, Place, REPOSITORY, at, commit, connect, extend, intent, seen, tag_change, tamper};

async fn refused(file: &Path) -> StoreError {
    Store::open(file, REPOSITORY, KEPT).await.unwrap_err()
}

#[tokio::test]
async fn a_new_store_is_this_users_alone() {
    let place = Place::new();
    let store = place.create().await;
    store.begin(&[intent(1)]).await.unwrap();
    let folder = place.file.parent().unwrap();
    let mut modes: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().permissions().mode() & 0o777)
        })
        .collect();
    modes.sort();
    let expected = ["tidegate.db", "tidegate.db-shm", "tidegate.db-wal", "tidegate.db.lock"];
    assert_eq!(modes, expected.map(|name| (name.to_owned(), 0o600)));
    assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_closed_store_is_one_file() {
    let place = Place::new();
    place.create().await.close().await;
    assert!(place.file.exists());
    assert!(!place.file.with_extension("db-wal").exists());
    place.reopen().await.close().await;
}

#[tokio::test]
async fn an_empty_file_is_a_new_store() {
    let place = Place::new();
    std::fs::create_dir_all(place.file.parent().unwrap()).unwrap();
    std::fs::write(&place.file, "").unwrap();
    place.create().await;
}

#[tokio::test]
async fn another_repository_clears_the_rows_of_the_old_one() {
    let place = Place::new();
    let store = place.create().await;
    store.observe(&[seen("v1", 'a')], at(1)).await.unwrap();
    store.record_fetch(commit(1), None, at(1)).await.unwrap();
    extend(&store, "scope", None, 1, &[tag_change(1)]).await;
    store.begin(&[intent(1)]).await.unwrap();
    store.close().await;
    let other = Store::open(&place.file, "file:///srv/other.git", KEPT).await.unwrap();
    assert_eq!(other.state, OpenState::Existing);
    assert_eq!(other.store.index_end().await.unwrap(), None);
    assert_eq!(other.store.fetches().await.unwrap(), []);
    assert_eq!(other.store.observe(&[seen("v1", 'a')], at(2)).await.unwrap(), 0);
    assert_eq!(other.store.pending().await.unwrap(), [intent(1)]);
}

#[tokio::test]
async fn a_url_with_a_secret_is_not_stored() {
    let place = Place::new();
    let url = "https://bot:hunter2@git.vtr.cl/gitops.git";
    Store::open(&place.file, url, KEPT).await.unwrap().store.close().await;
    let bytes = std::fs::read(&place.file).unwrap();
    assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
    assert_eq!(Store::open(&place.file, url, KEPT).await.unwrap().state, OpenState::Existing);
}

#[tokio::test]
async fn a_schema_of_a_later_tidegate_is_refused_and_left_as_it_is() {
    let place = Place::new();
    place.create().await.close().await;
    tamper(
        &place.file,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            VALUES (9001, 'later', TRUE, x'00', 0)",
    )
    .await;
    let fault = Fault::from(refused(&place.file).await);
    assert_eq!(fault.class(), Class::Failed);
    let name = place.file.display();
    assert_eq!(
        fault.in_one_line(),
        format!("the database {name} has schema 9001, which is newer than this Tidegate knows (schema 10)")
    );
    assert!(fault.hint().unwrap().starts_with("use the Tidegate version that wrote it"));
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations")
        .fetch_one(&mut connect(&place.file).await)
        .await
        .unwrap();
    assert_eq!(rows, 11);
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_left_as_it_is() {
    let place = Place::new();
    std::fs::create_dir_all(place.file.parent().unwrap()).unwrap();
    tamper(&place.file, "CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('Gracias a la vida')")
        .await;
    let error = refused(&place.file).await;
    assert_eq!(error.class(), Class::Failed);
    assert_eq!(error.to_string(), format!("{} is another program's database", place.file.display()));
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut connect(&place.file).await)
        .await
        .unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn unusable_database_paths_are_errors_with_a_hint() {
    let place = Place::new();
    let folder = place.file.parent().unwrap();
    std::fs::create_dir_all(place.file.join("a folder in its place")).unwrap();
    std::fs::write(folder.join("file"), "text").unwrap();
    // Not even root can make a file in /sys.
    let cases = [
        (
            Path::new("/sys/tidegate.db").to_owned(),
            "cannot open /sys/tidegate.db.lock",
            "make the file and its folder writable",
        ),
        (folder.join("file/tidegate.db"), "cannot create the folder ", "a parent in the path is a file"),
        (place.file.clone(), "cannot open ", "name a file, not a folder"),
    ];
    for (file, message, hint) in cases {
        let error = refused(&file).await;
        assert_eq!(error.class(), Class::Failed, "{error}");
        assert!(error.to_string().starts_with(message), "{error}");
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{error}: {:?}", error.hint());
    }
}
