//! Google: a refresh token comes only with `access_type=offline` and a new consent, and stays the same when used.

use crate::provider::{Answer, PLAIN, Provider, Revoke, RevokeClient, Which};

pub(super) const PROVIDER: Provider = Provider {
    name: "google",
    title: "Google",
    authorize: "https://accounts.google.com/o/oauth2/v2/auth",
    token: "https://oauth2.googleapis.com/token",
    revoke: Revoke::Post {
        url: "https://oauth2.googleapis.com/revoke",
        token: Which::Refresh,
        client: RevokeClient::Nothing,
    },
    default_scopes: &["openid", "email"],
    authorize_extra: &[("access_type", "offline"), ("prompt", "consent"), ("include_granted_scopes", "true")],
    hosts: &["*.googleapis.com"],
    probe: Some("https://openidconnect.googleapis.com/v1/userinfo"),
    read: |_| Answer::default(),
    ..PLAIN
};
