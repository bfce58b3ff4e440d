//! Flux Receivers: signed as notification-controller checks it, and no harm when one is gone.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use ring::hmac;
use tidegate::notify::{FluxReceiver, HttpClient};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::outbox::secret;

fn receiver(url: &str, token: Option<&str>) -> FluxReceiver {
    let client = HttpClient::new().unwrap();
    FluxReceiver::new("prod".to_owned(), client, secret(url), token.map(secret))
}

#[tokio::test]
async fn a_receiver_of_generic_hmac_gets_a_signature_over_the_body() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    receiver(&format!("{}/hook/0123", server.uri()), Some("s3cret")).try_call("abc").await.unwrap();
    let request = server.received_requests().await.unwrap().remove(0);
    assert_eq!((request.method.as_str(), request.url.path()), ("POST", "/hook/0123"));
    // As github.ValidateSignature of go-github, which notification-controller calls, reads it.
    let signature = request.headers.get("X-Signature").unwrap().to_str().unwrap();
    let (algorithm, hex) = signature.split_once('=').unwrap();
    assert_eq!(algorithm, "sha256");
    let mac: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret");
    hmac::verify(&key, &request.body, &mac).unwrap();
}

#[tokio::test]
async fn a_generic_receiver_gets_no_signature() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    receiver(&server.uri(), None).try_call("abc").await.unwrap();
    let request = server.received_requests().await.unwrap().remove(0);
    assert!(request.headers.get("X-Signature").is_none());
}

#[tokio::test]
async fn a_missing_receiver_is_reported_without_its_url() {
    let error = receiver("http://127.0.0.1:1/hook/verysecret", None).try_call("abc").await.unwrap_err();
    assert!(!error.reason().contains("verysecret"), "{}", error.reason());
}
