//! One call to a provider: address, credential, deadlines, retries. What the bytes mean is the provider's file.

mod failure;
mod retry;
mod scrub;

use std::time::Duration;

use bytes::Bytes;
use domain::{Clock, Json};
use egress::{Egress, Method, Request, Url};
use tokio::time::Instant;

use crate::{Connection, Error, Phase, Provider, stream::Reader};

pub(crate) use failure::{Reported, classify};

/// No error answer is read further than this.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// A connection's way to its provider.
#[derive(Clone)]
pub(crate) struct Transport {
    pub egress: Egress,
    pub clock: Clock,
    pub base: Url,
    pub connection: Connection,
}

/// One thing to post.
pub(crate) struct Call<'a> {
    /// Appended to the base URL.
    pub path: &'a str,
    pub model: &'a str,
    pub body: Json,
    /// The answer comes in pieces, so its head must come soon.
    pub streamed: bool,
    pub idempotency_key: Option<&'a str>,
}

/// An answer with a good status, unread.
pub(crate) struct Answer {
    pub reader: Reader,
    pub content_type: String,
    pub attempts: u32,
}

impl Transport {
    pub fn provider(&self) -> Provider {
        self.connection.provider
    }

    /// Whether the call goes to the provider's own service and not to a compatible server.
    pub fn is_providers_own(&self) -> bool {
        self.connection.base_url.as_ref().is_none_or(|url| {
            let own = self.provider().default_base_url().and_then(|text| Url::parse(text).ok());
            own.is_some_and(|own| own.host_str() == url.host_str())
        })
    }

    /// Posts, retrying what may be retried, until an answer with a good status begins.
    ///
    /// `attempts_before` counts calls that were made for the same question already; they share the limit.
    pub async fn post(&self, call: &Call<'_>, deadline: Instant, attempts_before: u32) -> Result<Answer, Error> {
        let limits = &self.connection.limits;
        let mut attempts = attempts_before;
        loop {
            attempts += 1;
            let refusal = match self.attempt(call, deadline).await? {
                Ok((reader, content_type)) => return Ok(Answer { reader, content_type, attempts }),
                Err(refusal) => refusal,
            };
            let wait = refusal.wait.unwrap_or_else(|| retry::backoff(attempts, self.clock.now()));
            let in_time = wait <= limits.max_wait && Instant::now() + wait < deadline;
            if !refusal.may_retry || attempts >= limits.max_attempts || !in_time {
                return Err(refusal.error);
            }
            tracing::debug!(provider = self.provider().as_str(), attempts, ?wait, "model call is repeated");
            tokio::time::sleep(wait).await;
        }
    }

    /// The deadline of a call that begins now.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.connection.limits.total
    }

    async fn attempt(&self, call: &Call<'_>, deadline: Instant) -> Result<Result<(Reader, String), Refusal>, Error> {
        let provider = self.provider();
        let limits = &self.connection.limits;
        let request = self.request(call, deadline)?;
        let now = Instant::now();
        let (until, phase) = match call.streamed && now + limits.first_byte < deadline {
            true => (now + limits.first_byte, Phase::FirstByte),
            false => (deadline, Phase::Total),
        };
        let response = match tokio::time::timeout_at(until, self.egress.send(request)).await {
            Err(_) => return Ok(Err(Refusal::transient(Error::TimedOut { provider, phase }))),
            Ok(Err(egress::Error::TimedOut { .. })) => return Err(Error::TimedOut { provider, phase: Phase::Total }),
            Ok(Err(source)) => {
                let may_retry = source.may_retry();
                return Ok(Err(Refusal { error: Error::Egress { provider, source }, may_retry, wait: None }));
            }
            Ok(Ok(response)) => response,
        };
        let content_type = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let silence = if call.streamed { limits.first_byte } else { limits.total };
        let (status, headers) = (response.status, response.headers);
        let mut reader = Reader::new(response.body, provider, silence, deadline, limits.max_response_bytes);
        if status.is_success() {
            return Ok(Ok((reader, content_type)));
        }
        let body = reader.collect_up_to(MAX_ERROR_BYTES).await;
        let key = self.connection.api_key.as_ref().map(|key| key.expose().as_str());
        let reported = Reported::read(&body).scrubbed(key);
        let wait = retry::after(&headers, self.clock.now());
        let error = classify(provider, status.as_u16(), &reported, call.model, wait);
        let may_retry = retry::wanted(&headers)
            .unwrap_or(matches!(error, Error::RateLimited { .. } | Error::Unavailable { .. }))
            && !matches!(error, Error::NoCredit { .. } | Error::Unauthorized { .. });
        Ok(Err(Refusal { error, may_retry, wait }))
    }

    fn request(&self, call: &Call<'_>, deadline: Instant) -> Result<Request, Error> {
        let provider = self.provider();
        let failed = |source| Error::Egress { provider, source };
        let mut url = self.base.clone();
        let path = format!("{}/{}", url.path().trim_end_matches('/'), call.path.trim_start_matches('/'));
        url.set_path(&path);
        let mut request = Request::to(Method::POST, url)
            .json(&call.body)
            .domains(self.connection.domains.clone())
            .timeout(deadline.saturating_duration_since(Instant::now()))
            .max_response_bytes(self.connection.limits.max_response_bytes);
        // A redirected POST would hand the conversation to somebody whom nobody configured.
        request.follow_redirects = false;
        let key = self.connection.api_key.as_ref().map(|key| key.expose().trim()).filter(|key| !key.is_empty());
        request = match (provider, key) {
            (Provider::Anthropic, key) => {
                let request = request.header("anthropic-version", "2023-06-01").map_err(failed)?;
                match key {
                    Some(key) => request.secret_header("x-api-key", key).map_err(failed)?,
                    None => request,
                }
            }
            (_, Some(key)) => request.secret_header("authorization", &format!("Bearer {key}")).map_err(failed)?,
            (_, None) => request,
        };
        if key.is_none() && provider != Provider::Ollama && self.is_providers_own() {
            return Err(Error::Misconfigured { provider, what: "it needs an API key" });
        }
        match call.idempotency_key {
            Some(key) => request.header("idempotency-key", key).map_err(failed),
            None => Ok(request),
        }
    }

    /// Reads a whole JSON answer.
    pub async fn json(&self, mut answer: Answer) -> Result<(Json, u32), Error> {
        let provider = self.provider();
        if !is_json(&answer.content_type) {
            return Err(Error::Garbage { provider, what: "the content type is not JSON" });
        }
        let body: Bytes = answer.reader.collect().await?;
        let json = serde_json::from_slice(&body)
            .map_err(|_| Error::Garbage { provider, what: "the body is not valid JSON" })?;
        Ok((json, answer.attempts))
    }
}

/// Whether `content_type` says JSON; a server that says nothing is given the benefit of the doubt.
pub(crate) fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.is_empty() || kind == "application/json" || kind.ends_with("+json")
}

/// An attempt that brought no answer.
struct Refusal {
    error: Error,
    may_retry: bool,
    wait: Option<Duration>,
}

impl Refusal {
    const fn transient(error: Error) -> Self {
        Self { error, may_retry: true, wait: None }
    }
}
