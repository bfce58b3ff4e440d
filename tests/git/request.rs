//! Tidegate's own branches: put where they are to be, and never over what a person pushed.

use tidegate::git::GitError;
use tidegate::model::{Publication, PullRequestBranch};
use tidegate::port::{Publisher as _, Repository as _};

use super::{APP, commit, draft, fetched, noon, open, paths};
use crate::support::git::{Change, try_git};

fn branch() -> PullRequestBranch {
    "tidegate/prod/common/app".parse().unwrap()
}

#[test]
fn a_branch_is_made_replaced_and_removed_and_the_followed_one_stays() {
    let (origin, mirror, head) = fetched();
    assert_eq!(mirror.request_tip(&branch()).unwrap(), None);
    let first = draft("v1.0.1", APP, "tag: v1.0.1\n");
    let Publication::Pushed(made) = mirror.propose(&branch(), None, head, &first, noon()).unwrap() else {
        panic!("not pushed")
    };
    assert_eq!(mirror.request_tip(&branch()).unwrap(), Some(made[0]));
    assert_eq!(origin.git(&["rev-parse", "tidegate/prod/common/app^"]), head.to_string());

    let moved = commit(&origin.commit("meanwhile", &[Change::File("other", b"x")]));
    assert_eq!(mirror.fetch().unwrap().head, moved);
    let second = draft("v1.0.2", APP, "tag: v1.0.2\n");
    let Publication::Pushed(again) =
        mirror.propose(&branch(), Some(made[0]), moved, &second, noon()).unwrap()
    else {
        panic!("not replaced")
    };
    assert_eq!(origin.git(&["rev-list", "--count", "main..tidegate/prod/common/app"]), "1");
    assert_eq!(origin.at("main"), moved.to_string());
    assert_eq!(mirror.head().unwrap(), Some(moved), "the mirror follows the one branch only");

    assert!(!mirror.withdraw(&branch(), made[0]).unwrap(), "it is elsewhere");
    assert!(mirror.withdraw(&branch(), again[0]).unwrap());
    assert_eq!(mirror.request_tip(&branch()).unwrap(), None);
    origin.git(&["fsck", "--strict"]);
}

#[test]
fn a_commit_of_somebody_else_is_never_replaced() {
    let (origin, mirror, head) = fetched();
    let first = draft("v1.0.1", APP, "tag: v1.0.1\n");
    let Publication::Pushed(made) = mirror.propose(&branch(), None, head, &first, noon()).unwrap() else {
        panic!("not pushed")
    };
    let theirs = origin.commit_on(branch().as_str(), "a word", &[Change::File("note", b"x")]);
    for seen in [None, Some(made[0])] {
        let again = mirror.propose(&branch(), seen, head, &first, noon()).unwrap();
        assert!(matches!(again, Publication::Moved { .. }), "{again:?}");
    }
    assert!(!mirror.withdraw(&branch(), made[0]).unwrap());
    assert_eq!(origin.at(branch().as_str()), theirs);
    origin.hook("update", "case $1 in refs/heads/tidegate/*) echo not here; exit 1;; esac");
    let declined = mirror.propose(&branch(), Some(commit(&theirs)), head, &first, noon()).unwrap();
    assert!(matches!(declined, Publication::Declined { .. }), "{declined:?}");
}

#[test]
fn a_new_mirror_reads_the_contents_of_a_branch() {
    let (origin, mirror, head) = fetched();
    let change = draft("v1.0.1", APP, "tag: v1.0.1\n");
    let Publication::Pushed(made) = mirror.propose(&branch(), None, head, &change, noon()).unwrap() else {
        panic!("not pushed")
    };
    std::fs::remove_dir_all(origin.beside("mirror")).unwrap();
    let mirror = open(&origin);
    mirror.fetch().unwrap();
    let files = paths(&[APP, "clusters/none.yaml", "clusters"]);
    let there = mirror.proposed(&branch(), made[0], &files).unwrap();
    assert!(there.is_own);
    assert_eq!(there.message, "v1.0.1\n");
    assert_eq!(there.files, [Some(b"tag: v1.0.1\n".to_vec()), None, None]);
    assert_eq!(mirror.fetch().unwrap().head, head, "the followed branch is seen as before");

    let theirs = commit(&origin.commit_on(branch().as_str(), "a word", &[Change::File("note", b"x")]));
    assert!(!mirror.proposed(&branch(), theirs, &[]).unwrap().is_own);
    let gone = mirror.proposed(&branch(), commit(&"1".repeat(40)), &[]).unwrap_err();
    assert!(matches!(gone, GitError::UnknownCommit { .. }), "{gone:?}");
    assert!(try_git(&origin.path(), &["fsck", "--strict"]).status.success());
}
