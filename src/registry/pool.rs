//! HTTP clients and their connections, created on first use.
//!
//! The one file that sets up TLS. Redirects are off here: `transport` follows them, since it decides where credentials
//! may go.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Url};

use super::error::RequestError;
use super::settings::{Limits, SettingsError};

const USER_AGENT: &str = concat!("tidegate/", env!("CARGO_PKG_VERSION"));

/// Keeps idle connections longer than the minute between two passes.
const KEEP_IDLE: Duration = Duration::from_secs(90);

/// Connections to registries with the same certificate authorities.
#[derive(Debug)]
pub(super) struct Pool {
    plain: OnceLock<Client>,
    secure: OnceLock<Client>,
    extra_ca: Vec<Certificate>,
    connect_timeout: Duration,
    is_direct: bool,
}

impl Pool {
    fn new(limits: &Limits, extra_ca: Vec<Certificate>, is_direct: bool) -> Arc<Self> {
        let (plain, secure) = (OnceLock::new(), OnceLock::new());
        Arc::new(Self { plain, secure, extra_ca, connect_timeout: limits.connect_timeout, is_direct })
    }

    /// The client for `url`.
    pub(super) fn client(&self, url: &Url) -> Result<&Client, RequestError> {
        let is_secure = url.scheme() == "https";
        let slot = if is_secure { &self.secure } else { &self.plain };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = self.make(is_secure).map_err(|source| RequestError::ClientSetup { source })?;
        Ok(slot.get_or_init(|| client))
    }

    fn make(&self, is_secure: bool) -> Result<Client, reqwest::Error> {
        install_crypto();
        let builder = builder(self.connect_timeout, self.is_direct);
        if is_secure {
            return builder.tls_certs_merge(self.extra_ca.iter().cloned()).build();
        }
        // Reading the system's authorities takes longer than a hundred requests on loopback, and fails on systems
        // without any: a client that never speaks TLS skips it.
        builder.tls_certs_only([]).build()
    }
}

/// All pools: two shared ones, and one for each registry with its own CA file.
#[derive(Debug)]
pub(super) struct Pools {
    limits: Limits,
    direct: Arc<Pool>,
    proxied: Arc<Pool>,
}

impl Pools {
    pub(super) fn new(limits: &Limits) -> Self {
        let pool = |is_direct| Pool::new(limits, Vec::new(), is_direct);
        Self { limits: limits.clone(), direct: pool(true), proxied: pool(false) }
    }

    /// The pool for a registry; `is_direct` ignores proxies of the environment.
    pub(super) fn pool(&self, extra_ca: Option<&Path>, is_direct: bool) -> Result<Arc<Pool>, SettingsError> {
        match extra_ca {
            Some(path) => Ok(Pool::new(&self.limits, read_certificates(path)?, is_direct)),
            None if is_direct => Ok(Arc::clone(&self.direct)),
            None => Ok(Arc::clone(&self.proxied)),
        }
    }
}

fn builder(connect_timeout: Duration, is_direct: bool) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(KEEP_IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false);
    if is_direct { builder.no_proxy() } else { builder }
}

/// Installs ring as the process's crypto provider.
fn install_crypto() {
    // Fails when a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The certificates in a PEM file.
fn read_certificates(path: &Path) -> Result<Vec<Certificate>, SettingsError> {
    let pem = std::fs::read(path)
        .map_err(|source| SettingsError::CertificateFile { path: path.to_owned(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(SettingsError::NoCertificate { path: path.to_owned() }),
    }
}
