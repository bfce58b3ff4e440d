//! Source repositories on other machines: by GitHub's API, over https and over ssh, and what a promotion does meanwhile.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wiremock::ResponseTemplate;

use crate::support::git::{self, Change, Origin};
use crate::support::git_http::{self, GitServer};
use crate::support::github::{GitHub, Rules, refusal};
use crate::support::registry::Image;
use crate::support::relay::{Fault, Relay};
use crate::support::sshd::Sshd;

use super::world::{Ran, World};

const IMAGE: &str = "vtr/graphql-server";
const SERVICE: &str = "common/graphql-server";

/// A source with three releases, and the commits of these.
fn source() -> (Origin, Vec<String>) {
    let source = Origin::with_files(&[("src/main.rs", "0")]);
    let mut commits = vec![source.at("main")];
    for (number, message) in
        ["feat: cache (#1)", "fix: close @idle connections (#2)", "perf: pool"].iter().enumerate()
    {
        commits.push(source.commit(message, &[Change::File("src/main.rs", number.to_string().as_bytes())]));
    }
    for (number, commit) in commits.iter().enumerate() {
        source.git(&["tag", &format!("v1.1.{number}"), commit]);
    }
    (source, commits)
}

/// Publishes an image for each of the commits.
async fn publish(world: &World, commits: &[String]) {
    for (number, commit) in commits.iter().enumerate() {
        let labels = BTreeMap::from([
            ("version".to_owned(), number.to_string()),
            ("org.opencontainers.image.revision".to_owned(), commit.clone()),
        ]);
        world.registry.push(IMAGE, &format!("v1.1.{number}"), &Image { labels, ..Image::default() }).await;
    }
}

