//! A receiver of any kind on this machine. It answers as its vendor does, or as it is told to, and holds what it took.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    io::Read as _,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use domain::Json;
use flate2::read::GzDecoder;
use serde_json::json;
use tokio::task::JoinHandle;

/// An answer that the receiver is told to give instead of its own.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Status, headers, body; nothing is taken.
    Say(u16, Vec<(&'static str, String)>, String),
    /// Takes everything, and then the connection breaks before an answer.
    TakeAndHangUp,
    /// `_bulk` items for the events by place, the others taken.
    Items(Vec<(usize, u16)>),
    /// Takes everything and says nothing of an ackId.
    NoAckId,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self::Say(status, Vec::new(), String::new())
    }
    pub fn code(status: u16, code: u64) -> Self {
        Self::Say(status, Vec::new(), json!({ "text": "as the table says", "code": code }).to_string())
    }
    pub fn html(status: u16) -> Self {
        Self::Say(status, vec![("content-type", "text/html".to_owned())], "<html>proxy</html>".to_owned())
    }
}

#[derive(Default)]
struct Inner {
    script: VecDeque<Reply>,
    /// The events of each stream in the order in which they came, repetitions included.
    taken: BTreeMap<String, Vec<Json>>,
    seen: Vec<Seen>,
    poison: HashSet<i64>,
    /// Tells which event is bad, as Splunk does; else only that one is.
    names_the_bad: bool,
    ack: bool,
    acks: u64,
    /// Answers `false` so often before `true`.
    ack_delay: u32,
    asked: u32,
    largest: usize,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

#[derive(Clone)]
pub struct Double {
    inner: Arc<Mutex<Inner>>,
    pub url: String,
    task: Arc<JoinHandle<()>>,
}

impl Drop for Double {
    fn drop(&mut self) {
        if Arc::strong_count(&self.task) == 1 {
            self.task.abort();
        }
    }
}

impl Double {
    pub async fn start() -> Self {
        Self::on("127.0.0.1:0", Arc::default()).await
    }
    async fn on(address: &str, inner: Arc<Mutex<Inner>>) -> Self {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state(inner.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner, url, task: Arc::new(task) }
    }
    /// The receiver goes away; what it took stays in mind.
    pub async fn down(&self) {
        self.task.abort();
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
    }
    /// It comes back at the same address.
    pub async fn up(&self) -> Self {
        Self::on(self.url.trim_start_matches("http://"), self.inner.clone()).await
    }
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap())
    }
    pub fn plays(&self, replies: impl IntoIterator<Item = Reply>) {
        self.with(|inner| inner.script.extend(replies));
    }
    pub fn refuses(&self, sequence: i64, names: bool) {
        self.with(|inner| {
            inner.poison.insert(sequence);
            inner.names_the_bad = names;
        });
    }
    pub fn refuses_nothing(&self) {
        self.with(|inner| inner.poison.clear());
    }
    pub fn acknowledges(&self, after: u32) {
        self.with(|inner| (inner.ack, inner.ack_delay) = (true, after));
    }
    pub fn takes_at_most(&self, bytes: usize) {
        self.with(|inner| inner.largest = bytes);
    }
    pub fn seen(&self) -> Vec<Seen> {
        self.with(|inner| inner.seen.clone())
    }
    pub fn requests(&self) -> usize {
        self.with(|inner| inner.seen.len())
    }
    /// The events of a stream as they came.
    pub fn taken(&self, stream: &str) -> Vec<Json> {
        self.with(|inner| inner.taken.get(stream).cloned().unwrap_or_default())
    }
    /// Sequences in the order in which each came first. Repetitions must be the same event.
    pub fn sequences(&self, stream: &str) -> Vec<i64> {
        let mut first: BTreeMap<String, Json> = BTreeMap::new();
        let mut order = Vec::new();
        for event in self.taken(stream) {
            let id = event["id"].as_str().unwrap().to_owned();
            if let Some(known) = first.get(&id) {
                assert_eq!(known["hash"], event["hash"], "a repetition is not what came first");
                continue;
            }
            order.push(event["sequence"].as_i64().unwrap());
            first.insert(id, event);
        }
        order
    }
    /// R238: every event names the hash of the one that came before it.
    pub fn links_hold(&self, stream: &str) {
        let mut known: HashSet<String> = HashSet::new();
        let mut previous: Option<Json> = None;
        for event in self.taken(stream) {
            if !known.insert(event["id"].as_str().unwrap().to_owned()) {
                continue;
            }
            if let Some(previous) = previous {
                assert_eq!(event["prev_hash"], previous["hash"], "after {}", previous["sequence"]);
            }
            previous = Some(event);
        }
    }
}

/// What a request holds: events out of their vendor's dress.
fn events(path: &str, body: &str) -> Vec<Json> {
    let lines = || body.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str::<Json>(line).unwrap());
    if path.contains("/services/collector") {
        lines().map(|line| line["event"].clone()).collect()
    } else if path.contains("/_bulk") {
        assert!(body.ends_with('\n'), "_bulk ends with a newline");
        lines()
            .filter(|line| line.get("create").is_none())
            .map(|line| serde_json::from_str(line["event"]["original"].as_str().unwrap()).unwrap())
            .collect()
    } else {
        let json: Json = serde_json::from_str(body).unwrap();
        match json {
            Json::Array(logs) => logs.into_iter().map(|log| log["nodeloom"].clone()).collect(),
            json => json["events"].as_array().unwrap().clone(),
        }
    }
}

