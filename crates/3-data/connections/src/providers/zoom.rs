//! Zoom: Basic, and refresh tokens that work once; using one twice ends the grant.

use crate::provider::{ClientAuth, PLAIN, Provider, Revoke, RevokeClient, Which};

pub(super) const PROVIDER: Provider = Provider {
    name: "zoom",
    title: "Zoom",
    authorize: "https://zoom.us/oauth/authorize",
    token: "https://zoom.us/oauth/token",
    revoke: Revoke::Post { url: "https://zoom.us/oauth/revoke", token: Which::Access, client: RevokeClient::Basic },
    default_scopes: &["user:read:user"],
    client_auth: ClientAuth::Basic,
    hosts: &["api.zoom.us"],
    probe: Some("https://api.zoom.us/v2/users/me"),
    ..PLAIN
};
