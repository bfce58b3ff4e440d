//! `explain` on the real binary: why a version is where it is, what would open a gate, and waiting for one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::process::Stdio;

use serde_json::Value;

use super::daemon::Daemon;
use super::world::{NON_PROD, PROD, Ran, World, release, wait_until};
use crate::support::registry::{Image, Index};

const SERVICE: &str = "common/graphql-server";

/// Explains, and reads the JSON whatever the exit code is.
fn explain(world: &World, arguments: &[&str]) -> (i32, Value) {
    let ran = world.run(&[&["explain", SERVICE, "-o", "json"], arguments].concat());
    (ran.code, serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err)))
}

fn gate<'a>(explanation: &'a Value, name: &str) -> &'a Value {
    explanation["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == name).unwrap()
}

#[tokio::test]
async fn a_closed_soak_is_explained_with_its_end_and_its_override() {
    let world = World::new("24h").await;
    let open = world.run(&["explain", SERVICE, "--env", "non-prod"]);
    assert_eq!(open.code, 0, "{}", open.err);
    assert!(open.out.contains("every gate is open; the next pass promotes it"), "{}", open.out);
    world.run(&["sync"]);

    let closed = world.run(&["explain", SERVICE, "--env", "prod"]);
    assert_eq!(closed.code, 3, "{}", closed.err);
    for line in [
        "runs  v1.0.0 since ",
        "by Person in commit ",
        "v1.0.1 (1 release): in 2",
        "soak        closed for 2",
        "ran ",
        "wait until ",
        "tidegate promote common/graphql-server --env prod --override soak --reason TEXT",
    ] {
        assert!(closed.out.contains(line), "{line}: {}", closed.out);
    }
    let (code, explained) = explain(&world, &[]);
    assert_eq!((code, explained["result"].as_str()), (3, Some("closed")));
    let [non_prod, prod] = explained["explanations"].as_array().unwrap().as_slice() else {
        panic!("{explained}")
    };
    assert_eq!((&non_prod["status"], &non_prod["result"]), (&"upToDate".into(), &"nothing".into()));
    assert!(non_prod["promotion"].is_string() && non_prod["requestedBy"] == "schedule", "{non_prod}");
    assert_eq!(gate(prod, "soak")["answer"], "closedUntil");
    assert_eq!(gate(prod, "soak")["opensAt"], prod["earliest"], "nothing else is closed");
    assert_eq!(explained["nextOpening"], prod["earliest"]);
    assert_eq!(world.commits(), 2, "it changes nothing");
}

#[tokio::test]
async fn a_hold_is_explained_with_person_reason_and_release_command() {
    let world = World::new("0s").await;
    world.run(&["sync"]);
    let file = "kind: Hold\nservice: common/*\nenvironments: [prod]\nreason: the fair\nby: Ana\nat: 2026-01-01T10:00:00Z\n";
    world.person("hold", ".tidegate/hold/fair.yaml", file);
    let held = world.run(&["explain", SERVICE, "--env", "prod"]);
    assert_eq!(held.code, 3, "{}", held.err);
    for line in [
        "held by Ana: the fair (.tidegate/hold/fair.yaml)",
        "tidegate release 'common/*' --kind hold --env prod",
        "hold of common/* in prod by Ana at 2026-01-01 10:00 UTC: the fair (.tidegate/hold/fair.yaml)",
    ] {
        assert!(held.out.contains(line), "{line}: {}", held.out);
    }
    let (_, explained) = explain(&world, &["--env", "prod"]);
    let candidate_status = &explained["explanations"][0];
    assert_eq!(
        (&candidate_status["earliest"], &candidate_status["controls"][0]["by"]),
        (&Value::Null, &"Ana".into())
    );
}

