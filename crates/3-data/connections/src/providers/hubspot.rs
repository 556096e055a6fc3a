//! HubSpot: the dated token address of 2026 (the one before it ends in February 2027), everything in a form body, and a refresh
//! token that several connections of one portal share.

use domain::Json;

use crate::provider::{Answer, PLAIN, Provider, Revoke, RevokeClient, Which, first_text};

pub(super) const PROVIDER: Provider = Provider {
    name: "hubspot",
    title: "HubSpot",
    authorize: "https://app.hubspot.com/oauth/authorize",
    token: "https://api.hubapi.com/oauth/2026-03/token",
    revoke: Revoke::Post {
        url: "https://api.hubapi.com/oauth/2026-03/token/revoke",
        token: Which::Refresh,
        client: RevokeClient::Body,
    },
    default_scopes: &["oauth"],
    gone: &["BAD_REFRESH_TOKEN", "BAD_AUTH_CODE", "EXPIRED_AUTHENTICATION"],
    hosts: &["api.hubapi.com"],
    probe: Some("https://api.hubapi.com/account-info/v3/details"),
    read,
    ..PLAIN
};

fn read(answer: &Json) -> Answer {
    let portal = answer.get("hub_id").and_then(Json::as_u64).map(|id| format!("portal {id}"));
    Answer { account: portal.or_else(|| first_text(answer, &["/hub_domain"])), ..Answer::default() }
}
