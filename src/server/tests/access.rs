//! Reading with a token: by programs, by browsers with a session, and by those who have none.

use std::sync::Mutex;

use super::*;
use crate::model::{AccessToken, AuditEntry, ShownToken, Timestamp, TokenId, TokenScope};
use crate::server::{Answering, Tokens};

/// Tokens and an audit log in memory.
#[derive(Default)]
pub(super) struct KnownTokens {
    tokens: Mutex<Vec<AccessToken>>,
    log: Mutex<Vec<AuditEntry>>,
}

impl KnownTokens {
    /// A token that ends in so many minutes, as its owner shows it.
    fn add(&self, number: u8, minutes: i64) -> String {
        let shown = ShownToken::from_random(&[number; 38]);
        let now = Utc::now();
        self.tokens.lock().unwrap().push(AccessToken {
            id: shown.id.clone(),
            name: "Ana".parse().unwrap(),
            scopes: [TokenScope::Read].into(),
            environments: [].into(),
            secret_hash: shown.secret_hash(),
            created_at: now,
            created_by: "Bruno".to_owned(),
            expires_at: now + chrono::TimeDelta::minutes(minutes),
            revoked_at: None,
        });
        shown.expose()
    }

    fn revoke(&self) {
        self.tokens.lock().unwrap()[0].revoked_at = Some(Utc::now());
    }

    fn actions(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().map(|entry| entry.action.clone()).collect()
    }
}

impl Tokens for KnownTokens {
    fn token<'a>(&'a self, id: &'a TokenId) -> Answering<'a, Option<AccessToken>> {
        let found = self.tokens.lock().unwrap().iter().find(|token| token.id == *id).cloned();
        Box::pin(async move { Ok(found) })
    }

    fn record<'a>(&'a self, entry: &'a AuditEntry) -> Answering<'a, ()> {
        self.log.lock().unwrap().push(entry.clone());
        Box::pin(async { Ok(()) })
    }

    fn audit(&self, _since: Option<Timestamp>, most: usize) -> Answering<'_, Vec<AuditEntry>> {
        let entries = self.log.lock().unwrap().iter().rev().take(most).cloned().collect();
        Box::pin(async move { Ok(entries) })
    }
}

/// A board that asks for tokens, and one token that counts.
async fn closed() -> (Running, Arc<KnownTokens>, String) {
    let tokens: Arc<KnownTokens> = Arc::default();
    let token = tokens.add(1, 60);
    let running = start_for(Reading::WithToken, Arc::clone(&tokens)).await;
    running.snapshots.publish(Passes::new().await.view().await);
    (running, tokens, token)
}

async fn ask(running: &Running, path: &str, headers: &str) -> Reply {
    request(running, "GET", path, &format!("host: board.example\r\n{headers}")).await
}

/// Sends the form of the login page.
async fn send(running: &Running, headers: &str, form: &str) -> Reply {
    let headers = format!(
        "host: board.example\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n{headers}",
        form.len()
    );
    request_with(running, "POST", "/login", &headers, form).await
}

const OWN: &str = "sec-fetch-site: same-origin\r\n";

fn cookie(reply: &Reply) -> String {
    let set = reply.header("set-cookie").unwrap();
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(set.contains(attribute), "{set}");
    }
    format!("cookie: {}\r\n", set.split(';').next().unwrap())
}

#[tokio::test]
async fn without_a_token_nothing_is_told() {
    let (running, _, _) = closed().await;
    for path in ["/api/v1/status", "/api/v1/openapi.json", "/api/v1/nothing", "/events"] {
        let reply = ask(&running, path, "").await;
        assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer")), "{path}");
        assert!(!reply.body.contains("common/"), "{path}");
    }
    let reply = ask(&running, "/services/common/api?x=1", "").await;
    let login = "/login?next=%2Fservices%2Fcommon%2Fapi%3Fx%3D1";
    assert_eq!((reply.status, reply.header("location")), (303, Some(login)));
    let reply = ask(&running, login, "").await;
    assert!(reply.status == 200 && reply.body.contains("value=\"/services/common/api?x=1\""));
    assert!(!reply.body.contains("prod"), "{}", reply.body);
    assert_eq!(ask(&running, "/assets/style.css", "").await.status, 200);
    assert_eq!(ask(&running, "/livez", "").await.status, 200);
}

#[tokio::test]
async fn a_token_reads_until_it_ends_or_is_revoked() {
    let (running, tokens, token) = closed().await;
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    for path in ["/api/v1/status", "/", "/api/v1/audit"] {
        assert_eq!(ask(&running, path, &bearer(&token)).await.status, 200, "{path}");
    }
    let ended = tokens.add(2, 0);
    let last = token.chars().last().unwrap();
    let wrong = format!("{}{}", &token[..token.len() - 1], if last == '0' { '1' } else { '0' });
    tokens.revoke();
    for token in [&token, &ended, &wrong, "", "tidegate_x"] {
        let reply = ask(&running, "/api/v1/status", &bearer(token)).await;
        assert_eq!(reply.status, 401, "{token}");
        assert!(token.is_empty() || !reply.body.contains(token));
    }
}

