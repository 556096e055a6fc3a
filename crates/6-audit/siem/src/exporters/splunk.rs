//! Splunk's HTTP Event Collector (R232).

use domain::{Scope, SiemId};
use egress::Request;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use url::Url;

use super::{Answer, Exporter, Limits, Part, Stop, Verdict, by_status, post, quoted, said};
use crate::{
    config::{Invalid, Secrets, To, invalid},
    event::{Event, environment_word, team_word},
};

pub(super) struct Splunk {
    events: Url,
    acks: Url,
    token: domain::Secret<String>,
    /// One channel a destination, for ever.
    channel: String,
    acknowledge: bool,
    gzip: bool,
    /// The members before `time`, the same for every event.
    head: String,
    fields: String,
}

/// What HEC says.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    text: String,
    code: Option<u64>,
    #[serde(rename = "invalid-event-number")]
    invalid: Option<usize>,
    #[serde(rename = "ackId")]
    ack: Option<u64>,
}

#[derive(Deserialize)]
struct Acks {
    acks: BTreeMap<String, bool>,
}

impl Splunk {
    pub fn new(id: SiemId, scope: Scope, to: &To, secrets: &Secrets) -> Result<Self, Invalid> {
        let To::SplunkHec { index, source, host, acknowledge, gzip, .. } = to else {
            return Err(invalid("to.kind", "expected splunk_hec"));
        };
        let base = to.base()?;
        let below = |path: &str| {
            let mut url = base.clone();
            url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
            url
        };
        let mut head = format!(
            "{{\"source\":{},\"host\":{},",
            quoted(source.as_deref().unwrap_or("nodeloom")),
            quoted(host.as_deref().unwrap_or("nodeloom"))
        );
        if let Some(index) = index {
            head.push_str(&format!("\"index\":{},", quoted(index)));
        }
        let fields = format!("\"team\":{},\"env\":\"{}\"", quoted(&team_word(scope)), environment_word(scope));
        let channel = id.uuid().hyphenated().to_string();
        let mut acks = below("/services/collector/ack");
        acks.set_query(Some(&format!("channel={channel}")));
        let token = secrets.get("token").cloned().ok_or_else(|| invalid("secrets.token", "give the HEC token"))?;
        Ok(Self {
            events: below("/services/collector/event"),
            acks,
            token,
            channel,
            acknowledge: *acknowledge,
            gzip: *gzip,
            head,
            fields,
        })
    }
    fn signed(&self, request: Request) -> Result<Request, egress::Error> {
        request
            .secret_header("authorization", &format!("Splunk {}", self.token.expose()))?
            .header("x-splunk-request-channel", &self.channel)
    }
    /// The retry table, for codes that are not success.
    fn by_code(&self, said: &Said, code: u64, answer: &Answer) -> Option<Verdict> {
        let why = format!("Splunk answered {} with code {code} ({})", answer.status, said.text);
        Some(match code {
            8 | 9 | 18 | 19 | 20 | 23 => Verdict::Stop(Stop::Again { why, after: answer.retry_after }),
            1..=4 | 16 => Verdict::Stop(Stop::Broken(why)),
            7 | 10 | 11 | 14 => Verdict::Stop(Stop::Hold(why)),
            // Without a number some one is bad. With acknowledgement on, those before the bad one have no number to
            // ask for, so they are sent again.
            5 | 6 | 12 | 13 | 15 => Verdict::Bad { why, at: said.invalid.filter(|_| !self.acknowledge) },
            _ => return None,
        })
    }
}

impl Exporter for Splunk {
    fn limits(&self) -> Limits {
        Limits { events: 1000, bytes: 4_000_000, event_bytes: 900_000 }
    }
    fn render(&self, event: &Event) -> Vec<u8> {
        let micros = event.at.micros();
        let kind = if event.stream == "security" { "nodeloom:security" } else { "nodeloom:audit" };
        let mut text = self.head.clone();
        text.push_str(&format!(
            "\"time\":{}.{:06},\"sourcetype\":\"{kind}\",\"fields\":{{{},\"seq\":\"{}\",\"severity\":\"{}\",\
             \"stream\":\"{}\",\"event_id\":\"{}\",\"prev_hash\":\"{}\"}},\"event\":",
            micros.div_euclid(1_000_000),
            micros.rem_euclid(1_000_000),
            self.fields,
            event.sequence,
            event.severity.as_str(),
            event.stream,
            event.id,
            event.prev_hash,
        ));
        text.push_str(&event.text(self.limits().event_bytes));
        text.push_str("}\n");
        text.into_bytes()
    }
    fn request(&self, part: &Part<'_>) -> Result<Request, egress::Error> {
        let body = part.events.iter().map(|event| event.bytes.as_slice()).collect::<Vec<_>>().concat();
        self.signed(post(&self.events, "application/json", body, self.gzip)?)
    }
    fn judge(&self, answer: &Answer, _count: usize) -> Verdict {
        let said = serde_json::from_slice::<Said>(&answer.body).ok().and_then(|said| Some((said.code?, said)));
        match said {
            Some((0, said)) if (200..300).contains(&answer.status) => match (self.acknowledge, said.ack) {
                (false, _) => Verdict::Delivered,
                (true, Some(number)) => Verdict::Acknowledge(number),
                (true, None) => Verdict::Stop(Stop::Hold(
                    "Splunk gave no ackId: enable indexer acknowledgement for the token, or do not ask for it"
                        .to_owned(),
                )),
            },
            Some((code, said)) if code != 0 => {
                self.by_code(&said, code, answer).unwrap_or_else(|| Verdict::Stop(by_status(answer, "Splunk")))
            }
            _ if answer.status == 413 => Verdict::TooLarge("Splunk answered 413".to_owned()),
            _ => Verdict::Stop(by_status(answer, "Splunk")),
        }
    }
    fn ask(&self, number: u64) -> Option<Result<Request, egress::Error>> {
        let body = json!({ "acks": [number] }).to_string().into_bytes();
        Some(post(&self.acks, "application/json", body, false).and_then(|request| self.signed(request)))
    }
    fn asked(&self, answer: &Answer, number: u64) -> Result<bool, Stop> {
        if answer.status == 200
            && let Ok(known) = serde_json::from_slice::<Acks>(&answer.body)
        {
            return Ok(known.acks.get(&number.to_string()).copied().unwrap_or(false));
        }
        match self.judge(answer, 0) {
            Verdict::Stop(stop) => Err(stop),
            Verdict::Bad { why, .. } => Err(Stop::Hold(why)),
            _ => {
                let why = format!("Splunk did not say what it acknowledged{}", said(&answer.body));
                Err(Stop::Again { why, after: None })
            }
        }
    }
}
