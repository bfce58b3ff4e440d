//! Several writers at one branch: each lands once, none is lost.

use std::path::Path;
use std::thread;

use tidegate::git::Mirror;
use tidegate::model::Publication;
use tidegate::port::{Publisher as _, Repository as _};

use super::{draft, noon, settings};
use crate::support::git::{Origin, git, try_git};

/// How many commits each writer lands.
const ROUNDS: usize = 3;

/// So many tries are enough for eight writers, of whom one is always first.
const MOST_TRIES: usize = 500;

fn file(writer: usize) -> String {
    format!("clusters/prod/{writer}.yaml")
}

/// A Tidegate that tries until its commit landed.
fn tidegate(mirror: &Mirror, writer: usize) {
    for round in 0..ROUNDS {
        let landed = (0..MOST_TRIES).any(|_| {
            let head = mirror.fetch().unwrap().head;
            let change = draft(&format!("{writer}-{round}"), &file(writer), &format!("{round}\n"));
            matches!(mirror.publish(head, &[change], noon()).unwrap(), Publication::Pushed(_))
        });
        assert!(landed, "writer {writer} never got through");
    }
}

/// A person who pulls with a rebase and pushes until it works.
fn person(clone: &Path, writer: usize) {
    for round in 0..ROUNDS {
        std::fs::write(clone.join(file(writer)), format!("{round}\n")).unwrap();
        git(clone, &["commit", "--quiet", "-am", &format!("{writer}-{round}")]);
        let landed = (0..MOST_TRIES).any(|_| {
            git(clone, &["pull", "--quiet", "--rebase", "origin", "main"]);
            try_git(clone, &["push", "--quiet", "origin", "main"]).status.success()
        });
        assert!(landed, "writer {writer} never got through");
    }
}

#[test]
fn eight_writers_each_land_exactly_once() {
    const WRITERS: usize = 8;
    let files: Vec<String> = (0..WRITERS).map(file).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|path| (path.as_str(), "start\n")).collect();
    let origin = Origin::with_files(&files);
    let clones: Vec<_> = (0..4).map(|writer| origin.clone_to(&format!("clone-{writer}"))).collect();
    let mirrors: Vec<_> = (4..WRITERS)
        // Two of them share a folder, as two processes with one data folder do.
        .map(|writer| Mirror::open(settings(&origin, &format!("mirror-{}", writer.max(5)))).unwrap())
        .collect();
    thread::scope(|scope| {
        for (writer, clone) in clones.iter().enumerate() {
            scope.spawn(move || person(clone, writer));
        }
        for (writer, mirror) in mirrors.iter().enumerate() {
            scope.spawn(move || tidegate(mirror, 4 + writer));
        }
    });
    let mut landed: Vec<String> =
        origin.git(&["log", "--format=%s", "main"]).lines().map(str::to_owned).collect();
    assert_eq!(landed.pop().as_deref(), Some("first"));
    landed.sort();
    let mut expected: Vec<String> =
        (0..WRITERS).flat_map(|writer| (0..ROUNDS).map(move |round| format!("{writer}-{round}"))).collect();
    expected.sort();
    assert_eq!(landed, expected);
    origin.git(&["fsck", "--strict"]);
}

#[test]
fn a_push_that_overtakes_in_the_middle_of_ours_is_never_lost() {
    let (origin, mirror, head) = super::fetched();
    let clone = origin.clone_to("clone");
    std::fs::write(clone.join(super::APP), "theirs\n").unwrap();
    git(&clone, &["commit", "--quiet", "-am", "theirs"]);
    let theirs = git(&clone, &["rev-parse", "HEAD"]);
    // The hook runs after both sides agreed that the branch is at `base`, and moves it then.
    let overtake = format!(
        "unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
         git fetch --quiet '{}' HEAD && git update-ref refs/heads/main {theirs}",
        clone.display()
    );
    origin.hook("pre-receive", &overtake);
    let publication = mirror.publish(head, &[draft("mine", super::APP, "mine")], noon()).unwrap();
    assert_eq!(publication, Publication::Moved { head: Some(super::commit(&theirs)) });
    assert_eq!(origin.at("main"), theirs);
}
