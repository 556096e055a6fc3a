//! Microsoft: an address per tenant, `offline_access` for a refresh token, scopes again with every refresh, and no call that
//! gives one token back.

use crate::provider::{PLAIN, Parameter, Provider, Revoke};

pub(super) const PROVIDER: Provider = Provider {
    name: "microsoft",
    title: "Microsoft",
    authorize: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
    token: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
    revoke: Revoke::ByHand("Microsoft has no call for one token; remove the app under myapps.microsoft.com"),
    parameters: &[Parameter {
        name: "tenant",
        title: "Tenant",
        default: Some("common"),
        fits,
        expected: "common, organizations, consumers, a tenant's id or its domain",
    }],
    default_scopes: &["openid", "offline_access", "User.Read"],
    scope_on_refresh: true,
    gone: &["interaction_required", "consent_required", "login_required"],
    hosts: &["graph.microsoft.com"],
    probe: Some("https://graph.microsoft.com/v1.0/me"),
    ..PLAIN
};

fn fits(tenant: &str) -> bool {
    (1..=128).contains(&tenant.len())
        && !tenant.starts_with('.')
        && !tenant.contains("..")
        && tenant.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}
