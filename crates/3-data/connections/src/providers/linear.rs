//! Linear: scopes with commas; since April 2026 every token expires after a day and comes with a rotating refresh token.

use crate::provider::{PLAIN, Provider, Revoke, RevokeClient, Which};

pub(super) const PROVIDER: Provider = Provider {
    name: "linear",
    title: "Linear",
    authorize: "https://linear.app/oauth/authorize",
    token: "https://api.linear.app/oauth/token",
    revoke: Revoke::Post {
        url: "https://api.linear.app/oauth/revoke",
        token: Which::Refresh,
        client: RevokeClient::Body,
    },
    default_scopes: &["read"],
    scope_separator: ",",
    authorize_extra: &[("actor", "user"), ("prompt", "consent")],
    hosts: &["api.linear.app"],
    ..PLAIN
};
