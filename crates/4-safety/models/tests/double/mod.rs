//! A provider on loopback that plays a script: one answer per request, the last again and again.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part, and a double may fail its test")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{Clock, Json, Secret, Timestamp};
use egress::{Egress, Policy, Url};
use models::{ChatRequest, ChatResponse, Client, Connection, Error, Limits, Message, Models, Provider};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What the provider does when asked.
#[derive(Clone)]
pub enum Act {
    /// Status, more headers (each with CR LF), content type, body.
    Say(u16, &'static str, &'static str, String),
    /// Says this as a stream, in pieces of so many bytes, and ends.
    Stream(&'static str, String, usize),
    /// Says this as a stream and then nothing, without ending.
    Trail(&'static str, String),
    /// Reads and is silent.
    Hang,
}

pub struct Double {
    pub base: Url,
    seen: Arc<Mutex<Vec<(String, Json)>>>,
}

/// Assembled, so that nobody takes it for a key that somebody lost.
pub fn key() -> String {
    ["sk", "hidden", "0123456789abcdef"].join("-")
}

pub fn json(body: Json) -> Act {
    Act::Say(200, "", "application/json", body.to_string())
}

pub fn fails(status: u16, headers: &'static str, body: Json) -> Act {
    Act::Say(status, headers, "application/json", body.to_string())
}

pub fn sse(events: &[Json]) -> Act {
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    Act::Stream("text/event-stream", text + "data: [DONE]\n\n", 7)
}

impl Double {
    pub async fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}/base", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let acts: Arc<Mutex<VecDeque<Act>>> = Arc::new(Mutex::new(acts.into_iter().collect()));
        tokio::spawn({
            let seen = seen.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (seen, acts) = (seen.clone(), acts.clone());
                    tokio::spawn(async move {
                        let asked = read(stream).await;
                        let Some((mut stream, head, body)) = asked else { return };
                        seen.lock().unwrap().push((head, body));
                        let act = {
                            let mut acts = acts.lock().unwrap();
                            if acts.len() > 1 { acts.pop_front().unwrap() } else { acts[0].clone() }
                        };
                        play(&mut stream, act).await;
                        let _ = stream.shutdown().await;
                    });
                }
            }
        });
        Self { base, seen }
    }

    pub fn client(&self, provider: Provider) -> Client {
        self.client_with(provider, limits())
    }

    pub fn client_with(&self, provider: Provider, limits: Limits) -> Client {
        let egress = Egress::new(Policy::allowing(["127.0.0.1"]).unwrap()).unwrap();
        let clock = Clock::new(|| Timestamp::parse("2026-11-21T10:00:00Z").unwrap());
        let mut connection = Connection::new(provider);
        connection.base_url = Some(self.base.clone());
        connection.api_key = Some(Secret::new(key()));
        connection.limits = limits;
        Models::new(egress, clock, None).connect(connection).unwrap()
    }

    pub fn heads(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|(head, _)| head.clone()).collect()
    }
    pub fn bodies(&self) -> Vec<Json> {
        self.seen.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }
}

pub fn limits() -> Limits {
    Limits { first_byte: Duration::from_millis(400), total: Duration::from_secs(4), ..Limits::default() }
}

pub fn question() -> ChatRequest {
    ChatRequest::new("m", vec![Message::system("Be brief."), Message::user("Hello?")])
}

/// Asks with streaming; gives the answer and the pieces.
pub async fn streamed(client: &Client, request: &ChatRequest) -> (Result<ChatResponse, Error>, Vec<String>) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let collect = async {
        let mut pieces = Vec::new();
        while let Some(piece) = receiver.recv().await {
            pieces.push(piece);
        }
        pieces
    };
    tokio::join!(client.chat(request, Some(sender)), collect)
}

async fn read(mut stream: TcpStream) -> Option<(TcpStream, String, Json)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((stream, head, serde_json::from_slice(&body).unwrap()))
}

async fn play(stream: &mut TcpStream, act: Act) {
    let head = |status: u16, headers: &str, kind: &str| {
        format!("HTTP/1.1 {status} X\r\n{headers}content-type: {kind}\r\nconnection: close\r\n")
    };
    match act {
        Act::Say(status, headers, kind, body) => {
            let head = head(status, headers, kind);
            let _ = stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
        }
        Act::Stream(kind, body, size) => {
            let _ = stream.write_all((head(200, "", kind) + "\r\n").as_bytes()).await;
            for piece in body.as_bytes().chunks(size) {
                if stream.write_all(piece).await.is_err() {
                    return;
                }
                let _ = stream.flush().await;
                tokio::task::yield_now().await;
            }
        }
        Act::Trail(kind, body) => {
            let _ = stream.write_all((head(200, "", kind) + "\r\n" + &body).as_bytes()).await;
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        Act::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
    }
}
