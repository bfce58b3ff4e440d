//! What is signed by nobody who is allowed to does not count.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;

use crate::support::git::{Change, command, git};
use crate::support::sshd::make_key;

use super::world::{NON_PROD, World, release};

/// A world whose promotions are signed, and where nobody else may sign.
async fn signed_world() -> World {
    let world = World::new("0s").await;
    let key = world.origin.beside("signing");
    make_key(&key, "ed25519", "");
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let allowed = world.origin.beside("allowed_signers");
    fs::write(&allowed, format!("tidegate@localhost {public}")).unwrap();
    let git = format!(
        "{{url: {}, signing: {{sshKey: {}}}, verify: {{allowedSigners: {}}}}}",
        world.origin.url(),
        key.display(),
        allowed.display()
    );
    world.through(&git)
}

#[tokio::test]
async fn a_signed_promotion_soaks_and_a_persons_unsigned_commit_does_not() {
    let world = signed_world().await;
    for _ in 0..2 {
        let ran = world.run(&["sync"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    assert_eq!(world.running(), ("v1.0.1".to_owned(), "v1.0.1".to_owned()));
    assert!(world.origin.git(&["cat-file", "commit", "main"]).contains("BEGIN SSH SIGNATURE"));

    world.release("v1.0.2").await;
    let unsigned = world.person("mine", NON_PROD, &release(&world.registry.host(), "v1.0.2"));
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(world.running(), ("v1.0.2".to_owned(), "v1.0.1".to_owned()));
    let plan = world.run(&["plan"]).out;
    let expected =
        format!("v1.0.2 came to non-prod by commit {}, which does not count: not signed", &unsigned[..7]);
    assert!(plan.contains(&expected), "{plan}");
}

#[tokio::test]
async fn an_unsigned_hold_is_reported_and_does_not_hold() {
    let world = signed_world().await;
    let hold = "apiVersion: tidegate.dev/v1\nkind: Hold\nreason: no\nby: nobody\n";
    let commit = world.person("hold", ".tidegate/hold/_all/_all.yaml", hold);
    let ran = world.run(&["sync"]);
    assert_eq!(world.running().0, "v1.0.1", "{}{}", ran.out, ran.err);
    let expected = format!("the control file is ignored: commit {}: not signed", &commit[..7]);
    assert!(format!("{}{}", ran.out, ran.err).contains(&expected), "{}{}", ran.out, ran.err);
}

const HOLD: &str = ".tidegate/hold/common/graphql-server/prod.yaml";

#[tokio::test]
async fn no_unsigned_change_of_a_control_file_opens_a_gate() {
    let world = signed_world().await;
    world.good(&["hold", "common/graphql-server", "--env", "prod", "--reason", "incident", "--yes"]);
    let held = world.origin.file(HOLD);
    let stays_held = |name: &str, commit: &str| {
        for _ in 0..2 {
            let ran = world.run(&["sync"]);
            assert_eq!(world.running().1, "v1.0.0", "{name}: {}{}", ran.out, ran.err);
        }
        for shown in ["sync", "status", "doctor"] {
            let ran = world.run(&[shown]);
            let is_reported = ran.out.contains(&commit[..7]) && ran.out.contains("not signed");
            assert!(is_reported, "{name}, {shown}: {}{}", ran.out, ran.err);
        }
    };
    let edits = [
        ("a comment", format!("{held}# still\n")),
        ("another environment", held.replace("prod", "non-prod")),
        ("another service", held.replace("common/graphql-server", "common/other")),
        ("expired", format!("{held}expires: 2026-01-01T00:00:00Z\n")),
        ("broken", "kind: [".to_owned()),
        ("empty", String::new()),
    ];
    for (name, text) in &edits {
        let commit = world.person(name, HOLD, text);
        stays_held(name, &commit);
    }
    let removed = world.origin.commit("removed", &[Change::Gone(HOLD)]);
    stays_held("removed", &removed);
    let elsewhere = world.origin.commit("moved", &[Change::File(".tidegate/hold.yaml", held.as_bytes())]);
    stays_held("moved", &elsewhere);
    let replaced = world
        .origin
        .commit("replaced", &[Change::Gone(".tidegate"), Change::File(".tidegate", b"kind: Hold\n")]);
    stays_held("the folder replaced by a file", &replaced);
}

/// Somebody on a head from before the hold merges the branch, but not what it did.
#[tokio::test]
async fn no_unsigned_merge_drops_a_signed_hold() {
    let world = signed_world().await;
    let clone = world.origin.clone_to("clone");
    fs::write(clone.join("own.md"), "own work").unwrap();
    git(&clone, &["add", "own.md"]);
    git(&clone, &["commit", "--quiet", "-m", "own work"]);
    // The hold is a person's own, so that nothing of Tidegate's lies beside the line.
    signed_by_hand(&world, &clone);
    for _ in 0..2 {
        world.run(&["sync"]);
        assert_eq!(world.running().1, "v1.0.0");
    }
    let report = world.run(&["status"]).out;
    assert!(report.contains("the last signed text of the control file counts"), "{report}");
}

/// Pushes a signed hold, and then an unsigned merge without it.
fn signed_by_hand(world: &World, clone: &std::path::Path) {
    let own = git(clone, &["rev-parse", "HEAD"]);
    git(clone, &["checkout", "--quiet", "origin/main"]);
    fs::create_dir_all(clone.join(HOLD).parent().unwrap()).unwrap();
    let text = "kind: Hold\nservice: common/graphql-server\nenvironments: [prod]\nreason: incident\nby: ana\n\
                at: 2026-11-24T09:00:00Z\n";
    fs::write(clone.join(HOLD), text).unwrap();
    git(clone, &["add", HOLD]);
    let key = format!("user.signingkey={}", world.origin.beside("signing").display());
    let signed = command(clone)
        .args(["-c", "gpg.format=ssh", "-c", &key, "commit", "--quiet", "-S", "-m", "hold"])
        .env("GIT_COMMITTER_NAME", "tidegate")
        .env("GIT_COMMITTER_EMAIL", "tidegate@localhost")
        .status();
    assert!(signed.unwrap().success());
    let theirs = git(clone, &["rev-parse", "HEAD"]);
    git(clone, &["checkout", "--quiet", &own]);
    git(clone, &["merge", "--quiet", "-s", "ours", "-m", "pull", &theirs]);
    git(clone, &["push", "--quiet", "origin", "HEAD:main"]);
}

#[tokio::test]
async fn an_unsigned_approval_opens_no_gate() {
    let world = signed_world().await.with_prod(", approval: required");
    world.run(&["sync"]);
    let image = world.origin.git(&["log", "-1", "--format=%(trailers:key=Tidegate-Image,valueonly)", "main"]);
    let digest = image.trim().rsplit('@').next().unwrap();
    let approval = format!(
        "kind: Approval\nservice: common/graphql-server\nenvironment: prod\ntag: v1.0.1\ndigest: {digest}\nreason: fine\n\
         by: mallory\nat: 2026-11-24T09:00:00Z\n"
    );
    let path = ".tidegate/approval/common/graphql-server/prod.yaml";
    let commit = world.person("approve", path, &approval);
    let ran = world.run(&["sync"]);
    assert_eq!(world.running().1, "v1.0.0", "{}", ran.out);
    assert!(
        ran.out.contains(&format!("the control file is ignored: commit {}", &commit[..7])),
        "{}",
        ran.out
    );
    world.good(&["approve", "common/graphql-server", "--env", "prod", "--reason", "fine", "--yes"]);
    let ran = world.run(&["sync"]);
    assert_eq!(world.running().1, "v1.0.1", "a signed one does: {}", ran.out);
}
