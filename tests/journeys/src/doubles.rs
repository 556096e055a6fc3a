//! The world outside as tests need it: an HTTP/1.1 server on loopback that plays a script (a plain target, an
//! OpenAI-compatible provider, Anthropic, Ollama), and an address for the harness's PostgreSQL.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixStream},
};

use crate::{Server, Settings, postgres_url};

/// What a double does when it is asked.
#[derive(Debug, Clone)]
pub enum Act {
    Say {
        status: u16,
        headers: String,
        body: String,
    },
    /// Answers with what it was sent: `{"method", "path", "headers", "body"}`.
    Echo,
    /// Begins an answer of this length and sends less.
    CutOff(usize, String),
    /// Reads and is silent.
    Hang,
    /// Answers in these pieces, one chunk each.
    Chunks(Vec<String>),
    /// Decides when it has read what it was asked.
    Judge(Judge),
}

/// See [`Act::Judge`].
#[derive(Clone)]
pub struct Judge(Arc<dyn Fn(&Seen) -> Act + Send + Sync>);

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Judge")
    }
}

/// An act that depends on what was asked.
pub fn judge(by: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Act {
    Act::Judge(Judge(Arc::new(by)))
}

/// One request, as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Seen {
    /// A header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
    fn echo(&self) -> Json {
        let headers: serde_json::Map<_, _> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({ "method": self.method, "path": self.path, "headers": headers, "body": self.text })
    }
}

/// A server that plays one act for each request, the last again and again.
pub struct Double {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    acts: Arc<Mutex<VecDeque<Act>>>,
}

impl Double {
    pub async fn playing(acts: impl IntoIterator<Item = Act>) -> Self {
        Self::at("127.0.0.1", acts).await
    }
    /// The same at another address of this machine; [`Double::url`] is for the usual one.
    pub async fn at(ip: &str, acts: impl IntoIterator<Item = Act>) -> Self {
        Self::on(TcpListener::bind((ip, 0)).await.unwrap(), acts)
    }
    /// The same at a port where nobody listened until now.
    pub async fn on_port(port: u16, acts: impl IntoIterator<Item = Act>) -> Self {
        Self::on(TcpListener::bind(("127.0.0.1", port)).await.unwrap(), acts)
    }
    fn on(listener: TcpListener, acts: impl IntoIterator<Item = Act>) -> Self {
        let port = listener.local_addr().unwrap().port();
        let double =
            Self { port, seen: Arc::default(), acts: Arc::new(Mutex::new(acts.into_iter().collect::<VecDeque<_>>())) };
        let (seen, acts) = (double.seen.clone(), double.acts.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone(), acts.clone()));
            }
        });
        double
    }
    /// `http://127.0.0.1:<port><path>`
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
    /// Plays these from now on.
    pub fn play(&self, acts: impl IntoIterator<Item = Act>) {
        *self.acts.lock().unwrap() = acts.into_iter().collect();
        self.seen.lock().unwrap().clear();
    }
    /// The `model` parameter that leads here.
    pub fn model(&self, provider: &str) -> Json {
        let path = if provider == "openai" { "/v1" } else { "" };
        json!({ "provider": provider, "model": "double-1", "base_url": self.url(path) })
    }
}

async fn serve(stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>, acts: Arc<Mutex<VecDeque<Act>>>) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read(&mut stream).await {
        seen.lock().unwrap().push(asked.clone());
        let act = {
            let mut acts = acts.lock().unwrap();
            if acts.len() > 1 { acts.pop_front() } else { acts.front().cloned() }
        };
        let whole = |status: u16, headers: &str, body: &str| {
            format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
        };
        let mut act = act.unwrap_or(Act::Hang);
        while let Act::Judge(Judge(by)) = &act {
            act = by(&asked);
        }
        let answer = match act {
            Act::Say { status, headers, body } => whole(status, &headers, &body),
            Act::Echo => whole(200, "content-type: application/json\r\n", &asked.echo().to_string()),
            Act::CutOff(length, start) => {
                let head = "HTTP/1.1 200 X\r\ncontent-type: application/json\r\n";
                _ = stream.write_all(format!("{head}content-length: {length}\r\n\r\n{start}").as_bytes()).await;
                return;
            }
            Act::Judge(_) => return,
            Act::Chunks(pieces) => {
                let head = "HTTP/1.1 200 X\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n";
                _ = stream.write_all(head.as_bytes()).await;
                for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                    _ = stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await;
                    _ = stream.flush().await;
                }
                "0\r\n\r\n".to_owned()
            }
            Act::Hang => {
                // until the other side gives up
                _ = tokio::time::timeout(Duration::from_secs(120), stream.read_u8()).await;
                return;
            }
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, n)| n.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { method, path, headers, text: String::from_utf8_lossy(&body).into_owned() })
}

