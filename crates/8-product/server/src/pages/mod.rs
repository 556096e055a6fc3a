//! The few pages that need no dashboard: set-up, front, security. Plain HTML without a script; one style sheet.

mod accounts;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

pub use accounts::{invitation, link_gone, reset_password, told, verify_email};

/// The style sheet, at [`STYLE_PATH`].
pub const STYLE: &str = include_str!("style.css");
/// Where the style sheet is served.
pub const STYLE_PATH: &str = "/assets/page.css";

/// `text` with the characters that mean something in HTML replaced.
pub fn escape(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

/// A whole page; `body` is HTML whose variable parts went through [`escape`].
pub fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · NodeLoom</title>\n<link rel=\"stylesheet\" href=\"{STYLE_PATH}\">\n</head>\n<body>\n<main>\n<p class=\"brand\">NodeLoom</p>\n{body}\n</main>\n</body>\n</html>\n",
        title = escape(title),
    );
    let mut response = (status, text).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// What stands at `/`.
pub fn front() -> Response {
    page(
        StatusCode::OK,
        "Running",
        "<h1>NodeLoom is running</h1>\
         <p>The HTTP API is under <code>/api/v1</code>; <a href=\"/api/v1/openapi.json\">its description</a> is OpenAPI 3.1.</p>\
         <p>On the command line: <code>nodeloom workflow list</code>, <code>nodeloom run list</code>, <code>nodeloom audit verify</code>.</p>\
         <p><a href=\"/security\">Security</a></p>",
    )
}

/// R007: how to report a weakness.
pub fn security() -> Response {
    page(
        StatusCode::OK,
        "Security",
        "<h1>Security</h1>\
         <p>Every request passes six layers: network, authentication, data, AI safety, execution, audit. \
         Every change leaves an entry in an audit trail that an outsider can verify.</p>\
         <h2>Report a weakness</h2>\
         <p>Write to whoever runs this server first; <a href=\"/.well-known/security.txt\">security.txt</a> names the contact for the software itself. \
         Please give us 90 days before you publish.</p>",
    )
}

/// The form behind the set-up link.
pub fn set_up(token: &str, fault: Option<&str>) -> Response {
    let fault_text =
        fault.map(|fault| format!("<p class=\"fault\" role=\"alert\">{}</p>", escape(fault))).unwrap_or_default();
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(
        status,
        "Set up",
        &format!(
            "<h1>Make the first admin</h1>{fault_text}\
             <form method=\"post\" action=\"/setup\">\
             <input type=\"hidden\" name=\"token\" value=\"{}\">\
             <label>E-mail address<input name=\"email\" type=\"email\" autocomplete=\"username\" required maxlength=\"254\" autofocus></label>\
             <label>Password<input name=\"password\" type=\"password\" autocomplete=\"new-password\" required minlength=\"12\" maxlength=\"72\" aria-describedby=\"rule\"></label>\
             <p id=\"rule\" class=\"hint\">12 to 72 characters; a sentence of several words is best.</p>\
             <button>Make the account</button></form>",
            escape(token)
        ),
    )
}

/// After the set-up.
pub fn set_up_done(email: &str, key: &str) -> Response {
    page(
        StatusCode::CREATED,
        "Ready",
        &format!(
            "<h1>Ready</h1><p><strong>{}</strong> is the admin. You are signed in.</p>\
             <p>Here is an API key for the command line and for scripts. It works for 90 days and is shown only now:</p>\
             <pre><code>{}</code></pre><p>Send it as <code>Authorization: Bearer …</code>.</p>",
            escape(email),
            escape(key)
        ),
    )
}

/// The link is no use any more.
pub fn set_up_gone() -> Response {
    page(
        StatusCode::GONE,
        "Link used",
        "<h1>This set-up link is no longer valid</h1><p>It was used, or is older than 24 hours. \
         Run <code>nodeloom setup-link</code> on the server for a new one.</p>",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R125: what a stranger typed comes back as text.
    #[test]
    fn markup_is_escaped() {
        assert_eq!(escape("<img src=x onerror='a'>&\""), "&lt;img src=x onerror=&#39;a&#39;&gt;&amp;&quot;");
    }
}
