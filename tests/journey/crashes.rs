//! The real binary killed at random times, and among other writers: no promotion is lost, none is doubled, no commit of
//! anybody else is touched, and the mirror is clean.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::git::{git, try_git};

use super::world::{NON_PROD, World};

/// How often a pass is killed.
const KILLS: u64 = 120;

/// So many tries are enough for eight writers, of whom one is always first.
const MOST_TRIES: usize = 500;

/// Numbers without an order, the same on each run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        // Knuth's multiplier; the high bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// How often each tag was promoted into each environment, by the trailers on the branch.
fn promoted(world: &World) -> BTreeMap<(String, String), usize> {
    let log = world.origin.git(&["log", "--format=%(trailers:only,unfold)%x00", "main"]);
    let value = |message: &str, key: &str| {
        message.lines().find_map(|line| line.strip_prefix(key).map(str::to_owned)).unwrap()
    };
    let mut counts = BTreeMap::new();
    for message in log.split('\0').filter(|message| message.contains("Tidegate-Promotion: ")) {
        let image = value(message, "Tidegate-Image: ");
        let tag = image.split('@').next().unwrap().rsplit(':').next().unwrap().to_owned();
        *counts.entry((value(message, "Tidegate-Environment: "), tag)).or_default() += 1;
    }
    counts
}

/// Sees that all is as it should be, once nothing is under way any more.
fn settle(world: &World, last: &str) {
    for _ in 0..3 {
        let ran = world.run(&["sync"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }
    assert_eq!(world.running(), (last.to_owned(), last.to_owned()));
    for (place, count) in promoted(world) {
        assert_eq!(count, 1, "{place:?}");
    }
    world.origin.git(&["fsck", "--strict"]);
    let mirror = mirror(world);
    git(&mirror, &["fsck", "--strict", "refs/heads/fetched"]);
    assert_eq!(git(&mirror, &["rev-parse", "refs/heads/fetched"]), world.origin.at("main"));
}

fn mirror(world: &World) -> PathBuf {
    let folders =
        fs::read_dir(world.database().parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let is_it =
        |path: &PathBuf| path.join("objects").is_dir() && path.extension().is_some_and(|end| end == "git");
    folders.into_iter().find(is_it).unwrap()
}

#[tokio::test]
async fn kills_at_random_times_lose_and_double_nothing() {
    let world = World::new("0s").await;
    let mut dice = Dice(20_261_124);
    let mut last = "v1.0.1".to_owned();
    for round in 0..KILLS {
        if dice.roll(3) == 0 {
            last = format!("v1.1.{round}");
            world.release(&last).await;
        }
        let mut child = world.command(&["sync", "-qq"]).spawn().unwrap();
        thread::sleep(Duration::from_millis(dice.roll(250)));
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().unwrap();
    }
    settle(&world, &last);
}

/// A person who adds a line to a file, whatever others do to it, until that is on the branch.
fn add_line(clone: &Path, path: &str, line: &str) {
    let landed = (0..MOST_TRIES).any(|_| {
        git(clone, &["fetch", "--quiet", "origin"]);
        git(clone, &["reset", "--quiet", "--hard", "origin/main"]);
        let text = fs::read_to_string(clone.join(path)).unwrap();
        fs::write(clone.join(path), format!("{text}{line}\n")).unwrap();
        git(clone, &["commit", "--quiet", "-am", line]);
        try_git(clone, &["push", "--quiet", "origin", "main"]).status.success()
    });
    assert!(landed, "{line} never got through");
}

/// A Tidegate with its own data folder that runs passes until `is_over`.
fn tidegate(mut sync: impl FnMut() -> Command, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let output = sync().output().unwrap();
        let code = output.status.code();
        // Others may be first every time in a pass: then it is the next one's turn.
        assert!(matches!(code, Some(0 | 75)), "{code:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn eight_writers_on_one_file_land_every_promotion_and_every_line_once() {
    const ROUNDS: usize = 4;
    let world = World::new("0s").await;
    let clones: Vec<PathBuf> =
        (0..4).map(|writer| world.origin.clone_to(&format!("clone-{writer}"))).collect();
    let configuration = fs::read_to_string(world.config()).unwrap();
    let configs: Vec<PathBuf> = (0..4)
        .map(|writer| {
            let path = world.origin.beside(&format!("tidegate-{writer}.yaml"));
            fs::write(&path, configuration.replace("/data/", &format!("/data-{writer}/"))).unwrap();
            path
        })
        .collect();
    world.release("v1.0.2").await;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for config in &configs {
            let (world, is_over) = (&world, &is_over);
            let sync = move || {
                let mut command = world.command(&["sync", "-q"]);
                command.env("TIDEGATE_CONFIG", config);
                command
            };
            scope.spawn(move || tidegate(sync, is_over));
        }
        let people: Vec<_> = clones
            .iter()
            .enumerate()
            .map(|(writer, clone)| {
                scope.spawn(move || {
                    (0..ROUNDS).for_each(|round| add_line(clone, NON_PROD, &format!("# {writer}-{round}")));
                })
            })
            .collect();
        for person in people {
            person.join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    settle(&world, "v1.0.2");
    let text = world.origin.file(NON_PROD);
    for line in (0..4).flat_map(|writer| (0..ROUNDS).map(move |round| format!("# {writer}-{round}"))) {
        assert_eq!(text.lines().filter(|there| *there == line).count(), 1, "{line}: {text}");
        let subjects = world.origin.git(&["log", "--format=%s", "main"]);
        assert_eq!(subjects.lines().filter(|subject| *subject == line).count(), 1, "{line}");
    }
}

#[tokio::test]
async fn a_rewritten_renamed_or_deleted_branch_is_reported_and_nothing_is_doubled() {
    let world = World::new("0s").await;
    let before = world.origin.at("main");
    for _ in 0..2 {
        assert_eq!(world.run(&["sync"]).code, 0);
    }
    // Somebody forces the branch back: a verdict on what it had, as any other way back is.
    world.origin.git(&["update-ref", "refs/heads/main", &before]);
    for _ in 0..2 {
        let ran = world.run(&["sync"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }
    assert_eq!(world.running(), ("v1.0.0".to_owned(), "v1.0.0".to_owned()));
    world.release("v1.0.2").await;
    settle(&world, "v1.0.2");
    let tip = world.origin.at("main");

    world.origin.git(&["branch", "-m", "main", "trunk"]);
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.err.contains("has no branch main") && ran.err.contains("set git.branch to one of: trunk"),
        "{}",
        ran.err
    );
    world.origin.git(&["update-ref", "-d", "refs/heads/trunk"]);
    let ran = world.run(&["sync"]);
    assert!(ran.code == 1 && ran.err.contains("is empty"), "{}", ran.err);
    world.origin.git(&["update-ref", "refs/heads/main", &tip]);
    settle(&world, "v1.0.2");
}

#[tokio::test]
async fn a_declining_hook_is_quoted_and_tried_again() {
    let world = World::new("0s").await;
    world.origin.hook("pre-receive", "echo 'protected: ask ops' >&2; exit 1");
    for _ in 0..2 {
        let ran = world.run(&["sync"]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.out.contains("protected: ask ops"), "{}", ran.out);
    }
    assert_eq!(world.commits(), 1);
    fs::remove_file(world.origin.path().join("hooks/pre-receive")).unwrap();
    assert_eq!(world.run(&["sync"]).code, 0);
    settle(&world, "v1.0.1");
}
