//! One connection: resolve once, judge every address, connect to one of them, and, for https, shake hands.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::client::legacy::connect::{Connected, Connection};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{Error, Policy, Resolver};

/// A connection to a judged address, plain or encrypted.
pub enum Socket {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// Makes connections under a policy.
pub(crate) struct Dialer {
    pub policy: Policy,
    pub resolver: Arc<dyn Resolver>,
    /// For HTTP: offers HTTP/2.
    pub https: Arc<ClientConfig>,
    /// For everything else.
    pub tls: Arc<ClientConfig>,
}

impl Dialer {
    /// Connects to `host:port` within the policy's connect timeout.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Error> {
        self.within(host, self.connect_judged(host, port)).await
    }

    /// The same for HTTP, with a TLS handshake when `secure`.
    pub async fn connect_http(&self, host: &str, port: u16, secure: bool) -> Result<Socket, Error> {
        self.within(host, async {
            let stream = self.connect_judged(host, port).await?;
            match secure {
                false => Ok(Socket::Plain(stream)),
                true => encrypt(self.https.clone(), host, stream).await,
            }
        })
        .await
    }

    async fn within<T>(&self, host: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(self.policy.connect_timeout, work)
            .await
            .unwrap_or_else(|_| Err(Error::ConnectTimedOut { host: host.to_owned() }))
    }

    async fn connect_judged(&self, host: &str, port: u16) -> Result<TcpStream, Error> {
        let addresses = self.addresses(host).await?;
        self.policy.judge(host, port, &addresses)?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let share = self.policy.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        for address in addresses {
            match attempt(SocketAddr::new(address, port), share).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        match last.kind() {
            io::ErrorKind::TimedOut => Err(Error::ConnectTimedOut { host: host.to_owned() }),
            _ => Err(Error::Unreachable { host: host.to_owned(), source: Arc::new(last) }),
        }
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Error> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(vec![address]);
        }
        let unresolvable = |source| Error::Unresolvable { host: host.to_owned(), source: Arc::new(source) };
        let mut addresses = self.resolver.resolve(bare).await.map_err(unresolvable)?;
        addresses.dedup();
        if addresses.is_empty() {
            return Err(unresolvable(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
        }
        addresses.truncate(16);
        Ok(addresses)
    }
}

async fn attempt(at: SocketAddr, share: Duration) -> io::Result<TcpStream> {
    match tokio::time::timeout(share, TcpStream::connect(at)).await {
        Ok(done) => done,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Shakes hands on `stream` as a client of `host`.
pub(crate) async fn encrypt(config: Arc<ClientConfig>, host: &str, stream: TcpStream) -> Result<Socket, Error> {
    let failed = |source| Error::Tls { host: host.to_owned(), source: Arc::new(source) };
    let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let name = ServerName::try_from(bare.to_owned()).map_err(|error| failed(io::Error::other(error)))?;
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(failed)?;
    Ok(Socket::Encrypted(Box::new(stream)))
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        let speaks_h2 = match self {
            Self::Plain(_) => false,
            Self::Encrypted(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        };
        if speaks_h2 { Connected::new().negotiated_h2() } else { Connected::new() }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Encrypted(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}
impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, from),
            Self::Encrypted(stream) => Pin::new(stream).poll_write(cx, from),
        }
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_flush(cx),
        }
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
