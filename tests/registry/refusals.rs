//! Registries that reject, fail, redirect or lie.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;
use tidegate::model::{Class, Digest, Fault};
use tidegate::port::Registry as _;
use tidegate::registry::{Client, HostSettings, Limits, RequestError};
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::emulation::{header, refusal};
use super::{anonymous, image, in_full, quick, tag};
use crate::support::registry::digest_of;

fn host(server: &MockServer) -> String {
    server.address().to_string()
}

async fn always(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

async fn asked(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

fn one_tag() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"name": "vtr/app", "tags": ["v1"]}))
}

#[rstest]
#[case::as_ghcr_says(429, "1.16ms")]
#[case::seconds(429, "0")]
#[case::past_date(503, "Wed, 21 Oct 2015 07:28:00 GMT")]
#[case::nonsense(502, "soon")]
#[tokio::test]
async fn transient_failures_are_retried(#[case] status: u16, #[case] retry_after: &str) {
    let server = MockServer::start().await;
    let stumble = ResponseTemplate::new(status).insert_header("retry-after", retry_after);
    Mock::given(any()).respond_with(stumble).up_to_n_times(2).with_priority(1).mount(&server).await;
    Mock::given(any()).respond_with(one_tag()).mount(&server).await;
    let list = anonymous(&host(&server)).tags(&image(&host(&server), "vtr/app")).await.unwrap();
    assert_eq!(list.tags, [tag("v1")]);
    assert_eq!(asked(&server).await, 3);
}

#[tokio::test]
async fn endless_429s_end_with_the_registrys_explanation() {
    let refusal = refusal(429, "TOOMANYREQUESTS", "You have reached your limit");
    let server = always(refusal.insert_header("retry-after", "1.16ms")).await;
    let error = anonymous(&host(&server)).tags(&image(&host(&server), "vtr/app")).await.unwrap_err();
    let text = in_full(&error);
    let reason = "429 Too Many Requests: TOOMANYREQUESTS, You have reached your limit (4 tries, ";
    assert!(text.contains(reason), "{text}");
    assert_eq!(error.class(), Class::TryAgain);
    assert_eq!(asked(&server).await, 4, "once, and the three retries that are allowed");
}

#[tokio::test]
async fn a_long_pause_is_respected() {
    let server = always(ResponseTemplate::new(429).insert_header("retry-after", "3600")).await;
    let client = anonymous(&host(&server));
    let started = Instant::now();
    let mut texts = std::collections::BTreeSet::new();
    for name in ["vtr/app", "vtr/other", "vtr/third"] {
        let error = client.tags(&image(&host(&server), name)).await.unwrap_err();
        assert_eq!(error.class(), Class::TryAgain, "{}", in_full(&error));
        texts.insert(Fault::from(error).in_one_line());
    }
    let texts: Vec<String> = texts.into_iter().collect();
    let start = format!("{} asks for no requests before 2", host(&server));
    assert!(texts.len() == 1 && texts[0].starts_with(&start) && texts[0].ends_with(" UTC"), "{texts:?}");
    assert_eq!(asked(&server).await, 1);
    assert!(started.elapsed() < Duration::from_secs(5), "no operation waits for a long pause");
}

#[tokio::test]
async fn an_outage_with_retry_after_is_a_pause() {
    let server = always(ResponseTemplate::new(503).insert_header("retry-after", "60")).await;
    let client = anonymous(&host(&server));
    for _ in 0..2 {
        let error = client.tags(&image(&host(&server), "vtr/app")).await.unwrap_err();
        assert!(matches!(error.cause(), Some(RequestError::Paused { .. })), "{}", in_full(&error));
    }
    assert_eq!(asked(&server).await, 1);
}

#[rstest]
#[case::page(200, "text/html", "<html>", "a web page, not a registry API")]
#[case::login(404, "text/html; charset=utf-8", "<html>", "a web page, not a registry API")]
#[case::other_json(200, "application/json", "{}", "is not a list of tags: missing field `tags`")]
#[case::no_json(200, "text/plain", "hello", "is not a list of tags")]
#[case::bad_request(400, "text/plain", "\u{1b}[31mno\u{1b}[0m", "400 Bad Request: \\u{1b}[31mno\\u{1b}[0m")]
#[tokio::test]
async fn a_server_that_is_no_registry_fails_at_once(
    #[case] status: u16,
    #[case] kind: &str,
    #[case] body: &str,
    #[case] wanted: &str,
) {
    let server = always(ResponseTemplate::new(status).set_body_raw(body, kind)).await;
    let error = anonymous(&host(&server)).tags(&image(&host(&server), "vtr/app")).await.unwrap_err();
    let text = in_full(&error);
    assert!(text.contains(wanted), "{text}");
    assert_eq!((error.class(), asked(&server).await), (Class::Failed, 1));
}

#[tokio::test]
async fn a_refused_connection_is_retried_and_reported_in_one_phrase() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let error = anonymous(&address).tags(&image(&address, "vtr/app")).await.unwrap_err();
    let text = in_full(&error);
    let reason = format!("{address}: connection refused (4 tries, ");
    assert!(text.contains(&reason), "{text}");
    assert_eq!(error.class(), Class::TryAgain);
}

