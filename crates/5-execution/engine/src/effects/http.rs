//! HTTP requests, through egress and the workflow's domain policy (R197, R198). The step's key goes along as
//! `Idempotency-Key`, the same on every attempt.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::Json;
use egress::{DomainPattern, Domains, Method, Request};
use policies::{HttpDomains, Policies};
use serde_json::json;
use vault::Lease;
use workflow::{Answer, Failure, FailureKind, HttpAnswer, HttpCall, call::ResponseParse};

use super::World;
use crate::{
    ports::{EffectContext, Performed},
    rules::refusal,
};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

impl World {
    pub(super) async fn http(&self, cx: &EffectContext, call: HttpCall) -> Result<Performed, Failure> {
        let (request, leases) = self.outgoing(cx, &call).await?;
        let mut answer = self.answered(cx, request, call.parse).await?;
        // A token that the API no longer takes: once, with the one after it. A 401 says that nothing was done.
        if answer.status == 401 && self.has_another_token(&leases).await? {
            let (request, _) = self.outgoing(cx, &call).await?;
            answer = self.answered(cx, request, call.parse).await?;
        }
        if call.fail_on_status && answer.status >= 400 {
            return Err(refused(answer));
        }
        Ok(Answer::Http(answer).into())
    }

    /// Whether one of these connections has got a new token.
    async fn has_another_token(&self, leases: &[Lease]) -> Result<bool, Failure> {
        for lease in leases {
            let other = self.connections.rejected(lease).await;
            let other = other.map_err(|error| Failure::new(FailureKind::Internal, error.to_string()).retryable())?;
            if other {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The request with everything in it that goes out, and the credentials it took.
    async fn outgoing(&self, cx: &EffectContext, call: &HttpCall) -> Result<(Request, Vec<Lease>), Failure> {
        let method = Method::from_bytes(call.method.as_bytes())
            .map_err(|_| Failure::new(FailureKind::Parameters, format!("{:?} is no HTTP method", call.method)))?;
        let mut request = Request::new(method, &call.url).map_err(|error| failed(&error))?;
        if !call.query.is_empty() {
            request.url.query_pairs_mut().extend_pairs(&call.query);
        }
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let mut leases = self.query_out(cx, &mut request, &host).await?;
        for (name, value) in &call.headers {
            let (with_header, lease) = self.header_out(cx, request, &host, (name, value)).await?;
            request = with_header;
            leases.extend(lease);
        }
        if !call.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(IDEMPOTENCY_KEY)) {
            request = request.header(IDEMPOTENCY_KEY, &cx.key).map_err(|error| failed(&error))?;
        }
        if let Some(named) = &call.credential {
            let lease = self.lease(cx, named, request.url.host_str()).await?;
            if lease.value().carrier().is_none() {
                let message = format!("the credential {named:?} is of a kind that goes in no request");
                return Err(Failure::new(FailureKind::Parameters, message));
            }
            if let Some((name, value)) = lease.value().header() {
                request = request.secret_header(&name, value.expose()).map_err(|error| failed(&error))?;
            }
            if let Some((name, value)) = lease.value().query() {
                request.url.query_pairs_mut().append_pair(&name, value.expose());
            }
            leases.push(lease);
        }
        if let Some(body) = &call.body {
            request = request.header("content-type", &body.content_type).map_err(|error| failed(&error))?;
            request = request.body(body.text.clone());
        }
        request =
            request.domains(domains(&cx.policies)?).timeout(cx.timeout).max_response_bytes(call.max_response_bytes);
        request.follow_redirects = call.follow_redirects;
        Ok((request, leases))
    }

    async fn answered(
        &self,
        cx: &EffectContext,
        request: Request,
        parse: ResponseParse,
    ) -> Result<HttpAnswer, Failure> {
        let sent = self.http.send(request).await;
        let response = sent.map_err(|error| refused_on_the_way(&cx.policies, &error))?;
        let status = response.status.as_u16();
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &response.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            let whole = headers.entry(name.as_str().to_owned()).or_default();
            if !whole.is_empty() {
                whole.push_str(", ");
            }
            whole.push_str(&value);
        }
        let is_json = headers.get("content-type").is_some_and(|kind| kind.contains("json"));
        let bytes = response.body.collect().await.map_err(|error| failed(&error))?;
        let text = || Json::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = match parse {
            // What is encoded in the answer is hidden now: encoded once more it would be another word.
            ResponseParse::Base64 => Json::String(match std::str::from_utf8(&bytes) {
                Ok(text) => STANDARD.encode(self.secrets.of(cx.run).text(text).as_bytes()),
                Err(_) => STANDARD.encode(&bytes),
            }),
            ResponseParse::Text => text(),
            ResponseParse::Auto if is_json => serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
            ResponseParse::Auto => text(),
            ResponseParse::Json => serde_json::from_slice(&bytes).map_err(|error| {
                Failure::new(FailureKind::Call, format!("the answer (status {status}) is not JSON: {error}"))
            })?,
        };
        Ok(HttpAnswer { status, headers, body })
    }
}

/// A status that the node counts as a failure; the error branch gets status and body.
fn refused(answer: HttpAnswer) -> Failure {
    let status = answer.status;
    let mut failure = Failure::new(FailureKind::Call, format!("the server answered with status {status}"));
    failure.retryable = matches!(status, 408 | 425 | 429) || status >= 500;
    failure.retry_after_ms = answer
        .headers
        .get("retry-after")
        .and_then(|after| after.trim().parse::<u64>().ok())
        .map(|s| s.min(3600) * 1000);
    failure.with_detail(json!({ "status": status, "body": answer.body }))
}

/// The workflow's domains once more, for the connection: a redirect may lead elsewhere.
fn domains(policies: &Policies) -> Result<Domains, Failure> {
    let HttpDomains { allow, block } = policies.http_domains();
    let any = |list: &[policies::DomainPattern]| list.contains(&policies::DomainPattern::Any);
    let read = |list: &[policies::DomainPattern]| -> Result<Vec<DomainPattern>, Failure> {
        let spelt = list.iter().filter_map(|pattern| match pattern {
            policies::DomainPattern::Exact(name) => Some(name.clone()),
            policies::DomainPattern::Below(name) => Some(format!("*.{name}")),
            policies::DomainPattern::Address(address) => Some(address.to_string()),
            policies::DomainPattern::Any => None,
        });
        spelt
            .map(|text| {
                let unreadable = || Failure::new(FailureKind::Policy, format!("{text:?} in the policy is no domain"));
                text.parse().map_err(|_| unreadable())
            })
            .collect()
    };
    if any(block) {
        return Ok(Domains { allow: Some(Vec::new()), block: Vec::new() });
    }
    let allow = match allow {
        Some(list) if !any(list) => Some(read(list)?),
        _ => None,
    };
    Ok(Domains { allow, block: read(block)? })
}

/// A redirect that leads where the policy does not is the policy's refusal, in its own words.
fn refused_on_the_way(policies: &Policies, error: &egress::Error) -> Failure {
    let (egress::Error::DomainNotAllowed { host } | egress::Error::DomainBlocked { host }) = error else {
        return failed(error);
    };
    match policies.http(&format!("https://{host}/")) {
        Err(violation) => refusal(violation),
        Ok(()) => Failure::new(FailureKind::Policy, error.to_string()),
    }
}

fn failed(error: &egress::Error) -> Failure {
    let kind = match error {
        egress::Error::TimedOut { .. } | egress::Error::ConnectTimedOut { .. } => FailureKind::Timeout,
        egress::Error::ResponseTooLarge { .. } | egress::Error::RequestTooLarge { .. } => FailureKind::TooLarge,
        _ => FailureKind::Call,
    };
    let mut failure = Failure::new(kind, error.to_string());
    failure.retryable = error.may_retry();
    failure
}
