//! The payloads of each sender, cut down to what its documentation shows.

use rstest::rstest;

use super::*;

fn of_image(host: &str, name: &str) -> Vec<Claim> {
    vec![Claim::Image { host: Some(host.to_owned()), name: name.to_owned() }]
}

fn of_branch(repository: &str, branch: &str) -> Vec<Claim> {
    vec![Claim::Branch { repository: Some(repository.to_owned()), branch: branch.to_owned() }]
}

const GITHUB_PUSH: &str = r#"{"ref":"refs/heads/main","before":"6113","after":"0000","created":false,"deleted":false,
    "repository":{"id":186853002,"name":"gitops","full_name":"vtr/gitops"},"commits":[],"head_commit":null}"#;

const GITHUB_PACKAGE: &str = r#"{"action":"published","registry_package":{"id":10696,"name":"Graphql-Server",
    "namespace":"VTR","description":"","ecosystem":"CONTAINER","package_type":"CONTAINER",
    "package_version":{"id":1,"version":"sha256:11","package_url":"ghcr.io/vtr/graphql-server:v1.0.1",
    "container_metadata":{"tag":{"name":"v1.0.1","digest":"sha256:11"}}}},"repository":{"full_name":"vtr/app"}}"#;

const HARBOR: &str = r#"{"type":"PUSH_ARTIFACT","occur_at":1586922308,"operator":"admin","event_data":{"resources":[
    {"digest":"sha256:8a9e","tag":"latest","resource_url":"harbor.vtr.cl/test-webhook/debian:latest"}],
    "repository":{"date_created":1586922308,"name":"debian","namespace":"test-webhook",
    "repo_full_name":"test-webhook/debian","repo_type":"private"}}}"#;

const HARBOR_CLOUD_EVENT: &str = r#"{"specversion":"1.0","id":"4b2f","source":"/projects/1/webhook/policies/15",
    "type":"harbor.artifact.pushed","datacontenttype":"application/json","time":"2023-04-03T06:21:42Z",
    "data":{"resources":[{"digest":"sha256:954b","tag":"sha256:954b","resource_url":"harbor.vtr.cl/library/alpine@sha256:954b"}],
    "repository":{"name":"alpine","namespace":"library","repo_full_name":"library/alpine","repo_type":"public"}},
    "operator":"harbor-jobservice"}"#;

const DOCKER_HUB: &str = r#"{"callback_url":"https://registry.hub.docker.com/u/svendowideit/testhook/hook/2141b/",
    "push_data":{"pushed_at":1417566161,"pusher":"trustedbuilder","tag":"latest"},"repository":{"comment_count":0,
    "name":"testhook","namespace":"svendowideit","repo_name":"svendowideit/testhook",
    "repo_url":"https://registry.hub.docker.com/u/svendowideit/testhook/","status":"Active"}}"#;

const QUAY: &str = r#"{"name":"repository","repository":"mynamespace/repository","namespace":"mynamespace",
    "docker_url":"quay.io/mynamespace/repository","homepage":"https://quay.io/repository/mynamespace/repository",
    "updated_tags":["latest"]}"#;

const QUAY_BUILD: &str = r#"{"name":"repository","repository":"mynamespace/repository","docker_url":"quay.io/x/y",
    "build_id":"build_uuid","docker_tags":["latest"]}"#;

const DISTRIBUTION: &str = r#"{"events":[
    {"id":"1","action":"push","target":{"mediaType":"application/octet-stream","repository":"vtr/app","digest":"sha256:a"},
     "request":{"host":"127.0.0.1:5000","method":"PUT"}},
    {"id":"2","timestamp":"2016-03-09T14:44:26.402973972-08:00","action":"push",
     "target":{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":708,"digest":"sha256:fea8","length":708,
     "repository":"vtr/app","url":"http://127.0.0.1:5000/v2/vtr/app/manifests/sha256:fea8","tag":"v1"},
     "request":{"id":"6df2","addr":"127.0.0.1:42961","host":"127.0.0.1:5000","method":"PUT","useragent":"curl"},
     "actor":{},"source":{"addr":"xtal.local:5000","instanceID":"a53d"}},
    {"id":"3","action":"push","target":{"repository":"vtr/app","tag":"v2"},"request":{"host":"127.0.0.1:5000"}},
    {"id":"4","action":"pull","target":{"repository":"vtr/other","tag":"v1"},"request":{"host":"127.0.0.1:5000"}}]}"#;

const GITLAB_PUSH: &str = r#"{"object_kind":"push","event_name":"push","ref":"refs/heads/main","checkout_sha":"da15",
    "project_id":15,"project":{"id":15,"name":"Diaspora","path_with_namespace":"mike/diaspora"},"commits":[]}"#;

