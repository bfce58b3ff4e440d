//! The history index: it comes back equal, of one service or from its newest end, or not at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tidegate::model::{
    FetchEvidence, ImageName, IndexEnd, PinnedTag, PromotionMark, ServiceName, TagChange, TagChangeCommit,
    TagChangeQuery, Timestamp,
};
use tidegate::port::{IndexReader as _, IndexWriter as _};
use tidegate::store::Store;

use super::words::{
    Place, at, commit, connect, digest, extend, promotion, subject, tag_change, tamper, word,
};

const SCOPE: &str = "paths:1f0e parser:1";

/// Everything, newest first.
fn newest(most: usize) -> TagChangeQuery {
    TagChangeQuery { services: Vec::new(), since: None, most, rest: None }
}

/// Everything that is kept up to an end, oldest first, read in parts of so many.
async fn all(store: &Store, end: IndexEnd, most: usize) -> Vec<TagChange> {
    let mut tag_changes = Vec::new();
    let mut query = newest(most);
    loop {
        let part = store.tag_changes(end, &query).await.unwrap();
        assert!(part.tag_changes.len() <= most);
        tag_changes.extend(part.tag_changes);
        query.rest = part.rest;
        if query.rest.is_none() {
            tag_changes.reverse();
            return tag_changes;
        }
    }
}

fn subjects(tag_changes: &[TagChange]) -> Vec<(ServiceName, ImageName)> {
    let subjects: BTreeSet<_> = tag_changes.iter().map(subject).collect();
    subjects.into_iter().collect()
}

/// Asserts that a read fails because the index was rebuilt.
async fn assert_gone(store: &Store, end: IndexEnd) {
    let error = store.tag_changes(end, &newest(9)).await.unwrap_err();
    assert_eq!(error.to_string(), "the history index was rebuilt during the pass");
    assert!(store.tag_changes_of(end, &[subject(&tag_change(1))]).await.is_err());
}

#[tokio::test]
async fn the_index_records_its_scope_and_its_end() {
    let place = Place::new();
    let store = place.create().await;
    assert_eq!(store.index_end().await.unwrap(), None);
    let end = extend(&store, SCOPE, None, 1, &[tag_change(1)]).await;
    assert_eq!(store.index_end().await.unwrap(), Some((SCOPE.to_owned(), end)));
    assert_eq!((end.head, end.next_sequence), (commit(1), 2));
    store.close().await;
    let store = place.reopen().await;
    assert_eq!(store.index_end().await.unwrap(), Some((SCOPE.to_owned(), end)));
    assert_eq!(all(&store, end, 9).await, [tag_change(1)]);
}

#[tokio::test]
async fn history_that_grows_commit_by_commit_is_what_it_is_at_once() {
    let place = Place::new();
    let store = place.create().await;
    let history: Vec<_> = (0..1030).map(tag_change).collect();
    let mut end = extend(&store, SCOPE, None, 1019, &history[..1020]).await;
    for (number, one) in (1020..).zip(&history[1020..]) {
        end = extend(&store, SCOPE, Some(end), number, std::slice::from_ref(one)).await;
    }
    // A head that moved no tag.
    end = extend(&store, SCOPE, Some(end), 2000, &[]).await;
    assert_eq!((end.head, end.next_sequence), (commit(2000), 1030));
    assert_eq!(all(&store, end, 100).await, history);
    assert_eq!(store.tag_changes_of(end, &subjects(&history)).await.unwrap(), history);
    let mut rows = connect(&place.file).await;
    let places: i64 =
        sqlx::query_scalar("SELECT count(*) FROM history_places").fetch_one(&mut rows).await.unwrap();
    assert_eq!(places, 500, "each is listed once");
}

#[tokio::test]
async fn reads_stop_at_the_named_end() {
    let place = Place::new();
    let store = place.create().await;
    let history: Vec<_> = (0..20).map(tag_change).collect();
    let early = extend(&store, SCOPE, None, 9, &history[..10]).await;
    let late = extend(&store, SCOPE, Some(early), 19, &history[10..]).await;
    assert_eq!(all(&store, early, 100).await, history[..10]);
    assert_eq!(store.tag_changes_of(early, &subjects(&history)).await.unwrap(), history[..10]);
    assert_eq!(all(&store, late, 7).await, history);
}

#[tokio::test]
async fn one_service_is_read_without_the_others() {
    let place = Place::new();
    let store = place.create().await;
    let history: Vec<_> = (0..1200).map(tag_change).collect();
    let end = extend(&store, SCOPE, None, 1199, &history).await;
    let of = |number: u64| -> Vec<TagChange> {
        history.iter().filter(|one| subject(one) == subject(&tag_change(number))).cloned().collect()
    };
    assert_eq!(of(7).len(), 3);
    assert_eq!(store.tag_changes_of(end, &[subject(&tag_change(7))]).await.unwrap(), of(7));
    let service = tag_change(7).service;
    let query = TagChangeQuery { services: vec![service], ..newest(2) };
    let part = store.tag_changes(end, &query).await.unwrap();
    let expected: Vec<TagChange> = of(7).into_iter().rev().take(2).collect();
    assert_eq!(part.tag_changes, expected);
    let other: ServiceName = word("common/other");
    assert_eq!(store.tag_changes_of(end, &[(other, word("ghcr.io/vtr/other"))]).await.unwrap(), []);
}

