//! Notion: Basic with a JSON body, a version header, no scopes (the integration has capabilities), and newly a refresh token.

use domain::Json;

use crate::provider::{Answer, BodyForm, ClientAuth, PLAIN, Provider, Revoke, RevokeClient, Which, first_text};

pub(super) const PROVIDER: Provider = Provider {
    name: "notion",
    title: "Notion",
    authorize: "https://api.notion.com/v1/oauth/authorize",
    token: "https://api.notion.com/v1/oauth/token",
    revoke: Revoke::Post {
        url: "https://api.notion.com/v1/oauth/revoke",
        token: Which::Access,
        client: RevokeClient::Basic,
    },
    pkce: false,
    authorize_extra: &[("owner", "user")],
    client_auth: ClientAuth::Basic,
    body: BodyForm::Json,
    headers: &[("notion-version", "2022-06-28")],
    hosts: &["api.notion.com"],
    api_headers: &[("notion-version", "2022-06-28")],
    probe: Some("https://api.notion.com/v1/users/me"),
    read,
    ..PLAIN
};

fn read(answer: &Json) -> Answer {
    Answer { account: first_text(answer, &["/workspace_name", "/workspace_id"]), ..Answer::default() }
}
