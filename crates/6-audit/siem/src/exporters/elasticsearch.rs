//! Elasticsearch and OpenSearch: `_bulk` into data streams, in ECS (R234).

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Json, Scope, Secret};
use egress::Request;
use serde::Deserialize;
use url::Url;

use super::{Answer, Exporter, Item, Limits, Part, Stop, Verdict, by_status, ecs, post, quoted, said};
use crate::{
    config::{Invalid, Secrets, To, invalid},
    event::{Event, environment_word},
};

pub(super) struct Elasticsearch {
    base: Url,
    authorization: Secret<String>,
    namespace: String,
    gzip: bool,
}

#[derive(Deserialize)]
struct Said {
    errors: bool,
    #[serde(default)]
    items: Vec<Json>,
}

impl Elasticsearch {
    pub fn new(scope: Scope, to: &To, secrets: &Secrets) -> Result<Self, Invalid> {
        let To::Elasticsearch { namespace, gzip, .. } = to else {
            return Err(invalid("to.kind", "expected elasticsearch"));
        };
        let authorization = match (secrets.get("api_key"), secrets.get("bearer")) {
            (Some(key), _) => {
                let key = key.expose();
                // as Elasticsearch shows it, or the two parts that it is made of
                let encoded = if key.contains(':') { STANDARD.encode(key) } else { key.clone() };
                format!("ApiKey {encoded}")
            }
            (None, Some(token)) => format!("Bearer {}", token.expose()),
            (None, None) => {
                let (Some(user), Some(password)) = (secrets.get("username"), secrets.get("password")) else {
                    return Err(invalid("secrets", "give api_key, or username and password, or bearer"));
                };
                format!("Basic {}", STANDARD.encode(format!("{}:{}", user.expose(), password.expose())))
            }
        };
        let namespace = namespace.clone().unwrap_or_else(|| environment_word(scope).to_owned());
        Ok(Self { base: to.base()?, authorization: Secret::new(authorization), namespace, gzip: *gzip })
    }
}

impl Exporter for Elasticsearch {
    fn limits(&self) -> Limits {
        Limits { events: 1000, bytes: 4_000_000, event_bytes: 900_000 }
    }
    fn render(&self, event: &Event) -> Vec<u8> {
        // The id makes a repetition a conflict: what arrived twice is kept once.
        let mut text = format!("{{\"create\":{{\"_id\":{}}}}}\n", quoted(&event.id));
        text.push_str(&ecs::document(event, &self.namespace, self.limits().event_bytes));
        text.push('\n');
        text.into_bytes()
    }
    fn request(&self, part: &Part<'_>) -> Result<Request, egress::Error> {
        let mut url = self.base.clone();
        let target = format!("logs-{}-{}", ecs::dataset(part.stream), self.namespace);
        url.set_path(&format!("{}/{target}/_bulk", self.base.path().trim_end_matches('/')));
        url.set_query(Some("filter_path=errors,items.*.status,items.*.error"));
        let body = part.events.iter().map(|event| event.bytes.as_slice()).collect::<Vec<_>>().concat();
        let mut request = post(&url, "application/x-ndjson", body, self.gzip)?
            .secret_header("authorization", self.authorization.expose())?;
        request.max_response_bytes = 8 << 20;
        Ok(request)
    }
    fn judge(&self, answer: &Answer, count: usize) -> Verdict {
        let html = answer.body.trim_ascii_start().starts_with(b"<");
        let why = || format!("Elasticsearch answered {}{}", answer.status, said(&answer.body));
        match answer.status {
            200..=299 => {
                let Ok(said) = serde_json::from_slice::<Said>(&answer.body) else {
                    return Verdict::Stop(by_status(answer, "Elasticsearch"));
                };
                if !said.errors {
                    return Verdict::Delivered;
                }
                if said.items.len() != count {
                    let why = format!("Elasticsearch answered for {} of {count} events", said.items.len());
                    return Verdict::Stop(Stop::Again { why, after: None });
                }
                Verdict::Items(said.items.iter().map(item).collect())
            }
            413 => Verdict::TooLarge(why()),
            400 if !html => Verdict::Bad { why: why(), at: None },
            400 => Verdict::Stop(Stop::Hold(why())),
            _ => Verdict::Stop(by_status(answer, "Elasticsearch")),
        }
    }
}

fn item(item: &Json) -> Item {
    let inner = item.get("create").or_else(|| item.as_object().and_then(|object| object.values().next()));
    let status = inner.and_then(|inner| inner.get("status")).and_then(Json::as_u64).unwrap_or(0);
    let error = inner.and_then(|inner| inner.get("error")).map(Json::to_string).unwrap_or_default();
    let why = format!("Elasticsearch answered {status} for it{}", said(error.as_bytes()));
    match status {
        // 409: the id is there, so it was delivered before
        200..=299 | 409 => Item::Taken,
        400 => Item::Refused(why),
        401 | 403 => Item::Hold(Stop::Broken(why)),
        408 | 429 | 500..=599 | 0 => Item::Again(why),
        _ => Item::Hold(Stop::Hold(why)),
    }
}
