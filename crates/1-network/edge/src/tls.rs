//! Encryption on the way in: rustls with aws-lc-rs, TLS 1.2 and 1.3, a certificate that can change while we serve.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use domain::Clock;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::{Error, local_authority::LocalAuthority};

/// The certificate that handshakes are answered with, and where the next one comes from. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    source: Arc<Source>,
}

enum Source {
    Files { certificate: PathBuf, key: PathBuf, seen: Mutex<Seen> },
    Authority(LocalAuthority),
}
/// What the files held when they were last taken over.
type Seen = (Vec<u8>, Vec<u8>);

struct Current(RwLock<Arc<CertifiedKey>>);
impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// The one provider of cryptography in the house.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

impl Tls {
    /// From a PEM chain (leaf first) and its PEM key.
    ///
    /// # Errors
    /// Missing or unreadable files, and a key that does not belong to the certificate.
    pub fn from_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, Error> {
        let (certificate, key) = (certificate.into(), key.into());
        let seen = (read(&certificate)?, read(&key)?);
        let first = certified(&certificate, &key, &seen)?;
        Self::new(first, Source::Files { certificate, key, seen: Mutex::new(seen) })
    }

    /// From the local authority of a first start: a fresh leaf, held in memory only.
    ///
    /// # Errors
    /// As [`LocalAuthority::issue`].
    pub fn from_local_authority(authority: LocalAuthority, clock: &Clock) -> Result<Self, Error> {
        let first = authority.issue(clock.now())?;
        Self::new(first, Source::Authority(authority))
    }

    fn new(first: CertifiedKey, source: Source) -> Result<Self, Error> {
        let current = Arc::new(Current(RwLock::new(Arc::new(first))));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(Error::Tls)?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(Error::Tls)?;
        Ok(Self { config: Arc::new(config), current, source: Arc::new(source) })
    }

    /// For the acceptor.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// Takes over changed files, or a fresh leaf from the local authority. `Ok(false)` when the files are the same.
    /// On an error the certificate in use stays in use.
    ///
    /// # Errors
    /// As [`Tls::from_files`] and [`LocalAuthority::issue`].
    pub fn reload(&self, clock: &Clock) -> Result<bool, Error> {
        let next = match &*self.source {
            Source::Authority(authority) => authority.issue(clock.now())?,
            Source::Files { certificate, key, seen } => {
                let now = (read(certificate)?, read(key)?);
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                if *seen == now {
                    return Ok(false);
                }
                let next = certified(certificate, key, &now)?;
                *seen = now;
                next
            }
        };
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(true)
    }

    /// Looks for changed files every `every` (a local leaf is renewed every 30 days); runs until dropped. Spawn it.
    pub async fn keep_fresh(self, clock: Clock, every: Duration) {
        let every = match &*self.source {
            Source::Files { .. } => every,
            Source::Authority(_) => Duration::from_secs(30 * 24 * 3600),
        };
        loop {
            tokio::time::sleep(every).await;
            match self.reload(&clock) {
                Ok(true) => tracing::info!("took over a new TLS certificate"),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, cause = ?std::error::Error::source(&error), "kept the old TLS certificate");
                }
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|cause| Error::File { path: path.to_owned(), cause })
}

fn certified(certificate: &Path, key: &Path, (chain, private): &Seen) -> Result<CertifiedKey, Error> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|_| Error::Pem { path: certificate.to_owned() })?;
    if chain.is_empty() {
        return Err(Error::Pem { path: certificate.to_owned() });
    }
    let private = PrivateKeyDer::from_pem_slice(private).map_err(|_| Error::Pem { path: key.to_owned() })?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(Error::Tls)
}