/// The notes as data, and what was logged. Nothing that was read before is left.
fn changelog(world: &World, from: &str, to: &str) -> Ran {
    let _ = fs::remove_dir_all(world.database().parent().unwrap());
    let ran = world.run(&["-v", "changelog", SERVICE, "--from", from, "--to", to, "-o", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran
}

/// A world whose service is built from a repository at a GitHub of its own: Git over https with the token `s3cret`, and
/// the API.
async fn at_github(source: &Origin, more: &str) -> (World, GitServer, GitHub) {
    let world = World::new("0s").await;
    let root = world.origin.beside("");
    git::git(&root, &["clone", "--quiet", "--bare", &source.url(), "vtr/app.git"]);
    let login = Some("x-access-token:s3cret".to_owned());
    let server = GitServer::start(&root, git_http::Rules { login, ..git_http::Rules::default() });
    let github = GitHub::of(&world.origin.beside("vtr/app.git")).await;
    github.set(Rules { token: Some("s3cret".to_owned()), ..Rules::default() });
    let token = world.origin.beside("token");
    fs::write(&token, "s3cret\n").unwrap();
    let token = format!("token: {{file: {}}}", token.display());
    let url = server.url("origin.git");
    let world = world.through(&format!(
        "{{url: \"{url}\", auth: {{{token}}}, caFile: {}}}",
        GitServer::authority().display()
    ));
    let host = format!("127.0.0.1:{}", server.port());
    let world = world.with(&format!(
        "changelog: {{hosts: [{{host: \"{host}\", forge: github, api: \"{}\"{more}}}]}}\n\
         services: {{overrides: [{{match: {SERVICE}, source: {{repository: \"{host}/vtr/app\"}}}}]}}",
        github.url()
    ));
    (world, server, github)
}

#[tokio::test]
async fn githubs_api_comes_first_and_git_gives_the_same_notes() {
    let (source, commits) = source();
    let (world, server, github) = at_github(&source, "").await;
    publish(&world, &commits).await;
    let by_api = changelog(&world, "v1.1.0", "v1.1.3");
    assert!(by_api.err.contains("the commits come from GitHub's API"), "{}", by_api.err);
    assert!(
        by_api.out.contains("close ＠idle connections") || by_api.out.contains("close @idle connections")
    );
    assert!(!server.take_requests().iter().any(|request| request.contains("vtr/app")));
    let range = format!("compare/{}...{}?per_page=100 200", commits[0], commits[3]);
    let asked =
        ["GET /repos/vtr/app/tags?per_page=100 200".to_owned(), format!("GET /repos/vtr/app/{range}")];
    assert_eq!(github.take_requests(), asked);

    let resets = (chrono::Utc::now().timestamp() + 600).to_string();
    let used_up = refusal(403, "API rate limit exceeded")
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", resets.as_str());
    for (instead, reason) in [
        (refusal(404, "Not Found"), "not found, or hidden from the token"),
        (used_up, "API rate limit exceeded"),
        (refusal(502, "Bad Gateway"), "502 Bad Gateway"),
        (ResponseTemplate::new(200).set_body_string("<html>"), "the response is not what GitHub documents"),
        (ResponseTemplate::new(200).set_delay(Duration::from_mins(1)), "the API took longer than 5s"),
    ] {
        let token = Some("s3cret".to_owned());
        github.set(Rules { token, instead: VecDeque::from([instead]), ..Rules::default() });
        let by_git = changelog(&world, "v1.1.0", "v1.1.3");
        assert!(
            by_git.err.contains("the commits come from Git") && by_git.err.contains(reason),
            "{}",
            by_git.err
        );
        assert_eq!(by_git.out, by_api.out);
        assert!(!by_git.err.contains("s3cret"));
    }
    assert!(server.take_requests().iter().any(|request| request.contains("vtr/app")));
}

#[tokio::test]
async fn git_alone_is_read_where_configured() {
    let (source, commits) = source();
    let (world, _server, github) = at_github(&source, ", commits: git").await;
    publish(&world, &commits).await;
    let ran = changelog(&world, "v1.1.0", "v1.1.3");
    assert!(ran.err.contains("no API is configured for"), "{}", ran.err);
    assert!(ran.out.contains("close "), "{}", ran.out);
    assert!(github.take_requests().is_empty());
}

/// A world over ssh, whose service is built from a repository at the same server, reached through a relay.
async fn over_ssh(sshd: &Sshd, port: u16, source: &Path, more: &str) -> World {
    let world = World::new("0s").await;
    let key = sshd.new_key("id", "ed25519", "");
    let (ours, theirs) =
        (sshd.known_hosts_at(sshd.port(), "host_ed25519"), sshd.known_hosts_at(port, "host_ed25519"));
    let known = world.origin.beside("known_hosts");
    fs::write(&known, fs::read_to_string(ours).unwrap() + &fs::read_to_string(theirs).unwrap()).unwrap();
    let git = format!(
        "{{url: \"{}\", auth: {{sshKey: {{file: {}, knownHosts: {}}}}}}}",
        sshd.url(&world.origin.path()),
        key.display(),
        known.display()
    );
    let url = Sshd::url_at(port, &source.join("app.git"));
    world.through(&git).with(&format!(
        "changelog: {{timeLimit: 3s{more}}}\n\
         services: {{overrides: [{{match: {SERVICE}, source: {{repository: \"{url}\"}}}}]}}"
    ))
}

/// The source under a path that a repository may have: those of temporary folders begin with a dot.
fn named(source: &Origin) -> TempDir {
    let folder = tempfile::Builder::new().prefix("tidegate-source-").tempdir().unwrap();
    git::git(folder.path(), &["clone", "--quiet", "--bare", &source.url(), "app.git"]);
    folder
}

#[tokio::test]
async fn a_source_is_mirrored_over_ssh_by_the_key_of_the_gitops_repository() {
    let (source, commits) = source();
    let sshd = Sshd::start();
    let relay = Relay::to(sshd.port());
    let place = named(&source);
    let world = over_ssh(&sshd, relay.port(), place.path(), "").await;
    publish(&world, &commits).await;
    let ran = changelog(&world, "v1.1.0", "v1.1.3");
    assert!(ran.out.contains("\"text\": \"cache\""), "{} {}", ran.out, ran.err);

    // A server that goes quiet holds no promotion up.
    relay.set(Fault::MuteAfter(600));
    fs::remove_dir_all(world.database().parent().unwrap()).unwrap();
    let began = Instant::now();
    let sync = world.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.err);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let message = world.origin.git(&["log", "-1", "--format=%B", "main"]);
    assert!(message.contains("could not be read within 3s; the promotion did not wait"), "{message}");
    assert_eq!(world.running().0, "v1.1.3");
}

#[tokio::test]
async fn a_source_above_its_bound_is_reported_and_deleted() {
    let (source, mut commits) = source();
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .take(400_000)
    .flatten()
    .collect();
    commits.push(source.commit("feat: noise", &[Change::File("noise", &noise)]));
    let sshd = Sshd::start();
    let place = named(&source);
    let world = over_ssh(&sshd, sshd.port(), place.path(), ", mostMib: 1").await;
    publish(&world, &commits).await;
    let ran = changelog(&world, "v1.1.0", "v1.1.4");
    assert!(ran.out.contains("takes more than 1 MiB"), "{} {}", ran.out, ran.err);
}
