//! When tags were first seen.

use std::collections::HashSet;
use std::sync::Arc;

use tidegate::model::{ImageName, Tag, TagList, TagsSeen};
use tidegate::port::{Observations as _, SeenTags as _};
use tidegate::store::Store;

use super::words::{KEPT, Place, at, connect, seen as digest_of, tamper, word};

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

/// Forgets with these lists, so many seconds after the store's retention has passed.
async fn forget(store: &Store, lists: &[(&str, &str)], seconds: i64) {
    let lists: Vec<(ImageName, Arc<TagList>)> = lists
        .iter()
        .map(|(image, text)| (word(image), Arc::new(TagList { tags: tags(text), ignored: 0 })))
        .collect();
    let used: HashSet<&ImageName> = lists.iter().map(|(image, _)| image).collect();
    let kept = i64::try_from(KEPT.as_secs()).unwrap();
    store.forget_tags(&lists, &used, at(kept + seconds)).await.unwrap();
}

#[tokio::test]
async fn a_tag_that_left_its_registry_is_forgotten_after_the_retention() {
    let place = Place::new();
    let store = place.create().await;
    note(&store, APP, "v1.0.0 v1.0.1", 1).await;
    note(&store, APP, "v1.0.2", 3).await;
    note(&store, APP, "v1.0.3", 9).await;
    store
        .observe(&[digest_of("v1.0.0", '1'), digest_of("v1.0.1", '2'), digest_of("v1.0.2", '3')], at(4))
        .await
        .unwrap();

    forget(&store, &[(APP, "v1.0.1")], 1).await;
    assert_eq!(seen(&store, APP).await.len(), 3, "nothing is older than the retention");

    forget(&store, &[(APP, "v1.0.1")], 5).await;
    let expected = [row("v1.0.1", 1, true), row("v1.0.3", 9, false)];
    assert_eq!(seen(&store, APP).await, expected, "v1.0.3 left too, but not long ago");
    let digests = store.all_observations(&[word(APP)]).await.unwrap();
    assert_eq!(digests.keys().map(|(_, tag)| tag.as_str()).collect::<Vec<_>>(), ["v1.0.1"]);

    forget(&store, &[(APP, "v9.0.0")], 20).await;
    note(&store, APP, "v9.0.0", 30).await;
    let left = seen(&store, APP).await;
    assert_eq!(left.last(), Some(&row("v9.0.0", 30, false)), "no later answer is taken for the first");
}

#[tokio::test]
async fn an_image_that_nothing_uses_is_forgotten_after_the_retention() {
    let place = Place::new();
    let store = place.create().await;
    note(&store, "ghcr.io/vtr/old", "v1.0.0", 1).await;
    note(&store, "ghcr.io/vtr/young", "v1.0.0", 9).await;
    note(&store, APP, "v1.0.0", 1).await;
    forget(&store, &[(APP, "v1.0.0")], 5).await;
    assert_eq!(seen(&store, "ghcr.io/vtr/old").await, []);
    assert_eq!(seen(&store, "ghcr.io/vtr/young").await.len(), 1);
    assert_eq!(seen(&store, APP).await.len(), 1);
}
