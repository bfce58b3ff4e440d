//! Tokens and the audit log: what is kept, and what a revocation changes.

use tidegate::model::{AccessToken, AuditEntry, ShownToken, TokenScope};

use super::words::{Place, at, word};

fn token(number: u8) -> AccessToken {
    let shown = ShownToken::from_random(&[number; 38]);
    AccessToken {
        id: shown.id.clone(),
        name: word("Ana Silva"),
        scopes: [TokenScope::Read, TokenScope::Act].into(),
        environments: [word("prod"), word("non-prod")].into(),
        secret_hash: shown.secret_hash(),
        created_at: at(i64::from(number)),
        created_by: "Bruno".to_owned(),
        expires_at: at(3600),
        revoked_at: None,
    }
}

fn entry(action: &str, seconds: i64) -> AuditEntry {
    AuditEntry {
        at: at(seconds),
        actor: "Bruno".to_owned(),
        token: None,
        action: action.to_owned(),
        subject: "Ana Silva".to_owned(),
    }
}

#[tokio::test]
async fn a_token_is_kept_until_it_is_revoked() {
    let place = Place::new();
    let store = place.create().await;
    store.add_token(&token(1), &entry("token.create", 1)).await.unwrap();
    store.add_token(&token(2), &entry("token.create", 2)).await.unwrap();
    assert!(store.add_token(&token(1), &entry("token.create", 3)).await.is_err(), "an id is used once");
    drop(store);
    let store = place.reopen().await;
    assert_eq!(store.tokens().await.unwrap(), [token(1), token(2)]);
    assert_eq!(store.token(&token(3).id).await.unwrap(), None);
    let id = token(1).id;
    assert!(store.revoke_token(&id, &entry("token.revoke", 4)).await.unwrap());
    assert!(!store.revoke_token(&id, &entry("token.revoke", 5)).await.unwrap(), "it is revoked already");
    let revoked = AccessToken { revoked_at: Some(at(4)), ..token(1) };
    assert_eq!(store.token(&id).await.unwrap(), Some(revoked));
    let actions: Vec<AuditEntry> = store.audit(None, 10).await.unwrap();
    let expected = [entry("token.revoke", 4), entry("token.create", 2), entry("token.create", 1)];
    assert_eq!(actions, expected);
    assert_eq!(store.audit(Some(at(2)), 10).await.unwrap(), expected[..2]);
    assert_eq!(store.audit(None, 1).await.unwrap(), expected[..1]);
}

#[tokio::test]
async fn no_secret_is_in_the_file() {
    let place = Place::new();
    let store = place.create().await;
    let shown = ShownToken::from_random(&[7; 38]);
    store.add_token(&token(7), &entry("token.create", 1)).await.unwrap();
    drop(store);
    let secret = shown.expose().rsplit('_').next().unwrap().to_owned();
    let folder = place.file.parent().unwrap();
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
    }
}
