//! GitHub: answers as a form unless asked for JSON, tells errors with status 200, lists granted scopes with commas, and
//! tokens expire or not as the app is set up.

use crate::provider::{PLAIN, Provider, Revoke};

pub(super) const PROVIDER: Provider = Provider {
    name: "github",
    title: "GitHub",
    authorize: "https://github.com/login/oauth/authorize",
    token: "https://github.com/login/oauth/access_token",
    revoke: Revoke::GithubDelete { url: "https://api.github.com/applications/{client_id}/grant" },
    default_scopes: &["read:user"],
    headers: &[("accept", "application/json")],
    gone: &["bad_refresh_token", "bad_verification_code"],
    hosts: &["api.github.com", "uploads.github.com"],
    api_headers: &[("accept", "application/vnd.github+json")],
    probe: Some("https://api.github.com/user"),
    ..PLAIN
};
