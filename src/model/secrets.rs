//! The secrets that this process has read, masked in every text that leaves it.
//!
//! A server that rejects a request may quote its headers, and its answer ends up in messages, logs, commits and pull
//! requests. Code that reads a secret calls [`Secrets::learn`]; code that emits text calls [`Secrets::mask`].

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

/// Replaces a secret.
const MASK: &str = "***";

/// Shorter secrets are not masked: that would garble ordinary words.
const MIN_CHARS: usize = 6;

/// Maximum number of short-lived tokens remembered; each lives for minutes.
const MAX_TOKENS: usize = 64;

static KNOWN: RwLock<Secrets> = RwLock::new(Secrets::new());

/// Secrets, in every form in which a server may repeat them.
#[derive(Default)]
pub struct Secrets {
    /// Forms of permanent secrets, longest first.
    lasting: Vec<String>,
    /// Forms of short-lived tokens, oldest first.
    tokens: VecDeque<Vec<String>>,
}

impl Secrets {
    const fn new() -> Self {
        Self { lasting: Vec::new(), tokens: VecDeque::new() }
    }

    /// Masks a password or key from now on.
    pub fn learn(secret: &str) {
        let is_known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).has(secret);
        if !is_known {
            KNOWN.write().unwrap_or_else(PoisonError::into_inner).add(secret);
        }
    }

    /// Masks a password from now on, by itself and in a Basic `Authorization`.
    pub fn learn_login(username: &str, password: &str) {
        Self::learn(password);
        Self::learn(&BASE64_STANDARD.encode(format!("{username}:{password}")));
    }

    /// Masks a short-lived token, until enough newer ones replace it.
    pub fn learn_token(token: &str) {
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        if known.tokens.iter().any(|forms| forms.iter().any(|form| form == token)) {
            return;
        }
        if known.tokens.len() >= MAX_TOKENS {
            known.tokens.pop_front();
        }
        known.tokens.push_back(forms(token));
    }

    /// The text with the secrets of this process masked.
    pub fn mask(text: &str) -> Cow<'_, str> {
        KNOWN.read().unwrap_or_else(PoisonError::into_inner).masked(text)
    }

    fn has(&self, secret: &str) -> bool {
        self.lasting.iter().any(|form| form == secret)
    }

    fn add(&mut self, secret: &str) {
        self.lasting.extend(forms(secret));
        self.lasting.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        self.lasting.dedup();
    }

    fn masked<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for form in self.lasting.iter().chain(self.tokens.iter().flatten()) {
            if masked.contains(form.as_str()) {
                masked = Cow::Owned(masked.replace(form.as_str(), MASK));
            }
        }
        masked
    }
}

/// A secret as it is, in JSON and Rust quotes, percent-encoded, and in Base64, alone and inside a longer text, the
/// longest first.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    let debug = format!("{secret:?}");
    let percent = percent_encoded(secret);
    let mut forms = vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        debug.trim_matches('"').to_owned(),
        percent.replace("%20", "+"),
        percent.to_ascii_lowercase(),
        percent,
        BASE64_STANDARD.encode(secret),
    ];
    for offset in 0..3 {
        for engine in [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
            forms.push(inside_base64(secret, offset, engine));
        }
    }
    // Keys span lines, and a server may quote one of them.
    forms.extend(secret.lines().filter(|line| line.len() >= 16).map(str::to_owned));
    forms.retain(|form| form.chars().count() >= MIN_CHARS);
    forms.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    forms.dedup();
    forms
}

/// The characters of a secret in any Base64 text in which it starts `offset` bytes behind a multiple of three, without
/// those that it shares with its neighbours.
fn inside_base64(secret: &str, offset: usize, engine: &impl base64::Engine) -> String {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(secret.as_bytes());
    let encoded = engine.encode(&padded);
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_owned()
}

fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn masked(secret: &str, text: &str) -> String {
        let mut secrets = Secrets::default();
        secrets.add(secret);
        secrets.masked(text).into_owned()
    }

    #[rstest]
    #[case::raw("s3cret/+ x", "got s3cret/+ x back", "got *** back")]
    #[case::basic("hunter22", "Basic aHVudGVyMjI=", "Basic ***")]
    #[case::percent("s3cret/+ x", "?p=s3cret%2F%2B%20x&q", "?p=***&q")]
    #[case::percent_lower("s3cret/+ x", "?p=s3cret%2f%2b%20x&q", "?p=***&q")]
    #[case::form("s3cret/ x", "p=s3cret%2F+x", "p=***")]
    #[case::json("a\"quote\"d", "{\"p\":\"a\\\"quote\\\"d\"}", "{\"p\":\"***\"}")]
    #[case::line("-----BEGIN KEY-----\nMIIabcdefghijklmnop\n", "bad: MIIabcdefghijklmnop", "bad: ***")]
    #[case::short("dev", "dev", "dev")]
    #[case::others("hunter22", "hunter 22", "hunter 22")]
    fn forms_are_masked(#[case] secret: &str, #[case] text: &str, #[case] expected: &str) {
        assert_eq!(masked(secret, text), expected);
    }

    #[test]
    fn a_login_is_masked_whole() {
        Secrets::learn_login("model-tests", "correct-horse-battery");
        let header = BASE64_STANDARD.encode("model-tests:correct-horse-battery");
        assert_eq!(Secrets::mask(&format!("Authorization: Basic {header}")), "Authorization: Basic ***");
        Secrets::learn_token("ghs_model-tests-token");
        assert_eq!(Secrets::mask("token ghs_model-tests-token."), "token ***.");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_secret_inside_base64_is_masked(
            secret in "[!-~]{8,40}", before in "[!-~]{0,9}", after in "[!-~]{0,9}",
        ) {
            let encoded = BASE64_STANDARD.encode(format!("{before}{secret}{after}"));
            let masked = masked(&secret, &encoded);
            prop_assert!(masked.contains(MASK), "{masked}");
            // At each end at most one character shares bits with the secret.
            let around = 4 * (before.len().div_ceil(3) + after.len().div_ceil(3)) + 8;
            prop_assert!(masked.len() <= around + MASK.len(), "{masked}");
        }
    }
}
