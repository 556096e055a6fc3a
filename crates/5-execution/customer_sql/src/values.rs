//! What both databases write the same way.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Json;

/// Bytes as text.
pub(crate) fn base64(bytes: &[u8]) -> Json {
    Json::String(STANDARD.encode(bytes))
}

/// Bytes from text.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok()
}
