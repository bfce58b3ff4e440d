//! Credentials in plain text, by their known forms and by the keys that hold them. A finding never quotes the value.

use std::sync::LazyLock;

use regex::Regex;

use super::finding::Drafts;
use super::images::is_template;
use super::object::Object;
use super::rule::Rule;
use crate::manifest::{Content, NodeId};
use crate::model::Printable;

/// The deepest nesting of values that is searched.
const MAX_DEPTH: usize = 24;
/// Bytes of one value that are searched. A credential begins before that.
const MAX_VALUE_BYTES: usize = 256 * 1024;
const HINT: &str = "move it to a SealedSecret, a SOPS file or an ExternalSecret, refer to it with `secretKeyRef`, and replace the credential: it is in the history";

/// A form of credential: what messages call it, and a regular expression.
const FORMS: [(&str, &str); 14] = [
    ("a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("a Slack webhook", r"https://hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}"),
    ("a Discord webhook", r"https://discord(?:app)?\.com/api/webhooks/[0-9]{16,}/[A-Za-z0-9_-]{32,}"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("a Stripe key", r"\b[sr]k_live_[0-9A-Za-z]{20,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("a HashiCorp Vault token", r"\bhv[sb]\.[A-Za-z0-9_-]{24,}"),
    ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}"),
    ("a URL with a password", r"\b[a-z][a-z0-9+.-]*://[^\s:/@'\x22<>{}$]*:[^\s/@'\x22<>{}$*]+@[A-Za-z0-9\[]"),
];

pub(super) static FORM_EXPRESSIONS: LazyLock<Vec<(&str, Regex)>> =
    LazyLock::new(|| FORMS.iter().filter_map(|(name, form)| Some((*name, Regex::new(form).ok()?))).collect());

/// Parts of keys whose values are credentials, without separators.
pub(super) const KEYS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "secretkey",
    "encryptionkey",
    "credential",
    "credentials",
    "signingkey",
];
/// Endings of keys that only speak of a credential.
const KEY_ENDINGS: [&str; 22] = [
    "name",
    "ref",
    "file",
    "path",
    "url",
    "uri",
    "ttl",
    "expiry",
    "expiration",
    "duration",
    "lifetime",
    "enabled",
    "type",
    "length",
    "size",
    "field",
    "header",
    "namespace",
    "policy",
    "class",
    "id",
    "issuer",
];
/// Values that stand for one to be filled in.
const PLACEHOLDERS: [&str; 15] = [
    "changeme",
    "change-me",
    "change_me",
    "password",
    "passwd",
    "secret",
    "example",
    "placeholder",
    "redacted",
    "none",
    "null",
    "todo",
    "dummy",
    "fake",
    "disabled",
];

/// Adds a finding for every value of an object that looks like a credential.
pub(super) fn check(object: &Object<'_, '_>, findings: &mut Drafts) {
    match object.kind {
        "Secret" if object.group().is_empty() => check_secret(object, findings),
        "ConfigMap" if object.group().is_empty() => {
            if let Some(data) = object.get(&["data"]) {
                Search { object, findings }.below(data, "data", MAX_DEPTH);
            }
        }
        _ if object.is_helm_release() => {
            if let Some(values) = object.get(&["spec", "values"]) {
                Search { object, findings }.below(values, "spec.values", MAX_DEPTH);
            }
        }
        _ => {
            for container in object.containers(&["containers", "initContainers"]) {
                for key in ["env", "command", "args"] {
                    if let Some(node) = object.document.get(container, key) {
                        Search { object, findings }.below(node, key, MAX_DEPTH);
                    }
                }
            }
        }
    }
}

/// A Secret is in plain text unless SOPS encrypted it or something fills it in.
fn check_secret(object: &Object<'_, '_>, findings: &mut Drafts) {
    if object.document.get(NodeId::ROOT, "sops").is_some() {
        return;
    }
    for key in ["data", "stringData"] {
        let Some(data) = object.get(&[key]) else { continue };
        let values = object.document.entries(data).filter_map(|(_, value)| object.text_of(value));
        let plain = values.filter(|value| !is_reference(value)).count();
        if plain > 0 {
            let encoding = if key == "data" { ", which base64 does not hide" } else { "" };
            let values = if plain == 1 { "a value".to_owned() } else { format!("{plain} values") };
            findings.add(
                Rule::PlainSecret,
                object.position(data),
                format!("{} holds {values} in plain text{encoding}", object.label()),
                HINT,
            );
        }
    }
}

/// Whether a tool puts the credential there later: SOPS, 1Password, vals, Vault's injectors, Flux or Helm.
fn is_reference(value: &str) -> bool {
    const REFERENCES: [&str; 6] = ["ENC[", "op://", "ref+", "vault:", "<path:", "secretref+"];
    let value = value.trim_start();
    is_template(value) || REFERENCES.iter().any(|reference| value.starts_with(reference))
}

struct Search<'o, 'd, 't> {
    object: &'o Object<'d, 't>,
    findings: &'o mut Drafts,
}

