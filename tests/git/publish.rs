//! Publishing: exactly these bytes, on exactly that base, or not at all.

use tidegate::git::{GitError, PushAccess};
use tidegate::model::Publication;
use tidegate::model::{Class, CommitDraft, CommitId, FileEdit};
use tidegate::port::{Publisher as _, Repository as _};

use super::{APP, commit, draft, fetched, noon, open};
use crate::support::git::{Change, Origin, try_git};

fn pushed(publication: Publication) -> Vec<CommitId> {
    match publication {
        Publication::Pushed(commits) => commits,
        other => panic!("not pushed: {other:?}"),
    }
}

#[test]
fn a_promotion_is_one_commit_that_changes_one_file() {
    let (origin, mirror, head) = fetched();
    let message = "chore(app): update to v1.0.1\n\nprod: v1.0.0 -> v1.0.1\n\nTidegate-Promotion: 1\n";
    let mut change = draft("", APP, "tag: v1.0.1\n");
    change.message = message.into();
    let commits = pushed(mirror.publish(head, &[change], noon()).unwrap());
    assert_eq!(commits, [commit(&origin.at("main"))]);
    assert_eq!(origin.file(APP), "tag: v1.0.1\n");
    assert_eq!(origin.git(&["rev-parse", "main^"]), head.to_string());
    assert_eq!(origin.git(&["diff", "--name-only", "main^", "main"]), APP);
    let people = origin.git(&["show", "-s", "--format=%an <%ae> %at|%cn <%ce> %ct %ci", "main"]);
    let who = "tidegate <tidegate@vtr.cl> 1750000000";
    assert_eq!(people, format!("{who}|{who} 2025-06-15 15:06:40 +0000"));
    let raw = origin.git_bytes(&["cat-file", "commit", "main"]);
    assert!(raw.ends_with(message.as_bytes()));
    assert_eq!(mirror.head().unwrap(), commits.last().copied());
    assert!(!mirror.fetch().unwrap().moved);
    origin.git(&["fsck", "--strict"]);
}

#[test]
fn several_commits_go_in_one_push_in_their_order() {
    let origin = Origin::with_files(&[("p/a.yaml", "a0"), ("p/b.yaml", "b0"), ("p/q/c.yaml", "c0")]);
    origin.hook("post-receive", "cat >> received");
    let mirror = open(&origin);
    let head = mirror.fetch().unwrap().head;
    let drafts =
        [draft("a", "p/a.yaml", "a1"), draft("c", "p/q/c.yaml", "c1"), draft("a again", "p/a.yaml", "a2")];
    let commits = pushed(mirror.publish(head, &drafts, noon()).unwrap());
    let order = origin.git(&["log", "--reverse", "--format=%H %s", &format!("{head}..main")]);
    let expected: Vec<String> =
        commits.iter().zip(["a", "c", "a again"]).map(|(id, subject)| format!("{id} {subject}")).collect();
    assert_eq!(order, expected.join("\n"));
    assert_eq!((origin.file("p/a.yaml"), origin.file("p/q/c.yaml")), ("a2".into(), "c1".into()));
    let received = std::fs::read_to_string(origin.path().join("received")).unwrap();
    assert_eq!(received.lines().count(), 1, "one push: {received}");
}

#[test]
fn files_are_made_with_their_folders_and_go_with_them() {
    let (origin, mirror, head) = fetched();
    let hold = || ".tidegate/holds/app.yaml".parse().unwrap();
    let make = CommitDraft {
        message: "hold\n".into(),
        author: None,
        edits: vec![FileEdit::write(hold(), "kind: Hold\n")],
    };
    let again = CommitDraft {
        message: "again\n".into(),
        author: None,
        edits: vec![FileEdit::write(hold(), "kind: Pin\n")],
    };
    let release =
        CommitDraft { message: "release\n".into(), author: None, edits: vec![FileEdit::remove(hold())] };
    pushed(mirror.publish(head, &[make, again], noon()).unwrap());
    assert_eq!(origin.file(".tidegate/holds/app.yaml"), "kind: Pin\n");
    let head = mirror.fetch().unwrap().head;
    pushed(mirror.publish(head, std::slice::from_ref(&release), noon()).unwrap());
    assert_eq!(origin.git(&["ls-tree", "--name-only", "main"]), "clusters", "no empty folder stays");
    origin.git(&["fsck", "--strict"]);
    let head = mirror.fetch().unwrap().head;
    let gone = mirror.publish(head, &[release], noon()).unwrap_err();
    assert!(matches!(gone, GitError::NoSuchFile { .. }), "{gone:?}");
    assert_eq!(origin.at("main"), head.to_string());
}

