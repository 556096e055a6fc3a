//! Asana: the answer says who it is for under `data`, and the refresh token is what is given back.

use domain::Json;

use crate::provider::{Answer, PLAIN, Provider, Revoke, RevokeClient, Which, first_text};

pub(super) const PROVIDER: Provider = Provider {
    name: "asana",
    title: "Asana",
    authorize: "https://app.asana.com/-/oauth_authorize",
    token: "https://app.asana.com/-/oauth_token",
    revoke: Revoke::Post {
        url: "https://app.asana.com/-/oauth_revoke",
        token: Which::Refresh,
        client: RevokeClient::Body,
    },
    default_scopes: &["users:read", "tasks:read"],
    hosts: &["app.asana.com"],
    probe: Some("https://app.asana.com/api/1.0/users/me"),
    read,
    ..PLAIN
};

fn read(answer: &Json) -> Answer {
    Answer { account: first_text(answer, &["/data/email", "/data/name"]), ..Answer::default() }
}
