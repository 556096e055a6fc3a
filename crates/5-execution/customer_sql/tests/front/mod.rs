//! Stands before the harness's PostgreSQL, which listens on a socket only: a TCP address, with TLS or without.
#![allow(clippy::unwrap_used, reason = "a double may fail its test")]

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, UnixStream},
};

pub struct Front {
    pub port: u16,
    /// The certificate's authority.
    pub authority: Vec<u8>,
    pub connections: Arc<AtomicUsize>,
}

impl Front {
    /// Without TLS, and with a server that says so when asked.
    pub async fn plain() -> Self {
        Self::start(None, Vec::new()).await
    }

    /// With a certificate for `name` from an authority of its own.
    pub async fn encrypted(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self::start(Some(Arc::new(config)), made.cert.pem().into_bytes()).await
    }

    async fn start(tls: Option<Arc<rustls::ServerConfig>>, authority: Vec<u8>) -> Self {
        let url = tokio::task::spawn_blocking(harness::servers::postgres).await.unwrap();
        let folder = url.split("host=").nth(1).unwrap().split('&').next().unwrap();
        let socket = PathBuf::from(folder).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (socket, tls) = (socket.clone(), tls.clone());
                tokio::spawn(async move {
                    let Some(tls) = tls else { return pass(near, socket).await };
                    let _ = near.read_exact(&mut [0; 8]).await;
                    let _ = near.write_all(b"S").await;
                    if let Ok(near) = tokio_rustls::TlsAcceptor::from(tls).accept(near).await {
                        pass(near, socket).await;
                    }
                });
            }
        });
        Self { port, authority, connections }
    }
}

async fn pass(mut near: impl AsyncRead + AsyncWrite + Unpin, socket: PathBuf) {
    let mut far = UnixStream::connect(socket).await.unwrap();
    let _ = copy_bidirectional(&mut near, &mut far).await;
}
