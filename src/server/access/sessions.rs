//! Sessions of browsers, in memory: a restart ends them.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use crate::model::{Timestamp, TokenId};

/// How long a session lasts.
pub(super) const LIFETIME: TimeDelta = TimeDelta::hours(12);

/// The most sessions; the oldest one goes.
const MOST: usize = 1000;

/// Sessions by the hash of their cookie, so that a dump of the memory has no cookie that counts.
#[derive(Default)]
pub(super) struct Sessions(HashMap<String, Session>);

struct Session {
    token: TokenId,
    form_secret: SecretString,
    began: Timestamp,
}

impl Sessions {
    /// Begins a session for a token. Returns the value of its cookie; none where the system gives no random numbers.
    pub(super) fn begin(&mut self, token: TokenId, now: Timestamp) -> Option<String> {
        self.0.retain(|_, session| now < session.began + LIFETIME);
        if self.0.len() >= MOST {
            let oldest = self.0.iter().min_by_key(|(_, session)| session.began).map(|(key, _)| key.clone());
            self.0.remove(&oldest?);
        }
        let (cookie, form_secret) = (random()?, SecretString::from(random()?));
        self.0.insert(key(&cookie), Session { token, form_secret, began: now });
        Some(cookie)
    }

    /// The token of a session that has not ended, and the secret of its forms.
    pub(super) fn find(&self, cookie: &str, now: Timestamp) -> Option<(TokenId, SecretString)> {
        let session = self.0.get(&key(cookie)).filter(|session| now < session.began + LIFETIME)?;
        Some((session.token.clone(), session.form_secret.clone()))
    }

    pub(super) fn end(&mut self, cookie: &str) {
        self.0.remove(&key(cookie));
    }
}

fn key(cookie: &str) -> String {
    format!("{:x}", Sha256::digest(cookie))
}

/// 32 random bytes as text that stands in a cookie as it is.
fn random() -> Option<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> TokenId {
        "0123456789ab".parse().unwrap()
    }

    #[test]
    fn a_session_lasts_until_its_time_or_its_end() {
        let (mut sessions, now) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        let cookie = sessions.begin(token(), now).unwrap();
        let other = sessions.begin(token(), now).unwrap();
        assert_ne!(cookie, other);
        assert_eq!(sessions.find(&cookie, now + LIFETIME - TimeDelta::seconds(1)).unwrap().0, token());
        assert!(sessions.find(&cookie, now + LIFETIME).is_none());
        assert!(sessions.find("", now).is_none() && sessions.find(&key(&cookie), now).is_none());
        sessions.end(&cookie);
        assert!(sessions.find(&cookie, now).is_none() && sessions.find(&other, now).is_some());
    }

    #[test]
    fn the_oldest_session_makes_room() {
        let (mut sessions, now) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        let first = sessions.begin(token(), now).unwrap();
        for at in 1..=MOST {
            let at = i64::try_from(at).unwrap();
            sessions.begin(token(), now + TimeDelta::seconds(at)).unwrap();
        }
        assert_eq!(sessions.0.len(), MOST);
        assert!(sessions.find(&first, now).is_none());
    }
}
