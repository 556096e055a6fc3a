//! What a provider's refusal means.

use std::time::Duration;

use domain::Json;

use super::scrub::scrub;
use crate::{Error, Provider};

/// What a provider says about an error, wherever in its JSON it says it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reported {
    pub kind: String,
    pub message: String,
}

impl Reported {
    /// From the body of an error answer.
    pub fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).map(|json| Self::of(&json)).unwrap_or_default()
    }

    /// From `{"error":{"type","code","message"}}`, `{"error":"…"}` or `{"message":"…"}`.
    pub fn of(json: &Json) -> Self {
        let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
        match &json["error"] {
            Json::String(message) => Self { kind: String::new(), message: message.clone() },
            Json::Object(_) => {
                let error = &json["error"];
                let kind = [&error["code"], &error["type"]].into_iter().filter_map(Json::as_str).collect::<Vec<_>>();
                Self { kind: kind.join(" "), message: text(&error["message"]) }
            }
            _ => Self { kind: text(&json["type"]), message: text(&json["message"]) },
        }
    }

    /// The same, fit to be shown.
    pub fn scrubbed(self, key: Option<&str>) -> Self {
        Self { kind: self.kind, message: scrub(&self.message, key) }
    }

    fn says(&self, words: &[&str]) -> bool {
        let message = self.message.to_ascii_lowercase();
        words.iter().any(|word| self.kind.contains(word) || message.contains(word))
    }
}

/// The error for an answer with `status`; 200 for an error in the middle of a stream.
pub(crate) fn classify(
    provider: Provider,
    status: u16,
    reported: &Reported,
    model: &str,
    retry_after: Option<Duration>,
) -> Error {
    const TOO_LONG: [&str; 6] = [
        "context_length_exceeded",
        "maximum context length",
        "context length",
        "prompt is too long",
        "exceeds the available context",
        "request_too_large",
    ];
    let rejected = || Error::Rejected { provider, status, message: reported.message.clone() };
    match status {
        401 => Error::Unauthorized { provider },
        402 => Error::NoCredit { provider },
        403 => Error::Forbidden { provider },
        404 if reported.says(&["model", "not_found_error"]) => {
            Error::UnknownModel { provider, model: model.to_owned() }
        }
        413 => Error::TooLong { provider },
        429 if reported.says(&["insufficient_quota", "billing"]) => Error::NoCredit { provider },
        429 => Error::RateLimited { provider, retry_after },
        408 | 409 | 425 | 500.. => Error::Unavailable { provider, status },
        400..500 if reported.says(&["credit balance is too low", "billing_error"]) => Error::NoCredit { provider },
        400..500 if reported.says(&TOO_LONG) => Error::TooLong { provider },
        200 if reported.says(&["overloaded"]) => Error::Unavailable { provider, status: 529 },
        200 if reported.says(&["rate_limit"]) => Error::RateLimited { provider, retry_after },
        200 if reported.says(&["api_error", "server_error", "internal"]) => {
            Error::Unavailable { provider, status: 500 }
        }
        200 if reported.says(&TOO_LONG) => Error::TooLong { provider },
        300..400 => Error::Rejected { provider, status, message: "it redirects elsewhere".into() },
        _ => rejected(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(status: u16, body: Json) -> Error {
        classify(Provider::OpenAi, status, &Reported::of(&body), "m", None)
    }

    #[test]
    fn each_refusal_gets_its_name() {
        assert!(matches!(error(401, json!({})), Error::Unauthorized { .. }));
        assert!(matches!(error(429, json!({"error": {"code": "insufficient_quota"}})), Error::NoCredit { .. }));
        assert!(matches!(error(429, json!({"error": {"message": "slow down"}})), Error::RateLimited { .. }));
        assert!(matches!(error(400, json!({"error": {"code": "context_length_exceeded"}})), Error::TooLong { .. }));
        assert!(matches!(error(404, json!({"error": "model \"x\" not found"})), Error::UnknownModel { .. }));
        assert!(matches!(error(529, json!({})), Error::Unavailable { status: 529, .. }));
        assert!(matches!(error(200, json!({"error": {"type": "overloaded_error"}})), Error::Unavailable { .. }));
        assert!(matches!(error(422, json!({"message": "no"})), Error::Rejected { message, .. } if message == "no"));
        assert!(matches!(error(307, json!({})), Error::Rejected { .. }));
    }
}