#[test]
fn modes_stay_and_neighbours_are_untouched() {
    let origin = Origin::with_files(&[("p/a.yaml", "a"), ("p/sub/b.yaml", "b")]);
    let module = origin.at("main");
    origin.commit(
        "odd neighbours",
        &[
            Change::Executable("p/run.yaml", b"x"),
            Change::Link("p/link", "a.yaml"),
            Change::Submodule("p/module", &module),
            Change::File("\"p/\\377\"", b"not UTF-8"),
        ],
    );
    let mirror = open(&origin);
    let head = mirror.fetch().unwrap().head;
    let edits = ["p/run.yaml", "p/a.yaml", "p/sub/b.yaml"]
        .map(|path| FileEdit::rewrite(path.parse().unwrap(), *b"new"));
    let draft = CommitDraft { message: "all\n".into(), author: None, edits: edits.into() };
    pushed(mirror.publish(head, &[draft], noon()).unwrap());
    let raw = origin.git(&["diff-tree", "-r", "--no-commit-id", "--abbrev=4", "main"]);
    let modes: Vec<&str> = raw.lines().map(|line| &line[..14]).collect();
    assert_eq!(modes, [":100644 100644", ":100755 100755", ":100644 100644"], "{raw}");
}

#[test]
fn nothing_is_published_when_somebody_was_first() {
    let (origin, mirror, head) = fetched();
    let theirs = commit(&origin.commit("theirs", &[Change::File("clusters/prod/readme.md", b"theirs")]));
    let publication = mirror.publish(head, &[draft("mine", APP, "mine")], noon()).unwrap();
    assert_eq!(publication, Publication::Moved { head: Some(theirs) });
    assert_eq!(commit(&origin.at("main")), theirs);
    assert!(mirror.fetch().unwrap().moved);
    pushed(mirror.publish(theirs, &[draft("mine", APP, "mine")], noon()).unwrap());
    assert_eq!(origin.file("clusters/prod/readme.md"), "theirs");
}

#[test]
fn a_branch_that_was_set_back_is_not_pushed_forward_again() {
    let (origin, mirror, first) = fetched();
    let bad = commit(&origin.commit("bad", &[Change::File(APP, b"bad")]));
    mirror.fetch().unwrap();
    origin.git(&["update-ref", "refs/heads/main", &first.to_string()]);
    // A plain push would be a fast-forward here, and would bring back what was taken away.
    let publication = mirror.publish(bad, &[draft("mine", APP, "mine")], noon()).unwrap();
    assert_eq!(publication, Publication::Moved { head: Some(first) });
    assert_eq!(commit(&origin.at("main")), first);
}

#[test]
fn a_branch_that_is_gone_is_not_made_again() {
    let (origin, mirror, head) = fetched();
    origin.git(&["branch", "-m", "main", "trunk"]);
    let publication = mirror.publish(head, &[draft("mine", APP, "mine")], noon()).unwrap();
    assert_eq!(publication, Publication::Moved { head: None });
    assert!(!try_git(&origin.path(), &["rev-parse", "--verify", "main"]).status.success());
}

#[test]
fn a_hooks_refusal_is_seen_with_its_words() {
    for (hook, script) in [
        ("pre-receive", "echo 'frozen until Monday' >&2; exit 1"),
        ("update", "echo 'frozen until Monday'; exit 1"),
    ] {
        let (origin, mirror, head) = fetched();
        origin.hook(hook, script);
        let publication = mirror.publish(head, &[draft("mine", APP, "mine")], noon()).unwrap();
        let Publication::Declined { reason } = publication else { panic!("{hook}: {publication:?}") };
        assert!(reason.contains("declined: frozen until Monday"), "{reason}");
        assert_eq!(commit(&origin.at("main")), head);
        assert_eq!(mirror.head().unwrap(), Some(head));
    }
}

