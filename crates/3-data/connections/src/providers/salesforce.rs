//! Salesforce: the host of the login may be a sandbox or one's own domain, the answer names the instance that the API is at, and
//! nothing says when the token expires.

use domain::Json;

use crate::provider::{Answer, Expiry, PLAIN, Parameter, Provider, Revoke, RevokeClient, Which, first_text};

pub(super) const PROVIDER: Provider = Provider {
    name: "salesforce",
    title: "Salesforce",
    authorize: "https://{login}/services/oauth2/authorize",
    token: "https://{login}/services/oauth2/token",
    revoke: Revoke::Post {
        url: "https://{login}/services/oauth2/revoke",
        token: Which::Refresh,
        client: RevokeClient::Nothing,
    },
    parameters: &[Parameter {
        name: "login",
        title: "Login host",
        default: Some("login.salesforce.com"),
        fits,
        expected: "login.salesforce.com, test.salesforce.com or a domain below my.salesforce.com",
    }],
    default_scopes: &["api", "refresh_token"],
    // The organisation's session timeout, at its least, would be 15 minutes; two hours is what most have.
    expiry: Expiry::Assumed(7200),
    gone: &["inactive_user", "inactive_org", "invalid_app_access"],
    instances: &["salesforce.com", "force.com", "salesforce.mil", "cloudforce.com"],
    probe: Some("{instance_url}/services/oauth2/userinfo"),
    read,
    ..PLAIN
};

/// lightning.force.com answers to no OAuth.
fn fits(host: &str) -> bool {
    let label = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    matches!(host, "login.salesforce.com" | "test.salesforce.com")
        || host.strip_suffix(".my.salesforce.com").is_some_and(|name| name.split('.').all(label) && host.len() < 200)
}

fn read(answer: &Json) -> Answer {
    Answer { account: first_text(answer, &["/id"]), instance_url: first_text(answer, &["/instance_url"]), usual: None }
}
