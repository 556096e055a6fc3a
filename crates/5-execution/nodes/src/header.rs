//! Header names and values that cannot split a request or a response.

use workflow::{Failure, NodeContext};

/// Names that the sender of a message sets itself, or that change how it is framed.
const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Names that speak for this server as a whole, not for one answer.
const SERVER: &[&str] = &[
    "set-cookie",
    "set-cookie2",
    "clear-site-data",
    "strict-transport-security",
    "content-security-policy",
    "content-security-policy-report-only",
    "x-frame-options",
    "x-content-type-options",
    "alt-svc",
    "service-worker-allowed",
    "public-key-pins",
    "report-to",
    "nel",
    "www-authenticate",
    "refresh",
    "server",
    "date",
];

/// The name in lower case and the value, or why not.
pub(crate) fn checked(
    cx: &NodeContext<'_>,
    name: &str,
    value: &str,
    answer: bool,
) -> Result<(String, String), Failure> {
    let name = name.to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || name.len() > 200 || !name.bytes().all(token) {
        return Err(cx.bad(format_args!("{name:?} is not a header name")));
    }
    let reserved = FRAMING.contains(&name.as_str())
        || (answer && (SERVER.contains(&name.as_str()) || name.starts_with("access-control-")));
    if reserved {
        return Err(cx.bad(format_args!("the header {name} cannot be set here")));
    }
    if value.len() > 8192 || value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(cx.bad(format_args!("the value of the header {name} holds a line break or is too long")));
    }
    Ok((name, value.trim().to_owned()))
}
