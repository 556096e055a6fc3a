//! Lets the database library talk over a connection that `egress` made.
//!
//! The library can only connect by itself, and then it would resolve the name a second time, to an address that nobody
//! judged. So it is given a socket in a private folder, and what it says there is carried to the judged connection,
//! which is also encrypted here, against the name that the customer wrote.

use std::{path::Path, time::Duration};

use egress::Egress;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpStream, UnixListener},
    task::AbortHandle,
};

use crate::{Error, Postgres, Tls};

/// PostgreSQL's request for an encrypted connection.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A socket that leads to the database; gone when dropped.
pub(crate) struct Relay {
    folder: TempDir,
    task: AbortHandle,
}

/// The library finds the socket as `.s.PGSQL.<port>` in its folder.
pub(crate) const PORT: u16 = 5432;

impl Relay {
    /// Connects to `postgres` and begins to carry.
    pub async fn open(egress: &Egress, postgres: &Postgres, limit: Duration) -> Result<Self, Error> {
        let opened = async {
            let mut stream = egress.connect_tcp(&postgres.host, postgres.port).await?;
            match &postgres.tls {
                Tls::Off => Ok(Far::Plain(stream)),
                Tls::Verified { authority_pem } => {
                    request_tls(&mut stream).await?;
                    let authority = authority_pem.as_deref();
                    Ok::<_, Error>(Far::Encrypted(egress.encrypt(&postgres.host, stream, authority).await?))
                }
            }
        };
        let far = tokio::time::timeout(limit, opened).await.map_err(|_| Error::TimedOut { limit })??;
        // A folder that only this account may enter (0700).
        let folder = tempfile::Builder::new().prefix("nodeloom-sql-").tempdir().map_err(|_| Error::Connection)?;
        let path = folder.path().join(format!(".s.PGSQL.{PORT}"));
        let listener = UnixListener::bind(path).map_err(|_| Error::Connection)?;
        let task = tokio::spawn(carry(listener, far)).abort_handle();
        Ok(Self { folder, task })
    }

    /// Where the library finds the socket.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum Far {
    Plain(TcpStream),
    Encrypted(egress::Socket),
}

async fn request_tls(stream: &mut TcpStream) -> Result<(), Error> {
    stream.write_all(&SSL_REQUEST).await.map_err(|_| Error::Connection)?;
    // Exactly one byte: what came behind it unencrypted would be taken for part of the handshake and fail there.
    match stream.read_u8().await.map_err(|_| Error::Connection)? {
        b'S' => Ok(()),
        b'N' => Err(Error::NoTls),
        _ => Err(Error::Connection),
    }
}

/// Serves one connection and no second.
async fn carry(listener: UnixListener, far: Far) {
    let Ok((mut near, _)) = listener.accept().await else { return };
    drop(listener);
    let carried = match far {
        Far::Plain(mut far) => copy_bidirectional(&mut near, &mut far).await,
        Far::Encrypted(mut far) => copy_bidirectional(&mut near, &mut far).await,
    };
    if let Err(error) = carried {
        tracing::debug!(kind = ?error.kind(), "connection to a customer's database ended");
    }
}
