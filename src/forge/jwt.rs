//! The JSON Web Token by which a GitHub App says who it is (RFC 7519, RS256), signed by ring, which every TLS connection
//! here is made by too: the RSA that the usual crates bring leaks keys by its timing (RUSTSEC-2023-0071).

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use serde_json::json;

use crate::model::{Class, Fault, Timestamp};

/// How far a machine's clock may be ahead of GitHub's.
const LEEWAY: Duration = Duration::from_mins(1);

/// GitHub takes no more than ten minutes.
const LIFETIME: Duration = Duration::from_mins(9);

/// Reads an app's private key in PEM form, as GitHub hands it out (PKCS #1) or as PKCS #8.
pub(super) fn read_key(file: &Path) -> Result<RsaKeyPair, Fault> {
    let failed = |what: &str| {
        Fault::new(Class::Failed, format!("cannot use the private key {}: {what}", file.display()))
            .with_hint("write the file that GitHub made for the app, as it is")
    };
    let key = match PrivateKeyDer::from_pem_file(file) {
        Ok(PrivateKeyDer::Pkcs1(key)) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        Ok(PrivateKeyDer::Pkcs8(key)) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        Ok(_) => return Err(failed("it is no RSA key")),
        Err(rustls::pki_types::pem::Error::Io(error)) => {
            return Err(failed("it cannot be read").with_source(error));
        }
        Err(_) => return Err(failed("it is not in PEM form")),
    };
    key.map_err(|_| failed("it is no RSA key of 2048 bits or more"))
}

/// A token that says: I am this app, for some minutes.
pub(super) fn signed(app_id: u64, key: &RsaKeyPair, now: Timestamp) -> Result<SecretString, Fault> {
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = encode(&json!({"alg": "RS256", "typ": "JWT"}));
    let claims = encode(&json!({
        "iss": app_id.to_string(),
        "iat": (now - LEEWAY).timestamp(),
        "exp": (now + LIFETIME).timestamp(),
    }));
    let mut signature = vec![0; key.public().modulus_len()];
    let text = format!("{header}.{claims}");
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| Fault::new(Class::Failed, "cannot sign by the app's private key"))?;
    Ok(SecretString::from(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
}
