//! The one place where an error becomes an HTTP answer: RFC 9457 problem documents with a stable code, a sentence a
//! person can act on, and a page under docs/reference/errors. What the database or a library said goes to the log.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident $code:literal $status:ident $title:literal : $help:literal;)*) => {
        /// Every kind of problem the API answers with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }
        impl Kind {
            /// All, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The stable code.
            pub const fn code(self) -> &'static str { match self { $(Self::$name => $code,)* } }
            /// The HTTP status.
            pub const fn status(self) -> StatusCode { match self { $(Self::$name => StatusCode::$status,)* } }
            /// What it is, the same for every occurrence.
            pub const fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }
            /// What to do about it.
            pub const fn help(self) -> &'static str { match self { $(Self::$name => $help,)* } }
        }
    };
}

problems! {
    BodyTooLarge "NL-1001" PAYLOAD_TOO_LARGE "The request body is too large" : "Send less, or raise server.max_body_bytes.";
    TooManyRequests "NL-1002" TOO_MANY_REQUESTS "Too many requests" : "Wait as many seconds as the Retry-After header says.";
    NotJson "NL-1003" BAD_REQUEST "The request body is not the JSON that is expected here" : "The detail names the place; docs/reference/openapi.json has the shape.";
    UnsupportedMediaType "NL-1004" UNSUPPORTED_MEDIA_TYPE "The content type is not accepted here" : "Send Content-Type: application/json.";
    NoSuchRoute "NL-1005" NOT_FOUND "There is nothing at this address" : "See docs/reference/openapi.json for what there is.";
    MethodNotAllowed "NL-1006" METHOD_NOT_ALLOWED "This address does not take that method" : "The Allow header lists the methods it takes.";
    TookTooLong "NL-1007" SERVICE_UNAVAILABLE "The request took too long" : "Try again; if it was a change, look first whether it happened.";
    BadParameter "NL-1008" BAD_REQUEST "A parameter of the address is not right" : "The detail names the parameter and what it may be.";
    TooBusy "NL-1009" SERVICE_UNAVAILABLE "The server is busy" : "Try again after the Retry-After header's seconds.";
    BodyTooSlow "NL-1010" REQUEST_TIMEOUT "The request body came too slowly" : "Send it in one go; pieces may be 15 seconds apart, and all of it has two minutes.";
    UriTooLong "NL-1011" URI_TOO_LONG "The address is too long" : "At most 8 KiB of path and query: put more into the body.";
    HeadTooLarge "NL-1012" REQUEST_HEADER_FIELDS_TOO_LARGE "The headers are too large" : "At most 100 headers and 32 KiB of them; cookies of other applications on this host count too.";
    UnknownHost "NL-1013" MISDIRECTED_REQUEST "This server does not answer for that host" : "Use the address in server.public_url.";

    NotSignedIn "NL-2001" UNAUTHORIZED "Sign in first" : "Send an API key as `Authorization: Bearer …`, or sign in.";
    WrongCredentials "NL-2002" UNAUTHORIZED "The e-mail address or the password is not right" : "Check both; after several failures there is a pause.";
    Forbidden "NL-2003" FORBIDDEN "Your role does not allow this" : "Ask an admin of the team for the permission that the detail names.";
    BadCsrf "NL-2004" FORBIDDEN "The request did not come from this site's own pages" : "Send the CSRF token of the session in X-CSRF-Token.";
    SetupUsed "NL-2005" GONE "This set-up link was used or has expired" : "Run `nodeloom setup-link` on the server for a new one.";
    WeakPassword "NL-2006" UNPROCESSABLE_ENTITY "The password is not accepted" : "The detail says why: 12 to 72 bytes, not a common one.";
    CoolingDown "NL-2007" TOO_MANY_REQUESTS "Too many failed attempts" : "Wait as many seconds as the Retry-After header says.";
    BadSignature "NL-2008" UNAUTHORIZED "The signature of the webhook is missing or wrong" : "Sign the raw body with the webhook's secret as its settings say.";

    ProofNeeded "NL-2010" FORBIDDEN "Prove again who you are" : "Confirm with your password, or with a code of your second factor (POST /api/v1/me/step-up), then repeat the request.";
    SecondFactorRequired "NL-2011" FORBIDDEN "This team demands a second factor" : "Enrol one under POST /api/v1/me/second-factor; until then nothing else of this team can be used.";
    EmailNotVerified "NL-2012" FORBIDDEN "The e-mail address is not confirmed yet" : "Open the link in the mail, or ask for another under POST /api/v1/auth/verification.";
    WrongCode "NL-2013" UNAUTHORIZED "The code is not right" : "Use the newest code of your authenticator, each only once, or a recovery code; after several failures sign in from the start.";
    LinkUsed "NL-2014" GONE "This link was used or has expired" : "Ask for a new one.";

    NotFound "NL-3001" NOT_FOUND "There is no such thing here" : "It may be in another team or environment, or gone.";
    Conflict "NL-3002" CONFLICT "It changed or exists already" : "Read it again, then repeat the change.";
    IdempotencyMismatch "NL-3003" UNPROCESSABLE_ENTITY "This idempotency key was used for another request" : "Use a new key for a new request.";
    InProgress "NL-3004" CONFLICT "A request with this idempotency key is still running" : "Wait for its answer.";
    StorageUnavailable "NL-3005" SERVICE_UNAVAILABLE "The database does not answer" : "Nothing was changed. Try again in a moment.";
    KeyNotLoaded "NL-3102" UNPROCESSABLE_ENTITY "This credential was saved with an encryption key this server does not have" : "Start the server with the earlier key in keys.previous, or enter the credential again.";
    CredentialRefused "NL-3103" UNPROCESSABLE_ENTITY "The credential is not accepted" : "The detail says what is missing.";
    ConnectionFailed "NL-3104" UNPROCESSABLE_ENTITY "The connection was not made or cannot be used" : "The detail says why; `reason` is its code, listed in docs/guide/credentials.md.";

    BadSiem "NL-3110" UNPROCESSABLE_ENTITY "The SIEM destination is not accepted" : "The detail names the member and what it may be; see docs/guide/siem.md.";

    GuardrailViolation "NL-4001" UNPROCESSABLE_ENTITY "A guardrail stopped the workflow" : "The violations say which check found what, where and why.";
    BadGuardrail "NL-4002" UNPROCESSABLE_ENTITY "The guardrail settings are not right" : "The detail names the setting.";

    InvalidWorkflow "NL-5001" UNPROCESSABLE_ENTITY "The workflow is not valid" : "Every error is listed with its path.";
    NotPublished "NL-5002" NOT_FOUND "No workflow is published at this address" : "Publish a version to this environment, or check the address.";
    RunFailed "NL-5003" UNPROCESSABLE_ENTITY "The workflow ran and failed" : "The run's record says at which node and why. The server is well, and the same call again starts another run.";
    RunPending "NL-5004" GATEWAY_TIMEOUT "The workflow is still running" : "The run goes on; ask for it by its id.";
    WrongState "NL-5005" CONFLICT "The run is not in a state in which that can be done" : "The detail says in which state it is.";
    SandboxUnavailable "NL-5006" SERVICE_UNAVAILABLE "Code cannot be run here" : "Run `nodeloom sandbox probe` on the server: it says what is missing.";
    ApprovalRefused "NL-5007" FORBIDDEN "You may not decide this approval" : "The detail says why: not an approver, decided already, or your own run.";

    MonthSpent "NL-5008" TOO_MANY_REQUESTS "The team has used up its month" : "Wait until `ends_at`, or have an admin raise the limit under Usage and billing.";

    AuditUnavailable "NL-6001" SERVICE_UNAVAILABLE "The audit trail cannot be written" : "Nothing was done. Try again; if it stays, look at the server's disk and database.";

    BadCosignature "NL-6002" UNPROCESSABLE_ENTITY "The signature of the witness is not taken" : "The detail says why; the keys of witnesses stand in audit.witnesses.";
    Retained "NL-6003" CONFLICT "This has to be kept" : "The detail says until when, or by whom.";

    Internal "NL-9001" INTERNAL_SERVER_ERROR "Something went wrong in NodeLoom" : "Tell whoever runs the server the request id; the log has the cause.";
}

