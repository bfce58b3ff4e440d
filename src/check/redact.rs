//! Takes credentials out of text, such as a log, by the forms and the keys that [`secrets`](super::secrets) knows. Rather too much
//! than too little: what is shown here is read once, and nobody greps it.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::secrets::{FORM_EXPRESSIONS, KEYS};

/// What stands in the place of a credential.
const REDACTED: &str = "[redacted]";

/// A private key to its end, or to the end of the text.
static PRIVATE_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)").ok()
});

/// A line of nothing but Base64, as of a key whose beginning was cut off.
static BASE64_LINE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^[A-Za-z0-9+/=]{48,}\s*$").ok());

/// `password=…`, `"apiKey": "…"`, `Authorization: Bearer …`.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let keys = KEYS.map(|key| key.chars().map(String::from).collect::<Vec<_>>().join("[-_.]?")).join("|");
    let name = format!(r"(?i)([\w.-]*(?:{keys}|authorization)[\w.-]*[\x22']?\s*[:=]\s*)");
    Regex::new(&format!(r#"{name}(?:(?:bearer|basic)\s+)?(?:"[^"\n]*"|'[^'\n]*'|[^\s,;&"']+)"#)).ok()
});

/// The text without what looks like a credential.
pub fn redact(text: &str) -> String {
    let mut text = text.to_owned();
    for form in [&*PRIVATE_KEY, &*BASE64_LINE].into_iter().flatten() {
        text = form.replace_all(&text, REDACTED).into_owned();
    }
    for (_, form) in &*FORM_EXPRESSIONS {
        text = form.replace_all(&text, REDACTED).into_owned();
    }
    if let Some(named) = &*NAMED {
        let shortened = |found: &Captures<'_>| format!("{}{REDACTED}", &found[1]);
        text = named.replace_all(&text, shortened).into_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_logs() {
        let token = format!("ghp_{}", "a1".repeat(18));
        for (text, expected) in [
            ("listening on :8080", "listening on :8080"),
            (
                "cannot connect to postgres://app:hunter2@db:5432/app",
                "cannot connect to [redacted]b:5432/app",
            ),
            ("DB_PASSWORD=hunter2 retrying", "DB_PASSWORD=[redacted] retrying"),
            ("{\"apiKey\": \"abc def\", \"port\": 1}", "{\"apiKey\": [redacted], \"port\": 1}"),
            ("authorization: Bearer abc.def", "authorization: [redacted]"),
            (&format!("token is {token}"), "token is [redacted]"),
            (
                "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nb",
                "a\n[redacted]\nb",
            ),
            ("-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted]"),
        ] {
            assert_eq!(redact(text), expected);
        }
        assert!(!redact(&"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".repeat(2)).contains("MIIE"));
    }
}
