//! What is taken out of everything that is stored readable. Secrets are masked where they come back, with the lease that
//! used them; here personal data are redacted.

use std::borrow::Cow;

use domain::Json;

use crate::ports::Mask;

/// Redacts personal data.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandardMask;

impl Mask for StandardMask {
    fn json(&self, json: &mut Json) {
        pii::redact_for_storage(json);
    }
    fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        pii::redact(text)
    }
}