#[test]
fn a_checked_out_branch_declines() {
    let (origin, _, head) = fetched();
    let clone = origin.clone_to("clone");
    let url = clone.to_str().unwrap().to_owned();
    let settings = tidegate::git::Settings { url, ..super::settings(&origin, "of-clone") };
    let mirror = tidegate::git::Mirror::open(settings).unwrap();
    mirror.fetch().unwrap();
    let publication = mirror.publish(head, &[draft("mine", APP, "mine")], noon()).unwrap();
    assert!(matches!(publication, Publication::Declined { .. }), "{publication:?}");
}

#[test]
fn edits_that_make_no_sense_are_refused_before_anything_is_pushed() {
    let (origin, mirror, head) = fetched();
    let publish = |drafts: &[CommitDraft]| mirror.publish(head, drafts, noon()).unwrap_err();
    for path in ["clusters/prod/new.yaml", "clusters/prod", "clusters/prod/app.yaml/x", "nowhere/a.yaml"] {
        let error = publish(&[draft("x", path, "x")]);
        assert!(matches!(error, GitError::NoSuchFile { .. }), "{path}: {error}");
        assert_eq!(error.class(), Class::Refused);
    }
    let mut twice = draft("x", APP, "1");
    twice.edits.push(twice.edits[0].clone());
    assert!(matches!(publish(&[twice]), GitError::EditedTwice { .. }));
    assert!(matches!(publish(&[draft("x", APP, "tag: v1.0.0\n")]), GitError::NothingToCommit { .. }));
    let second_is_empty = [draft("x", APP, "1"), draft("y", APP, "1")];
    assert!(matches!(publish(&second_is_empty), GitError::NothingToCommit { .. }));
    assert_eq!(mirror.publish(head, &[], noon()).unwrap(), Publication::Pushed(vec![]));
    let unknown = mirror.publish(CommitId::from_bytes([1; 20]), &[draft("x", APP, "1")], noon());
    assert!(matches!(unknown, Err(GitError::UnknownCommit { .. })));
    assert_eq!(commit(&origin.at("main")), head);
}

#[test]
fn a_symbolic_link_is_never_written_through() {
    let origin = Origin::with_files(&[("real.yaml", "real")]);
    origin.commit("link", &[Change::Link("link.yaml", "real.yaml")]);
    let mirror = open(&origin);
    let head = mirror.fetch().unwrap().head;
    let error = mirror.publish(head, &[draft("x", "link.yaml", "x")], noon()).unwrap_err();
    assert!(matches!(error, GitError::NoSuchFile { .. }));
}

#[test]
fn the_same_drafts_at_the_same_time_are_the_same_commits() {
    let (one, first, head) = fetched();
    let (two, second, _) = fetched();
    let drafts = [draft("x", APP, "x")];
    let commits = pushed(first.publish(head, &drafts, noon()).unwrap());
    assert_eq!(commits, pushed(second.publish(head, &drafts, noon()).unwrap()));
    assert_eq!(one.at("main"), two.at("main"));
}

#[test]
fn many_small_pushes_leave_few_packs() {
    let (origin, mirror, mut head) = fetched();
    for number in 0..60 {
        let text = format!("tag: v2.0.{number}\n");
        head = *pushed(mirror.publish(head, &[draft("x", APP, &text)], noon()).unwrap()).last().unwrap();
    }
    let packs = std::fs::read_dir(origin.beside("mirror/objects/pack")).unwrap();
    let packs = packs.filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "pack").count();
    assert!(packs < 45, "{packs} packs");
    assert_eq!(mirror.files(head, &[]).unwrap().files.len(), 1);
}

#[test]
fn a_stale_lock_is_reported_with_the_message_of_git() {
    let (origin, mirror, head) = fetched();
    let lock = origin.path().join("refs/heads/main.lock");
    std::fs::write(&lock, "").unwrap();
    let error = mirror.publish(head, &[draft("v2", APP, "tag: v2\n")], noon()).unwrap_err();
    assert!(matches!(error, GitError::RefNotUpdated { .. }), "{error}");
    assert!(error.to_string().contains("main.lock"), "{error}");
    assert!(error.hint().unwrap().contains("remove its stale refs/heads/main.lock"));
    let PushAccess::Denied { reason, .. } = mirror.check().unwrap().push else { panic!("it is locked") };
    assert!(reason.contains("main.lock is locked"), "{reason}");
    std::fs::remove_file(lock).unwrap();
    let published = mirror.publish(head, &[draft("v2", APP, "tag: v2\n")], noon()).unwrap();
    assert!(matches!(published, Publication::Pushed(_)), "{published:?}");
}
