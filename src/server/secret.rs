//! Whether the sender of a webhook knows the secret. Every comparison takes the same time for every wrong secret.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};

use crate::model::{Class, Fault};

/// How long a secret is used before it is read again: a flood must not become a flood of reads.
const VALID_FOR: Duration = Duration::from_secs(5);

/// Shorter secrets can be guessed.
const MIN_CHARS: usize = 16;

/// Reads a secret.
pub type SecretReader = Arc<dyn Fn() -> Result<SecretString, Fault> + Send + Sync>;

/// The secret of one sender.
pub(super) struct WebhookSecret {
    read: SecretReader,
    last: Mutex<Option<(Instant, SecretString)>>,
}

impl WebhookSecret {
    /// Reads the secret for the first time.
    pub(super) fn new(read: SecretReader) -> Result<Self, Fault> {
        let secret = Self { read, last: Mutex::default() };
        secret.current()?;
        Ok(secret)
    }

    /// The secret as it is now. An unreadable one keeps the last one in force for no longer than it was valid anyway.
    pub(super) fn current(&self) -> Result<SecretString, Fault> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, secret)) = last.as_ref()
            && at.elapsed() < VALID_FOR
        {
            return Ok(secret.clone());
        }
        let secret = (self.read)()?;
        if secret.expose_secret().chars().count() < MIN_CHARS {
            let message = format!("the secret of a webhook has fewer than {MIN_CHARS} characters");
            return Err(Fault::new(Class::Usage, message).with_hint("make one: openssl rand -hex 32"));
        }
        *last = Some((Instant::now(), secret.clone()));
        Ok(secret)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WebhookSecret").finish_non_exhaustive()
    }
}

/// Whether `signature` is the HMAC-SHA256 of the body, in hexadecimal.
pub(super) fn is_signed(secret: &SecretString, body: &[u8], signature: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    from_hex(signature).is_some_and(|signature| hmac::verify(&key, body, &signature).is_ok())
}

/// Whether `token` is the secret.
pub(super) fn is_secret(secret: &SecretString, token: &[u8]) -> bool {
    is_equal(secret.expose_secret().as_bytes(), token)
}

/// Whether two texts are equal. Both are hashed, so that no byte and no length shows in the time that it takes.
pub(super) fn is_equal(secret: &[u8], shown: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"tidegate");
    let expected = hmac::sign(&key, secret);
    hmac::verify(&key, shown, expected.as_ref()).is_ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_body_by_the_secret() {
        // The example in GitHub's documentation of webhook signatures.
        let secret = SecretString::from("It's a Secret to Everybody");
        let signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(is_signed(&secret, b"Hello, World!", signature));
        assert!(!is_signed(&secret, b"Hello, World?", signature));
        assert!(!is_signed(&SecretString::from("another secret"), b"Hello, World!", signature));
        for wrong in ["", "757107ea", "zz7107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"] {
            assert!(!is_signed(&secret, b"Hello, World!", wrong), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_the_whole_secret() {
        let secret = SecretString::from("0123456789abcdef");
        assert!(is_secret(&secret, b"0123456789abcdef"));
        for wrong in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg"] {
            assert!(!is_secret(&secret, wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn a_short_secret_is_refused() {
        let fault = WebhookSecret::new(Arc::new(|| Ok(SecretString::from("short")))).unwrap_err();
        assert_eq!(fault.class(), Class::Usage);
        assert!(!fault.to_string().contains("short,") && fault.hint().is_some());
    }
}
