//! The token servers of registries: Docker's token specification, and its OAuth form for identity tokens.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use super::Grant;
use super::challenge::Bearer;
use super::credentials::Resolved;
use crate::registry::error::Problem;
use crate::registry::operation::Budget;
use crate::registry::verdict::judge;
use crate::registry::wire::{Request, Wire};

/// The largest answer of a token server. Tokens of some hundred groups reach tens of kilobytes.
const MOST_BYTES: usize = 1024 * 1024;

/// How long a token lasts whose server does not say: Docker's token specification.
const DEFAULT_LIFE_SECONDS: f64 = 60.0;

/// The longest life that is believed.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// How long before its end a token is no longer used, at most.
const MARGIN: Duration = Duration::from_secs(10);

/// Not `Debug`: these are secrets.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<f64>,
}

/// Fetches a token for `scope`, which may be empty.
pub(super) async fn fetch(
    bearer: &Bearer,
    scope: &str,
    credentials: &Resolved,
    wire: &Wire,
    budget: &mut Budget,
) -> Result<Grant, Problem> {
    let request = match credentials.identity_token() {
        Some(identity) => oauth_request(bearer, scope, identity),
        None => token_request(bearer, scope),
    };
    let asked_at = Instant::now();
    let authorization = credentials.basic_header();
    let answer = wire.exchange(&request, authorization.as_ref(), budget).await?;
    let answer = judge(&request, answer, &credentials.asker).map_err(not_about_the_image)?;
    let header = bearer_header(&answer.body);
    let (mut header, life) = header.ok_or(Problem::Malformed {
        at: request.at(),
        wanted: "a token",
        // The parser's error would quote what it could not read, which may be the token.
        source: None,
    })?;
    header.set_sensitive(true);
    Ok(Grant { header, asker: Arc::clone(&credentials.asker), expires_at: asked_at + life })
}

fn token_request(bearer: &Bearer, scope: &str) -> Request {
    let mut url = bearer.realm.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = &bearer.service {
            query.append_pair("service", service);
        }
        if !scope.is_empty() {
            query.append_pair("scope", scope);
        }
    }
    Request { follow: false, ..Request::get(url, MOST_BYTES) }
}

fn oauth_request(bearer: &Bearer, scope: &str, identity: &SecretString) -> Request {
    let mut form = Url::clone(&bearer.realm);
    form.query_pairs_mut()
        .clear()
        .append_pair("grant_type", "refresh_token")
        .append_pair("service", bearer.service.as_deref().unwrap_or_default())
        .append_pair("client_id", "tidegate")
        .append_pair("scope", scope)
        .append_pair("refresh_token", identity.expose_secret());
    Request {
        method: Method::POST,
        form: form.query().map(SecretString::from),
        follow: false,
        ..Request::get(bearer.realm.clone(), MOST_BYTES)
    }
}

fn bearer_header(body: &[u8]) -> Option<(HeaderValue, Duration)> {
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    let is_there = |token: &String| !token.is_empty();
    let token = answer.token.filter(is_there).or(answer.access_token.filter(is_there))?;
    let header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    Some((header, usable_life(answer.expires_in)))
}

/// How long a token is used that lasts `expires_in` seconds: a fifth less, so that it does not expire on the way.
fn usable_life(expires_in: Option<f64>) -> Duration {
    let seconds = expires_in.unwrap_or(DEFAULT_LIFE_SECONDS).max(0.0);
    let life = Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_LIFE).min(LONGEST_LIFE);
    life.saturating_sub((life / 5).min(MARGIN))
}

/// A token server that is not found says nothing about the image.
fn not_about_the_image(problem: Problem) -> Problem {
    match problem {
        Problem::NotFound { at, said, .. } => {
            Problem::UnexpectedStatus { at, status: reqwest::StatusCode::NOT_FOUND, said }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn bearer(realm: &str) -> Bearer {
        let realm = realm.parse().unwrap();
        Bearer { realm, service: Some("ghcr.io".to_owned()), at: String::new() }
    }

    #[rstest]
    #[case::stated(Some(300.0), 290)]
    #[case::default(None, 50)]
    #[case::short(Some(10.0), 8)]
    #[case::none(Some(0.0), 0)]
    #[case::negative(Some(-5.0), 0)]
    #[case::endless(Some(1e300), 86_390)]
    fn lives(#[case] expires_in: Option<f64>, #[case] seconds: u64) {
        assert_eq!(usable_life(expires_in), Duration::from_secs(seconds));
    }

    #[rstest]
    #[case::token(r#"{"token":"a","access_token":"b"}"#, Some("Bearer a"))]
    #[case::access_token(r#"{"access_token":"b","issued_at":"x"}"#, Some("Bearer b"))]
    #[case::empty_token(r#"{"token":"","access_token":"b"}"#, Some("Bearer b"))]
    #[case::neither("{}", None)]
    #[case::no_header(r#"{"token":"a\nb"}"#, None)]
    #[case::no_json("token", None)]
    fn answers(#[case] body: &str, #[case] header: Option<&str>) {
        let found = bearer_header(body.as_bytes());
        assert_eq!(found.as_ref().map(|(value, _)| value.to_str().unwrap()), header);
    }

    #[test]
    fn the_scope_is_our_own_and_the_realms_query_stays() {
        let request = token_request(&bearer("https://ghcr.io/token?tenant=1"), "repository:vtr/app:pull");
        assert_eq!(
            request.url.as_str(),
            "https://ghcr.io/token?tenant=1&service=ghcr.io&scope=repository%3Avtr%2Fapp%3Apull"
        );
        assert!(!request.follow, "credentials go to the realm and nowhere else");
    }

    #[test]
    fn an_identity_token_goes_in_the_body_only() {
        let identity = SecretString::from("s3cret&more");
        let request = oauth_request(&bearer("https://ghcr.io/token"), "repository:vtr/app:pull", &identity);
        assert_eq!(request.url.as_str(), "https://ghcr.io/token");
        let form = request.form.as_ref().unwrap().expose_secret();
        assert!(form.ends_with("&refresh_token=s3cret%26more"), "{form}");
        assert!(!format!("{request:?}").contains("s3cret"));
    }
}
