//! Logging in as a GitHub App, against an emulation of the part of the API that this takes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod compare;
mod deployments;
mod described;
mod releases;
mod requests;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tidegate::forge::{Api, ApiSettings, App};
use tidegate::model::{Class, Fault, Timestamp};
use tokio::runtime::Handle;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::described::watch::Watch;
use crate::support::described::{Answer, example};
use crate::support::sshd::make_key;

/// 2026-11-24 12:00:00 UTC.
const NOON: i64 = 1_795_521_600;

/// A private key as GitHub hands it out, and the public one.
pub(crate) fn app_key(folder: &Path) -> PathBuf {
    let key = folder.join("app.pem");
    make_key(&key, "rsa", "");
    let rewritten = Command::new("ssh-keygen")
        .args(["-p", "-q", "-N", "", "-m", "PEM", "-f"])
        .arg(&key)
        .output()
        .unwrap();
    assert!(rewritten.status.success(), "{}", String::from_utf8_lossy(&rewritten.stderr));
    assert!(std::fs::read_to_string(&key).unwrap().starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    key
}

/// Answers with a token that ends then, as GitHub describes it.
pub(crate) async fn mints(server: &MockServer, token: &str, ends_at: Timestamp) {
    let mut minted = example(
        "POST /app/installations/{installation_id}/access_tokens",
        "vtr/gitops",
        json!({"token": token, "expires_at": ends_at, "permissions": {"contents": "write"}}),
    );
    // Of all that the app is installed for.
    minted.as_object_mut().unwrap().remove("repositories");
    // A deviation is answered with a refusal, which no caller of this expects.
    let witness = Watch::default().witness();
    Mock::given(method("POST"))
        .and(path("/app/installations/2/access_tokens"))
        .and(header("x-github-api-version", "2022-11-28"))
        .respond_with(move |request: &Request| {
            witness.responded(request, || Ok(Answer::of(201, minted.clone())))
        })
        .mount(server)
        .await;
}

fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn app(server: &MockServer, key: PathBuf, now: fn() -> Timestamp) -> App {
    let settings = ApiSettings { url: server.uri(), ca_file: None, proxy: None };
    App::new(Api::new(&settings).unwrap(), 1, 2, key, Handle::current(), now)
}

/// Asks where it may block.
async fn token(app: &std::sync::Arc<App>) -> Result<String, Fault> {
    let app = std::sync::Arc::clone(app);
    tokio::task::spawn_blocking(move || app.token().map(|token| token.expose_secret().to_owned()))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_token_is_minted_once_and_renewed_before_it_ends() {
    static NOW: AtomicI64 = AtomicI64::new(NOON);
    let folder = tempfile::tempdir().unwrap();
    let server = MockServer::start().await;
    let app = std::sync::Arc::new(app(&server, app_key(folder.path()), || at(NOW.load(Ordering::Relaxed))));
    mints(&server, "ghs_first", at(NOON + 3600)).await;
    for _ in 0..3 {
        assert_eq!(token(&app).await.unwrap(), "ghs_first");
    }
    assert_eq!(app.ends_at(), Some(at(NOON + 3600)));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);

    // GitHub is away: what is good for two minutes more is used, and then no more.
    server.reset().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(502)).mount(&server).await;
    NOW.store(NOON + 3480, Ordering::Relaxed);
    assert_eq!(token(&app).await.unwrap(), "ghs_first");
    NOW.store(NOON + 3600, Ordering::Relaxed);
    assert_eq!(token(&app).await.unwrap_err().class(), Class::TryAgain);

    server.reset().await;
    mints(&server, "ghs_second", at(NOON + 7200)).await;
    assert_eq!(token(&app).await.unwrap(), "ghs_second");
}

#[tokio::test]
async fn the_app_token_is_verified_by_the_public_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = app_key(folder.path());
    let server = MockServer::start().await;
    mints(&server, "ghs_first", at(NOON + 3600)).await;
    let app = std::sync::Arc::new(app(&server, key.clone(), || at(NOON)));
    token(&app).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let bearer = requests[0].headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    let (signed, signature) = bearer.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    assert_eq!(read(header), json!({"alg": "RS256", "typ": "JWT"}));
    assert_eq!(read(claims), json!({"iss": "1", "iat": NOON - 60, "exp": NOON + 540}));

    let public = Command::new("ssh-keygen").args(["-e", "-m", "PKCS8", "-f"]).arg(&key).output().unwrap();
    let public = SubjectPublicKeyInfoDer::from_pem_slice(&public.stdout).unwrap();
    // The key itself, behind 24 bytes that say that it is one of RSA.
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public[24..]);
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
}

#[tokio::test]
async fn a_refusal_of_github_is_reported_without_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = app_key(folder.path());
    let server = MockServer::start().await;
    let message = json!({"message": "A JSON web token could not be decoded"});
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(401).set_body_json(message))
        .mount(&server)
        .await;
    let fault = token(&std::sync::Arc::new(app(&server, key, || at(NOON)))).await.unwrap_err();
    assert_eq!(fault.class(), Class::Failed);
    let line = fault.in_one_line();
    assert!(line.starts_with("cannot get a token for installation 2 of GitHub App 1: cannot ask "), "{line}");
    assert!(line.ends_with("401 Unauthorized: A JSON web token could not be decoded"), "{line}");
    assert!(!line.contains("Bearer"), "{line}");

    let garbage = folder.path().join("garbage");
    std::fs::write(&garbage, "no key").unwrap();
    for (file, reason) in [(garbage, "it is not PEM"), (folder.path().join("missing"), "it cannot be read")] {
        let fault = token(&std::sync::Arc::new(app(&server, file, || at(NOON)))).await.unwrap_err();
        assert!(fault.to_string().ends_with(reason), "{fault}");
    }
}

#[tokio::test]
async fn when_a_token_ends_is_read_off_the_answer() {
    let server = MockServer::start().await;
    let watch = Watch::default();
    let witness = watch.witness();
    Mock::given(method("GET"))
        .and(path("/rate_limit"))
        .and(header("authorization", "Bearer github_pat_x"))
        .respond_with(move |request: &Request| {
            let answer = Answer::of(200, example("GET /rate_limit", "vtr/gitops", json!({})));
            let ends = "2026-12-01 10:00:00 UTC".to_owned();
            witness.responded(request, || Ok(answer.with("github-authentication-token-expiration", ends)))
        })
        .mount(&server)
        .await;
    let settings = ApiSettings { url: server.uri(), ca_file: None, proxy: None };
    let ends = Api::new(&settings).unwrap().token_ends(&"github_pat_x".into()).await.unwrap();
    assert_eq!(ends.unwrap().to_rfc3339(), "2026-12-01T10:00:00+00:00");
}