impl Search<'_, '_, '_> {
    fn below(&mut self, node: NodeId, path: &str, depth_left: usize) {
        let document = self.object.document;
        match &document.node(node).content {
            Content::Scalar { value, .. } => self.value(node, value, path, None),
            Content::Sequence if depth_left > 0 => {
                for (index, item) in document.children(node).enumerate() {
                    self.item(item, &format!("{path}[{index}]"), depth_left - 1);
                }
            }
            Content::Mapping if depth_left > 0 => {
                for (key, value) in document.entries(node) {
                    let key = document.text(key).unwrap_or_default();
                    let path = format!("{path}.{}", Printable::bounded(key, 60));
                    match &document.node(value).content {
                        Content::Scalar { value: text, .. } => self.value(value, text, &path, Some(key)),
                        _ => self.below(value, &path, depth_left - 1),
                    }
                }
            }
            // An alias is reported at its anchor.
            _ => {}
        }
    }

    /// An item that is `{name: KEY, value: TEXT}` has that key.
    fn item(&mut self, item: NodeId, path: &str, depth_left: usize) {
        let document = self.object.document;
        let name = document.get(item, "name").and_then(|name| document.text(name));
        match (name, document.get(item, "value")) {
            (Some(name), Some(node)) => {
                if let Content::Scalar { value, .. } = &document.node(node).content {
                    let path = format!("{path}.value ({})", Printable::bounded(name, 60));
                    self.value(node, value, &path, Some(name));
                }
            }
            _ => self.below(item, path, depth_left),
        }
    }

    fn value(&mut self, node: NodeId, value: &str, path: &str, key: Option<&str>) {
        let found = known_form(value)
            .map(str::to_owned)
            .or_else(|| key.filter(|key| is_credential(key, value)).map(|_| "a credential".to_owned()));
        if let Some(what) = found {
            let message = format!("{path} looks like {what} in plain text");
            self.findings.add(Rule::PlainSecret, self.object.position(node), message, HINT);
        }
    }
}

/// What a value is by its form, unless it is an example.
fn known_form(value: &str) -> Option<&'static str> {
    let end = value.floor_char_boundary(MAX_VALUE_BYTES);
    let searched = &value[..end];
    // Every form has one of these, and nearly no value does.
    if searched.len() < 12 {
        return None;
    }
    FORM_EXPRESSIONS.iter().find_map(|(name, form)| {
        let found = form.find(searched)?.as_str();
        let lower = found.to_ascii_lowercase();
        let is_example = ["example", "xxxx", "changeme", "password@", "placeholder"]
            .iter()
            .any(|word| lower.contains(word));
        (!is_example).then_some(*name)
    })
}

/// Whether the key names a credential and the value can be one.
fn is_credential(key: &str, value: &str) -> bool {
    let key: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_lowercase())
        .collect();
    if !KEYS.iter().any(|part| key.contains(part)) || KEY_ENDINGS.iter().any(|ending| key.ends_with(ending)) {
        return false;
    }
    let is_reference = is_reference(value)
        || value.starts_with(['/', '.', '<', '$', '%'])
        || value.contains("://")
        || value.chars().any(char::is_whitespace);
    let lower = value.to_ascii_lowercase();
    let is_placeholder = PLACEHOLDERS.iter().any(|word| lower == *word)
        || lower.contains("changeme")
        || lower.contains("example")
        || lower.chars().all(|character| character == 'x' || character == '*');
    if is_reference || is_placeholder || value.len() < 6 || value.len() > 4096 {
        return false;
    }
    let is_password = ["password", "passwd", "passphrase"].iter().any(|ending| key.ends_with(ending));
    if is_password {
        return !is_boolean(&lower);
    }
    // The key of a token is also that of its name or kind: only what no person would type is one.
    value.len() >= 12 && classes(value) >= 2 && !is_words(value) && entropy_bits(value) >= 3.0
}

