//! Datadog's log intake, version 2 (R233).

use domain::Scope;
use egress::Request;
use serde_json::{Map, json};
use url::Url;

use super::{Answer, Exporter, Limits, Part, Stop, Verdict, by_status, post, quoted, said};
use crate::{
    config::{Invalid, Secrets, To, invalid},
    event::{Event, environment_word, team_word},
};

pub(crate) const SITES: [&str; 9] = [
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "datadoghq.eu",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "uk1.datadoghq.com",
    "ddog-gov.com",
    "us2.ddog-gov.com",
];

pub(super) struct Datadog {
    url: Url,
    key: domain::Secret<String>,
    service: Option<String>,
    tags: String,
    gzip: bool,
}

impl Datadog {
    pub fn new(scope: Scope, to: &To, secrets: &Secrets) -> Result<Self, Invalid> {
        let To::Datadog { service, tags, gzip, .. } = to else {
            return Err(invalid("to.kind", "expected datadog"));
        };
        let mut url = to.base()?;
        url.set_path(&format!("{}/api/v2/logs", url.path().trim_end_matches('/')));
        let mut all = vec![format!("env:{}", environment_word(scope)), format!("team:{}", team_word(scope))];
        all.extend(tags.iter().cloned());
        let key = secrets.get("api_key").cloned().ok_or_else(|| invalid("secrets.api_key", "give the API key"))?;
        Ok(Self { url, key, service: service.clone(), tags: all.join(","), gzip: *gzip })
    }
}

impl Exporter for Datadog {
    // 1,000 entries and 5 MB a request; 1 MB a log, of which more would be cut and called a success.
    fn limits(&self) -> Limits {
        Limits { events: 1000, bytes: 4_500_000, event_bytes: 900_000 }
    }
    fn render(&self, event: &Event) -> Vec<u8> {
        let service = self.service.clone().unwrap_or_else(|| match event.stream {
            "security" => "nodeloom-security".to_owned(),
            _ => "nodeloom-audit".to_owned(),
        });
        let level = match event.severity.number() {
            1 => "info",
            2..=5 => "warn",
            6..=9 => "error",
            _ => "critical",
        };
        let mut log = Map::new();
        log.insert("ddsource".to_owned(), json!("nodeloom"));
        log.insert("service".to_owned(), json!(service));
        log.insert("hostname".to_owned(), json!("nodeloom"));
        log.insert("ddtags".to_owned(), json!(format!("{},severity:{}", self.tags, event.severity.as_str())));
        log.insert("message".to_owned(), json!(event.message));
        log.insert("status".to_owned(), json!(level));
        log.insert("timestamp".to_owned(), json!(event.at));
        log.insert("evt".to_owned(), json!({ "name": event.action, "outcome": event.outcome }));
        if let Some(user) = event.user() {
            log.insert("usr".to_owned(), json!({ "id": user }));
        }
        if let Some(address) = event.subject().and_then(|subject| subject.address) {
            log.insert("network".to_owned(), json!({ "client": { "ip": address } }));
        }
        if let Some(micros) = event.audit_part().and_then(|audit| audit.duration_micros) {
            log.insert("duration".to_owned(), json!(micros.saturating_mul(1000)));
        }
        let mut text = serde_json::to_string(&log).unwrap_or_default();
        text.pop();
        text.push_str(&format!(",{}:", quoted("nodeloom")));
        text.push_str(&event.text(self.limits().event_bytes));
        text.push('}');
        text.into_bytes()
    }
    fn request(&self, part: &Part<'_>) -> Result<Request, egress::Error> {
        let mut body = vec![b'['];
        body.extend(part.events.iter().map(|event| event.bytes.as_slice()).collect::<Vec<_>>().join(&b','));
        body.push(b']');
        post(&self.url, "application/json", body, self.gzip)?.secret_header("dd-api-key", self.key.expose())
    }
    fn judge(&self, answer: &Answer, _count: usize) -> Verdict {
        let html = answer.body.trim_ascii_start().starts_with(b"<");
        let why = || format!("Datadog answered {}{}", answer.status, said(&answer.body));
        match answer.status {
            200..=299 if !html => Verdict::Delivered,
            400 if !html => Verdict::Bad { why: why(), at: None },
            413 => Verdict::TooLarge(why()),
            400 => Verdict::Stop(Stop::Hold(why())),
            _ => Verdict::Stop(by_status(answer, "Datadog")),
        }
    }
}
