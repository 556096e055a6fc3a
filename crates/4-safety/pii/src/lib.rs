//! Finds personal data and secrets in text and takes them out, before anything is stored, logged, sent to a model or
//! passed on.
//!
//! It never calls anything outside the process, never keeps what it found, and never guesses from a name alone: every
//! kind is proven by its own arithmetic (Luhn, mod 97, issuer and area tables, numbering plans, a JWT that decodes) or
//! by words that stand beside it. Start reading in [`Detector::find`]; each kind lives in its own file under
//! `recognizers/`; [`redact_for_storage`] is the one call that the storage path makes.

mod detector;
mod entity;
mod kind;
mod recognizers;
mod redact;
mod shape;
mod token;

pub use detector::{Detector, Kinds};
pub use entity::Entity;
pub use kind::Kind;
pub use recognizers::api_key::formats as api_key_formats;
pub use redact::{Action, HashKey, Located, Redacted, pointer_token};

pub use token::{NotRestored, TokenKey, Tokens, restore, restore_json};

use domain::Json;

/// Replaces everything found in every string and every key of `json` by its typed marker (R151).
/// Answers how many places were replaced. Costs microseconds where there is nothing that could match.
pub fn redact_for_storage(json: &mut Json) -> usize {
    Detector::standard().redact_json(json, &Action::Marker).len()
}

/// The same for one text; borrows when there was nothing to replace.
pub fn redact(text: &str) -> std::borrow::Cow<'_, str> {
    Detector::standard().redact(text, &Action::Marker).text
}
