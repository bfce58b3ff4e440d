//! A promotion that came to the branch by a pull request is the same promotion, however it was merged.

use std::fs;
use std::path::Path;

use rstest::rstest;

use super::world::{NON_PROD, World};
use crate::support::git::{Change, git};

/// Merges `origin/request` into `main` of a clone, as a forge does.
pub(super) fn merge(clone: &Path, method: &str) {
    git(clone, &["fetch", "--quiet", "origin"]);
    git(clone, &["reset", "--quiet", "--hard", "origin/main"]);
    let body = || git(clone, &["log", "-1", "--format=%b", "origin/request"]);
    match method {
        "merge" => {
            let message = "Merge pull request #1 from vtr/request\n\nA title";
            git(clone, &["merge", "--quiet", "--no-ff", "-m", message, "origin/request"]);
        }
        "squash" => {
            git(clone, &["merge", "--quiet", "--squash", "origin/request"]);
            let message = format!(
                "A title (#1)\n\n{}\n\nCo-authored-by: tidegate <tidegate@localhost>",
                body().trim_end()
            );
            git(clone, &["commit", "--quiet", "-m", &message]);
        }
        _ => drop(git(clone, &["cherry-pick", "main..origin/request"])),
    }
    git(clone, &["push", "--quiet", "origin", "HEAD:main"]);
}

#[rstest]
#[case("merge")]
#[case("squash")]
#[case("rebase")]
#[tokio::test]
async fn a_promotion_that_was_merged_is_recognised(#[case] method: &str) {
    let world = World::new("0s").await;
    world.run(&["sync"]);
    let brought = world.json(&["history"])["changes"][0].clone();
    // The branch as if nobody had merged yet, and nobody had seen it.
    let proposing = world.origin.clone_to("proposing");
    let message = git(&proposing, &["log", "-1", "--format=%B"]);
    // The commits of pull requests do not name the branch: nobody has pushed them there.
    let proposed: Vec<&str> =
        message.trim_end().lines().filter(|line| !line.starts_with("Tidegate-Branch: ")).collect();
    git(&proposing, &["commit", "--quiet", "--amend", "-m", &proposed.join("\n")]);
    git(&proposing, &["push", "--quiet", "origin", "HEAD:refs/heads/request"]);
    world.origin.git(&["update-ref", "refs/heads/main", "main~1"]);
    fs::remove_dir_all(world.database().parent().unwrap()).unwrap();
    world.origin.commit("meanwhile", &[Change::File("clusters/prod-digital-eks/notes.yaml", b"a: b\n")]);
    merge(&world.origin.clone_to("work"), method);

    let merged = world.json(&["history"])["changes"][0].clone();
    assert_eq!(merged["promotion"], brought["promotion"], "{merged}");
    assert!(merged["promotion"].is_string() && merged["commit"] != brought["commit"], "{merged}");
    // Another image under the tag: what the promotion's trailer says soaked does not go on.
    world.release_again("v1.0.1").await;
    world.run(&["sync"]);
    assert_eq!(world.running().1, "v1.0.0", "the digest of the promotion counts");
    let rollback = world.run(&["history", "--env", "non-prod"]);
    assert!(rollback.out.contains("schedule"), "{}", rollback.out);
}

/// Deletes the database, but not the mirror beside it.
fn lose_store(world: &World) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", world.database().display()));
    }
}

#[rstest]
#[case::seen_and_kept(true, false)]
#[case::seen_and_lost(true, true)]
#[case::unseen_and_kept(false, false)]
#[case::unseen_and_lost(false, true)]
#[tokio::test]
async fn a_rollback_that_was_merged_into_somebodys_own_work_is_respected(
    #[case] is_seen: bool,
    #[case] is_lost: bool,
) {
    let world = World::new("1h").await;
    let clone = world.origin.clone_to("work");
    fs::write(clone.join("notes.txt"), "mine").unwrap();
    git(&clone, &["add", "notes.txt"]);
    git(&clone, &["commit", "--quiet", "-m", "my own work"]);
    let before = world.origin.file(NON_PROD);
    world.run(&["sync"]);
    assert_eq!(world.running().0, "v1.0.1");
    world.origin.commit("back to what worked", &[Change::File(NON_PROD, before.as_bytes())]);
    if is_seen {
        world.run(&["sync"]);
        assert_eq!(world.running().0, "v1.0.0", "a person's rollback is a verdict");
    }
    // The rollback is on no first parent any more.
    git(&clone, &["pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main"]);
    git(&clone, &["push", "--quiet", "origin", "HEAD:main"]);
    if is_lost {
        lose_store(&world);
    }
    for _ in 0..2 {
        let ran = world.run(&["sync"]);
        assert_eq!(world.running().0, "v1.0.0", "{}{}", ran.out, ran.err);
    }
}

#[rstest]
#[case::kept(false)]
#[case::lost(true)]
#[tokio::test]
async fn a_promotion_that_was_taken_away_by_force_unseen_stays_away(#[case] is_lost: bool) {
    let world = World::new("1h").await;
    world.run(&["sync"]);
    assert_eq!(world.running().0, "v1.0.1");
    world.origin.git(&["update-ref", "refs/heads/main", "main~1"]);
    if is_lost {
        lose_store(&world);
    }
    for _ in 0..2 {
        let ran = world.run(&["sync"]);
        assert_eq!(world.running().0, "v1.0.0", "{}{}", ran.out, ran.err);
    }
}
