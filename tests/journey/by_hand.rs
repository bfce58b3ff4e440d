//! Promotions by hand: the same gates, and overrides that stand in the commit.

use super::world::World;

const SERVICE: &str = "common/graphql-server";

#[tokio::test]
async fn a_closed_gate_is_told_and_an_override_stands_in_the_commit() {
    let world = World::new("24h").await;
    world.run(&["sync"]);
    let closed = world.run(&["promote", SERVICE, "--to", "prod"]);
    assert_eq!(closed.code, 3, "{}", closed.err);
    assert!(closed.out.contains("soak: has run"), "{}", closed.out);
    assert_eq!(world.running().1, "v1.0.0");

    let reason = "fixes the outage\u{1b}[31m of this morning";
    let forged = world.run(&["promote", SERVICE, "--to", "prod", "--override", "soak", "--reason", reason]);
    assert_eq!(forged.code, 2, "a reason is plain words: {}", forged.err);
    let passed = world.run(&[
        "promote",
        SERVICE,
        "--to",
        "prod",
        "--override",
        "soak",
        "--reason",
        "fixes the outage",
    ]);
    assert_eq!(passed.code, 0, "{}", passed.err);
    assert_eq!(world.running().1, "v1.0.1");
    let message = world.origin.git(&["log", "-1", "--format=%(trailers:only)", "main"]);
    assert!(message.contains("Tidegate-Override: soak (fixes the outage)"), "{message}");
    assert!(message.contains("Tidegate-Requested-By: ana"), "{message}");

    let again = world.run(&["promote", SERVICE, "--to", "prod"]);
    assert_eq!(again.code, 0, "it runs already: {}", again.err);
    assert!(again.out.contains("Nothing to promote: common/graphql-server in prod"), "{}", again.out);
    let same_tag = world.run(&["promote", SERVICE, "--to", "prod", "--tag", "v1.0.1"]);
    assert_eq!((same_tag.code, same_tag.out.contains("runs it already")), (0, true), "{}", same_tag.out);
    let quiet = world.run(&["sync", "-q"]);
    assert_eq!((quiet.code, quiet.out.as_str()), (0, ""));
}

#[tokio::test]
async fn what_cannot_be_promoted_says_why() {
    let world = World::new("24h").await;
    for (arguments, code, told) in [
        (&["promote", SERVICE, "--to", "staging"][..], 2, "there is no environment staging"),
        (&["promote", "common/graphql", "--to", "prod"], 2, "has no image to promote in prod"),
        (&["promote", SERVICE, "--to", "prod", "--tag", "v9.9.9"], 2, "has no tag v9.9.9"),
        (&["promote", SERVICE, "--to", "prod", "--tag", "../../x"], 2, "a tag is 1 to 128"),
        (
            &["promote", SERVICE, "--to", "prod", "--override", "group", "--reason", "x"],
            2,
            "cannot be overridden",
        ),
        (&["promote", SERVICE, "--to", "prod", "--override", "soak"], 2, "--reason"),
        (&["status", "nobody/nothing"], 2, "no service is called"),
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(told), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(world.commits(), 1);
}

#[tokio::test]
async fn doctor_finds_everything_in_order_and_then_not() {
    let world = World::new("24h").await;
    let good = world.run(&["doctor"]);
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);
    assert!(!good.out.contains("FAIL") && !good.out.contains("look"), "{}", good.out);
    world.origin.git(&["branch", "-m", "main", "trunk"]);
    let bad = world.run(&["doctor"]);
    assert_eq!(bad.code, 1, "{}", bad.out);
    assert!(bad.out.contains("FAIL  repository"), "{}", bad.out);
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["completions", shell])
            .output()
            .unwrap();
        assert!(
            output.status.success() && String::from_utf8(output.stdout).unwrap().contains("promote"),
            "{shell}"
        );
    }
}