#[tokio::test]
async fn many_wrong_tokens_must_wait_and_a_right_one_does_not() {
    let (running, _, token) = closed().await;
    let wrong = "authorization: Bearer wrong\r\n";
    for _ in 0..10 {
        assert_eq!(ask(&running, "/api/v1/status", wrong).await.status, 401);
    }
    let reply = send(&running, OWN, "token=wrong").await;
    assert_eq!((reply.status, reply.header("set-cookie")), (429, None));
    let reply = send(&running, OWN, &format!("token={token}")).await;
    assert!(reply.status == 303 && reply.header("set-cookie").is_some());
    assert_eq!(ask(&running, "/api/v1/status", wrong).await.header("retry-after"), Some("60"));
}

#[tokio::test]
async fn a_browser_logs_in_reads_and_logs_out() {
    let (running, tokens, token) = closed().await;
    let reply = send(&running, OWN, &format!("token={token}&next=%2Fhistory")).await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/history")));
    let session = cookie(&reply);
    assert!(!session.contains(&token));
    assert_eq!(ask(&running, "/", &session).await.status, 200);
    assert_eq!(ask(&running, "/api/v1/status", &session).await.status, 200);
    let page = ask(&running, "/login", &session).await;
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.body.contains("<b>Ana</b>") && !page.body.contains(&token), "{}", page.body);
    let secret = page.body.split("name=\"logout\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let own = format!("{OWN}{session}");
    assert_eq!(send(&running, &own, "logout=0").await.status, 403);
    assert_eq!(ask(&running, "/", &session).await.status, 200);
    assert_eq!(send(&running, &own, &format!("logout={secret}")).await.status, 303);
    assert_eq!(ask(&running, "/", &session).await.status, 303);
    assert_eq!(tokens.actions(), ["login", "logout"]);
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let (running, tokens, token) = closed().await;
    let session = cookie(&send(&running, OWN, &format!("token={token}")).await);
    assert_eq!(ask(&running, "/", &session).await.status, 200);
    tokens.revoke();
    assert_eq!(ask(&running, "/", &session).await.status, 303);
}

#[tokio::test]
async fn another_site_cannot_log_a_browser_in() {
    let (running, tokens, token) = closed().await;
    for headers in ["", "sec-fetch-site: cross-site\r\n", "origin: https://evil.example\r\n"] {
        let reply = send(&running, headers, &format!("token={token}")).await;
        assert_eq!((reply.status, reply.header("set-cookie")), (403, None), "{headers}");
    }
    assert!(tokens.actions().is_empty());
}

#[tokio::test]
async fn whoever_reads_without_a_token_needs_one_to_act() {
    let tokens: Arc<KnownTokens> = Arc::default();
    let token = tokens.add(1, 60);
    let running = start_for(Reading::OnThisMachine, tokens).await;
    running.snapshots.publish(Passes::new().await.view().await);
    let reply = get(&running, "/act/hold?services=common%2Fapi").await;
    let login = "/login?next=%2Fact%2Fhold%3Fservices%3Dcommon%252Fapi";
    assert_eq!((reply.status, reply.header("location")), (303, Some(login)));
    let headers = format!("host: localhost\r\n{OWN}content-type: application/x-www-form-urlencoded\r\n");
    let form = format!("token={token}&next=%2Fact%2Fhold%3Fservices%3Dcommon%252Fapi");
    let length = format!("{headers}content-length: {}\r\n", form.len());
    let reply = request_with(&running, "POST", "/login", &length, &form).await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/act/hold?services=common%2Fapi")));
    let session = cookie(&reply);
    let page =
        request(&running, "GET", "/act/hold?services=common%2Fapi", &format!("host: localhost\r\n{session}"))
            .await;
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
    assert!(page.body.contains("value=\"common/api\""), "{}", page.body);
    // Another page's form has no secret of this session.
    for (own, secret) in [(OWN, "0"), ("sec-fetch-site: cross-site\r\n", "0"), (OWN, "")] {
        let form = format!("secret={secret}&step=confirm&services=common%2Fapi&reason=x");
        let headers = format!(
            "host: localhost\r\n{own}{session}content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
            form.len()
        );
        assert_eq!(request_with(&running, "POST", "/act/hold", &headers, &form).await.status, 403);
    }
    // Nor does the API take a browser's session.
    let headers =
        format!("host: localhost\r\n{session}content-type: application/json\r\ncontent-length: 2\r\n");
    assert_eq!(request_with(&running, "POST", "/api/v1/hold", &headers, "{}").await.status, 401);
    assert_eq!(get(&running, "/act/nothing").await.status, 404);
}