pub fn say(body: Json) -> Act {
    refuse(200, "", body)
}
/// `headers`: each with CR LF.
pub fn refuse(status: u16, headers: &str, body: Json) -> Act {
    typed(status, headers, "application/json", &body.to_string())
}
pub fn typed(status: u16, headers: &str, kind: &str, body: &str) -> Act {
    Act::Say { status, headers: format!("{headers}content-type: {kind}\r\n"), body: body.to_owned() }
}

/// What providers answer, each in its own form. Every answer of a chat costs 11 + 7 tokens.
pub mod answers {
    use super::*;

    pub fn openai(text: &str) -> Act {
        openai_message(json!({ "role": "assistant", "content": text }), "stop")
    }
    /// `arguments` is text: it need not be JSON.
    pub fn openai_tool(name: &str, arguments: &str) -> Act {
        let function = json!({ "name": name, "arguments": arguments });
        let call = json!({ "id": "call_1", "type": "function", "function": function });
        openai_message(json!({ "role": "assistant", "content": null, "tool_calls": [call] }), "tool_calls")
    }
    fn openai_message(message: Json, finish: &str) -> Act {
        say(json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "double-1",
            "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
            "usage": { "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 } }))
    }
    pub fn openai_vectors(vectors: &[[f32; 2]]) -> Act {
        let data: Vec<Json> = vectors
            .iter()
            .enumerate()
            .map(|(index, vector)| json!({ "object": "embedding", "index": index, "embedding": vector }))
            .collect();
        say(json!({ "object": "list", "model": "double-1", "data": data,
            "usage": { "prompt_tokens": 5, "total_tokens": 5 } }))
    }

    pub fn anthropic(text: &str) -> Act {
        anthropic_content(json!([{ "type": "text", "text": text }]), "end_turn")
    }
    pub fn anthropic_tool(name: &str, input: Json) -> Act {
        anthropic_content(json!([{ "type": "tool_use", "id": "toolu_1", "name": name, "input": input }]), "tool_use")
    }
    fn anthropic_content(content: Json, stop: &str) -> Act {
        say(json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "double-1", "content": content,
            "stop_reason": stop, "stop_sequence": null, "usage": { "input_tokens": 11, "output_tokens": 7 } }))
    }

    pub fn ollama(text: &str) -> Act {
        ollama_message(json!({ "role": "assistant", "content": text }))
    }
    pub fn ollama_tool(name: &str, arguments: Json) -> Act {
        let call = json!({ "function": { "name": name, "arguments": arguments } });
        ollama_message(json!({ "role": "assistant", "content": "", "tool_calls": [call] }))
    }
    fn ollama_message(message: Json) -> Act {
        say(json!({ "model": "double-1", "created_at": "2026-11-21T00:00:00Z", "message": message, "done": true,
            "done_reason": "stop", "prompt_eval_count": 11, "eval_count": 7 }))
    }
    pub fn ollama_vectors(vectors: &[[f32; 2]]) -> Act {
        say(json!({ "model": "double-1", "embeddings": vectors, "prompt_eval_count": 5 }))
    }
}

/// Gives the harness's PostgreSQL, which listens on a socket only, an address on loopback; its port.
pub async fn postgres_port() -> u16 {
    let url = tokio::task::spawn_blocking(harness::servers::postgres).await.unwrap();
    let folder = url.split("host=").nth(1).unwrap().split('&').next().unwrap();
    let socket = PathBuf::from(folder).join(".s.PGSQL.5432");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move {
                if let Ok(mut far) = UnixStream::connect(socket).await {
                    _ = copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    port
}

/// Settings with which the doubles may be called.
pub fn open() -> Settings {
    Settings::default().set("NODELOOM_EGRESS__ALLOW_PRIVATE", "127.0.0.1")
}

/// Runs a test's body on SQLite and on PostgreSQL, with the doubles in reach.
pub async fn on_both_open(body: impl AsyncFn(&Server)) {
    eprintln!("on SQLite");
    let server = Server::with(open()).await;
    body(&server).await;
    server.stop().await;
    eprintln!("on PostgreSQL");
    let url = postgres_url().await;
    let server = Server::with(Settings { postgres: Some(url.clone()), ..open() }).await;
    body(&server).await;
    server.stop().await;
    harness::servers::drop_database(&url);
}

/// The node's entry in a run's log.
///
/// # Panics
/// When it has none.
#[track_caller]
pub fn node<'r>(run: &'r Json, id: &str) -> &'r Json {
    let nodes = run["nodes"].as_array().unwrap();
    nodes.iter().find(|node| node["node"] == id).unwrap_or_else(|| panic!("no node {id} in {run}"))
}
