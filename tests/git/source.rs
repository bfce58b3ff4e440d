//! Source repositories: what lies between two commits, and what is brought for it.

use std::time::{Duration, Instant};

use tidegate::git::{GitError, RangeQuery, Reach, SourceMirror, SourceSettings};
use tidegate::model::{CommitId, Relation, SourceRange};

use crate::support::git::{Change, Origin};

fn mirror(origin: &Origin) -> SourceMirror {
    mirror_of(origin, 1 << 30)
}

fn mirror_of(origin: &Origin, most_bytes: u64) -> SourceMirror {
    let settings = SourceSettings {
        url: origin.url(),
        reach: Reach::default(),
        mirror: origin.beside("sources/one.git"),
        most_bytes,
    };
    SourceMirror::open(&settings).unwrap()
}

fn id(text: &str) -> CommitId {
    text.parse().unwrap()
}

fn between(mirror: &SourceMirror, from: &str, to: &str, paths: &[&str]) -> SourceRange {
    let wanted = RangeQuery {
        from: id(from),
        to: id(to),
        paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
        most_commits: 1000,
        deadline: Instant::now() + Duration::from_mins(1),
    };
    mirror.between(&wanted).unwrap()
}

fn subjects(range: &SourceRange) -> Vec<String> {
    range.commits.iter().map(|commit| commit.message.trim_end().to_owned()).collect()
}

#[test]
fn a_range_is_what_one_side_has_and_the_other_has_not() {
    let origin = Origin::with_files(&[("a", "1")]);
    let first = origin.at("main");
    let second = origin.commit("second", &[Change::File("a", b"2")]);
    let third = origin.commit("third", &[Change::File("a", b"3")]);
    let mirror = mirror(&origin);
    mirror.fetch().unwrap();
    let forward = between(&mirror, &first, &third, &[]);
    assert_eq!(
        (forward.relation, subjects(&forward)),
        (Relation::Forward, vec!["third".into(), "second".into()])
    );
    assert_eq!(forward.commits[1].parents, [id(&first)]);
    let backward = between(&mirror, &third, &second, &[]);
    assert_eq!((backward.relation, subjects(&backward)), (Relation::Backward, vec!["third".into()]));
}

#[test]
fn a_history_that_was_forced_elsewhere_has_two_sides() {
    let origin = Origin::with_files(&[("a", "1")]);
    let first = origin.at("main");
    let ran = origin.commit("hot fix", &[Change::File("a", b"2")]);
    origin.git(&["tag", "kept", &ran]);
    origin.git(&["update-ref", "refs/heads/main", &first]);
    let other = origin.commit("another way", &[Change::File("a", b"3")]);
    let mirror = mirror(&origin);
    mirror.fetch().unwrap();
    let range = between(&mirror, &ran, &other, &[]);
    assert_eq!((range.relation, subjects(&range)), (Relation::Diverged, vec!["another way".into()]));
    assert_eq!(range.lost.len(), 1);
    let apart = Origin::with_files(&[("b", "1")]);
    origin.git(&["fetch", "--quiet", &apart.url(), "main:apart"]);
    mirror.fetch().unwrap();
    assert_eq!(between(&mirror, &ran, &origin.at("apart"), &[]).relation, Relation::Unrelated);
}

#[test]
fn a_commit_outside_every_branch_is_fetched_by_its_id() {
    let origin = Origin::with_files(&[("a", "1")]);
    let first = origin.at("main");
    let ran = origin.commit("forced away", &[Change::File("a", b"2")]);
    origin.git(&["update-ref", "refs/heads/main", &first]);
    let mirror = mirror(&origin);
    mirror.fetch().unwrap();
    assert_eq!(mirror.commit(&ran).unwrap(), None);
    mirror.fetch_commit(id(&ran)).unwrap();
    assert_eq!(mirror.commit(&ran).unwrap(), Some(id(&ran)));
    assert!(mirror.fetch_commit(id(&"1".repeat(40))).is_err());
}

#[test]
fn folders_of_other_services_are_marked() {
    let origin = Origin::with_files(&[("services/api/a", "1"), ("services/web/a", "1")]);
    let first = origin.at("main");
    origin.commit("api", &[Change::File("services/api/a", b"2")]);
    let last = origin.commit("web", &[Change::File("services/web/a", b"2")]);
    let mirror = mirror(&origin);
    mirror.fetch().unwrap();
    let range = between(&mirror, &first, &last, &["services/api"]);
    let relevant: Vec<bool> = range.commits.iter().map(|commit| commit.is_relevant).collect();
    assert_eq!(relevant, [false, true]);
    assert!(between(&mirror, &first, &last, &["services"]).commits.iter().all(|commit| commit.is_relevant));
    assert!(between(&mirror, &first, &last, &["gone"]).commits.iter().all(|commit| !commit.is_relevant));
}

