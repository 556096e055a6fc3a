//! The pages behind links in mails: forms without a script, for people who may have no account yet.

use axum::{http::StatusCode, response::Response};
use identity::ports::Invitation;

use super::{escape, page};

const RULE: &str = "<p id=\"rule\" class=\"hint\">12 to 72 characters; a sentence of several words is best.</p>";

fn fault(fault: Option<&str>) -> (StatusCode, String) {
    match fault {
        Some(fault) => {
            (StatusCode::UNPROCESSABLE_ENTITY, format!("<p class=\"fault\" role=\"alert\">{}</p>", escape(fault)))
        }
        None => (StatusCode::OK, String::new()),
    }
}

/// What an invitation says, and the form that accepts it.
pub fn invitation(token: &str, found: &Invitation, has_account: bool, wrong: Option<&str>) -> Response {
    let (status, fault) = fault(wrong);
    let fields = if has_account {
        "<p>This address has an account. Enter its password to join.</p>\
         <label>Password<input name=\"password\" type=\"password\" autocomplete=\"current-password\" required autofocus></label>"
            .to_owned()
    } else {
        format!(
            "<label>Your name<input name=\"name\" autocomplete=\"name\" maxlength=\"100\" autofocus></label>\
             <label>Password<input name=\"password\" type=\"password\" autocomplete=\"new-password\" required minlength=\"12\" maxlength=\"72\" aria-describedby=\"rule\"></label>{RULE}"
        )
    };
    page(
        status,
        "Invitation",
        &format!(
            "<h1>Join {team}</h1>{fault}<p>You are invited as <strong>{role}</strong>, with the address <strong>{email}</strong>.</p>\
             <form method=\"post\" action=\"/invitation\"><input type=\"hidden\" name=\"token\" value=\"{token}\">\
             <input type=\"hidden\" autocomplete=\"username\" value=\"{email}\">{fields}<button>Join</button></form>",
            team = escape(&found.team_name),
            role = escape(&found.role.as_str().replace('_', " ")),
            email = escape(found.email.as_str()),
            token = escape(token),
        ),
    )
}

/// A button, so that a program that opens links confirms nothing.
pub fn verify_email(token: &str) -> Response {
    page(
        StatusCode::OK,
        "Confirm",
        &format!(
            "<h1>Confirm your e-mail address</h1><form method=\"post\" action=\"/verify-email\">\
             <input type=\"hidden\" name=\"token\" value=\"{}\"><button>Confirm</button></form>",
            escape(token)
        ),
    )
}

/// The form for a new password.
pub fn reset_password(token: &str, wrong: Option<&str>) -> Response {
    let (status, fault) = fault(wrong);
    page(
        status,
        "New password",
        &format!(
            "<h1>Choose a new password</h1>{fault}<form method=\"post\" action=\"/reset-password\">\
             <input type=\"hidden\" name=\"token\" value=\"{}\">\
             <label>New password<input name=\"password\" type=\"password\" autocomplete=\"new-password\" required minlength=\"12\" maxlength=\"72\" aria-describedby=\"rule\" autofocus></label>{RULE}\
             <button>Set the password</button></form><p class=\"hint\">Every session of your account ends.</p>",
            escape(token)
        ),
    )
}

/// A sentence about what was done.
pub fn told(title: &str, sentence: &str) -> Response {
    let body = format!("<h1>{}</h1><p>{}</p><p><a href=\"/\">Go to NodeLoom</a></p>", escape(title), escape(sentence));
    page(StatusCode::OK, title, &body)
}

/// The link is no use any more.
pub fn link_gone() -> Response {
    page(
        StatusCode::GONE,
        "Link used",
        "<h1>This link is no longer valid</h1><p>It was used or taken back, or is too old. Ask for a new one.</p>",
    )
}
