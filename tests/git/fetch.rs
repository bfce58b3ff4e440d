//! Fetching: only what moved, whatever the repository is like.

use std::fs;
use std::path::PathBuf;

use tidegate::git::{GitError, Mirror, PushAccess, Settings};
use tidegate::model::{Class, Fault, Fetched};
use tidegate::port::Repository as _;

use super::{APP, commit, fetched, open, settings};
use crate::support::git::{Change, Origin, git};

#[test]
fn the_branch_is_fetched_only_when_it_moved() {
    let (origin, mirror, head) = fetched();
    assert_eq!(head, commit(&origin.at("main")));
    assert_eq!(mirror.head().unwrap(), Some(head));
    let packs = objects(&origin);
    assert_eq!(mirror.fetch().unwrap(), Fetched { head, moved: false });
    assert_eq!(objects(&origin), packs);

    let next = commit(&origin.commit("next", &[Change::File(APP, b"tag: v1.0.1\n")]));
    assert_eq!(mirror.fetch().unwrap(), Fetched { head: next, moved: true });
    assert!(mirror.contains(head, next).unwrap());
    assert!(!mirror.contains(next, head).unwrap());
}

fn objects(origin: &Origin) -> Vec<PathBuf> {
    let packs = fs::read_dir(origin.beside("mirror/objects/pack")).unwrap();
    packs.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_reopened_mirror_knows_its_head_without_asking() {
    let (origin, mirror, head) = fetched();
    drop(mirror);
    fs::rename(origin.path(), origin.beside("away.git")).unwrap();
    let mirror = open(&origin);
    assert_eq!(mirror.head().unwrap(), Some(head));
    assert_eq!(mirror.files(head, &[]).unwrap().files.len(), 1);
    assert!(matches!(mirror.fetch(), Err(GitError::NoRepository { .. })));
}

#[test]
fn a_rewritten_branch_is_followed() {
    let (origin, mirror, old) = fetched();
    origin.git(&["update-ref", "-d", "refs/heads/main"]);
    let new = commit(&origin.commit("another history", &[Change::File(APP, b"tag: v9\n")]));
    assert_eq!(mirror.fetch().unwrap(), Fetched { head: new, moved: true });
    assert!(!mirror.contains(old, new).unwrap());
}

#[test]
fn an_empty_repository_and_a_missing_branch_are_distinguished() {
    let origin = Origin::empty();
    let mirror = open(&origin);
    let error = mirror.fetch().unwrap_err();
    assert!(matches!(error, GitError::EmptyRepository { .. }));
    assert_eq!(mirror.head().unwrap(), None);

    origin.commit_on("master", "first", &[Change::File(APP, b"a")]);
    let fault = Fault::from(mirror.fetch().unwrap_err());
    assert_eq!(fault.to_string(), format!("the repository at {} has no branch main", origin.url()));
    assert_eq!(fault.hint(), Some("set git.branch to one of: master"));
}

#[test]
fn a_deleted_or_renamed_branch_is_reported_with_the_existing_ones() {
    let (origin, mirror, head) = fetched();
    origin.git(&["branch", "-m", "main", "trunk"]);
    let Err(GitError::BranchMissing { existing, .. }) = mirror.fetch() else { panic!("main is gone") };
    assert_eq!(existing, ["trunk"]);
    assert_eq!(mirror.head().unwrap(), Some(head), "what was known stays");
}

#[test]
fn another_url_or_branch_starts_without_a_head() {
    let (origin, mirror, head) = fetched();
    drop(mirror);
    origin.git(&["branch", "other", "main"]);
    let other = Settings { branch: "other".parse().unwrap(), ..settings(&origin, "mirror") };
    let mirror = Mirror::open(other).unwrap();
    assert_eq!(mirror.head().unwrap(), None);
    assert_eq!(mirror.fetch().unwrap(), Fetched { head, moved: true });
}

#[test]
fn branches_that_lie_in_one_another_do_not_collide() {
    let (origin, mirror, _) = fetched();
    drop(mirror);
    origin.git(&["branch", "-m", "main", "main/next"]);
    let next = Settings { branch: "main/next".parse().unwrap(), ..settings(&origin, "mirror") };
    assert!(Mirror::open(next).unwrap().fetch().unwrap().moved);
}

#[test]
fn a_repository_that_borrows_objects_is_fetched_whole() {
    let (origin, _, head) = fetched();
    git(&origin.beside(""), &["clone", "--quiet", "--bare", "--shared", &origin.url(), "borrower.git"]);
    let url = origin.beside("borrower.git").to_str().unwrap().to_owned();
    let mirror = Mirror::open(Settings { url, ..settings(&origin, "second") }).unwrap();
    assert_eq!(mirror.fetch().unwrap().head, head);
    drop(mirror);
    // Nothing in the mirror depends on either of them.
    git(&origin.beside("second"), &["fsck", "--strict"]);
}

#[test]
fn a_shallow_repository_is_refused_since_soaks_need_history() {
    let (origin, _, _) = fetched();
    origin.commit("second", &[Change::File(APP, b"tag: v2\n")]);
    let url = format!("file://{}", origin.url());
    git(&origin.beside(""), &["clone", "--quiet", "--bare", "--depth=1", &url, "shallow.git"]);
    let url = origin.beside("shallow.git").to_str().unwrap().to_owned();
    let mirror = Mirror::open(Settings { url, ..settings(&origin, "second") }).unwrap();
    let error = mirror.fetch().unwrap_err();
    assert!(matches!(error, GitError::Shallow { .. }), "{error}");
    assert_eq!(error.class(), Class::Refused);
    assert_eq!(mirror.head().unwrap(), None);
}

#[test]
fn a_file_url_and_a_working_copy_are_repositories_too() {
    let (origin, _, head) = fetched();
    let url = format!("file://{}", origin.url());
    let mirror = Mirror::open(Settings { url, ..settings(&origin, "by-url") }).unwrap();
    assert_eq!(mirror.fetch().unwrap().head, head);

    let clone = origin.clone_to("a person's clone");
    let url = clone.to_str().unwrap().to_owned();
    let mirror = Mirror::open(Settings { url, ..settings(&origin, "of-clone") }).unwrap();
    assert_eq!(mirror.fetch().unwrap().head, head);
}

#[test]
fn doctor_learns_what_can_be_done() {
    let (origin, mirror, head) = fetched();
    let access = mirror.check().unwrap();
    assert_eq!((access.head, access.push), (head, PushAccess::Likely));

    let clone = origin.clone_to("clone");
    let url = clone.to_str().unwrap().to_owned();
    let mirror = Mirror::open(Settings { url, ..settings(&origin, "of-clone") }).unwrap();
    let PushAccess::Denied { reason, .. } = mirror.check().unwrap().push else {
        panic!("main is checked out")
    };
    assert!(reason.contains("checked out"), "{reason}");
}

#[test]
fn a_url_without_a_repository_is_reported_as_such() {
    let origin = Origin::empty();
    for name in ["nowhere", "mirror-of-nothing", "a-file"] {
        let path = origin.beside(name);
        match name {
            "mirror-of-nothing" => fs::create_dir(&path).unwrap(),
            "a-file" => fs::write(&path, "x").unwrap(),
            _ => {}
        }
        let url = path.to_str().unwrap().to_owned();
        let mirror = Mirror::open(Settings { url, ..settings(&origin, "mirror") }).unwrap();
        let error = mirror.fetch().unwrap_err();
        assert!(matches!(error, GitError::NoRepository { .. }), "{name}: {error}");
        assert_eq!(error.class(), Class::Failed);
    }
}

#[test]
fn a_url_that_is_not_supported_makes_nothing_on_disk() {
    let origin = Origin::empty();
    let url = "ext::sh -c touch% x".into();
    let error = Mirror::open(Settings { url, ..settings(&origin, "mirror") }).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(!origin.beside("mirror").exists());
}
