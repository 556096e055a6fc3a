//! The outside world: notes each call, and takes a random moment to answer.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hammer::client::Error;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// One call, in the order of arrival.
#[derive(Clone, Debug)]
pub struct Call {
    pub run: String,
    pub step: String,
    pub key: String,
}

#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Call>>>,
}

impl Receiver {
    pub async fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let receiver = Self { address: listener.local_addr()?, log: Arc::default() };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = serving.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let receiver = receiver.clone();
                        async move { Ok::<_, Infallible>(receiver.answer(request).await) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(receiver)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let key =
            request.headers().get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
        let step = request.uri().path().trim_start_matches('/').to_owned();
        let body = Limited::new(request.into_body(), 64 * 1024)
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let run = serde_json::from_slice::<serde_json::Value>(&body)
            .ok()
            .and_then(|json| Some(json["run"].as_str()?.to_owned()))
            .unwrap_or_default();
        if let Ok(mut log) = self.log.lock() {
            log.push(Call { run, step, key });
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..25))).await;
        Response::builder()
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(b"{\"ok\":true}")))
            .unwrap_or_default()
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }
    pub fn calls(&self) -> usize {
        self.log.lock().map(|log| log.len()).unwrap_or_default()
    }
    pub fn log(&self) -> Vec<Call> {
        self.log.lock().map(|log| log.clone()).unwrap_or_default()
    }
}
