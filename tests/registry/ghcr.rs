//! Tokens against the ghcr.io emulation: who receives credentials, how often tokens are fetched, and rejections.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tidegate::model::Class;
use tidegate::port::Registry as _;
use tidegate::registry::{
    Authentication, Client, Credentials, HostSettings, RegistryError, RequestError, SecretSource,
};
use tokio::task::JoinSet;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::emulation::{Ghcr, Issue, header};
use super::{client, in_full, local, tag};

/// The registry's settings, with its token server allowed.
fn settings(ghcr: &Ghcr, credentials: Credentials) -> HostSettings {
    HostSettings { token_realm_hosts: vec!["localhost".to_owned()], ..local(&ghcr.host(), credentials) }
}

fn anonymous(ghcr: &Ghcr) -> Client {
    client(settings(ghcr, Credentials::Anonymous))
}

/// Credentials, and the folder that their password is in.
fn with_password(password: &str) -> (tempfile::TempDir, Credentials) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, password).unwrap();
    (folder, Credentials::Basic { username: "bot".to_owned(), password: SecretSource::File(file) })
}

#[tokio::test]
async fn an_unchanged_image_costs_one_request_while_the_token_is_valid() {
    let ghcr = Ghcr::start().await;
    let client = anonymous(&ghcr);
    let names: Vec<String> = (0..20).map(|number| format!("vtr/app-{number}")).collect();
    for name in &names {
        ghcr.has_tags(name, &["v1.0.0", "v1.0.1"]);
    }
    let mut before = Vec::new();
    for name in &names {
        before.push(client.tags(&ghcr.image(name)).await.unwrap());
    }
    assert_eq!(ghcr.take_asked().len(), names.len() + 1, "the challenge is learnt once, not for every image");
    assert_eq!(ghcr.take_asked_for_tokens().len(), names.len(), "a token an image");
    for (name, before) in names.iter().zip(&before) {
        assert!(Arc::ptr_eq(before, &client.tags(&ghcr.image(name)).await.unwrap()));
    }
    assert_eq!(ghcr.take_asked().len(), names.len());
    assert!(ghcr.take_asked_for_tokens().is_empty());
}

#[tokio::test]
async fn tidegate_builds_the_scope_and_sends_credentials_to_the_realm_alone() {
    let ghcr = Ghcr::start().await;
    ghcr.has_tags("vtr/app", &["v1"]);
    let (_folder, credentials) = with_password("hunter2");
    client(settings(&ghcr, credentials)).tags(&ghcr.image("vtr/app")).await.unwrap();
    let token_request = &ghcr.take_asked_for_tokens()[0];
    assert_eq!(token_request.url.query(), Some("service=ghcr.io&scope=repository%3Avtr%2Fapp%3Apull"));
    let basic = format!("Basic {}", BASE64_STANDARD.encode("bot:hunter2"));
    assert_eq!(header(token_request, "authorization"), Some(basic));
    let sent: Vec<_> = ghcr.take_asked().iter().map(|request| header(request, "authorization")).collect();
    assert_eq!(sent, [None, Some("Bearer token-0".to_owned())]);
}

#[tokio::test]
async fn an_untrusted_realm_receives_nothing() {
    let ghcr = Ghcr::start().await;
    ghcr.has_tags("vtr/app", &["v1"]);
    let (_folder, credentials) = with_password("hunter2");
    let error = client(local(&ghcr.host(), credentials)).tags(&ghcr.image("vtr/app")).await.unwrap_err();
    assert!(matches!(error.cause(), Some(RequestError::UntrustedRealm { .. })), "{}", in_full(&error));
    assert_eq!(error.class(), Class::Refused);
    assert!(ghcr.take_asked_for_tokens().is_empty());
}

#[tokio::test]
async fn concurrent_requests_fetch_one_token() {
    let ghcr = Ghcr::start().await;
    let client = anonymous(&ghcr);
    for number in 0..50 {
        let response = ResponseTemplate::new(200)
            .insert_header("docker-content-digest", format!("sha256:{}", "a".repeat(64)).as_str());
        ghcr.responses("vtr/app", &format!("manifests/v{number}"), response);
    }
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let (client, image) = (client.clone(), ghcr.image("vtr/app"));
        tasks.spawn(async move { client.digest(&image, &tag(&format!("v{number}"))).await });
    }
    for outcome in tasks.join_all().await {
        outcome.unwrap();
    }
    assert_eq!(ghcr.take_asked_for_tokens().len(), 1);
}

