//! HTTP requests, through egress and the workflow's domain policy (R197, R198). The step's key goes along as
//! `Idempotency-Key`, the same on every attempt.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::Json;
use egress::{DomainPattern, Domains, Method, Request};
use policies::{HttpDomains, Policies};
use serde_json::json;
use workflow::{Answer, Failure, FailureKind, HttpAnswer, HttpCall, call::ResponseParse};

use super::{World, credential::masked};
use crate::{
    ports::{EffectContext, Performed},
    rules::refusal,
};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

impl World {
    pub(super) async fn http(&self, cx: &EffectContext, call: HttpCall) -> Result<Performed, Failure> {
        let method = Method::from_bytes(call.method.as_bytes())
            .map_err(|_| Failure::new(FailureKind::Parameters, format!("{:?} is no HTTP method", call.method)))?;
        let mut request = Request::new(method, &call.url).map_err(|error| failed(&error))?;
        if !call.query.is_empty() {
            request.url.query_pairs_mut().extend_pairs(&call.query);
        }
        let lease = match &call.credential {
            None => None,
            Some(named) => Some(self.lease(cx, named, request.url.host_str()).await?),
        };
        for (name, value) in &call.headers {
            request = request.header(name, value).map_err(|error| failed(&error))?;
        }
        if !call.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(IDEMPOTENCY_KEY)) {
            request = request.header(IDEMPOTENCY_KEY, &cx.key).map_err(|error| failed(&error))?;
        }
        if let Some((name, value)) = lease.as_ref().and_then(|lease| lease.value().header()) {
            request = request.secret_header(&name, value.expose()).map_err(|error| failed(&error))?;
        }
        if let Some(body) = call.body {
            request = request.header("content-type", &body.content_type).map_err(|error| failed(&error))?;
            request = request.body(body.text);
        }
        request =
            request.domains(domains(&cx.policies)?).timeout(cx.timeout).max_response_bytes(call.max_response_bytes);
        request.follow_redirects = call.follow_redirects;

        let answered =
            self.answered(&cx.policies, request, call.parse).await.map_err(|failure| masked(lease.as_ref(), failure));
        let mut answer = answered?;
        if let Some(lease) = &lease {
            let masker = lease.masker();
            masker.json(&mut answer.body);
            for value in answer.headers.values_mut() {
                *value = masker.text(value).into_owned();
            }
        }
        if call.fail_on_status && answer.status >= 400 {
            return Err(refused(answer));
        }
        Ok(Answer::Http(answer).into())
    }

    async fn answered(
        &self,
        policies: &Policies,
        request: Request,
        parse: ResponseParse,
    ) -> Result<HttpAnswer, Failure> {
        let sent = self.http.send(request).await;
        let response = sent.map_err(|error| refused_on_the_way(policies, &error))?;
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
            ResponseParse::Base64 => Json::String(STANDARD.encode(&bytes)),
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
