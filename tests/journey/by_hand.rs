//! Promotions by hand: the same gates, and overrides that stand in the commit.

use super::world::{NON_PROD, PROD, World, release};
use crate::support::registry::Image;

const SERVICE: &str = "common/graphql-server";

#[tokio::test]
async fn a_closed_gate_is_reported_and_an_override_is_in_the_commit() {
    let world = World::new("24h").await;
    world.run(&["sync"]);
    let closed = world.run(&["promote", SERVICE, "--env", "prod"]);
    assert_eq!(closed.code, 3, "{}", closed.err);
    assert!(closed.out.contains("soak: ran "), "{}", closed.out);
    assert_eq!(world.running().1, "v1.0.0");

    let reason = "fixes the outage\u{1b}[31m of this morning";
    let forged = world.run(&["promote", SERVICE, "--env", "prod", "--override", "soak", "--reason", reason]);
    assert_eq!(forged.code, 2, "a reason is plain words: {}", forged.err);
    let passed = world.run(&[
        "promote",
        SERVICE,
        "--env",
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

    let again = world.run(&["promote", SERVICE, "--env", "prod"]);
    assert_eq!(again.code, 0, "it runs already: {}", again.err);
    assert!(again.out.contains("Nothing to promote: common/graphql-server in prod"), "{}", again.out);
    let same_tag = world.run(&["promote", SERVICE, "--env", "prod", "--tag", "v1.0.1"]);
    assert_eq!((same_tag.code, same_tag.out.contains("runs it already")), (0, true), "{}", same_tag.out);
    let quiet = world.run(&["sync", "-q"]);
    assert_eq!((quiet.code, quiet.out.as_str()), (0, ""));
}

#[tokio::test]
async fn a_refused_promotion_names_its_reason() {
    let world = World::new("24h").await;
    for (arguments, code, expected) in [
        (&["promote", SERVICE, "--env", "staging"][..], 2, "there is no environment staging"),
        (&["promote", "common/nothing", "--env", "prod"], 2, "no service matches `common/nothing`"),
        (&["promote", "graphql-srver", "--env", "prod"], 2, "did you mean common/graphql-server?"),
        (&["promote", "common/graphql-srver"], 2, "did you mean common/graphql-server?"),
        (&["promote", SERVICE, "--tag", "v1.0.1"], 2, "pass --env with the environment"),
        (&["promote", SERVICE, "--env", "prod", "--tag", "v9.9.9"], 2, "has no tag v9.9.9"),
        (&["promote", SERVICE, "--env", "prod", "--tag", "../../x"], 2, "a tag is 1 to 128"),
        (
            &["promote", SERVICE, "--env", "prod", "--override", "group", "--reason", "x"],
            2,
            "cannot be overridden",
        ),
        (&["promote", SERVICE, "--env", "prod", "--override", "soak"], 2, "--reason"),
        (&["status", "nobody/nothing"], 2, "no service matches `nobody/nothing`"),
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(world.commits(), 1);
}

/// A second service beside the first: its files, and its image.
async fn with_a_second(world: &World) {
    for path in [NON_PROD, PROD] {
        let text = release(&world.registry.host(), "v1.0.0").replace("graphql-server", "payments-api");
        world.person("another service", &path.replace("graphql-server", "payments-api"), &text);
    }
    for tag in ["v1.0.0", "v1.0.1"] {
        world.registry.push("vtr/payments-api", tag, &Image::labelled("version", tag)).await;
    }
}

#[tokio::test]
async fn several_go_each_to_its_next_environment() {
    let world = World::new("0s").await;
    with_a_second(&world).await;
    let first = world.run(&["promote", SERVICE]);
    assert_eq!(first.code, 0, "{}{}", first.out, first.err);
    assert_eq!(world.running(), ("v1.0.1".into(), "v1.0.0".into()), "non-prod comes first");

    let both = world.json(&["promote", "common/*"]);
    let moved: Vec<String> = both["promoted"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["service"], one["environment"]).replace('"', ""))
        .collect();
    assert_eq!(moved, ["common/graphql-server prod", "common/payments-api non-prod"], "{both}");
    assert_eq!(world.run(&["promote", SERVICE, "common/payments-api"]).code, 0);
    let none = world.run(&["promote", "common/*"]);
    assert_eq!(none.code, 0, "{}", none.err);
    assert!(
        none.out.starts_with("Nothing to promote:\n  common/graphql-server in non-prod: "),
        "{}",
        none.out
    );
}

#[tokio::test]
async fn a_lower_version_and_another_image_must_be_named_in_full() {
    let world = World::new("0s").await;
    world.run(&["sync"]);
    world.run(&["sync"]);
    let back =
        &["promote", SERVICE, "--env", "prod", "--tag", "v1.0.0", "--override", "order", "--reason", "x"][..];
    let closed = world.run(back);
    assert_eq!(closed.code, 3, "{}", closed.err);
    assert!(
        closed.out.contains("to override: --allow-downgrade --override soak --reason TEXT"),
        "{}",
        closed.out
    );
    let unnamed = world.run(&["promote", SERVICE, "--env", "prod", "--allow-downgrade", "--reason", "x"]);
    assert_eq!(unnamed.code, 2, "{}", unnamed.err);
    assert!(unnamed.err.contains("needs --override order"), "{}", unnamed.err);
    // Soaking is of what non-prod runs, which is another one.
    let passed = world.run(&[back, &["--override", "soak", "--allow-downgrade"]].concat());
    assert_eq!(passed.code, 0, "{}{}", passed.out, passed.err);
    assert_eq!(world.running().1, "v1.0.0");

    world.release("v1.0.2").await;
    world.run(&["promote", SERVICE, "--env", "non-prod"]);
    let now = world.release_again("v1.0.2").await;
    let ship = &["promote", SERVICE, "--env", "prod"][..];
    let refused = world.run(ship);
    assert_eq!(refused.code, 4, "{}", refused.out);
    assert!(refused.out.contains(&format!("--accept-digest {now}")), "{}", refused.out);
    let insisting = ["--override", "digest", "--override", "soak", "--reason", "rebuilt", "--accept-digest"];
    let other = format!("sha256:{}", "1".repeat(64));
    assert_eq!(world.run(&[ship, &insisting, &[other.as_str()]].concat()).code, 4);
    let accepted = world.run(&[ship, &insisting, &[now.as_str()]].concat());
    assert_eq!(accepted.code, 0, "{}{}", accepted.out, accepted.err);
    assert_eq!(world.running().1, "v1.0.2");
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    assert!(
        message.contains(&format!(":v1.0.2@{now}")) && message.contains("Override: digest (rebuilt)"),
        "{message}"
    );
}

#[tokio::test]
async fn a_fault_elsewhere_does_not_fail_a_promotion() {
    let world = World::new("0s").await;
    let broken = "clusters/prod-digital-eks/common/broken.yaml";
    world.person("break it", broken, "kind: HelmRelease\nmetadata: {name: x\n  values: [\n");
    let ran = world.run(&["promote", SERVICE, "--env", "non-prod"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("1 problem elsewhere; `tidegate plan` shows it"), "{}", ran.out);
    assert_eq!(world.run(&["sync"]).code, 1, "a pass over everything tells it");
}