#[tokio::test]
async fn expired_and_revoked_tokens_are_renewed() {
    let ghcr = Ghcr::start().await;
    ghcr.has_tags("vtr/app", &["v1"]);
    let (client, app) = (anonymous(&ghcr), ghcr.image("vtr/app"));
    ghcr.issues(Issue::Lasting { seconds: 0 });
    client.tags(&app).await.unwrap();
    client.tags(&app).await.unwrap();
    assert_eq!(ghcr.take_asked_for_tokens().len(), 2, "expired at once");

    ghcr.issues(Issue::Lasting { seconds: 300 });
    client.tags(&app).await.unwrap();
    ghcr.take_asked();
    ghcr.revoke_tokens();
    client.tags(&app).await.unwrap();
    assert_eq!(ghcr.take_asked().len(), 2, "refused, then let in");
    assert_eq!(ghcr.take_asked_for_tokens().len(), 2);
}

#[tokio::test]
async fn a_rejected_fresh_token_is_not_fetched_again() {
    let ghcr = Ghcr::start().await;
    ghcr.responses("vtr/app", "tags/list", ResponseTemplate::new(401));
    let error = anonymous(&ghcr).tags(&ghcr.image("vtr/app")).await.unwrap_err();
    assert!(matches!(error.cause(), Some(RequestError::Denied { .. })), "{}", in_full(&error));
    assert_eq!(ghcr.take_asked_for_tokens().len(), 1);
}

#[tokio::test]
async fn a_private_package_is_reported_with_the_registrys_explanation() {
    let ghcr = Ghcr::start().await;
    ghcr.issues(Issue::Denied);
    let (_folder, credentials) = with_password("hunter2");
    let error = client(settings(&ghcr, credentials)).tags(&ghcr.image("vtr/app")).await.unwrap_err();
    let text = in_full(&error);
    assert!(
        text.contains(" with user bot (password in ") && text.contains(" returned 403 Forbidden"),
        "{text}"
    );
    assert!(text.ends_with(": DENIED, requested access to the resource is denied"), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("scope="), "{text}");
    assert_eq!(ghcr.take_asked_for_tokens().len(), 1, "a refusal is not asked for again");
}

#[tokio::test]
async fn a_missing_token_server_is_no_missing_image() {
    let (registry, realm) = (MockServer::start().await, MockServer::start().await);
    let challenge = format!(r#"Bearer realm="{}/token""#, realm.uri());
    let response = ResponseTemplate::new(401).insert_header("www-authenticate", challenge.as_str());
    Mock::given(any()).respond_with(response).mount(&registry).await;
    let host = registry.address().to_string();
    let error = super::anonymous(&host).tags(&super::image(&host, "vtr/app")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Failed { .. }), "{}", in_full(&error));
}

#[tokio::test]
async fn an_identity_token_is_exchanged_by_a_form() {
    let ghcr = Ghcr::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let entry = r#"{"auth":"MDA6","identitytoken":"it"}"#;
    std::fs::write(&file, format!(r#"{{"auths":{{"{}":{entry}}}}}"#, ghcr.host())).unwrap();
    ghcr.issues(Issue::Denied);
    let client = client(settings(&ghcr, Credentials::DockerConfig(file)));
    client.tags(&ghcr.image("vtr/app")).await.unwrap_err();
    let request = &ghcr.take_asked_for_tokens()[0];
    assert_eq!((request.method.as_str(), request.url.query()), ("POST", None));
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        "grant_type=refresh_token&service=ghcr.io&client_id=tidegate&scope=repository%3Avtr%2Fapp%3Apull\
         &refresh_token=it"
    );
}

#[tokio::test]
async fn a_check_reports_the_realm() {
    let ghcr = Ghcr::start().await;
    let client = anonymous(&ghcr);
    let report = client.check(&ghcr.host()).await.unwrap();
    let Authentication::Bearer { realm } = report.authentication else { panic!("no realm") };
    assert!(realm.starts_with("http://localhost:") && realm.ends_with("/token"), "{realm}");
    assert!(report.is_admitted);

    ghcr.revoke_tokens();
    ghcr.issues(Issue::Denied);
    assert!(
        !client.check(&ghcr.host()).await.unwrap().is_admitted,
        "nobody is let in, but the registry is there"
    );
}

#[tokio::test]
async fn a_mirrors_path_precedes_repository_and_scope() {
    let ghcr = Ghcr::start().await;
    ghcr.has_tags("dockerhub/library/nginx", &["1.27.0"]);
    let endpoint = Some(format!("http://{}/dockerhub", ghcr.host()));
    let mirror =
        HostSettings { host: "docker.io".to_owned(), endpoint, ..settings(&ghcr, Credentials::Anonymous) };
    let list = client(mirror).tags(&"nginx".parse().unwrap()).await.unwrap();
    assert_eq!(list.tags, [tag("1.27.0")]);
    let query = ghcr.take_asked_for_tokens()[0].url.query().unwrap().to_owned();
    assert!(query.ends_with("scope=repository%3Adockerhub%2Flibrary%2Fnginx%3Apull"), "{query}");
}
