//! Slack: scopes with commas, status 200 with `ok: false`, the token of a person under `authed_user`, rotation only where
//! the app has it switched on.

use domain::Json;
use serde_json::json;

use crate::provider::{Answer, PLAIN, Provider, Revoke, first_text};

pub(super) const PROVIDER: Provider = Provider {
    name: "slack",
    title: "Slack",
    authorize: "https://slack.com/oauth/v2/authorize",
    token: "https://slack.com/api/oauth.v2.access",
    revoke: Revoke::AsBearer { url: "https://slack.com/api/auth.revoke" },
    default_scopes: &["chat:write"],
    scope_separator: ",",
    pkce: false,
    gone: &[
        "invalid_refresh_token",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "invalid_code",
        "code_already_used",
    ],
    hosts: &["slack.com", "files.slack.com"],
    probe: Some("https://slack.com/api/auth.test"),
    read,
    ..PLAIN
};

fn read(answer: &Json) -> Answer {
    let account = first_text(answer, &["/team/name", "/enterprise/name", "/team/id"]);
    // An installation for a person alone has no token of its own at the top.
    let person = answer.get("authed_user").filter(|person| person.get("access_token").is_some());
    let usual = match (answer.get("access_token"), person) {
        (None, Some(person)) => Some(json!({
            "access_token": person["access_token"], "refresh_token": person.get("refresh_token"),
            "expires_in": person.get("expires_in"), "scope": person.get("scope"), "token_type": "Bearer",
        })),
        _ => None,
    };
    Answer { account, instance_url: None, usual }
}