fn is_boolean(lower: &str) -> bool {
    ["true", "false", "enabled", "disabled", "required", "optional"].contains(&lower)
}

/// Words with separators, such as the name of an object, a key or a host.
fn is_words(value: &str) -> bool {
    let parts = value.split(['-', '_', '.', '/', ':', ',']);
    let is_word = |part: &str| {
        let letters = part.trim_end_matches(|character: char| character.is_ascii_digit());
        let is_one_case = letters.bytes().all(|byte| byte.is_ascii_lowercase())
            || letters.bytes().all(|byte| byte.is_ascii_uppercase());
        is_one_case && letters.len() <= 16 && part.len() - letters.len() <= 3
    };
    let mut count = 0;
    for part in parts {
        count += 1;
        if !is_word(part) {
            return is_camel_case(value);
        }
    }
    count > 0
}

/// One name such as `clientSecretKey`.
fn is_camel_case(value: &str) -> bool {
    value.chars().all(|character| character.is_ascii_alphabetic())
}

/// How many of lower case, upper case, digits and others occur.
fn classes(value: &str) -> usize {
    let has = |is: fn(&u8) -> bool| usize::from(value.as_bytes().iter().any(is));
    has(u8::is_ascii_lowercase)
        + has(u8::is_ascii_uppercase)
        + has(u8::is_ascii_digit)
        + has(u8::is_ascii_punctuation)
}

/// Shannon's entropy of the bytes, in bits per byte.
#[expect(clippy::cast_precision_loss, reason = "a value has at most 4,096 bytes")]
fn entropy_bits(value: &str) -> f64 {
    let mut counts = [0_usize; 256];
    for byte in value.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = value.len() as f64;
    let parts = counts.iter().filter(|count| **count > 0).map(|count| *count as f64 / length);
    -parts.map(|part| part * part.log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_forms_are_found_in_any_text() {
        // Put together here, so that no scanner of this repository takes them for real.
        for (value, what) in [
            (format!("-----BEGIN {}PRIVATE KEY-----\nMIIE", "RSA "), "a private key"),
            (format!("id = AKIA{}", "J2UQ7HGTPX4DEADB"), "an AWS access key"),
            (format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"), "a GitHub token"),
            ("postgres://user:pass@host/db".to_owned(), "a URL with a password"),
            ("amqp://:s3cr3t@mq:5672".to_owned(), "a URL with a password"),
            (format!("xoxb-{}", "123456789012-abcdef"), "a Slack token"),
        ] {
            assert_eq!(known_form(&value), Some(what), "{what}");
        }
        for value in [
            "postgres://user:${PASSWORD}@host/db",
            "postgres://user:$(PASSWORD)@host/db",
            "postgres://user:<password>@host/db",
            "https://host:8080/a@b",
            "redis://host:6379",
            "AKIAIOSFODNN7EXAMPLE",
            "ssh://git@github.com/vtr/gitops",
            "-----BEGIN CERTIFICATE-----",
            "",
        ] {
            assert_eq!(known_form(value), None, "{value}");
        }
    }

    #[test]
    fn keys_of_credentials_with_values_that_can_be_one_are_found() {
        for (key, value) in [
            ("DB_PASSWORD", "hunter2hunter2"),
            ("adminPassword", "prom-operator"),
            ("API_KEY", "9f2c1ab0d41e77c0aa31"),
            ("clientSecret", "b7Qx9ZpLm2Vn8RtY"),
            ("auth.token", "f3a9-77c1-X0pq-81zz"),
        ] {
            assert!(is_credential(key, value), "{key}");
        }
        for (key, value) in [
            ("DB_PASSWORD", "${DB_PASSWORD}"),
            ("password", "changeme"),
            ("passwordFile", "/run/secrets/db"),
            ("existingSecret", "graphql-server-secret"),
            ("secretName", "b7Qx9ZpLm2Vn8RtY"),
            ("tokenTTL", "24h"),
            ("secret", "wildcard-example-com-tls"),
            ("tokenSecret", "AUTH_TOKEN_V2"),
            ("authTokenKey", "clientSecretKey"),
            ("password", "true"),
            ("enablePasswordReset", "true"),
            ("NODE_ENV", "b7Qx9ZpLm2Vn8RtY"),
            ("token", ""),
        ] {
            assert!(!is_credential(key, value), "{key}: {value}");
        }
    }
}