fn answer(status: u16, headers: Vec<(&'static str, String)>, body: String) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap()
}

async fn receive(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap_or_default();
    let text = if head.headers.contains_key("content-encoding") {
        let mut text = String::new();
        GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        text
    } else {
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    let path = head.uri.path_and_query().unwrap().to_string();
    let headers: BTreeMap<_, _> =
        head.headers.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
    let reply = {
        let mut inner = inner.lock().unwrap();
        if path.contains("/ack?") {
            return ack(&mut inner, &text);
        }
        inner.seen.push(Seen { path: path.clone(), headers, body: text.clone() });
        inner.script.pop_front()
    };
    let mut inner = inner.lock().unwrap();
    let events = events(&path, &text);
    let take = |inner: &mut Inner, events: &[Json]| {
        for event in events {
            inner.taken.entry(event["stream"].as_str().unwrap().to_owned()).or_default().push(event.clone());
        }
    };
    match reply {
        Some(Reply::Say(status, headers, body)) => return answer(status, headers, body),
        Some(Reply::TakeAndHangUp) => {
            take(&mut inner, &events);
            // half an answer: the connection breaks while it is read
            let broken = futures_broken();
            return Response::new(broken);
        }
        Some(Reply::NoAckId) => {
            return answer(200, Vec::new(), json!({ "text": "Success", "code": 0 }).to_string());
        }
        Some(Reply::Items(odd)) => {
            let items: Vec<_> = (0..events.len())
                .map(|place| {
                    let status = odd.iter().find(|(at, _)| *at == place).map_or(201, |(_, status)| *status);
                    if status == 201 {
                        take(&mut inner, &events[place..=place]);
                    }
                    json!({ "create": { "status": status, "error": { "type": "as_the_table_says" } } })
                })
                .collect();
            return answer(200, Vec::new(), json!({ "took": 1, "errors": true, "items": items }).to_string());
        }
        None => {}
    }
    if inner.largest > 0 && text.len() > inner.largest {
        return answer(413, Vec::new(), String::new());
    }
    let bad = events.iter().position(|event| inner.poison.contains(&event["sequence"].as_i64().unwrap()));
    if path.contains("/_bulk") {
        let items: Vec<_> = events
            .iter()
            .map(|event| {
                let bad = inner.poison.contains(&event["sequence"].as_i64().unwrap());
                let id = &event["id"];
                if bad {
                    return json!({ "create": { "_id": id, "status": 400,
                        "error": { "type": "document_parsing_exception", "reason": "poison" } } });
                }
                let there = inner.taken.values().flatten().any(|known| known["id"] == *id);
                if there {
                    return json!({ "create": { "_id": id, "status": 409,
                        "error": { "type": "version_conflict_engine_exception" } } });
                }
                take(&mut inner, std::slice::from_ref(event));
                json!({ "create": { "_id": id, "status": 201 } })
            })
            .collect();
        let errors = items.iter().any(|item| item["create"]["status"] != 201);
        return answer(200, Vec::new(), json!({ "took": 3, "errors": errors, "items": items }).to_string());
    }
    if let Some(bad) = bad {
        if path.contains("/services/collector") {
            let mut said = json!({ "text": "Invalid data format", "code": 6 });
            if inner.names_the_bad {
                take(&mut inner, &events[..bad]);
                said["invalid-event-number"] = json!(bad);
            }
            return answer(400, Vec::new(), said.to_string());
        }
        return answer(400, Vec::new(), json!({ "errors": ["bad payload"] }).to_string());
    }
    take(&mut inner, &events);
    if path.contains("/services/collector") {
        let mut said = json!({ "text": "Success", "code": 0 });
        if inner.ack {
            said["ackId"] = json!(inner.acks);
            inner.acks += 1;
        }
        return answer(200, Vec::new(), said.to_string());
    }
    if path.contains("/api/v2/logs") {
        return answer(202, Vec::new(), "{}".to_owned());
    }
    answer(204, Vec::new(), String::new())
}

fn ack(inner: &mut Inner, text: &str) -> Response {
    let asked: Json = serde_json::from_str(text).unwrap();
    inner.asked += 1;
    let kept = inner.asked > inner.ack_delay;
    if kept {
        inner.asked = 0;
    }
    let acks: BTreeMap<String, bool> =
        asked["acks"].as_array().unwrap().iter().map(|number| (number.to_string(), kept)).collect();
    answer(200, Vec::new(), json!({ "acks": acks }).to_string())
}

/// A body that breaks off.
fn futures_broken() -> Body {
    struct Breaks;
    impl Iterator for Breaks {
        type Item = Result<bytes::Bytes, std::io::Error>;
        fn next(&mut self) -> Option<Self::Item> {
            Some(Err(std::io::Error::other("the line broke")))
        }
    }
    Body::from_stream(futures::stream::iter(Breaks))
}
