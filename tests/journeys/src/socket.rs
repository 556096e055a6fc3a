//! The live events of a team, over a WebSocket.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value as Json;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};

use crate::{Client, client::tls};

/// The handshake was answered with something else.
#[derive(Debug)]
pub struct Refused {
    pub status: u16,
    pub body: Json,
}

/// An open WebSocket.
pub struct Socket(WebSocketStream<TlsStream<TcpStream>>);

impl Socket {
    /// Opens `path` (see [`Client`]) with its key, and `origin` as a browser would send it.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn open(client: &Client, path: &str, origin: Option<&str>) -> Result<Self, Refused> {
        let url = client.address(path).replacen("https:", "wss:", 1);
        let mut request = url.as_str().into_client_request().unwrap();
        if let Some(key) = &client.key {
            request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        }
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let port = request.uri().port_u16().unwrap();
        let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
        let mut config = tls(&client.ca_pem);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = "localhost".try_into().unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::Error::Http(answer)) => Err(Refused {
                status: answer.status().as_u16(),
                body: answer.body().as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default(),
            }),
            Err(error) => panic!("{error}"),
        }
    }

    /// The next frame of any kind; `None` when the server closed.
    pub async fn frame(&mut self, deadline: Duration) -> Option<Message> {
        let next = tokio::time::timeout(deadline, self.0.next()).await;
        match next.unwrap_or_else(|_| panic!("no frame within {deadline:?}")) {
            None | Some(Err(_)) => None,
            Some(Ok(Message::Close(_))) => None,
            Some(Ok(message)) => Some(message),
        }
    }

    /// The next event; heartbeats are answered on the way.
    pub async fn event(&mut self, deadline: Duration) -> Option<Json> {
        loop {
            match self.frame(deadline).await? {
                Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
                _ => continue,
            }
        }
    }

    pub async fn send(&mut self, text: &str) {
        self.0.send(Message::Text(text.into())).await.unwrap();
    }
}
