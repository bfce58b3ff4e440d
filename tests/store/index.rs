//! The history index: it comes back equal, whole or not at all.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tidegate::model::{FetchEvidence, Index, Movement, MovingCommit, PinnedTag, PromotionMark, Timestamp};
use tidegate::store::Saved;

use super::words::{Place, at, commit, connect, digest, movement, promotion, tamper, word};

const SCOPE: &str = "paths:1f0e parser:1";

#[tokio::test]
async fn there_is_none_of_another_scope() {
    let place = Place::new();
    let store = place.create().await;
    assert_eq!(store.load_index(SCOPE).await.unwrap(), None);
    store.save_index(SCOPE, commit(1), None, &[movement(1)]).await.unwrap();
    assert_eq!(store.load_index("paths:other parser:1").await.unwrap(), None);
    let index = Index { head: commit(1), movements: vec![movement(1)] };
    assert_eq!(store.load_index(SCOPE).await.unwrap(), Some(index.clone()));
    store.close().await;
    assert_eq!(place.reopen().await.load_index(SCOPE).await.unwrap(), Some(index));
}

#[tokio::test]
async fn what_is_new_is_appended_to_the_index_it_follows() {
    let place = Place::new();
    let store = place.create().await;
    let (first, then): (Vec<_>, Vec<_>) =
        (0..700).map(movement).partition(|movement| movement.sequence < 600);
    store.save_index(SCOPE, commit(599), None, &first).await.unwrap();
    let saved = store.save_index(SCOPE, commit(699), Some(commit(599)), &then).await.unwrap();
    assert_eq!(saved, Saved::Written);
    // A head that moved no tag.
    store.save_index(SCOPE, commit(800), Some(commit(699)), &[]).await.unwrap();
    let index = store.load_index(SCOPE).await.unwrap().unwrap();
    assert_eq!(index, Index { head: commit(800), movements: (0..700).map(movement).collect() });
}

#[tokio::test]
async fn history_that_grows_commit_by_commit_is_what_it_is_at_once() {
    let place = Place::new();
    let store = place.create().await;
    let all: Vec<_> = (0..1030).map(movement).collect();
    store.save_index(SCOPE, commit(1019), None, &all[..1020]).await.unwrap();
    // Over the end of the first segment.
    for (number, one) in (1020..).zip(&all[1020..]) {
        let after = Some(commit(number - 1));
        store.save_index(SCOPE, commit(number), after, std::slice::from_ref(one)).await.unwrap();
    }
    assert_eq!(store.load_index(SCOPE).await.unwrap().unwrap().movements, all);
    let mut rows = connect(&place.file).await;
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM index_segments").fetch_one(&mut rows).await.unwrap();
    assert_eq!(rows, 2);
}

#[tokio::test]
async fn what_does_not_follow_is_not_written() {
    let place = Place::new();
    let store = place.create().await;
    let append =
        async |scope, after| store.save_index(scope, commit(9), Some(after), &[movement(9)]).await.unwrap();
    assert_eq!(append(SCOPE, commit(1)).await, Saved::Overtaken, "there is no index");
    store.save_index(SCOPE, commit(2), None, &[movement(2)]).await.unwrap();
    assert_eq!(append(SCOPE, commit(1)).await, Saved::Overtaken, "it is at another head");
    assert_eq!(append("other", commit(2)).await, Saved::Overtaken, "it is of another scope");
    let index = Index { head: commit(2), movements: vec![movement(2)] };
    assert_eq!(store.load_index(SCOPE).await.unwrap(), Some(index));
}

#[tokio::test]
async fn replacing_leaves_nothing_of_what_was_there() {
    let place = Place::new();
    let store = place.create().await;
    let all: Vec<_> = (0..300).map(movement).collect();
    store.save_index(SCOPE, commit(299), None, &all).await.unwrap();
    store.save_index("other", commit(5), None, &all[5..6]).await.unwrap();
    assert_eq!(store.load_index(SCOPE).await.unwrap(), None);
    let index = Index { head: commit(5), movements: vec![movement(5)] };
    assert_eq!(store.load_index("other").await.unwrap(), Some(index));
}

#[tokio::test]
async fn one_commit_has_one_set_of_facts() {
    let place = Place::new();
    let store = place.create().await;
    let commit_of_another = Arc::clone(&movement(2).commit);
    let other = Movement { commit: commit_of_another, path: word("clusters/prod/b.yaml"), ..movement(1) };
    let error = store.save_index(SCOPE, commit(1), None, &[movement(1), other]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot save the history index: two movements of one sequence tell different facts of its commit"
    );
    let error = store.save_index(SCOPE, commit(1), None, &[movement(2), movement(1)]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot save the history index: the movements are not in the order of commits"
    );
    assert_eq!(store.load_index(SCOPE).await.unwrap(), None);
}

