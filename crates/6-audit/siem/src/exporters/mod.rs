//! One vendor a file: how an event is dressed, how a request is made, and what each answer means.

pub(crate) mod datadog;
mod ecs;
mod elasticsearch;
mod splunk;
mod webhook;

use std::{io::Write as _, sync::Arc, time::Duration};

use domain::{Scope, SiemId, Timestamp};
use egress::Request;
use flate2::{Compression, write::GzEncoder};

use crate::{
    config::{Invalid, Secrets, To},
    event::Event,
};

/// What a receiver takes at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub events: usize,
    pub bytes: usize,
    /// Of one event's JSON.
    pub event_bytes: usize,
}

/// An event in a vendor's dress.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    pub sequence: i64,
    pub id: String,
    pub at: Timestamp,
    pub hash: String,
    pub previous: String,
    pub bytes: Vec<u8>,
}

/// Part of a stream that goes out in one request.
pub(crate) struct Part<'a> {
    /// The word of the stream, or `test`.
    pub stream: &'static str,
    pub events: &'a [&'a Rendered],
    pub now: Timestamp,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    /// Seconds, from Retry-After.
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// What became of one event of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Taken,
    Again(String),
    Refused(String),
    /// Refused for what the destination is, not for what the event is.
    Hold(Stop),
}

/// Why nothing more is sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Try again later.
    Again { why: String, after: Option<Duration> },
    /// The receiver's settings and ours do not fit.
    Hold(String),
    /// The receiver does not know us.
    Broken(String),
    /// The receiver wants nothing more, ever.
    Disable(String),
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Delivered,
    /// Taken, and kept when the receiver says so under this number.
    Acknowledge(u64),
    /// One by one.
    Items(Vec<Item>),
    TooLarge(String),
    /// An event is bad: the one that is named (those before it were taken), or some one.
    Bad {
        why: String,
        at: Option<usize>,
    },
    Stop(Stop),
}

/// A vendor.
pub(crate) trait Exporter: Send + Sync {
    fn limits(&self) -> Limits;
    fn render(&self, event: &Event) -> Vec<u8>;
    fn request(&self, part: &Part<'_>) -> Result<Request, egress::Error>;
    /// What the answer to a request with `count` events means.
    fn judge(&self, answer: &Answer, count: usize) -> Verdict;
    /// Asks whether what was numbered so is kept; for receivers that number.
    fn ask(&self, _number: u64) -> Option<Result<Request, egress::Error>> {
        None
    }
    /// The answer to that: `Ok(true)` when it is.
    fn asked(&self, _answer: &Answer, _number: u64) -> Result<bool, Stop> {
        Ok(true)
    }
    /// Failures in a row after which an event that is refused is put aside; until then the batch waits and is tried
    /// again whole.
    fn patience(&self) -> u32 {
        0
    }
}

/// The exporter of a destination.
pub(crate) fn exporter(id: SiemId, scope: Scope, to: &To, secrets: &Secrets) -> Result<Arc<dyn Exporter>, Invalid> {
    Ok(match to {
        To::SplunkHec { .. } => Arc::new(splunk::Splunk::new(id, scope, to, secrets)?),
        To::Datadog { .. } => Arc::new(datadog::Datadog::new(scope, to, secrets)?),
        To::Elasticsearch { .. } => Arc::new(elasticsearch::Elasticsearch::new(scope, to, secrets)?),
        To::Webhook { .. } => Arc::new(webhook::Webhook::new(id, to, secrets)?),
    })
}

/// Dresses an event.
pub(crate) fn dress(exporter: &dyn Exporter, event: &Event) -> Rendered {
    Rendered {
        sequence: event.sequence,
        id: event.id.clone(),
        at: event.at,
        hash: event.hash.clone(),
        previous: event.prev_hash.clone(),
        bytes: exporter.render(event),
    }
}

/// A POST, compressed if that is wanted. Nothing is sent on to where a receiver points.
fn post(url: &url::Url, kind: &str, body: Vec<u8>, gzip: bool) -> Result<Request, egress::Error> {
    let mut request = Request::to(egress::Method::POST, url.clone()).header("content-type", kind)?;
    request.follow_redirects = false;
    if !gzip {
        return Ok(request.body(body));
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    // writing to memory does not fail
    let packed = encoder.write_all(&body).and_then(|()| encoder.finish()).unwrap_or_default();
    Ok(request.header("content-encoding", "gzip")?.body(packed))
}

/// What every vendor's status means where its own table says nothing else.
fn by_status(answer: &Answer, who: &str) -> Stop {
    let status = answer.status;
    let why = format!("{who} answered {status}{}", said(&answer.body));
    match status {
        401 | 403 => Stop::Broken(why),
        408 | 425 | 429 | 500..=599 => Stop::Again { why, after: answer.retry_after },
        200..=299 => Stop::Again { why: format!("what answered {status} does not answer like {who}"), after: None },
        300..=399 => Stop::Hold(format!("{why}: the address leads elsewhere")),
        _ => Stop::Hold(why),
    }
}

/// The beginning of an answer, for people; nothing that could be markup or a control character.
pub(crate) fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(2000)]);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    if text.starts_with('<') {
        return " with a page of HTML".to_owned();
    }
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    format!(": {clean}")
}

/// JSON text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