#[test]
fn commits_are_found_by_their_names_and_their_tags() {
    let origin = Origin::with_files(&[("a", "1")]);
    let first = origin.at("main");
    origin.git(&["tag", "v1.0.0", &first]);
    origin.git(&[
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "tag",
        "-a",
        "-m",
        "two",
        "app/v1.0.1",
        &first,
    ]);
    let mirror = mirror(&origin);
    assert_eq!(mirror.commit(&first).unwrap(), None);
    assert!(mirror.tags().unwrap().is_empty());
    mirror.fetch().unwrap();
    assert_eq!(mirror.commit(&first).unwrap(), Some(id(&first)));
    assert_eq!(mirror.commit(&first[..9]).unwrap(), Some(id(&first)));
    assert_eq!(mirror.commit("1234567").unwrap(), None);
    let tags: Vec<(CommitId, String)> = mirror.tags().unwrap();
    assert_eq!(tags, [(id(&first), "app/v1.0.1".into()), (id(&first), "v1.0.0".into())]);
}

#[test]
fn no_content_of_a_file_is_brought_where_the_other_side_can_leave_it_out() {
    let origin = Origin::with_files(&[("a", &"x".repeat(4_000)), ("f/b", "2")]);
    origin.git(&["config", "uploadpack.allowFilter", "true"]);
    let first = origin.at("main");
    let last = origin.commit("more", &[Change::File("f/b", b"3")]);
    let mirror = mirror(&origin);
    mirror.fetch().unwrap();
    let folder = origin.beside("sources/one.git");
    let kinds = crate::support::git::git(
        &folder,
        &["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"],
    );
    assert!(!kinds.contains("blob") && kinds.contains("tree"), "{kinds}");
    assert_eq!(between(&mirror, &first, &last, &["f"]).commits.len(), 1);
    // Fetching again finds nothing missing.
    origin.commit("later", &[Change::File("f/b", b"4")]);
    mirror.fetch().unwrap();
}

#[test]
fn a_source_above_its_bound_is_deleted() {
    let origin = Origin::empty();
    let mut state = 1u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let noise: Vec<u8> = (0..50_000).flat_map(|_| next()).collect();
    origin.commit("large", &[Change::File("a", &noise)]);
    let mirror = mirror_of(&origin, 10_000);
    let error = mirror.fetch().unwrap_err();
    assert!(matches!(error, GitError::TooLarge { .. }), "{error}");
    assert_eq!(mirror.commit(&origin.at("main")).unwrap(), None);
    assert_eq!(std::fs::read_dir(origin.beside("sources/one.git/objects/pack")).unwrap().count(), 0);
}

#[test]
fn a_range_has_a_longest_length_and_a_deadline() {
    let origin = Origin::with_files(&[("a", "1")]);
    let first = origin.at("main");
    origin.commits(30, |number| ("a".into(), number.to_string()));
    let mirror = mirror(&origin);
    mirror.fetch().unwrap();
    let mut wanted = RangeQuery {
        from: id(&first),
        to: id(&origin.at("main")),
        paths: Vec::new(),
        most_commits: 10,
        deadline: Instant::now() + Duration::from_mins(1),
    };
    let range = mirror.between(&wanted).unwrap();
    assert_eq!((range.commits.len(), range.is_cut), (10, true));
    wanted.deadline = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    assert!(matches!(mirror.between(&wanted), Err(GitError::TooSlow { .. })));
}

#[test]
fn a_message_that_is_not_utf8_and_a_long_one_are_read() {
    let origin = Origin::empty();
    origin.commit("first", &[Change::File("a", b"1")]);
    let first = origin.at("main");
    let long = "y".repeat(10_000_000);
    let last = origin.commit(&format!("feat: \u{1b}[31m\n\n{long}"), &[Change::File("a", b"2")]);
    let mirror = mirror(&origin);
    mirror.fetch().unwrap();
    let range = between(&mirror, &first, &last, &[]);
    assert_eq!(range.commits[0].message.len(), 64 * 1024);
}