#[tokio::test]
async fn an_index_that_is_not_what_was_saved_is_no_index() {
    for harm in [
        // A commit that claims to be a minute older: still a text that could have been saved.
        "UPDATE index_segments SET content = replace(content, '1790000060123', '1790000000123')",
        "UPDATE index_segments SET content = CAST(x'ff' AS TEXT) WHERE ordinal = 1",
        "UPDATE index_segments SET checksum = '' WHERE ordinal = 2",
        "UPDATE history_index SET head = 'HEAD'",
    ] {
        let place = Place::new();
        let store = place.create().await;
        let all: Vec<_> = (0..1100).map(movement).collect();
        store.save_index(SCOPE, commit(2), None, &all).await.unwrap();
        tamper(&place.file, harm).await;
        assert_eq!(store.load_index(SCOPE).await.unwrap(), None, "{harm}");
        // It is gone, and a new one can be made.
        let saved = store.save_index(SCOPE, commit(3), Some(commit(2)), &[]).await.unwrap();
        assert_eq!(saved, Saved::Overtaken, "{harm}");
        store.save_index(SCOPE, commit(2), None, &all).await.unwrap();
        assert_eq!(store.load_index(SCOPE).await.unwrap().unwrap().movements, all, "{harm}");
    }
}

#[tokio::test]
async fn twenty_thousand_movements_come_back_equal() {
    let place = Place::new();
    let store = place.create().await;
    let movements: Vec<_> = (0..20_000).map(movement).collect();
    store.save_index(SCOPE, commit(19_999), None, &movements).await.unwrap();
    let index = store.load_index(SCOPE).await.unwrap().unwrap();
    assert_eq!((index.head, index.movements.len()), (commit(19_999), 20_000));
    assert!(index.movements == movements);
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (-4_000_000_000_i64..4_000_000_000).prop_map(at)
}

fn pinned_tags() -> impl Strategy<Value = Vec<PinnedTag>> {
    let digest = prop::sample::select(vec!['0', '7', 'f']).prop_map(digest);
    vec(
        ("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", option::of(digest))
            .prop_map(|(tag, digest)| PinnedTag { tag: word(&tag), digest }),
        0..4,
    )
}

prop_compose! {
    fn commit_facts()(
        committed_at in instant(), parent_committed_at in option::of(instant()), author_name in ".{0,40}",
        absent_at in option::of(instant()), fetched_at in instant(),
    ) -> MovingCommit {
        let fetched = FetchEvidence { absent_at, fetched_at };
        MovingCommit { id: commit(0), committed_at, parent_committed_at, author_name, fetched }
    }
}

prop_compose! {
    fn one_movement()(
        path in "[a-zñ🌊 ]{1,9}(/[a-z.-]{1,3}x){0,3}", service in "[a-z][a-z0-9]{0,5}/[a-z0-9]{1,9}",
        image in "(ghcr\\.io|127\\.0\\.0\\.1:5000)/[a-z0-9]{1,9}(-[a-z]{1,5})?", before in pinned_tags(), after in pinned_tags(),
        has_digest: bool, requested_by in ".{0,20}", number in option::of(0_u64..9999),
    ) -> Movement {
        Movement {
            path: word(&path), service: word(&service), image: word(&image), before, after,
            promotion: number.map(|number| PromotionMark {
                id: promotion(number), requested_by, digest: has_digest.then(|| digest('9')),
            }),
            ..movement(0)
        }
    }
}

/// Commits of some movements each, oldest first.
fn history() -> impl Strategy<Value = Vec<Movement>> {
    let commits = vec((1_u64..50, commit_facts(), vec(one_movement(), 1..5)), 0..12);
    commits.prop_map(|commits| {
        let mut sequence = 0;
        let mut history = Vec::new();
        for (step, facts, movements) in commits {
            sequence += step;
            let facts = Arc::new(MovingCommit { id: commit(sequence), ..facts });
            for one in movements {
                history.push(Movement { sequence, commit: Arc::clone(&facts), ..one });
            }
        }
        history
    })
}

#[test]
fn any_history_comes_back_equal() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = Place::new();
    let store = runtime.block_on(place.create());
    proptest!(ProptestConfig::with_cases(64), |(history in history(), cut in 0_usize..40)| {
        // Saved in two parts, with the cut between two commits.
        let at = history.get(cut).map(|movement| movement.sequence);
        let cut = at.map_or(history.len(), |at| history.partition_point(|movement| movement.sequence < at));
        let index = runtime.block_on(async {
            store.save_index(SCOPE, commit(1), None, &history[..cut]).await.unwrap();
            store.save_index(SCOPE, commit(2), Some(commit(1)), &history[cut..]).await.unwrap();
            store.load_index(SCOPE).await.unwrap().unwrap()
        });
        prop_assert_eq!(index, Index { head: commit(2), movements: history });
    });
}