#[tokio::test]
async fn a_digest_without_a_header_is_computed() {
    let server = MockServer::start().await;
    let body = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
    Mock::given(method("HEAD")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let response =
        ResponseTemplate::new(200).set_body_raw(body, "application/vnd.oci.image.manifest.v1+json");
    Mock::given(method("GET")).respond_with(response).mount(&server).await;
    let client = anonymous(&host(&server));
    let digest = client.digest(&image(&host(&server), "vtr/app"), &tag("v1")).await.unwrap();
    assert_eq!(digest.as_str(), digest_of(body.as_bytes()));
    let accept = header(&server.received_requests().await.unwrap()[0], "accept").unwrap();
    for kind in
        ["oci.image.index.v1", "oci.image.manifest.v1", "manifest.list.v2", "distribution.manifest.v2"]
    {
        assert!(accept.contains(kind), "{accept}");
    }
}

#[rstest]
#[case::short("sha256:abc")]
#[case::upper("sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
#[case::path("../../../etc/passwd")]
#[tokio::test]
async fn an_invalid_digest_header_is_refused(#[case] said: &str) {
    let server = always(ResponseTemplate::new(200).insert_header("docker-content-digest", said)).await;
    let client = anonymous(&host(&server));
    let error = client.digest(&image(&host(&server), "vtr/app"), &tag("v1")).await.unwrap_err();
    assert!(matches!(error.cause(), Some(RequestError::Malformed { .. })), "{}", in_full(&error));
}

#[tokio::test]
async fn a_manifest_that_does_not_match_its_digest_is_refused() {
    let server = always(ResponseTemplate::new(200).set_body_string(r#"{"config":{},"layers":[]}"#)).await;
    let digest: Digest = digest_of(b"another").parse().unwrap();
    let client = anonymous(&host(&server));
    let error = client.labels(&image(&host(&server), "vtr/app"), &digest).await.unwrap_err();
    assert!(matches!(error.cause(), Some(RequestError::DigestMismatch { .. })), "{}", in_full(&error));
    assert_eq!(error.class(), Class::Refused);
}

/// A registry with a password whose blobs are on another host.
async fn with_storage() -> (MockServer, MockServer, Digest) {
    let (registry, storage) = (MockServer::start().await, MockServer::start().await);
    let config = r#"{"config":{"Labels":{"a":"b"}}}"#;
    let manifest = json!({
        "schemaVersion": 2, "layers": [],
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest_of(config.as_bytes()), "size": config.len(),
        },
    });
    let manifest = manifest.to_string();
    let digest = digest_of(manifest.as_bytes());
    let challenge = ResponseTemplate::new(401).insert_header("www-authenticate", "Basic realm=x");
    let authorised = || wiremock::matchers::header_exists("authorization");
    Mock::given(path(format!("/v2/vtr/app/manifests/{digest}")))
        .and(authorised())
        .respond_with(ResponseTemplate::new(200).set_body_string(manifest))
        .mount(&registry)
        .await;
    let storage_url = format!("http://localhost:{}/blob?signature=hunter2", storage.address().port());
    Mock::given(path(format!("/v2/vtr/app/blobs/{}", digest_of(config.as_bytes()))))
        .and(authorised())
        .respond_with(ResponseTemplate::new(307).insert_header("location", storage_url.as_str()))
        .mount(&registry)
        .await;
    Mock::given(any()).respond_with(challenge).with_priority(10).mount(&registry).await;
    Mock::given(path("/blob"))
        .respond_with(ResponseTemplate::new(200).set_body_string(config))
        .mount(&storage)
        .await;
    (registry, storage, digest.parse().unwrap())
}

fn with_password(server: &MockServer, folder: &tempfile::TempDir) -> Client {
    let file = folder.path().join("password");
    std::fs::write(&file, "s3cret").unwrap();
    let credentials = tidegate::registry::Credentials::Basic {
        username: "bot".to_owned(),
        password: tidegate::registry::SecretSource::File(file),
    };
    super::client(super::local(&host(server), credentials))
}

#[tokio::test]
async fn a_redirect_to_another_host_is_followed_without_the_credentials() {
    let (registry, storage, digest) = with_storage().await;
    let folder = tempfile::tempdir().unwrap();
    let client = with_password(&registry, &folder);
    let labels = client.labels(&image(&host(&registry), "vtr/app"), &digest).await.unwrap();
    assert_eq!(labels["a"], "b");
    let requests = storage.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!(header(&requests[0], "authorization"), None);
}

#[rstest]
#[case::in_a_circle("/v2/vtr/app/tags/list", 6)]
#[case::to_a_file("file:///etc/passwd", 1)]
#[case::with_a_user("http://user:hunter2@127.0.0.1:1/", 1)]
#[tokio::test]
async fn forbidden_redirects_are_refused(#[case] location: &str, #[case] requests: usize) {
    let server = always(ResponseTemplate::new(302).insert_header("location", location)).await;
    let error = anonymous(&host(&server)).tags(&image(&host(&server), "vtr/app")).await.unwrap_err();
    let text = in_full(&error);
    assert!(matches!(error.cause(), Some(RequestError::ForbiddenRedirect { .. })), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!((error.class(), asked(&server).await), (Class::Refused, requests));
}

#[tokio::test]
async fn concurrent_requests_are_limited() {
    let server = always(one_tag().set_delay(Duration::from_millis(50))).await;
    let limits = Limits { max_in_flight: 1, ..quick() };
    let settings = HostSettings { plain_http: true, ..HostSettings::new(host(&server)) };
    let client = Client::new(vec![settings], limits).unwrap();
    let started = Instant::now();
    let (first, second, third) =
        (image(&host(&server), "vtr/a"), image(&host(&server), "vtr/b"), image(&host(&server), "vtr/c"));
    let (a, b, c) = tokio::join!(client.tags(&first), client.tags(&second), client.tags(&third));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert!(started.elapsed() >= Duration::from_millis(150), "one after the other");
}
