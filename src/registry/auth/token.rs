//! Token servers: Docker's token specification, and its OAuth form for identity tokens.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use super::Authorization;
use super::cache::ResolvedCredential;
use super::challenge::Bearer;
use crate::model::Secrets;
use crate::registry::error::RequestError;
use crate::registry::operation::Budget;
use crate::registry::status::check_status;
use crate::registry::transport::{Request, Transport};

/// Tokens with hundreds of groups reach tens of kilobytes.
const MAX_BYTES: usize = 1024 * 1024;

/// The lifetime by Docker's token specification, when the server states none.
const DEFAULT_LIFE_SECONDS: f64 = 60.0;

/// Caps the stated lifetime.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// Stops using a token this long before its end, at most.
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
    credentials: &ResolvedCredential,
    transport: &Transport,
    budget: &mut Budget,
) -> Result<Authorization, RequestError> {
    let request = match credentials.identity_token() {
        Some(identity) => oauth_request(bearer, scope, identity),
        None => token_request(bearer, scope),
    };
    let asked_at = Instant::now();
    let authorization = credentials.basic_header();
    let response = transport.exchange(&request, authorization.as_ref(), budget).await?;
    let response = check_status(&request, response, &credentials.identity).map_err(not_about_the_image)?;
    let header = bearer_header(&response.body);
    let (mut header, life) = header.ok_or(RequestError::Malformed {
        request: request.describe(),
        expected: "a token",
        // No source: the parser's error would quote the token.
        source: None,
    })?;
    header.set_sensitive(true);
    Ok(Authorization { header, identity: Arc::clone(&credentials.identity), expires_at: asked_at + life })
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
    Request { follow: false, ..Request::get(url, MAX_BYTES) }
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
        ..Request::get(bearer.realm.clone(), MAX_BYTES)
    }
}

fn bearer_header(body: &[u8]) -> Option<(HeaderValue, Duration)> {
    let response: TokenAnswer = serde_json::from_slice(body).ok()?;
    let is_there = |token: &String| !token.is_empty();
    let token = response.token.filter(is_there).or(response.access_token.filter(is_there))?;
    Secrets::learn_token(&token);
    let header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    Some((header, usable_life(response.expires_in)))
}

/// The lifetime with a margin of a fifth, so that a token does not expire on the way.
fn usable_life(expires_in: Option<f64>) -> Duration {
    let seconds = expires_in.unwrap_or(DEFAULT_LIFE_SECONDS).max(0.0);
    let life = Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_LIFE).min(LONGEST_LIFE);
    life.saturating_sub((life / 5).min(MARGIN))
}

/// A 404 of the token server says nothing about the image.
fn not_about_the_image(error: RequestError) -> RequestError {
    match error {
        RequestError::NotFound { request, reason, .. } => {
            RequestError::UnexpectedStatus { request, status: reqwest::StatusCode::NOT_FOUND, reason }
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
        Bearer { realm, service: Some("ghcr.io".to_owned()), request: String::new() }
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
    fn responses(#[case] body: &str, #[case] header: Option<&str>) {
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
