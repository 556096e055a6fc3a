use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::Json;

/// Puts a secret into the vault. The value is never shown again.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCredential {
    pub name: String,
    /// `oauth_token`, `api_key`, `database`, `service_account` or `custom_secret`.
    pub kind: String,
    /// The secret: a text, or an object whose fields the kind needs.
    pub value: Json,
    /// Hosts that it may be sent to; empty means it is never sent anywhere.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// When it should be replaced by a new one (RFC 3339).
    #[serde(default)]
    pub rotation_due_at: Option<String>,
}

impl std::fmt::Debug for CreateCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateCredential").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Changes what is not the value.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChangeCredential {
    pub name: Option<String>,
    pub hosts: Option<Vec<String>>,
    /// A time (RFC 3339), or `null` for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub rotation_due_at: Option<Option<String>>,
}

/// `null` is something else than nothing.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

/// The next value of a credential; the one before is kept sealed.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceCredential {
    pub value: Json,
}

impl std::fmt::Debug for ReplaceCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReplaceCredential")
    }
}

/// Which of its earlier values a credential has again.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollBackCredential {
    pub version: u32,
}

/// Whether a credential works.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TestCredential {
    /// Where to ask; its host must be one that the credential is bound to. Connections know an address themselves.
    pub url: Option<String>,
}

/// How a test ended.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CredentialTested {
    pub works: bool,
    /// `ok`, or why not.
    pub result: String,
    pub tested_at: String,
}

/// A value before the present one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CredentialVersion {
    pub version: u32,
    pub replaced_by: String,
    pub replaced_at: String,
}

/// What became of a deleted connection's token at its provider.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CredentialDeleted {
    /// `yes`, `nothing` (there was no token to give back), `by_hand` or `no`.
    pub revoked: &'static str,
    /// What is left to do there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A credential as it is shown: never its value.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Credential {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub hosts: Vec<String>,
    /// `active`, `expiring`, `expired`, `revoked` or `reauthorization_required`.
    pub status: String,
    /// Always the same dots, whatever the value.
    pub masked: &'static str,
    pub version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    pub created_by: String,
    pub created_at: String,
    pub updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_due_at: Option<String>,
    pub rotation_due: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tested_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionShown>,
}

/// What is known of a connection besides its tokens.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConnectionShown {
    pub provider: String,
    /// Whom or what the provider says it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    pub requested_scopes: Vec<String>,
    pub scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_expires_at: Option<String>,
    pub refreshable: bool,
    pub refreshed_at: String,
    pub failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Shop, tenant, instance, sites.
    pub parameters: Json,
}

/// A provider that can be connected.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProviderShown {
    pub name: String,
    pub title: String,
    pub default_scopes: Vec<String>,
    pub parameters: Vec<ProviderParameter>,
    pub hosts: Vec<String>,
    pub pkce: bool,
    /// Whether deleting a connection gives its token back by a call.
    pub revocable: bool,
    /// Whether a client is registered for it here.
    pub ready: bool,
}

/// Something that a provider's addresses are made of.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProviderParameter {
    pub name: String,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    pub expected: String,
}

/// Registers this team's client with a provider. The secret is never shown again.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutOauthClient {
    pub client_id: String,
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Addresses and other things that differ from the provider's own; see docs/guide/credentials.md.
    #[serde(default)]
    pub settings: Option<Json>,
}

impl std::fmt::Debug for PutOauthClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PutOauthClient").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// A client as it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OauthClientShown {
    pub provider: String,
    pub client_id: String,
    pub has_secret: bool,
    pub settings: Json,
    pub updated_at: String,
}

/// Begins a connection.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginConnection {
    pub provider: String,
    /// What the credential will be called.
    pub name: String,
    /// Scopes beyond the provider's least; recorded with the connection.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Where its token may be sent; the provider's own hosts when empty.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Shop, tenant, login host.
    #[serde(default)]
    pub parameters: Option<Json>,
}

/// Makes a connection again.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReconnectConnection {
    pub scopes: Vec<String>,
    pub parameters: Option<Json>,
}

/// Where the browser goes next; the answer sets a cookie that it must bring back.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConnectionBegun {
    pub authorize_url: String,
    pub scopes: Vec<String>,
    pub expires_at: String,
}
