//! Against a Helm repository over HTTP, made by the real `helm`.

use std::sync::Arc;
use std::time::Duration;

use tidegate::model::{Artifact, ImageName};
use tidegate::port::Registry as _;
use tidegate::registry::{Client, Credentials, Limits, SecretSource};

use super::{in_full, local, quick, tag};
use crate::support::helm_repository::{HelmRepository, PATH};
use crate::support::registry::{PASSWORD, USER};

/// A client that asks for the index each time, or once.
fn client(repository: &HelmRepository, credentials: Credentials, index_reuse: Duration) -> Client {
    let limits = Limits { index_reuse, ..quick() };
    Client::new(vec![local(&repository.host(), credentials)], limits).unwrap()
}

fn chart(repository: &HelmRepository, name: &str) -> ImageName {
    repository.chart(name).parse().unwrap()
}

#[tokio::test]
async fn versions_and_digests_come_from_one_index_and_an_unchanged_one_is_not_read_again() {
    let repository = HelmRepository::start(false).await;
    let first_digest = repository.publish("app", "1.0.0", "first");
    repository.publish("web", "0.1.0", "another chart");
    let (app, web) = (chart(&repository, "app"), chart(&repository, "web"));
    let client = client(&repository, Credentials::Anonymous, Duration::ZERO);
    let list = client.tags(&app).await.unwrap();
    assert_eq!(list.tags, [tag("1.0.0")]);
    assert_eq!(client.tags(&web).await.unwrap().tags, [tag("0.1.0")]);
    assert!(Arc::ptr_eq(&list, &client.tags(&app).await.unwrap()), "unchanged");
    let digest = client.digest(&app, &tag("1.0.0")).await.unwrap();
    assert_eq!(digest.as_str(), first_digest);
    let kind = Artifact::Other("application/vnd.cncf.helm.config.v1+json".to_owned());
    assert_eq!(client.artifact(&app, &digest).await.unwrap(), kind);
    let labels = client.labels(&app, &digest).await.unwrap();
    assert_eq!(labels["org.opencontainers.image.source"], "https://github.com/vtr/app");
    let index = format!("/{PATH}/index.yaml");
    let conditional: Vec<bool> = repository
        .requests()
        .await
        .into_iter()
        .map(|(path, is)| {
            assert_eq!(path, index);
            is
        })
        .collect();
    assert_eq!(
        conditional,
        [false, true, true, true, true],
        "one request for each question, only the first whole"
    );

    let moved = repository.publish("app", "1.0.0", "the same version, packed anew");
    repository.publish("app", "1.1.0", "second");
    assert_eq!(client.tags(&app).await.unwrap().tags, [tag("1.0.0"), tag("1.1.0")]);
    assert_ne!(moved, first_digest);
    assert_eq!(client.digest(&app, &tag("1.0.0")).await.unwrap().as_str(), moved);
}

#[tokio::test]
async fn one_pass_asks_once_for_all_charts() {
    let repository = HelmRepository::start(false).await;
    repository.publish("app", "1.0.0", "first");
    repository.publish("web", "0.1.0", "another chart");
    let client = client(&repository, Credentials::Anonymous, Duration::from_hours(1));
    let (app, web) = (chart(&repository, "app"), chart(&repository, "web"));
    let (one, other) = tokio::join!(client.tags(&app), client.tags(&web));
    assert_eq!((one.unwrap().tags.len(), other.unwrap().tags.len()), (1, 1));
    client.digest(&app, &tag("1.0.0")).await.unwrap();
    assert_eq!(repository.requests().await.len(), 1);
}

#[tokio::test]
async fn credentials_are_sent_where_the_repository_asks_for_them() {
    let repository = HelmRepository::start(true).await;
    repository.publish("app", "1.0.0", "first");
    let app = chart(&repository, "app");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), PASSWORD).unwrap();
    let password = SecretSource::File(file.path().to_owned());
    let known = Credentials::Basic { username: USER.to_owned(), password };
    let list = client(&repository, known, Duration::ZERO).tags(&app).await.unwrap();
    assert_eq!(list.tags, [tag("1.0.0")]);
    let error = client(&repository, Credentials::Anonymous, Duration::ZERO).tags(&app).await.unwrap_err();
    let text = in_full(&error);
    assert!(
        text.contains("with no credentials returned 401 Unauthorized") && !text.contains(PASSWORD),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_not_in_the_index_is_an_error_that_names_it() {
    let repository = HelmRepository::start(false).await;
    let client = client(&repository, Credentials::Anonymous, Duration::ZERO);
    let app = chart(&repository, "app");
    let index = format!("GET {}/index.yaml", repository.url());
    let error = client.tags(&app).await.unwrap_err();
    assert!(in_full(&error).contains(&format!("{index} returned 404 Not Found")), "{}", in_full(&error));
    for (text, expected) in [
        ("entries: {web: []}", "the index has no chart `app`"),
        ("<html>", "is not the index of a Helm repository"),
        ("a: &a [*a]", "is not the index of a Helm repository"),
    ] {
        repository.write_index(text);
        let error = client.tags(&app).await.unwrap_err();
        assert!(in_full(&error).contains(expected), "{}", in_full(&error));
    }
    repository.write_index("entries: {app: [{version: 1.0.0}]}");
    for (version, expected) in [
        ("2.0.0", "the index has no such version"),
        ("1.0.0", "is not an index with a digest for this version"),
    ] {
        let error = client.digest(&app, &tag(version)).await.unwrap_err();
        assert!(in_full(&error).contains(expected), "{}", in_full(&error));
    }
}

#[tokio::test]
async fn an_index_without_an_end_is_refused() {
    let repository = HelmRepository::start(false).await;
    repository.write_index(&format!("entries: {{}} # {}", "x".repeat(51 << 20)));
    let client = client(&repository, Credentials::Anonymous, Duration::ZERO);
    let error = client.tags(&chart(&repository, "app")).await.unwrap_err();
    assert!(in_full(&error).contains("is larger than 52428800 bytes"), "{}", in_full(&error));
}
