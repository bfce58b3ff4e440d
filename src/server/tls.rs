//! TLS: a certificate and its key in files, which are read again when they change.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::model::{Class, Fault};

/// How long the files are used before they are looked at again.
const VALID_FOR: Duration = Duration::from_secs(5);

/// Where the certificate with its chain and the key are, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those of the authorities between it and the root.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The certificate in use.
pub(super) struct Tls {
    files: TlsFiles,
    valid_for: Duration,
    last: Mutex<Loaded>,
}

struct Loaded {
    looked_at: Instant,
    texts: Texts,
    acceptor: TlsAcceptor,
    /// Whether the files could not be used at the last look, so that it is logged once.
    is_failing: bool,
}

#[derive(PartialEq, Eq)]
struct Texts {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Tls {
    /// Reads the files for the first time.
    pub(super) fn open(files: TlsFiles) -> Result<Self, Fault> {
        Self::looking_every(VALID_FOR, files)
    }

    fn looking_every(valid_for: Duration, files: TlsFiles) -> Result<Self, Fault> {
        let texts = read(&files)?;
        let acceptor = acceptor(&files, &texts)?;
        let last = Mutex::new(Loaded { looked_at: Instant::now(), texts, acceptor, is_failing: false });
        Ok(Self { files, valid_for, last })
    }

    /// What accepts connections now. Files that cannot be used leave the last ones in use.
    pub(super) fn current(&self) -> TlsAcceptor {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.looked_at.elapsed() >= self.valid_for {
            last.looked_at = Instant::now();
            self.renew(&mut last);
        }
        last.acceptor.clone()
    }

    fn renew(&self, last: &mut Loaded) {
        let renewed = read(&self.files).and_then(|texts| {
            let renewed = if texts == last.texts { None } else { Some(acceptor(&self.files, &texts)?) };
            Ok(renewed.map(|acceptor| (texts, acceptor)))
        });
        match renewed {
            Ok(renewed) => {
                last.is_failing = false;
                if let Some((texts, acceptor)) = renewed {
                    (last.texts, last.acceptor) = (texts, acceptor);
                    tracing::info!(file = %self.files.certificate.display(), "using the new certificate");
                }
            }
            Err(fault) if !last.is_failing => {
                last.is_failing = true;
                tracing::error!(
                    error = %fault.in_one_line(), hint = fault.hint(),
                    "cannot use the new certificate; keeping the last one"
                );
            }
            Err(_) => {}
        }
    }
}

fn read(files: &TlsFiles) -> Result<Texts, Fault> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|error| {
            Fault::new(Class::Failed, format!("cannot read {}", path.display())).with_source(error)
        })
    };
    Ok(Texts { certificate: read(&files.certificate)?, key: read(&files.key)? })
}

fn acceptor(files: &TlsFiles, texts: &Texts) -> Result<TlsAcceptor, Fault> {
    let unusable = |path: &PathBuf, what: &str| {
        Fault::new(Class::Usage, format!("{} has no {what}", path.display()))
            .with_hint("write PEM: the certificate before those of its authorities, and its key unencrypted")
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&texts.certificate).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| unusable(&files.certificate, "certificate"))?;
    // The error may quote the key.
    let key = PrivateKeyDer::from_pem_slice(&texts.key).map_err(|_| unusable(&files.key, "private key"))?;
    let mismatch = |error: rustls::Error| {
        let message =
            format!("{} and {} do not go together", files.certificate.display(), files.key.display());
        Fault::new(Class::Usage, message).with_source(error)
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(mismatch)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustls::RootCertStore;
    use rustls::pki_types::ServerName;
    use tokio_rustls::TlsConnector;

    use super::*;

    fn given(name: &str) -> Vec<u8> {
        fs::read(format!("{}/tests/registry/tls/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    /// A certificate and its key in a folder of their own.
    fn files() -> (tempfile::TempDir, TlsFiles) {
        let folder = tempfile::tempdir().unwrap();
        let files =
            TlsFiles { certificate: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
        fs::write(&files.certificate, given("server.pem")).unwrap();
        fs::write(&files.key, given("server.key")).unwrap();
        (folder, files)
    }

    /// How many certificates a client is shown.
    async fn shown(acceptor: TlsAcceptor) -> usize {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&given("authority.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (client, server) = tokio::io::duplex(64 * 1024);
        let name = ServerName::try_from("localhost").unwrap();
        let (client, server) =
            tokio::join!(TlsConnector::from(Arc::new(config)).connect(name, client), acceptor.accept(server));
        server.unwrap();
        client.unwrap().get_ref().1.peer_certificates().unwrap().len()
    }

    #[tokio::test]
    async fn a_new_certificate_is_used_and_a_broken_one_is_not() {
        let (_folder, files) = files();
        let tls = Tls::looking_every(Duration::ZERO, files.clone()).unwrap();
        assert_eq!(shown(tls.current()).await, 1);
        fs::write(&files.certificate, [given("server.pem"), given("authority.pem")].concat()).unwrap();
        assert_eq!(shown(tls.current()).await, 2);
        fs::write(&files.certificate, "half a certif").unwrap();
        assert_eq!(shown(tls.current()).await, 2);
        fs::remove_file(&files.key).unwrap();
        assert_eq!(shown(tls.current()).await, 2);
        fs::write(&files.certificate, given("server.pem")).unwrap();
        fs::write(&files.key, given("server.key")).unwrap();
        assert_eq!(shown(tls.current()).await, 1);
    }

    #[test]
    fn what_cannot_be_used_is_named_and_not_quoted() {
        for (certificate, key, expected) in [
            (given("server.key"), given("server.key"), "tls.crt has no certificate"),
            (given("server.pem"), given("server.pem"), "tls.key has no private key"),
            (given("authority.pem"), given("server.key"), "do not go together"),
        ] {
            let (_folder, files) = files();
            fs::write(&files.certificate, certificate).unwrap();
            fs::write(&files.key, key).unwrap();
            let fault = Tls::open(files).unwrap_err();
            assert!(fault.to_string().contains(expected), "{fault}");
            assert!(!format!("{fault:?}").contains("BEGIN"), "{fault:?}");
        }
    }
}