#[tokio::test]
async fn a_time_is_asked_of_the_commits_and_not_of_their_order() {
    let place = Place::new();
    let store = place.create().await;
    let made = |sequence: u64, minute: i64| {
        let facts =
            TagChangeCommit { committed_at: at(minute * 60), ..(*tag_change(sequence).commit).clone() };
        TagChange { commit: Arc::new(facts), ..tag_change(sequence) }
    };
    let history = [made(0, 0), made(1, 9), made(2, 3), made(3, 8)];
    let end = extend(&store, SCOPE, None, 3, &history).await;
    let query = TagChangeQuery { since: Some(at(5 * 60)), ..newest(9) };
    let part = store.tag_changes(end, &query).await.unwrap();
    assert_eq!(part.tag_changes, [history[3].clone(), history[1].clone()]);
    let query = TagChangeQuery { since: Some(at(10 * 60)), ..newest(9) };
    assert_eq!(store.tag_changes(end, &query).await.unwrap().tag_changes, []);
}

#[tokio::test]
async fn an_extension_from_another_end_is_not_written() {
    let place = Place::new();
    let store = place.create().await;
    let append = async |scope, onto: Option<IndexEnd>| {
        let onto = onto.map(|end| (end, end.next_sequence));
        store.extend_index(scope, onto, commit(9), &[tag_change(9)]).await.unwrap()
    };
    let nowhere = IndexEnd { head: commit(1), next_sequence: 2, generation: 0 };
    assert_eq!(append(SCOPE, Some(nowhere)).await, None, "there is no index");
    let end = extend(&store, SCOPE, None, 2, &[tag_change(2)]).await;
    let elsewhere = IndexEnd { head: commit(1), ..end };
    assert_eq!(append(SCOPE, Some(elsewhere)).await, None, "it is at another head");
    assert_eq!(append("other", Some(end)).await, None, "it is of another scope");
    assert_eq!(append(SCOPE, None).await, None, "somebody made it meanwhile");
    assert_eq!(all(&store, end, 9).await, [tag_change(2)]);
}

#[tokio::test]
async fn another_scope_leaves_nothing_of_what_was_there_but_when_commits_came() {
    let place = Place::new();
    let store = place.create().await;
    let history: Vec<_> = (0..300).map(tag_change).collect();
    let old = extend(&store, SCOPE, None, 299, &history).await;
    assert!(store.evidence(&[commit(5)]).await.unwrap().is_empty(), "it is in the index");
    store.drop_other_index(SCOPE).await.unwrap();
    assert_eq!(store.index_end().await.unwrap(), Some((SCOPE.to_owned(), old)), "it is this one");
    store.drop_other_index("other").await.unwrap();
    assert_eq!(store.index_end().await.unwrap(), None);
    let end = extend(&store, "other", None, 5, &history[5..6]).await;
    assert_gone(&store, old).await;
    assert_eq!(all(&store, end, 9).await, [tag_change(5)]);
    let evidence = store.evidence(&[commit(5), commit(299), commit(300)]).await.unwrap();
    let came = |number: u64| (commit(number), tag_change(number).commit.fetched);
    assert_eq!(evidence, [came(5), came(299)].into());
}

#[tokio::test]
async fn what_was_rewritten_is_cut_and_what_came_before_stays() {
    let place = Place::new();
    let store = place.create().await;
    let history: Vec<_> = (0..30).map(tag_change).collect();
    let old = extend(&store, SCOPE, None, 29, &history).await;
    let instead = TagChange { before: Vec::new(), ..tag_change(20) };
    let instead = std::slice::from_ref(&instead);
    let extended = store.extend_index(SCOPE, Some((old, 20)), commit(20), instead).await.unwrap();
    let Some(end) = extended else { panic!("nobody else writes") };
    assert_eq!((end.head, end.next_sequence), (commit(20), 21));
    assert_eq!(all(&store, end, 9).await, [&history[..20], instead].concat());
    assert_gone(&store, old).await;
    let evidence = store.evidence(&[commit(19), commit(25)]).await.unwrap();
    assert_eq!(evidence, [(commit(25), tag_change(25).commit.fetched)].into());
}

#[tokio::test]
async fn one_commit_has_one_set_of_facts() {
    let place = Place::new();
    let store = place.create().await;
    let commit_of_another = Arc::clone(&tag_change(2).commit);
    let other = TagChange { commit: commit_of_another, path: word("clusters/prod/b.yaml"), ..tag_change(1) };
    let error = store.extend_index(SCOPE, None, commit(1), &[tag_change(1), other]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot save the history index: two movements of one sequence tell different facts of its commit"
    );
    let error =
        store.extend_index(SCOPE, None, commit(1), &[tag_change(2), tag_change(1)]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot save the history index: the movements are not in the order of commits"
    );
    assert_eq!(store.index_end().await.unwrap(), None);
}

