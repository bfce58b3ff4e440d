//! The binary against registries that reflect credentials, ask for a pause, cut their lists, or hold more than images.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;

use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::world::World;
use crate::support::registry::Index;

/// Points the world's service to another registry, with a password.
fn at(world: &World, server: &MockServer) {
    let config = fs::read_to_string(world.config()).unwrap();
    let (real, host) = (world.registry.host(), server.address().to_string());
    let credentials = "credentials: {username: bot, passwordEnv: REGISTRY_PASSWORD}";
    let config = config.replace(
        &format!("registries: [{{host: \"{real}\", plainHttp: true}}]"),
        &format!("registries: [{{host: \"{host}\", plainHttp: true, {credentials}}}]"),
    );
    fs::write(world.config(), config).unwrap();
    for file in [super::world::NON_PROD, super::world::PROD] {
        world.person("move", file, &world.origin.file(file).replace(&real, &host));
    }
}

fn run(world: &World, arguments: &[&str]) -> String {
    let output = world.command(arguments).env("REGISTRY_PASSWORD", "reflect-me!pass").output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn reflected_credentials_leave_the_process_masked() {
    let server = MockServer::start().await;
    let reflect = |request: &Request| {
        match request.headers.get("authorization") {
        Some(sent) => ResponseTemplate::new(403).set_body_json(json!({"errors": [{
            "code": "DENIED", "message": format!("{} reflect-me!pass reflect-me%21pass", sent.to_str().unwrap()),
        }]})),
        None => ResponseTemplate::new(401).insert_header("www-authenticate", "Basic realm=x"),
    }
    };
    Mock::given(any()).respond_with(reflect).mount(&server).await;
    let world = World::new("1s").await;
    at(&world, &server);
    for arguments in [
        &["sync"][..],
        &["sync", "-vv"],
        &["sync", "-o", "json"],
        &["plan"],
        &["doctor"],
        &["doctor", "-o", "json"],
    ] {
        let text = run(&world, arguments);
        assert!(text.contains("DENIED, Basic ***"), "{arguments:?}: {text}");
        for form in ["reflect-me!pass", "reflect-me%21pass", "Ym90OnJlZmxlY3QtbWUhcGFzcw=="] {
            assert!(!text.contains(form), "{arguments:?}: {text}");
        }
    }
}

#[tokio::test]
async fn a_pause_is_reported_once_with_its_end() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "3600"))
        .mount(&server)
        .await;
    let world = World::new("1s").await;
    at(&world, &server);
    let more = super::world::release(&server.address().to_string(), "v1.0.0");
    let more = more.replace("name: graphql-server", "name: other").replace("vtr/graphql-server", "vtr/other");
    world.person("add", "clusters/non-prod-digital-eks/common/other.yaml", &more);
    let text = run(&world, &["sync"]);
    let sentence = format!("{} asks for no requests before 2", server.address());
    assert_eq!(text.matches(&sentence).count(), 1, "{text}");
    assert!(text.contains(" UTC"), "{text}");
}

#[tokio::test]
async fn a_tag_that_is_no_image_is_skipped_and_reported() {
    let world = World::new("1s").await;
    let image = "vtr/graphql-server";
    world.registry.push_index(image, "v1.1.0", &Index::default()).await;
    world.registry.push_chart(image, "v1.2.0").await;
    let ran = world.run(&["sync"]);
    assert_eq!(world.running().0, "v1.0.1", "{ran:?}");
    let text = format!("{}{}", ran.out, ran.err);
    assert!(
        text.contains("v1.2.0 is skipped: it is application/vnd.cncf.helm.config.v1+json, not an image"),
        "{text}"
    );
    assert!(text.contains("v1.1.0 is skipped: its index is empty"), "{text}");
    let explained = world.run(&["explain", "common/graphql-server", "--env", "non-prod"]);
    let text = format!("{}{}", explained.out, explained.err);
    assert!(text.contains("v1.2.0 is skipped"), "{text}");
}

#[tokio::test]
async fn a_running_tag_missing_from_the_registry_is_reported() {
    let server = MockServer::start().await;
    let tags: Vec<String> = (0..1_000).map(|number| format!("build-{number}")).collect();
    let list = json!({"name": "vtr/graphql-server", "tags": tags});
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(list)).mount(&server).await;
    let world = World::new("1s").await;
    at(&world, &server);
    let text = run(&world, &["sync"]);
    assert!(text.contains("v1.0.0 runs, but is not among the 1000 tags that the registry lists"), "{text}");
}
