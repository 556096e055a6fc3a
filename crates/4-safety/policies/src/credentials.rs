//! Credential scope (R199): a workflow may use only the credentials that its policy lists.

use domain::Severity;
use serde_json::json;

use crate::{Policies, Policy, Violation};

impl Policies {
    /// Whether a credential that goes by these names (its id, its name) may be used.
    pub fn credential(&self, names: &[&str]) -> Result<(), Violation> {
        let Some(allowed) = &self.credentials else { return Ok(()) };
        if names.iter().any(|name| allowed.contains(*name)) {
            return Ok(());
        }
        let name = names.first().copied().unwrap_or_default();
        Err(Violation::new(
            Policy::CredentialScope,
            Severity::Critical,
            "credential_not_allowed",
            format!("the workflow's policy does not allow the credential {name}"),
            json!({ "credential": name }),
        ))
    }
}
