//! Delivery over HTTP: in order, retried, given up, signed, and without a word of the URL.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::Utc;
use ring::hmac;
use serde_json::Value;
use tidegate::metrics::DeliveryResult;
use tidegate::notify::{
    ChannelSettings, HttpClient, Message, Parcel, Post, PostForm, Sender as _, Undelivered, Wording, deliver,
    samples,
};
use tidegate::store::Store;
use tokio::sync::Notify;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::outbox::{StoreOutbox, change, message, open, secret, webhook};

/// Runs a channel until its outbox is empty.
async fn drain(store: &Arc<Store>, channel: ChannelSettings) {
    let name = channel.name.clone();
    let task = tokio::spawn(deliver(Arc::new(StoreOutbox(Arc::clone(store))), channel, Arc::default()));
    let began = Instant::now();
    while store.next_message_due(&name).await.unwrap().is_some() {
        assert!(began.elapsed() < Duration::from_mins(1), "the outbox of {name} is not empty");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    task.abort();
}

async fn tags(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let body = |request: &wiremock::Request| serde_json::from_slice::<Value>(&request.body).unwrap();
    requests.iter().map(|request| body(request)["events"][0]["to"].as_str().unwrap().to_owned()).collect()
}

async fn respond(server: &MockServer, template: ResponseTemplate, times: u64) {
    Mock::given(any()).respond_with(template).up_to_n_times(times).mount(server).await;
}

#[tokio::test]
async fn messages_arrive_in_order_though_the_first_is_refused_for_a_while() {
    let (folder, server) = (tempfile::tempdir().unwrap(), MockServer::start().await);
    respond(&server, ResponseTemplate::new(503).insert_header("retry-after", "0"), 2).await;
    respond(&server, ResponseTemplate::new(204), 100).await;
    let store = open(&folder.path().join("t.db")).await;
    let now = Utc::now();
    store
        .save_notifications(&change((1..=3).map(|number| message("a", number, now)).collect()), now)
        .await
        .unwrap();
    let channel = webhook("a", &server.uri());
    let count = channel.deliveries.clone();
    drain(&store, channel).await;
    assert_eq!(tags(&server).await, ["v1", "v1", "v1", "v2", "v3"]);
    assert_eq!((count.of(DeliveryResult::Delivered), count.of(DeliveryResult::Failed)), (3, 2));
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let (folder, server) = (tempfile::tempdir().unwrap(), MockServer::start().await);
    respond(&server, ResponseTemplate::new(429).insert_header("retry-after", "1"), 1).await;
    respond(&server, ResponseTemplate::new(200), 100).await;
    let store = open(&folder.path().join("t.db")).await;
    let now = Utc::now();
    store.save_notifications(&change(vec![message("a", 1, now)]), now).await.unwrap();
    let began = Instant::now();
    drain(&store, webhook("a", &server.uri())).await;
    // The usual first pause is longer.
    assert!((1_000..1_900).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_message_that_is_refused_for_good_does_not_hold_up_the_next() {
    let (folder, server) = (tempfile::tempdir().unwrap(), MockServer::start().await);
    respond(&server, ResponseTemplate::new(400).set_body_string("invalid_blocks"), 3).await;
    respond(&server, ResponseTemplate::new(200), 100).await;
    let store = open(&folder.path().join("t.db")).await;
    let now = Utc::now();
    store
        .save_notifications(&change((1..=2).map(|number| message("a", number, now)).collect()), now)
        .await
        .unwrap();
    let channel = webhook("a", &server.uri());
    let count = channel.deliveries.clone();
    drain(&store, channel).await;
    assert_eq!(tags(&server).await, ["v1", "v1", "v1", "v2"]);
    assert_eq!(count.of(DeliveryResult::GivenUp), 1);
}

#[tokio::test]
async fn an_old_message_is_given_up_and_a_new_one_is_not() {
    let (folder, server) = (tempfile::tempdir().unwrap(), MockServer::start().await);
    respond(&server, ResponseTemplate::new(500).insert_header("retry-after", "0"), 1).await;
    respond(&server, ResponseTemplate::new(200), 100).await;
    let store = open(&folder.path().join("t.db")).await;
    let now = Utc::now();
    let old = now - chrono::TimeDelta::hours(2);
    store.save_notifications(&change(vec![message("a", 1, old)]), old).await.unwrap();
    store.save_notifications(&change(vec![message("a", 2, now)]), now).await.unwrap();
    drain(&store, webhook("a", &server.uri())).await;
    assert_eq!(tags(&server).await, ["v1", "v2"]);
}

#[tokio::test]
async fn a_digest_is_one_message_of_all() {
    let (folder, server) = (tempfile::tempdir().unwrap(), MockServer::start().await);
    respond(&server, ResponseTemplate::new(200), 100).await;
    let store = open(&folder.path().join("t.db")).await;
    let now = Utc::now();
    store
        .save_notifications(&change((1..=5).map(|number| message("a", number, now)).collect()), now)
        .await
        .unwrap();
    drain(&store, ChannelSettings { is_digest: true, ..webhook("a", &server.uri()) }).await;
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!((body["events"].as_array().unwrap().len(), &body["id"]), (5, &"id-5".into()));
}

#[tokio::test]
async fn a_silent_channel_does_not_hold_up_another() {
    let (folder, slow, fast) =
        (tempfile::tempdir().unwrap(), MockServer::start().await, MockServer::start().await);
    respond(&slow, ResponseTemplate::new(200).set_delay(Duration::from_mins(1)), 100).await;
    respond(&fast, ResponseTemplate::new(200), 100).await;
    let store = open(&folder.path().join("t.db")).await;
    let now = Utc::now();
    store
        .save_notifications(&change(vec![message("slow", 1, now), message("fast", 2, now)]), now)
        .await
        .unwrap();
    let outbox = Arc::new(StoreOutbox(Arc::clone(&store)));
    let stuck = tokio::spawn(deliver(outbox, webhook("slow", &slow.uri()), Arc::new(Notify::new())));
    drain(&store, webhook("fast", &fast.uri())).await;
    assert_eq!(tags(&fast).await, ["v2"]);
    stuck.abort();
}

#[tokio::test]
async fn a_request_is_signed_over_id_time_and_body() {
    let (folder, server) = (tempfile::tempdir().unwrap(), MockServer::start().await);
    respond(&server, ResponseTemplate::new(200), 100).await;
    let store = open(&folder.path().join("t.db")).await;
    let now = Utc::now();
    store.save_notifications(&change(vec![message("a", 7, now)]), now).await.unwrap();
    drain(&store, webhook("a", &server.uri())).await;
    let request = server.received_requests().await.unwrap().remove(0);
    let header = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    assert_eq!(id, "id-7");
    assert!((Utc::now().timestamp() - timestamp.parse::<i64>().unwrap()).abs() < 60);
    let key = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = [format!("{id}.{timestamp}.").as_bytes(), &request.body].concat();
    let signature = header("webhook-signature");
    let signature = BASE64_STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
    hmac::verify(&key, &signed, &signature).unwrap();
    // What the other side checks must depend on each part.
    assert!(hmac::verify(&key, &signed[1..], &signature).is_err());
}

fn parcel() -> Parcel {
    let event = samples(Utc::now()).remove(0);
    let (message, _) = Message::of(&event, &Wording::default());
    Parcel { id: "id".to_owned(), events: vec![event], message }
}

async fn send(url: &str) -> Result<String, Undelivered> {
    let post = Post::new(HttpClient::new().unwrap(), secret(url), PostForm::Slack);
    post.send(&parcel()).await.map(|accepted| accepted.answer)
}

#[tokio::test]
async fn the_response_is_reported_and_the_url_never() {
    let server = MockServer::start().await;
    respond(&server, ResponseTemplate::new(200).set_body_string("ok\n"), 1).await;
    let url = format!("{}/services/T0/B0/verysecret", server.uri());
    assert_eq!(send(&url).await.unwrap(), "200 OK: ok");
    let redirect = ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/elsewhere");
    respond(&server, redirect, 1).await;
    assert_eq!(send(&url).await.unwrap_err().reason(), "302 Found");
    respond(&server, ResponseTemplate::new(404).set_body_string("no_service\u{1b}[31m"), 1).await;
    assert_eq!(send(&url).await.unwrap_err().reason(), "404 Not Found: no_service\\u{1b}[31m");
    for url in [
        "http://127.0.0.1:1/services/verysecret",
        "https://verysecret.invalid/services/verysecret",
        "http://example.com/services/verysecret",
        "verysecret",
        "ftp://verysecret",
    ] {
        let error = send(url).await.unwrap_err();
        assert!(matches!(error, Undelivered::Later { .. }));
        assert!(!error.reason().contains("services"), "{}", error.reason());
        assert!(!format!("{error:?}").contains("/verysecret"), "{error:?}");
    }
}
