//! When tags were first seen.

use tidegate::model::{ImageName, Tag, TagsSeen};
use tidegate::port::SeenTags as _;
use tidegate::store::Store;

use super::words::{Place, at, connect, tamper, word};

fn tags(text: &str) -> Vec<Tag> {
    text.split(' ').map(word).collect()
}

async fn note(store: &Store, image: &str, text: &str, seconds: i64) {
    store.note_tags(&[(word(image), tags(text))], at(seconds)).await.unwrap();
}

async fn seen(store: &Store, image: &str) -> Vec<TagsSeen> {
    let image: ImageName = word(image);
    store.tags_seen(std::slice::from_ref(&image)).await.unwrap().remove(&image).unwrap_or_default()
}

fn row(text: &str, seconds: i64, is_first: bool) -> TagsSeen {
    TagsSeen { tags: tags(text), at: at(seconds), is_first }
}

const APP: &str = "ghcr.io/vtr/app";

#[tokio::test]
async fn each_new_tag_list_is_stored_by_itself() {
    let place = Place::new();
    let store = place.create().await;
    note(&store, APP, "v1.0.0 v1.0.1", 1).await;
    note(&store, "ghcr.io/vtr/other", "v9.0.0", 2).await;
    note(&store, APP, "v1.0.2", 3).await;
    let expected = [row("v1.0.0 v1.0.1", 1, true), row("v1.0.2", 3, false)];
    assert_eq!(seen(&store, APP).await, expected);
    assert_eq!(seen(&store, "ghcr.io/vtr/other").await, [row("v9.0.0", 2, true)]);
    assert_eq!(seen(&store, "ghcr.io/vtr/nothing").await, []);
    store.close().await;
    assert_eq!(seen(&place.reopen().await, APP).await, expected);
}

#[tokio::test]
async fn many_images_in_one_answer() {
    let place = Place::new();
    let store = place.create().await;
    let images: Vec<ImageName> = (0..250).map(|number| word(&format!("ghcr.io/vtr/app-{number}"))).collect();
    for (text, seconds) in [("v1.0.0", 1), ("v1.0.1 v1.0.2", 2)] {
        let new: Vec<_> = images.iter().map(|image| (image.clone(), tags(text))).collect();
        store.note_tags(&new, at(seconds)).await.unwrap();
    }
    let seen = store.tags_seen(&images).await.unwrap();
    let expected = [row("v1.0.0", 1, true), row("v1.0.1 v1.0.2", 2, false)];
    assert!(images.iter().all(|image| seen[image] == expected));
}

#[tokio::test]
async fn nothing_new_writes_not_a_byte() {
    let place = Place::new();
    let store = place.create().await;
    note(&store, APP, "v1.0.0", 1).await;
    let mut outside = connect(&place.file).await;
    let version = "PRAGMA data_version";
    let before: i64 = sqlx::query_scalar(version).fetch_one(&mut outside).await.unwrap();
    store.note_tags(&[], at(2)).await.unwrap();
    store.note_tags(&[(word(APP), Vec::new())], at(2)).await.unwrap();
    let after: i64 = sqlx::query_scalar(version).fetch_one(&mut outside).await.unwrap();
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_tag_that_is_none_is_left_out_and_the_others_stay() {
    let place = Place::new();
    let store = place.create().await;
    note(&store, APP, "v1.0.0 v1.0.1", 1).await;
    store.close().await;
    tamper(&place.file, "UPDATE tags_seen SET tags = 'v1.0.0 ../../x  v1.0.1'").await;
    assert_eq!(seen(&place.reopen().await, APP).await, [row("v1.0.0 v1.0.1", 1, true)]);
}