/// An answer that says what went wrong. Made in this crate only.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    detail: Option<String>,
    extra: serde_json::Map<String, serde_json::Value>,
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    help: &'a str,
    #[serde(flatten)]
    extra: &'a serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    pub fn new(kind: Kind) -> Self {
        Self { kind, detail: None, extra: serde_json::Map::new(), retry_after: None }
    }
    /// What is particular to this occurrence; shown to the client, so never a library's or the database's words.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
    /// A further member of the document.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.extra.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }
    /// Sets Retry-After.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
    /// What a page shows a person.
    pub fn sentence(&self) -> String {
        match &self.detail {
            Some(detail) => format!("{}: {detail}", self.kind.title()),
            None => self.kind.title().to_owned(),
        }
    }
    pub const fn kind(&self) -> Kind {
        self.kind
    }
    /// Logs `cause` and answers with the bare [`Kind::Internal`].
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(Kind::Internal)
    }
    /// As JSON, for places that are not HTTP answers (a WebSocket, a stored idempotent answer).
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self.document()).unwrap_or_default()
    }
    fn document(&self) -> Document<'_> {
        Document {
            r#type: format!("/docs/errors/{}", self.kind.code()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            code: self.kind.code(),
            detail: self.detail.as_deref(),
            help: self.kind.help(),
            extra: &self.extra,
        }
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        Self::new(kind)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.status(), Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.kind.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A page for every code.
pub fn reference() -> impl Iterator<Item = (&'static str, String)> {
    Kind::ALL.iter().map(|kind| {
        let page = format!(
            "# {}: {}\n\nHTTP status {}.\n\n{}\n",
            kind.code(),
            kind.title(),
            kind.status().as_u16(),
            kind.help()
        );
        (kind.code(), page)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        let codes: Vec<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        let sorted: Vec<_> = codes.iter().collect::<BTreeSet<_>>().into_iter().collect();
        assert_eq!(codes.iter().collect::<Vec<_>>(), sorted);
    }
}
