use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Json;

/// Puts a secret into the vault. The value is never shown again.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCredential {
    pub name: String,
    /// `oauth_token`, `api_key`, `database`, `service_account` or `custom`.
    pub kind: String,
    /// The secret: a text, or an object whose fields the kind needs.
    pub value: Json,
    /// Hosts that it may be sent to; empty means it is never sent anywhere.
    #[serde(default)]
    pub hosts: Vec<String>,
}

impl std::fmt::Debug for CreateCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateCredential").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A credential as it is shown: never its value.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Credential {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub hosts: Vec<String>,
    pub status: String,
    pub created_by: String,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
}
