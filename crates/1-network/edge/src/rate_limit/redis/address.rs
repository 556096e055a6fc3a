//! Where Redis is, and that nobody between it and us can read along (R016).

use std::{fmt, io, net::IpAddr, path::PathBuf, sync::Arc};

use ::redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream, lookup_host},
};
use tokio_rustls::TlsConnector;

use crate::Error;

/// Words that may stand after `?`; any other is a misspelt one.
const QUERY: &[&str] = &["protocol", "db", "user", "pass"];

/// A readable address. Its `Display` names the place and nothing of the login.
pub(super) struct Address {
    place: Place,
    login: RedisConnectionInfo,
}

enum Place {
    /// Unencrypted, on this machine only.
    Loopback(String, u16),
    Encrypted(String, u16, ServerName<'static>, TlsConnector),
    Socket(PathBuf),
}

/// Bytes to and from Redis, whatever carries them.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

impl Address {
    /// Reads `url`; certificates are checked against the public authorities and those in `authorities` (PEM).
    pub(super) fn read(url: &str, authorities: Option<&[u8]>) -> Result<Self, Error> {
        let mut url = ::redis::parse_redis_url(url.trim()).ok_or(Error::RedisAddress)?;
        // No fragment has a meaning here: `#insecure` would have switched the certificate check off.
        if url.fragment().is_some() || url.query_pairs().any(|(word, _)| !QUERY.contains(&word.as_ref())) {
            return Err(Error::RedisAddress);
        }
        let encrypted = matches!(url.scheme(), "rediss" | "valkeys");
        if encrypted {
            url.set_scheme("redis").map_err(|()| Error::RedisAddress)?;
        }
        let read = url.into_connection_info().map_err(|_| Error::RedisAddress)?;
        let place = match read.addr() {
            ConnectionAddr::Unix(path) => Place::Socket(path.clone()),
            ConnectionAddr::Tcp(host, port) if encrypted => {
                let name = ServerName::try_from(host.clone()).map_err(|_| Error::RedisAddress)?;
                Place::Encrypted(host.clone(), *port, name, connector(authorities)?)
            }
            ConnectionAddr::Tcp(host, port) if is_loopback(host) => Place::Loopback(host.clone(), *port),
            ConnectionAddr::Tcp(host, _) => return Err(Error::RedisUnencrypted { host: host.clone() }),
            _ => return Err(Error::RedisAddress),
        };
        Ok(Self { place, login: read.redis_settings().clone() })
    }

    /// Who we are there.
    pub(super) const fn login(&self) -> &RedisConnectionInfo {
        &self.login
    }

    /// Opens the wire; the caller bounds the time.
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(match &self.place {
            Place::Socket(path) => Box::new(UnixStream::connect(path).await?),
            Place::Loopback(host, port) => Box::new(reach(host, *port, |address| address.is_loopback()).await?),
            Place::Encrypted(host, port, name, connector) => {
                let stream = reach(host, *port, |_| true).await?;
                Box::new(connector.connect(name.clone(), stream).await?)
            }
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Loopback(host, port) | Place::Encrypted(host, port, ..) => write!(f, "{host}:{port}"),
            Place::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The first address of `host` that is as it should be and answers.
async fn reach(host: &str, port: u16, fits: impl Fn(IpAddr) -> bool) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address that may be used");
    for address in lookup_host((host, port)).await?.filter(|address| fits(address.ip().to_canonical())) {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn connector(authorities: Option<&[u8]>) -> Result<TlsConnector, Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = authorities {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let (added, ignored) = roots.add_parsable_certificates(read.map_err(|_| Error::RedisAuthorities)?);
        if added == 0 || ignored > 0 {
            return Err(Error::RedisAuthorities);
        }
    }
    let config = ClientConfig::builder_with_provider(crate::tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