const GITEA_PUSH: &str = r#"{"ref":"refs/heads/develop","before":"28e1","after":"bffe","commits":[],
    "repository":{"id":140,"name":"webhooks","full_name":"gitea/webhooks"}}"#;

#[rstest]
#[case::github_push(WebhookSender::GitHub, Some("push"), GITHUB_PUSH, of_branch("vtr/gitops", "main"))]
#[case::github_package(
    WebhookSender::GitHub,
    Some("registry_package"),
    GITHUB_PACKAGE,
    of_image("ghcr.io", "vtr/graphql-server")
)]
#[case::github_review(
    WebhookSender::GitHub, Some("pull_request_review"), r#"{"action":"submitted"}"#, vec![Claim::Everything]
)]
#[case::github_ping(WebhookSender::GitHub, Some("ping"), r#"{"zen":"Design for failure."}"#, Vec::new())]
#[case::github_nothing(WebhookSender::GitHub, None, "{}", Vec::new())]
#[case::gitlab_push(
    WebhookSender::GitLab,
    Some("Push Hook"),
    GITLAB_PUSH,
    of_branch("mike/diaspora", "main")
)]
#[case::gitea_push(WebhookSender::Gitea, Some("push"), GITEA_PUSH, of_branch("gitea/webhooks", "develop"))]
#[case::harbor(WebhookSender::Harbor, None, HARBOR, of_image("harbor.vtr.cl", "test-webhook/debian"))]
#[case::harbor_cloud(
    WebhookSender::Harbor,
    None,
    HARBOR_CLOUD_EVENT,
    of_image("harbor.vtr.cl", "library/alpine")
)]
#[case::harbor_scan(
    WebhookSender::Harbor,
    None,
    r#"{"type":"SCANNING_COMPLETED","event_data":{}}"#,
    Vec::new()
)]
#[case::docker_hub(
    WebhookSender::DockerHub,
    None,
    DOCKER_HUB,
    of_image("docker.io", "svendowideit/testhook")
)]
#[case::quay(WebhookSender::Quay, None, QUAY, of_image("quay.io", "mynamespace/repository"))]
#[case::quay_build(WebhookSender::Quay, None, QUAY_BUILD, Vec::new())]
#[case::distribution(WebhookSender::Distribution, None, DISTRIBUTION, of_image("127.0.0.1:5000", "vtr/app"))]
#[case::generic(
    WebhookSender::Generic,
    None,
    r#"{"image":"ghcr.io/vtr/app:v1"}"#,
    of_image("ghcr.io", "vtr/app")
)]
#[case::generic_digest(
    WebhookSender::Generic,
    None,
    r#"{"images":["127.0.0.1:5000/a/b@sha256:1"]}"#,
    of_image("127.0.0.1:5000", "a/b")
)]
#[case::generic_all(WebhookSender::Generic, None, " \n", vec![Claim::Everything])]
fn payloads(
    #[case] sender: WebhookSender,
    #[case] event: Option<&str>,
    #[case] body: &str,
    #[case] expected: Vec<Claim>,
) {
    assert_eq!(claims(sender, event, body.as_bytes()), Ok(expected));
}

#[test]
fn a_package_of_the_newer_event_is_read_alike() {
    let body = GITHUB_PACKAGE.replace("\"registry_package\"", "\"package\"");
    let claims = claims(WebhookSender::GitHub, Some("package"), body.as_bytes());
    assert_eq!(claims, Ok(of_image("ghcr.io", "vtr/graphql-server")));
    let other = body.replace("CONTAINER", "npm");
    assert_eq!(super::claims(WebhookSender::GitHub, Some("package"), other.as_bytes()), Ok(Vec::new()));
}

#[test]
fn tags_and_other_refs_are_nothing_to_look_at() {
    let body = GITHUB_PUSH.replace("refs/heads/main", "refs/tags/v1");
    assert_eq!(claims(WebhookSender::GitHub, Some("push"), body.as_bytes()), Ok(Vec::new()));
}

#[test]
fn an_invalid_payload_is_malformed() {
    for sender in WebhookSender::ALL {
        let event = match sender {
            WebhookSender::GitLab => Some("Push Hook"),
            _ => Some("push"),
        };
        for body in ["{", "[]", "\"text\"", "{\"events\":{}}", "\u{0}"] {
            assert_eq!(claims(sender, event, body.as_bytes()), Err(Malformed), "{sender:?} {body}");
        }
    }
}

#[test]
fn a_notification_of_many_images_is_cut() {
    let event =
        |at: usize| format!(r#"{{"action":"push","target":{{"repository":"vtr/a{at}","tag":"v1"}}}}"#);
    let events: Vec<String> = (0..1_000).map(event).collect();
    let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
    assert_eq!(claims(WebhookSender::Distribution, None, body.as_bytes()).unwrap().len(), MAX_IMAGES);
}
