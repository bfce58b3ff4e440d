//! Releases of the GitOps repository: what came to prod, with its notes, made after the push and never in its way.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use wiremock::ResponseTemplate;

use crate::support::git_http::{self, GitServer};
use crate::support::github_api::{TOKEN, Trouble};
use crate::support::releases::ReleaseServer;

use super::world::World;

async fn world(per: &str, github: &ReleaseServer) -> (World, GitServer) {
    let world = World::new("0s").await;
    let root = world.origin.beside("");
    fs::create_dir(root.join("vtr")).unwrap();
    symlink("../origin.git", root.join("vtr/gitops.git")).unwrap();
    let login = Some(format!("x-access-token:{TOKEN}"));
    let server = GitServer::start(&root, git_http::Rules { login, ..git_http::Rules::default() });
    let token = world.origin.beside("token");
    fs::write(&token, TOKEN).unwrap();
    let git = format!(
        "{{url: \"{}\", auth: {{token: {{file: {}}}}}, caFile: {}}}",
        server.url("vtr/gitops.git"),
        token.display(),
        GitServer::authority().display()
    );
    let host = format!("127.0.0.1:{}", server.port());
    let more = format!(
        "changelog: {{releases: {per}, hosts: [{{host: \"{host}\", forge: github, api: \"{}\"}}]}}",
        github.url()
    );
    (world.through(&git).with(&more), server)
}

#[tokio::test]
async fn a_day_has_one_release_that_grows() {
    let github = ReleaseServer::start().await;
    let (world, _server) = world("day", &github).await;
    for tag in ["v1.0.2", "v1.0.3"] {
        world.release(tag).await;
        for _ in 0..2 {
            let ran = world.run(&["sync"]);
            assert_eq!(ran.code, 0, "{}", ran.err);
        }
    }
    let releases = github.releases();
    let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
    assert_eq!(releases.len(), 1, "{releases:?}");
    assert_eq!(releases[0]["tag_name"], format!("promotions-{today}"));
    let body = releases[0]["body"].as_str().unwrap();
    assert!(body.starts_with("- `common/graphql-server` `v1.0.0` → `v1.0.2` in `prod` (`"), "{body}");
    assert!(body.contains("\n- `common/graphql-server` `v1.0.2` → `v1.0.3` in `prod` (`"), "{body}");
    assert!(body.contains("\n## common/graphql-server v1.0.2 → v1.0.3\n"), "{body}");
    assert!(!body.contains("non-prod"), "{body}");
    github.take_requests();
    assert_eq!(world.run(&["sync"]).code, 0);
    assert!(github.take_requests().is_empty(), "nothing new, nobody asked");
    let doctor = world.run(&["doctor"]);
    assert!(doctor.out.contains("releases of vtr/gitops: the token may create them"), "{}", doctor.out);
}

#[tokio::test]
async fn a_failed_release_blocks_no_promotion_and_is_retried() {
    let github = ReleaseServer::start().await;
    let (world, _server) = world("batch", &github).await;
    world.run(&["sync"]);
    github.next([Trouble::Instead(ResponseTemplate::new(404)), Trouble::Lost]);
    let ran = world.run(&["sync"]);
    assert_eq!((ran.code, world.running().1.as_str()), (0, "v1.0.1"), "{}", ran.err);
    assert!(ran.err.contains("cannot release; the next pass tries again"), "{}", ran.err);
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(github.releases().len(), 1, "{:?}", github.releases());
    world.release("v1.0.2").await;
    world.run(&["sync"]);
    let slow = ResponseTemplate::new(404).set_delay(Duration::from_secs(40));
    github.next([Trouble::Instead(slow)]);
    let began = Instant::now();
    assert_eq!(world.run(&["sync"]).code, 0);
    assert_eq!(world.running().1, "v1.0.2");
    assert!(began.elapsed() < Duration::from_mins(1));
    world.run(&["sync"]);
    assert_eq!(github.releases().len(), 2);
}