#[tokio::test]
async fn an_index_that_is_not_what_was_saved_is_no_index() {
    for harm in [
        // A commit that claims to be a minute older: still what could have been saved.
        "UPDATE history_commits SET committed_at_ms = committed_at_ms - 60000 WHERE sequence = 1098",
        "UPDATE history_commits SET author = 'somebody else' WHERE sequence = 1098",
        "UPDATE history_movements SET after = 'v1.0.0' WHERE sequence = 1098",
        "UPDATE history_movements SET place = place % 500 + 1 WHERE sequence = 1098",
        "UPDATE history_movements SET digest = NULL WHERE sequence = 1098",
        "UPDATE history_movements SET before = CAST(x'ff' AS TEXT) WHERE sequence = 1098",
        "UPDATE history_movements SET checksum = 0 WHERE sequence = 1098",
        "DELETE FROM history_commits WHERE sequence = 1098",
    ] {
        let place = Place::new();
        let store = place.create().await;
        let history: Vec<_> = (0..1100).map(tag_change).collect();
        let old = extend(&store, SCOPE, None, 2, &history).await;
        tamper(&place.file, harm).await;
        let error = store.tag_changes(old, &newest(9)).await.unwrap_err();
        assert!(error.to_string().contains("rebuilt"), "{harm}: {error}");
        // It is gone, and a new one can be made.
        assert_eq!(store.index_end().await.unwrap(), None, "{harm}");
        assert_gone(&store, old).await;
        let onto = Some((old, old.next_sequence));
        let extended = store.extend_index(SCOPE, onto, commit(3), &[]).await.unwrap();
        assert_eq!(extended, None, "{harm}");
        let end = extend(&store, SCOPE, None, 2, &history).await;
        assert!(all(&store, end, 5000).await == history, "{harm}");
    }
    let place = Place::new();
    let store = place.create().await;
    extend(&store, SCOPE, None, 2, &[tag_change(2)]).await;
    tamper(&place.file, "UPDATE history_index SET head = 'HEAD'").await;
    assert_eq!(store.index_end().await.unwrap(), None);
    extend(&store, SCOPE, None, 2, &[tag_change(2)]).await;
}

#[tokio::test]
async fn twenty_thousand_tag_changes_come_back_equal() {
    let place = Place::new();
    let store = place.create().await;
    let tag_changes: Vec<_> = (0..20_000).map(tag_change).collect();
    let end = extend(&store, SCOPE, None, 19_999, &tag_changes).await;
    assert!(all(&store, end, 5000).await == tag_changes);
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
    ) -> TagChangeCommit {
        let fetched = FetchEvidence { absent_at, fetched_at };
        TagChangeCommit { id: commit(0), committed_at, parent_committed_at, author_name, fetched }
    }
}

prop_compose! {
    fn one_tag_change()(
        path in "[a-zñ🌊 ]{1,9}(/[a-z.-]{1,3}x){0,3}", service in "[a-z][a-z0-9]{0,5}/[a-z0-9]{1,9}",
        image in "(ghcr\\.io|127\\.0\\.0\\.1:5000)/[a-z0-9]{1,9}(-[a-z]{1,5})?", before in pinned_tags(), after in pinned_tags(),
        has_digest: bool, requested_by in ".{0,20}", number in option::of(0_u64..9999),
    ) -> TagChange {
        TagChange {
            path: word(&path), service: word(&service), image: word(&image), before, after,
            promotion: number.map(|number| PromotionMark {
                id: promotion(number), requested_by, digest: has_digest.then(|| digest('9')), is_pushed_here: true
            }),
            ..tag_change(0)
        }
    }
}

/// Commits of some tag changes each, oldest first.
fn history() -> impl Strategy<Value = Vec<TagChange>> {
    let commits = vec((1_u64..50, commit_facts(), vec(one_tag_change(), 1..5)), 0..12);
    commits.prop_map(|commits| {
        let mut sequence = 0;
        let mut history = Vec::new();
        for (step, facts, tag_changes) in commits {
            sequence += step;
            let facts = Arc::new(TagChangeCommit { id: commit(sequence), ..facts });
            for one in tag_changes {
                history.push(TagChange { sequence, commit: Arc::clone(&facts), ..one });
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
    let scopes = std::cell::Cell::new(0);
    proptest!(ProptestConfig::with_cases(64), |(history in history(), cut in 0_usize..40, most in 1_usize..9)| {
        // Saved in two parts, with the cut between two commits.
        let at = history.get(cut).map(|tag_change| tag_change.sequence);
        let cut = at.map_or(history.len(), |at| history.partition_point(|tag_change| tag_change.sequence < at));
        scopes.set(scopes.get() + 1);
        let scope = format!("scope {}", scopes.get());
        let (newest, by_subject) = runtime.block_on(async {
            let end = extend(&store, &scope, None, 1, &history[..cut]).await;
            let end = extend(&store, &scope, Some(end), 2, &history[cut..]).await;
            (all(&store, end, most).await, store.tag_changes_of(end, &subjects(&history)).await.unwrap())
        });
        prop_assert_eq!(&newest, &history);
        prop_assert_eq!(&by_subject, &history);
    });
}
