//! An engine that plays Docker's errors: a socket that answers each question as its script says, and everything else as an
//! engine does that is well.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use sandbox_launcher::wire::{Frame, Kept, Report};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Notify,
};

/// What the engine does when it is asked.
#[derive(Clone)]
pub enum Play {
    /// Answers with a status and a body.
    Say(u16, String),
    /// Says something that is no answer, and goes away.
    Babble(&'static str),
    /// Takes the question and never answers.
    Hang,
    /// Answers the head, promises a body, and never sends it.
    HangInBody,
    /// Goes away.
    Leave,
    /// Goes on as a container's output with these bytes, and then stays silent.
    Stream(Vec<u8>),
    /// The same, and once the container is started the engine is gone altogether.
    StreamAndDie(Vec<u8>),
}

impl Play {
    /// An error in Docker's words.
    pub fn error(status: u16, message: &str) -> Self {
        Self::Say(status, serde_json::json!({ "message": message }).to_string())
    }
}

/// The questions, by what they ask.
const STEPS: &[(&str, &str, &str, u16, &str)] = &[
    ("version", "GET", "/version", 200, r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12","Version":"20.10.24"}"#),
    (
        "info",
        "GET",
        "/info",
        200,
        r#"{"OSType":"linux","SecurityOptions":["name=seccomp,profile=default"],"MemoryLimit":true,"PidsLimit":true,
            "CpuCfsQuota":true,"CgroupVersion":"1","ServerVersion":"20.10.24"}"#,
    ),
    ("list", "GET", "/containers/json", 200, "[]"),
    ("image", "GET", "/images/*/json", 200, r#"{"Id":"sha256:0"}"#),
    ("load", "POST", "/images/create", 200, "{\"status\":\"loaded\"}\n"),
    ("create", "POST", "/containers/create", 201, r#"{"Id":"box","Warnings":[]}"#),
    ("attach", "POST", "/containers/*/attach", 101, ""),
    ("start", "POST", "/containers/*/start", 204, ""),
    ("inspect", "GET", "/containers/*/json", 200, r#"{"Id":"box","State":{"OOMKilled":false}}"#),
    ("wait", "POST", "/containers/*/wait", 200, r#"{"StatusCode":0}"#),
    ("remove", "DELETE", "/containers/*", 204, ""),
];

/// The engine; it ends when this is dropped.
pub struct Double {
    pub socket: PathBuf,
    state: Arc<Shared>,
    listening: tokio::task::JoinHandle<()>,
}

type Shared = (Mutex<State>, Notify);

#[derive(Default)]
struct State {
    plays: HashMap<&'static str, Vec<Play>>,
    asked: Vec<&'static str>,
    removed: bool,
    dead: bool,
}

impl Double {
    /// Starts one; a step's plays are used one after the other, and the last again and again.
    pub fn start(name: &str, plays: &[(&'static str, Vec<Play>)]) -> Self {
        let known: HashSet<&str> = STEPS.iter().map(|(step, ..)| *step).collect();
        assert!(plays.iter().all(|(step, _)| known.contains(step)));
        let socket = std::env::temp_dir().join(format!("nodeloom-double-{}-{name}.sock", std::process::id()));
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let state = State { plays: plays.iter().cloned().collect(), ..State::default() };
        let state = Arc::new((Mutex::new(state), Notify::new()));
        let shared = state.clone();
        let listening = tokio::spawn(async move {
            let mut talks = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                if lock(&shared).dead {
                    return;
                }
                talks.spawn(serve(stream, shared.clone()));
            }
        });
        Self { socket, state, listening }
    }
    /// What was asked, in order.
    pub fn asked(&self) -> Vec<&'static str> {
        lock(&self.state).asked.clone()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.listening.abort();
        let _ = std::fs::remove_file(&self.socket);
    }
}

fn lock(state: &Shared) -> std::sync::MutexGuard<'_, State> {
    state.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a keeper says through an engine: frames, wrapped as Docker wraps a container's output.
pub fn spoken(frames: &[(Frame, &[u8])]) -> Vec<u8> {
    let mut all = Vec::new();
    for (kind, content) in frames {
        let frame = [&kind.head(content.len() as u32)[..], content].concat();
        all.extend([1, 0, 0, 0]);
        all.extend((frame.len() as u32).to_be_bytes());
        all.extend(frame);
    }
    all
}

/// A guest that said "hello" and ended well.
pub fn well() -> Vec<u8> {
    let kept = Kept { report: Report { wall_us: 7, ..Report::default() }, landlock: 1, ..Kept::default() };
    spoken(&[(Frame::Out, b"hello"), (Frame::End, &kept.encode())])
}

async fn serve(stream: UnixStream, state: Arc<Shared>) {
    let mut stream = BufReader::new(stream);
    while let Some(head) = read_head(&mut stream).await {
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let path = target.split('?').next().unwrap_or("");
        let path = path.strip_prefix("/v").and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap_or(path);
        let known = STEPS.iter().find(|(_, verb, pattern, ..)| method == *verb && fits(path, pattern));
        let Some((step, _, _, status, body)) = known else { return };
        let play = {
            let mut state = lock(&state);
            state.asked.push(step);
            state.removed |= ["wait", "remove"].contains(step);
            let gone = state.removed && *step == "inspect";
            match state.plays.get_mut(step) {
                Some(plays) if plays.len() > 1 => plays.remove(0),
                Some(plays) => plays[0].clone(),
                None if gone => Play::error(404, "No such container: box"),
                None if *status == 101 => Play::Stream(well()),
                None => Play::Say(*status, (*body).into()),
            }
        };
        match play {
            Play::Say(status, body) => {
                let length = if status == 204 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
                let head = format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{length}\r\n{body}");
                if stream.write_all(head.as_bytes()).await.is_err() {
                    return;
                }
                if *step == "start" {
                    state.1.notify_one();
                }
            }
            Play::Babble(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                return;
            }
            Play::HangInBody => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{\"Id\":";
                let _ = stream.write_all(head.as_bytes()).await;
                std::future::pending::<()>().await;
            }
            Play::Hang => std::future::pending().await,
            Play::Leave => return,
            Play::Stream(bytes) => {
                upgrade(&mut stream, &bytes).await;
                // until the other side has had enough
                while stream.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {}
                return;
            }
            Play::StreamAndDie(bytes) => {
                upgrade(&mut stream, &bytes).await;
                state.1.notified().await;
                lock(&state).dead = true;
                return;
            }
        }
    }
}

async fn upgrade(stream: &mut BufReader<UnixStream>, bytes: &[u8]) {
    let head = "HTTP/1.1 101 UPGRADED\r\nconnection: Upgrade\r\nupgrade: tcp\r\n\r\n";
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(bytes).await;
}

fn fits(path: &str, pattern: &str) -> bool {
    let (path, pattern): (Vec<_>, Vec<_>) = (path.split('/').collect(), pattern.split('/').collect());
    path.len() == pattern.len() && path.iter().zip(&pattern).all(|(part, wanted)| *wanted == "*" || part == wanted)
}

/// The first line of a request, when it is read to its end.
async fn read_head(stream: &mut BufReader<UnixStream>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|v| v.trim().to_owned());
    if let Some(length) = value("content-length:") {
        let mut body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut body).await.ok()?;
    } else if value("transfer-encoding:").is_some() {
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(stream.read_u8().await.ok()?);
            }
            let size = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).await.ok()?;
            if size == 0 {
                break;
            }
        }
    }
    String::from_utf8_lossy(&head).lines().next().map(str::to_owned)
}
