//! HTTP_REQUEST: calls a URL through egress.

use std::collections::BTreeMap;

use domain::Json;
use serde::Deserialize;
use serde_json::json;
use workflow::{
    Answer, Call, Defect, Failure, HttpCall, Next, Node, NodeContext, NodeType,
    call::{HttpBody, ResponseParse},
};

pub(crate) struct HttpRequest;

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const MOST_BYTES: u64 = 50 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, Json>,
    #[serde(default)]
    query: BTreeMap<String, Json>,
    body: Option<Json>,
    credential: Option<String>,
    #[serde(default = "yes")]
    follow_redirects: bool,
    #[serde(default)]
    response: ResponseParse,
    #[serde(default = "yes")]
    fail_on_status: bool,
    #[serde(default = "five_mebibytes")]
    max_response_bytes: u64,
}

fn get() -> String {
    "GET".to_owned()
}
const fn yes() -> bool {
    true
}
const fn five_mebibytes() -> u64 {
    5 * 1024 * 1024
}

impl Node for HttpRequest {
    fn kind(&self) -> NodeType {
        NodeType::HttpRequest
    }
    fn schema(&self) -> Json {
        let texts = json!({ "type": ["string", "number", "boolean"] });
        let properties = json!({
            "method": { "title": "Method", "enum": METHODS, "default": "GET" },
            "url": { "title": "URL", "type": "string", "minLength": 1, "maxLength": 8192, "x-editor": "expression",
                "examples": ["https://api.example.com/orders/{{ input.id | urlencode }}"] },
            "headers": { "title": "Headers", "type": "object", "maxProperties": 50, "additionalProperties": texts },
            "query": { "title": "Query", "type": "object", "maxProperties": 100, "additionalProperties": texts },
            "body": { "title": "Body", "x-editor": "json", "description": "Text as it is; everything else as JSON." },
            "credential": crate::schema::credential("The vault entry whose header is added."),
            "follow_redirects": { "title": "Follow redirects", "type": "boolean", "default": true },
            "response": { "title": "Read the answer as", "enum": ["auto", "json", "text", "base64"], "default": "auto" },
            "fail_on_status": { "title": "Fail on status 400 and above", "type": "boolean", "default": true },
            "max_response_bytes": { "title": "Longest answer, in bytes", "type": "integer", "minimum": 1,
                "maximum": MOST_BYTES, "default": five_mebibytes() }
        });
        crate::schema::object("HTTP request", "Calls a URL.", &["url"], properties)
    }
    /// Which credential is used is never taken from data.
    fn verbatim(&self) -> &'static [&'static str] {
        &["credential"]
    }
    fn check(&self, parameters: &Json) -> Vec<Defect> {
        let url = parameters["url"].as_str().unwrap_or_default();
        let scheme = url.starts_with("http://") || url.starts_with("https://") || url.trim_start().starts_with("{{");
        if scheme { Vec::new() } else { vec![Defect::new("/url", "bad_url", "a URL starts with https:// or http://")] }
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        match answers.first() {
            None => Ok(Next::Call(Call::Http(call(cx)?))),
            Some(Answer::Http(answer)) => {
                let json = json!({ "status": answer.status, "headers": answer.headers, "body": answer.body });
                Ok(cx.done_untrusted(json))
            }
            Some(other) => Err(crate::unexpected(cx, other)),
        }
    }
}

fn call(cx: &NodeContext<'_>) -> Result<HttpCall, Failure> {
    let p: Parameters = cx.read()?;
    let method = p.method.to_ascii_uppercase();
    if !METHODS.contains(&method.as_str()) {
        return Err(cx.bad(format_args!("{method:?} is not a method that can be used here")));
    }
    if !(p.url.starts_with("http://") || p.url.starts_with("https://")) || p.url.chars().any(char::is_control) {
        return Err(cx.bad("the URL does not start with https:// or http://, or holds a line break"));
    }
    if !(1..=MOST_BYTES).contains(&p.max_response_bytes) {
        return Err(cx.bad(format_args!("the longest answer is from 1 to {MOST_BYTES} bytes")));
    }
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let headers = p.headers.iter().map(|(name, value)| crate::header::checked(cx, name, &text(value), false));
    let mut headers: Vec<_> = headers.collect::<Result<_, _>>()?;
    let query = p.query.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let given = headers.iter().position(|(name, _)| name == "content-type").map(|i| headers.remove(i).1);
    let body = p.body.filter(|body| !body.is_null()).map(|body| match body {
        Json::String(text) => {
            HttpBody { content_type: given.unwrap_or_else(|| "text/plain; charset=utf-8".to_owned()), text }
        }
        other => {
            HttpBody { content_type: given.unwrap_or_else(|| "application/json".to_owned()), text: other.to_string() }
        }
    });
    Ok(HttpCall {
        method,
        url: p.url,
        headers,
        query,
        body,
        credential: p.credential,
        follow_redirects: p.follow_redirects,
        parse: p.response,
        fail_on_status: p.fail_on_status,
        max_response_bytes: p.max_response_bytes,
    })
}
