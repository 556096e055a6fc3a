//! Jira (Atlassian 3LO): an audience, `offline_access`, rotating refresh tokens, and an API host that is the same for everybody, with
//! the site's id in the path.

use crate::provider::{After, BodyForm, PLAIN, Provider, Revoke};

pub(super) const PROVIDER: Provider = Provider {
    name: "jira",
    title: "Jira",
    authorize: "https://auth.atlassian.com/authorize",
    token: "https://auth.atlassian.com/oauth/token",
    revoke: Revoke::ByHand("Atlassian has no call for it; remove the app under the account's connected apps"),
    default_scopes: &["read:jira-user", "read:jira-work", "offline_access"],
    authorize_extra: &[("audience", "api.atlassian.com"), ("prompt", "consent")],
    body: BodyForm::Json,
    // What it says of a refresh token that was used before.
    gone: &["unauthorized_client"],
    hosts: &["api.atlassian.com"],
    probe: Some("https://api.atlassian.com/oauth/token/accessible-resources"),
    after: After::Resources {
        url: "https://api.atlassian.com/oauth/token/accessible-resources",
        parameter: "cloud_ids",
    },
    ..PLAIN
};