#[tokio::test]
async fn a_manual_rollback_is_explained_with_commit_and_author_and_nothing_waits_for_it() {
    let world = World::new("0s").await;
    world.run(&["sync"]);
    world.run(&["sync"]);
    assert_eq!(world.running(), ("v1.0.1".into(), "v1.0.1".into()));
    let commit = world.person("back", PROD, &release(&world.registry.host(), "v1.0.0"));
    let ran = world.run(&["explain", SERVICE, "--env", "prod"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let short: String = commit.chars().take(7).collect();
    assert!(ran.out.contains("Person rolled back from v1.0.1"), "{}", ran.out);
    assert!(
        ran.out.contains(&format!("in prod at 2023-11-14 22:14:20 UTC, by Person in commit {short}")),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("push a version above v1.0.1"), "{}", ran.out);
    let wait =
        world.run(&["explain", SERVICE, "--env", "prod", "--tag", "v1.0.1", "--wait", "--timeout", "1m"]);
    assert_eq!(wait.code, 3, "it does not come any more, so nobody waits a minute: {}", wait.err);
    let (_, explained) = explain(&world, &["--env", "prod"]);
    let moved = &explained["explanations"][0]["rolledBack"][0];
    assert_eq!(
        (&moved["commit"], &moved["author"]),
        (&commit.as_str().into(), &"Person".into()),
        "{explained}"
    );
}

#[tokio::test]
async fn releases_that_come_too_fast_are_explained_as_starvation() {
    let world = World::new("90s").await;
    // A person's commits are a minute apart.
    for tag in ["v1.0.1", "v1.0.2", "v1.0.3"] {
        world.release(tag).await;
        world.person(tag, NON_PROD, &release(&world.registry.host(), tag));
    }
    let ran = world.run(&["explain", SERVICE, "--env", "prod"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    for line in [
        "2 versions in a row were replaced in non-prod within their soak of 1m30s",
        "`soakMode: train`",
        "ran in non-prod for 1m until ",
    ] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
    let (_, explained) = explain(&world, &["--env", "prod"]);
    let starvation = &explained["explanations"][0]["starvation"];
    assert_eq!((&starvation["superseded"], &starvation["neededSeconds"]), (&2.into(), &90.into()));
}

#[tokio::test]
async fn an_up_to_date_service_is_explained_by_the_registrys_tags() {
    let world = World::new("24h").await.with("services: {defaults: {versions: \"<1.0.1\"}}");
    world.release("latest").await;
    let ran = world.run(&["explain", SERVICE, "--env", "non-prod"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let line = "the registry has 3 tags: 1 admitted by <1.0.1, the highest of them v1.0.0; left out: 1 naming no version \
                (latest), 1 outside of the range (v1.0.1)";
    assert!(ran.out.contains(line), "{}", ran.out);
    let never = world.run(&["explain", SERVICE, "--env", "non-prod", "--tag", "latest"]);
    assert_eq!(never.code, 3, "{}", never.out);
    assert!(never.out.contains("the rules find no version in `latest`"), "{}", never.out);
    let kept_out = world.run(&["explain", SERVICE, "--env", "non-prod", "--tag", "v1.0.1"]);
    assert!(kept_out.out.contains("admit v1.0.1 by `versions` in the configuration, which are `<1.0.1`"));
    let nobody = world.run(&["explain", "common/nobody"]);
    assert_eq!(nobody.code, 2, "{}", nobody.err);
}

#[tokio::test]
async fn waiting_ends_when_a_daemon_beside_it_promotes() {
    let world = World::new("3s").await.with("schedule: \"0 0 29 2 *\"");
    let wait =
        ["explain", SERVICE, "--env", "prod", "--tag", "v1.0.1", "--wait", "--timeout", "1m", "-o", "json"];
    let waiting = world.command(&wait).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut daemon = Daemon::start(&world);
    let ran = Ran::of(waiting.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(world.running().1, "v1.0.1", "it runs when the waiting ends");
    assert!(ran.err.contains("waiting for v1.0.1 in prod (soak"), "{}", ran.err);
    let explained: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&explained["waited"]["outcome"], &explained["explanations"][0]["status"]),
        (&"reached".into(), &"runs".into())
    );
    daemon.signal("TERM");
    daemon.end();
}

#[tokio::test]
async fn waiting_ends_with_its_time_at_an_open_gate_or_by_a_signal() {
    let world = World::new("24h").await;
    world.run(&["sync"]);
    let late = world.run(&["explain", SERVICE, "--env", "prod", "--wait", "--timeout", "1s"]);
    assert_eq!(late.code, 3, "{}", late.err);
    let open = world.run(&["explain", SERVICE, "--env", "non-prod", "--wait"]);
    assert_eq!(open.code, 0, "nothing is to come: {}", open.err);
    world.release("v1.0.2").await;
    let open = world.run(&["explain", SERVICE, "--env", "non-prod", "--wait", "--for", "open"]);
    assert_eq!(open.code, 0, "{}", open.err);
    assert_eq!(world.running().0, "v1.0.1", "nobody has promoted it");

    let log = world.origin.beside("waiting");
    let wait = ["explain", SERVICE, "--env", "prod", "--wait"];
    let mut waiting = world
        .command(&wait)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    wait_until("the waiting", || std::fs::read_to_string(&log).unwrap().contains("waiting for v1.0.1"));
    let interrupt = std::process::Command::new("kill").args(["-INT", &waiting.id().to_string()]).status();
    assert!(interrupt.unwrap().success());
    assert_eq!(waiting.wait().unwrap().code(), Some(75));
}

#[tokio::test]
async fn an_index_without_the_platform_is_left_out_counted_and_refused_by_name() {
    let world = World::new("24h").await.with("platforms: [linux/arm64]");
    for (tag, platforms) in [
        ("v1.0.2", &["linux/amd64", "linux/arm64"][..]),
        ("v1.0.3", &["linux/amd64"]),
        ("v1.0.4-alpine", &["linux/arm64"]),
    ] {
        let images = platforms.iter().map(|platform| (*platform, Image::labelled(platform, tag))).collect();
        let index = Index { images, ..Index::default() };
        world.registry.push_index("vtr/graphql-server", tag, &index).await;
    }
    let ran = world.run(&["explain", SERVICE, "--env", "non-prod"]);
    let counts = "the registry has 5 tags: 3 admitted by *, the highest of them v1.0.2; left out: 1 of other variants \
                  (v1.0.4-alpine), 1 without an image for these platforms (v1.0.3)";
    assert!(ran.out.contains(counts), "{}", ran.out);
    let (_, told) = explain(&world, &["--env", "non-prod"]);
    let registry = &told["explanations"][0]["registry"];
    assert_eq!(registry["leftOut"][1]["reason"], "noImage", "{registry}");
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.running().0, "v1.0.2");
    let refused = world.run(&["promote", SERVICE, "--env", "non-prod", "--tag", "v1.0.3", "--yes"]);
    assert_eq!(refused.code, 4, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("linux/arm64") || refused.out.contains("linux/arm64"), "{}", refused.err);
}

#[tokio::test]
async fn the_image_policy_that_rules_is_named_with_its_file() {
    let world = World::new("24h").await;
    let group = "apiVersion: image.toolkit.fluxcd.io/v1\n";
    let policy = format!(
        "{group}kind: ImageRepository\nmetadata: {{name: app, namespace: flux-system}}\nspec: {{image: {}/vtr/graphql-server}}\n\
         ---\n{group}kind: ImagePolicy\nmetadata: {{name: app, namespace: flux-system}}\n\
         spec: {{imageRepositoryRef: {{name: app}}, policy: {{semver: {{range: <1.0.1}}}}}}\n",
        world.registry.host()
    );
    let file = "clusters/non-prod-digital-eks/policies.yaml";
    world.person("policies", file, &policy);
    let ran = world.run(&["explain", SERVICE, "--env", "non-prod"]);
    for told in [
        &*format!("by ImagePolicy flux-system/app in {file}:6"),
        "the registry has 2 tags: 1 admitted by <1.0.1, the highest of them v1.0.0; left out: 1 outside of the range (v1.0.1)",
    ] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
    let (_, told) = explain(&world, &["--env", "non-prod"]);
    assert_eq!(told["explanations"][0]["imagePolicy"]["file"], file, "{told}");
}

#[tokio::test]
async fn a_version_in_an_inline_patch_is_refused_and_nothing_is_promoted_there() {
    let world = World::new("24h").await;
    let kustomization = "resources: [graphql-server.yaml]\npatches:\n- target: {kind: HelmRelease, name: graphql-server}\n  patch: |\n    - op: replace\n      path: /spec/values/image/tag\n      value: v0.9.0\n";
    let file = "clusters/non-prod-digital-eks/common/kustomization.yaml";
    world.person("pin it", file, kustomization);
    let ran = world.run(&["sync"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    let told = format!(
        "{file}:7:14: {SERVICE} in non-prod: an inline patch sets `spec.values.image.tag` to `v0.9.0`"
    );
    assert!(ran.out.contains(&told), "{}", ran.out);
    assert_eq!(world.running(), ("v1.0.0".to_owned(), "v1.0.0".to_owned()));
}
